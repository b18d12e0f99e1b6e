package h2

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// until repeats what a client does until the connection ends, and tells how often that
// was. It must be within a few of want.
func (c *client) until(want int, do func(i int)) {
	c.t.Helper()
	for i := range 100 * want {
		do(i)
		c.exchange()
		if c.err != nil {
			if i < want-20 || i > want+20 {
				c.t.Errorf("ended at the %d-th time, want about the %d-th", i+1, want)
			}
			c.wantError(EnhanceYourCalm, "too many frames and resets")
			return
		}
		if held := c.conn.Held(); held > bound(c.conn.server.limits) {
			c.t.Fatalf("%d bytes held, the bound is %d", held, bound(c.conn.server.limits))
		}
	}
	c.t.Errorf("nothing has happened after %d times, want an end at about %d", 100*want, want)
}

// bound is what the package's documentation says of Conn.Held.
func bound(l Limits) int {
	return l.MaxHeldBytes + l.MaxPendingBytes + 65535 + l.maxBlockBytes() + l.MaxStreams*streamBytes
}

// Each of these does nothing but what costs patience.
func TestFloods(t *testing.T) {
	for name, test := range map[string]struct {
		want int
		do   func(c *client, i int)
	}{
		"SETTINGS":      {1000, func(c *client, i int) { c.framer.WriteSettings() }},
		"SETTINGS ack":  {1000, func(c *client, i int) { c.framer.WriteSettingsAck() }},
		"PING":          {1000, func(c *client, i int) { c.framer.WritePing(false, [8]byte{}) }},
		"PRIORITY":      {1000, func(c *client, i int) { c.framer.WritePriority(uint32(2*i+1), http2.PriorityParam{Weight: 1}) }},
		"WINDOW_UPDATE": {1000, func(c *client, i int) { c.framer.WriteWindowUpdate(0, 1) }},
		"GOAWAY":        {1000, func(c *client, i int) { c.framer.WriteGoAway(0, http2.ErrCodeNo, nil) }},
		"unknown":       {1000, func(c *client, i int) { c.framer.WriteRawFrame(0xfa, 0, 0, nil) }},
		"empty DATA": {1000, func(c *client, i int) {
			if i == 0 {
				c.headers(1, false, request("POST", "/")...)
			}
			c.framer.WriteData(1, false, nil)
		}},
		"tiny DATA": {1000, func(c *client, i int) {
			if i == 0 {
				c.headers(1, false, request("POST", "/")...)
			}
			c.framer.WriteDataPadded(1, false, []byte("x"), make([]byte, 255))
		}},
		"DATA on closed streams": {200, func(c *client, i int) {
			if i == 0 {
				for _, id := range streamsOf(1, 20) {
					c.get(id, "/")
				}
			}
			c.framer.WriteData(uint32(i%20*2+1), false, nil)
		}},
		"malformed requests": {200, func(c *client, i int) { c.headers(uint32(2*i+1), true, ":method", "GET") }},
		"resets of unfinished requests": {200, func(c *client, i int) {
			c.headers(uint32(2*i+1), false, request("POST", "/")...)
			c.framer.WriteRSTStream(uint32(2*i+1), http2.ErrCodeCancel)
		}},
		// CVE-2023-44487
		"rapid reset": {1000, func(c *client, i int) {
			c.get(uint32(2*i+1), "/")
			c.framer.WriteRSTStream(uint32(2*i+1), http2.ErrCodeCancel)
		}},
		"rapid reset, long responses": {1000, func(c *client, i int) {
			c.framer.WriteWindowUpdate(0, 2000)
			c.get(uint32(2*i+1), "/size/2000")
			c.framer.WriteRSTStream(uint32(2*i+1), http2.ErrCodeCancel)
		}},
		"streams beyond the limit": {500 + 128, func(c *client, i int) { c.headers(uint32(2*i+1), false, request("POST", "/")...) }},
		"trailers after the end": {1000, func(c *client, i int) {
			if i == 0 {
				c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			}
			c.get(uint32(2*i+1), "/")
			c.headers(uint32(2*i+1), true, "trailer", "x")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, Limits{}, nil)
			c.until(test.want, func(i int) { test.do(c, i) })
		})
	}
}

// A client that makes requests may do all that beside them.
func TestPatienceComesBack(t *testing.T) {
	c := connect(t, Limits{}, nil)
	for i := range 5000 {
		id := uint32(4*i + 1)
		c.framer.WritePing(false, [8]byte{})
		c.framer.WriteWindowUpdate(0, 500)
		c.get(id, "/")
		c.post(id+2, "query")
		if i%2 == 0 {
			c.framer.WriteRSTStream(id, http2.ErrCodeCancel)
		}
		c.framer.WriteWindowUpdate(id+2, 500)
		c.exchange()
		if c.err != nil {
			t.Fatalf("round %d: %v", i, c.err)
		}
		delete(c.responses, id)
		delete(c.responses, id+2)
	}
	c.wantIdle()
}

// CVE-2024-27316, and blocks that are long without being many frames.
func TestContinuationFlood(t *testing.T) {
	for name, test := range map[string]struct {
		fragment []byte
		frames   int
		reason   string
	}{
		"empty": {nil, 16, "too many frames"},
		"short": {[]byte("\x00\x01a\x01b"), 16, "too many frames"},
		"long":  {bytes.Repeat([]byte("\x00\x01a\x01b"), 1000), 3, "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, Limits{}, nil)
			c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.encode(request("GET", "/")...)})
			for i := range 100 {
				c.framer.WriteContinuation(1, false, test.fragment)
				c.exchange()
				if held := c.conn.Held(); held > maxFrameBytes*5/4 {
					t.Fatalf("%d bytes held for a header block", held)
				}
				if c.err != nil {
					if i != test.frames {
						t.Errorf("ended after %d frames, want %d", i, test.frames)
					}
					break
				}
			}
			c.wantError(EnhanceYourCalm, test.reason)
		})
	}
}

// A block of references to one large field is 4 KiB for each byte.
func TestHeaderBomb(t *testing.T) {
	c := connect(t, Limits{}, nil)
	c.headers(1, true, request("GET", "/", "x-forwarded-for", strings.Repeat("1", 3900))...)
	c.exchange()
	c.wantResponse(1, "200 GET / type= encoding= forwarded= for="+strings.Repeat("1", 3900)+` body=""`)
	block := append(c.encode(request("GET", "/")...), bytes.Repeat(c.encode("x-forwarded-for", strings.Repeat("1", 3900)), 15000)...)
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: block, EndStream: true, EndHeaders: true})
	c.exchange()
	if got := c.responses[3]; got.get(":status") != "431" || !got.ended {
		t.Errorf("a header section of 58 MB: %v, want 431", got)
	}
	c.get(5, "/")
	c.exchange()
	c.wantResponse(5, plain("GET", "/", ""))
	c.wantIdle()
}

func TestMaxStreams(t *testing.T) {
	c := connect(t, Limits{MaxStreams: 10}, nil)
	ids := streamsOf(1, 15)
	for _, id := range ids {
		c.headers(id, false, request("POST", "/dns-query", "content-type", "application/dns-message")...)
	}
	for _, id := range ids {
		c.framer.WriteData(id, true, []byte(fmt.Sprint(id)))
	}
	c.exchange()
	for i, id := range ids {
		if i < 10 {
			c.wantResponse(id, plain("POST", "/dns-query", fmt.Sprint(id)))
		} else if code := c.resets[id]; code != RefusedStream && code != StreamClosed {
			t.Errorf("stream %d: reset with %v, want %v", id, code, RefusedStream)
		}
	}
	c.wantIdle()
	if got := c.conn.server.Counters().StreamsRefused; got != 5 {
		t.Errorf("%d streams refused, want 5", got)
	}
}

// Clients that begin requests and don't end them: what a connection holds for them is
// bounded, a stream beyond that is reset, and the others go on.
func TestHeldBytes(t *testing.T) {
	limits := Limits{MaxBodyBytes: 4096, MaxHeaderBytes: 4096}
	c := connect(t, limits, nil)
	most := 0
	for _, id := range streamsOf(1, 128) {
		c.headers(id, false, request("POST", "/dns-query", "content-type", "application/dns-message")...)
		c.framer.WriteData(id, false, bytes.Repeat([]byte("q"), 4000))
		c.exchange()
		most = max(most, c.conn.Held())
	}
	full := c.conn.server.limits
	if want := full.MaxHeldBytes + full.MaxStreams*streamBytes; most > want || most < full.MaxHeldBytes/2 {
		t.Errorf("%d bytes held at most, want at most %d, and half of that", most, want)
	}
	answered, reset := 0, 0
	for _, id := range streamsOf(1, 128) {
		if code, ok := c.resets[id]; ok {
			reset++
			c.wantReset(id, EnhanceYourCalm)
			if code != EnhanceYourCalm {
				break
			}
			continue
		}
		c.framer.WriteData(id, true, nil)
		c.exchange()
		if c.responses[id] == nil || len(c.responses[id].body) < 4000 {
			t.Fatalf("stream %d: %v", id, c.responses[id])
		}
		answered++
	}
	if answered < 8 || reset < 64 {
		t.Errorf("%d streams answered, %d reset", answered, reset)
	}
	c.wantIdle()
}

// A client that never opens its window.
func TestWindowStall(t *testing.T) {
	c := connect(t, Limits{}, nil, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
	ids := streamsOf(1, 40)
	for _, id := range ids {
		c.get(id, "/size/10010")
		c.exchange()
	}
	limits := c.conn.server.limits
	waiting, refused := 0, 0
	for _, id := range ids {
		if c.resets[id] == RefusedStream {
			refused++
		} else if r := c.responses[id]; r != nil && len(r.body) == 10 && !r.ended {
			waiting++
		}
	}
	if want := (limits.MaxPendingBytes + 9999) / 10000; waiting != want || refused != len(ids)-want {
		t.Errorf("%d responses wait, %d streams are refused; want %d of %d to wait", waiting, refused, want, len(ids))
	}
	if held := c.conn.Held(); held > bound(limits) || held < limits.MaxPendingBytes {
		t.Errorf("%d bytes held, the bound is %d", held, bound(limits))
	}
	// Progress in steps of 16 KiB is progress, less isn't.
	owed := c.conn.Owes()
	c.framer.WriteWindowUpdate(1, 10)
	c.exchange()
	if owed == 0 || c.conn.Owes() != owed {
		t.Errorf("the client owes %x, and %x after it let ten bytes through", owed, c.conn.Owes())
	}
	// A lower initial window makes windows negative (RFC 9113 §6.9.2); a higher one lets all go.
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	c.framer.WriteWindowUpdate(3, 10)
	c.exchange()
	if got := len(c.responses[3].body); got != 10 {
		t.Errorf("%d bytes on a stream whose window is 0, want the 10 that were sent before", got)
	}
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	c.framer.WriteWindowUpdate(0, 1<<20)
	c.exchange()
	for _, id := range ids[:waiting] {
		if r := c.responses[id]; !r.ended || len(r.body) != 10010 {
			t.Errorf("stream %d ended %v with %d bytes of 10010", id, r.ended, len(r.body))
		}
	}
	c.wantIdle()
}

// A client that opens its window by a byte at a time gets what it pays patience for.
func TestWindowByBytes(t *testing.T) {
	c := connect(t, Limits{}, nil, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	c.get(1, "/size/60000")
	c.until(1000, func(int) { c.framer.WriteWindowUpdate(1, 1) })
}

func TestWindowOverflow(t *testing.T) {
	c := connect(t, Limits{}, nil, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	c.get(1, "/size/100")
	c.framer.WriteWindowUpdate(1, 1<<31-1)
	c.exchange()
	if r := c.responses[1]; !r.ended || len(r.body) != 100 {
		t.Errorf("with the largest window: %v", r)
	}
	c.get(3, "/size/100")
	c.framer.WriteWindowUpdate(3, 50)
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
	c.exchange()
	if r := c.responses[3]; !r.ended {
		t.Errorf("stream 3 waits with a window of 2³¹-1-50")
	}
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	c.get(5, "/size/100")
	c.framer.WriteWindowUpdate(5, 50)
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
	c.get(7, "/size/10000") // more than the connection's window lets through after the next
	c.get(9, "/size/65535")
	c.framer.WriteWindowUpdate(9, 1<<31-1)
	c.exchange()
	if got := c.resets[9]; got != FlowControlError {
		t.Errorf("stream 9: reset with %v, want %v", got, FlowControlError)
	}
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	c.get(11, "/size/65535")
	c.framer.WriteWindowUpdate(11, 1<<31-1)
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
	c.exchange()
	c.wantError(FlowControlError, "stream's window")
}

// A client that sends more than windows allow.
func TestReceiveWindows(t *testing.T) {
	c := connect(t, Limits{MaxBodyBytes: 100}, nil)
	c.headers(1, false, request("POST", "/")...)
	for range receiveWindow/16384 + 10 {
		c.framer.WriteData(1, false, make([]byte, 16384)) // ignored after 413, but counted, and given back
	}
	c.exchange()
	if c.err != nil || c.resets[1] != NoError {
		t.Errorf("a long upload: %v, reset with %v", c.err, c.resets[1])
	}
	if want := receiveWindow - 65535 + receiveWindow; c.window != want {
		t.Errorf("the connection's window was opened by %d, want %d", c.window, want)
	}
	// The stream's window isn't given back; its size can be seen with an early response
	// that waits for the client's window.
	c = connect(t, Limits{MaxBodyBytes: 100}, nil, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	c.headers(1, false, request("POST", "/", "content-length", "1000000")...)
	c.exchange()
	c.headers(3, false, request("POST", "/")...)
	c.framer.WriteData(3, false, make([]byte, 16384))
	for range 5 {
		c.framer.WriteData(3, false, make([]byte, 16384))
	}
	c.exchange()
	if got := c.resets[3]; got != FlowControlError {
		t.Errorf("stream 3: reset with %v after %d bytes, want %v", got, 6*16384, FlowControlError)
	}
}

// Padding counts in the windows (RFC 9113 §6.9.1), and is given back: content of any
// length that is allowed arrives, however much there is.
func TestPaddedContent(t *testing.T) {
	c := connect(t, Limits{}, nil)
	c.headers(1, false, request("POST", "/", "content-type", "application/dns-message")...)
	body := bytes.Repeat([]byte("q"), 60000)
	for sent := 0; sent < len(body); sent += 200 {
		c.framer.WriteDataPadded(1, sent+200 == len(body), body[sent:sent+200], make([]byte, 250))
	}
	c.exchange()
	c.wantResponse(1, plain("POST", "/", string(body)))
	if got, want := c.streamWindow[1], 299*251; got != want {
		t.Errorf("the stream's window is opened by %d, want %d", got, want)
	}
	c.wantIdle()
}

// A body that is longer than the output buffer leaves in several calls.
func TestLongBody(t *testing.T) {
	c := connect(t, Limits{}, nil, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	c.framer.WriteWindowUpdate(0, 1<<20)
	c.get(1, "/page")
	c.get(3, "/dns-query")
	c.exchange()
	if r := c.responses[1]; !r.ended || !bytes.Equal(r.body, page) {
		t.Errorf("the page: %d of %d bytes, ended %v", len(r.body), len(page), r.ended)
	}
	c.wantResponse(3, plain("GET", "/dns-query", ""))
	c.wantIdle()
}

// A connection that waits is small.
func TestIdleMemory(t *testing.T) {
	for method, most := range map[string]int{"GET": 1024, "POST": 1024} {
		c, _ := ready(t, 100, method)
		if c.conn.Held() != 0 {
			t.Errorf("%s: %d bytes held beside what is always needed", method, c.conn.Held())
		}
		size := int(reflect.TypeFor[Conn]().Size()) + c.conn.decoder.Held() + c.conn.encoder.Held()
		t.Logf("%s: %d bytes", method, size)
		if size > most {
			t.Errorf("%s: an idle connection has %d bytes, want at most %d", method, size, most)
		}
	}
}
