package h2

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/http2"
)

// fuzzLimits are small, so that short inputs reach them.
var fuzzLimits = Limits{MaxStreams: 4, MaxBodyBytes: 300, MaxHeaderBytes: 4096, MaxPendingBytes: 5000, Patience: 100}

// FuzzConn: whatever comes after the preface, in whatever pieces, the server doesn't
// panic, sends well-formed frames only, and holds no more than it says.
func FuzzConn(f *testing.F) {
	seed := func(write func(c *client)) {
		c := newClient(f, fuzzLimits, nil)
		c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 300})
		write(c)
		f.Add(bytes.Clone(c.toServer.Bytes()), uint64(7))
	}
	seed(func(c *client) { c.get(1, "/"); c.post(3, "query"); c.framer.WritePing(false, [8]byte{}) })
	seed(func(c *client) {
		c.get(1, "/size/3000")
		c.framer.WriteWindowUpdate(1, 200)
		c.get(3, "/size/3000")
		c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 50})
		c.framer.WriteRSTStream(1, http2.ErrCodeCancel)
	})
	seed(func(c *client) {
		c.headers(1, false, request("POST", "/x", "content-length", "5")...)
		c.framer.WriteDataPadded(1, false, []byte("abc"), make([]byte, 5))
		c.headers(3, false, request("POST", "/y", "expect", "100-continue")...)
		c.framer.WriteData(3, false, make([]byte, 400))
		c.framer.WriteData(1, false, []byte("de"))
		c.headers(1, true, "sum", "1")
		c.framer.WriteGoAway(0, 0, nil)
	})
	seed(func(c *client) {
		block := c.encode(request("GET", "/page")...)
		c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:3], EndStream: true})
		c.framer.WriteContinuation(1, true, block[3:])
		c.framer.WriteWindowUpdate(1, 1<<20)
		c.framer.WriteWindowUpdate(0, 1<<20)
	})
	f.Fuzz(func(t *testing.T, frames []byte, pieces uint64) {
		c := newClient(t, fuzzLimits, nil)
		c.toServer.WriteString(preface)
		r := rand.New(rand.NewPCG(pieces, 0))
		for len(frames) > 0 && c.err == nil {
			n := min(len(frames), 1+r.IntN(1<<r.IntN(12)))
			c.toServer.Write(frames[:n])
			frames = frames[n:]
			c.fuzzed(t)
		}
		c.fuzzedEnd(t)
	})
}

// FuzzFrames is the same for frames that are whole: a byte each for type, flags, stream and
// length, then the payload; of header blocks, one of some.
func FuzzFrames(f *testing.F) {
	blocks := []string{
		"\x82\x87\x84\x41\x01a",               // GET /
		"\x83\x87\x44\x02/p\x5c\x019",         // POST, content-length: 9
		"\x83\x87\xbf\x41\x01a",               // POST, a reference to the path above, if it is there
		"\x82\x87\x04\x0a/size/2000\x41\x01a", // more than a window
		"\x82\x87\x04\x05/page",               // more than the output buffer
		"\x83\x87\x84\x63\x0c100-continue",    // expect
		"\x40\x01a\x01b",                      // a trailer
		"\x20\x3f\xe1\x1f\x84",                // table sizes, and no request
		"\x82\x87\x84\x0f\x11\x7f\x81\x1f" + string(make([]byte, 4096)), // a large one
	}
	f.Add([]byte("\x04\x00\x00\x06\x00\x04\x00\x00\x01\x00\x01\x05\x01\x03\x08\x00\x01\x04\x00\x00\x10\x00\x03\x00\x01\x04\x00\x00\x00\x05"))
	f.Add([]byte("\x04\x00\x00\x00\x01\x04\x01\x01\x00\x00\x01\x04abcd\x00\x08\x01\x06\x01abcd\x00\x00\x01\x01\x01e\x08\x00\x00\x04\x00\x00\x01\x00"))
	f.Add([]byte("\x04\x00\x00\x00\x01\x05\x01\x04\x08\x00\x01\x04\x00\x10\x00\x00\x08\x00\x00\x04\x00\x10\x00\x00\x06\x00\x00\x0812345678"))
	f.Add([]byte("\x04\x00\x00\x00\x01\x01\x01\x00\x09\x04\x01\x07\x01\x04\x03\x05\x00\x00\x03\x02ab\x01\x05\x03\x06\x01\x05\x05\x08"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		c := newClient(t, fuzzLimits, nil)
		c.toServer.WriteString(preface)
		for len(ops) >= 4 && c.err == nil {
			kind, flags, stream, n := http2.FrameType(ops[0]), http2.Flags(ops[1]), uint32(ops[2]), int(ops[3])
			ops = ops[4:]
			payload := ops[:min(n, len(ops))]
			if kind == http2.FrameHeaders || kind == http2.FrameContinuation {
				payload = []byte(blocks[n%len(blocks)])
			} else {
				ops = ops[len(payload):]
			}
			c.framer.WriteRawFrame(kind, flags, stream, payload)
			c.fuzzed(t)
		}
		c.fuzzedEnd(t)
	})
}

// fuzzed lets the server handle what was written, and checks it.
func (c *client) fuzzed(t *testing.T) {
	c.exchange()
	check(t, c.conn)
	l := c.conn.server.limits
	if held := c.conn.Held(); held > l.MaxHeldBytes+l.MaxPendingBytes+len(page)+l.maxBlockBytes()+l.MaxStreams*streamBytes {
		t.Fatalf("%d bytes held", held)
	}
}

func (c *client) fuzzedEnd(t *testing.T) {
	n := c.conn.Close(c.out)
	c.fromServer.Write(c.out[:n])
	c.readAll()
	if c.conn.Held() != 0 {
		t.Fatal("a closed connection holds memory")
	}
}

// check checks what a connection thinks of itself.
func check(t *testing.T, c *Conn) {
	t.Helper()
	streams, held, pending := 0, 0, 0
	var last uint32
	for s := c.oldest; s != nil; s = s.newer {
		streams++
		held += cap(s.buf)
		pending += s.owned
		if s.id <= last || s.id > c.lastStream || !s.receiving && len(s.unsent) == 0 || s.newer == nil && c.newest != s {
			t.Fatalf("stream %d after %d, of %d; receiving %v, %d bytes unsent", s.id, last, c.lastStream, s.receiving, len(s.unsent))
		}
		last = s.id
	}
	if streams != c.streams || held != c.held || pending != c.pending || streams > c.server.limits.MaxStreams {
		t.Fatalf("%d streams, %d held, %d pending; the connection says %d, %d, %d", streams, held, pending, c.streams, c.held, c.pending)
	}
	if c.sendWindow < 0 {
		t.Fatalf("the connection's window is %d", c.sendWindow)
	}
}

// TestRandomInterleavings: well-formed requests, cut into frames in all ways and mixed,
// over windows of all sizes, are answered as they would be alone.
func TestRandomInterleavings(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		limits := Limits{MaxPendingBytes: 1 << 20}
		c := connect(t, limits, nil, http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(r.IntN(3) * 400)},
			http2.Setting{ID: http2.SettingHeaderTableSize, Val: uint32(r.IntN(3) * 100)})
		want := map[uint32]string{}
		type sending struct {
			id   uint32
			body []byte
		}
		var open []sending
		next := uint32(1)
		for len(want) < 60 || len(open) > 0 {
			switch k := r.IntN(6); {
			case k < 2 && len(open) < 20 && len(want) < 60:
				id := next
				next += 2 * uint32(1+r.IntN(3))
				body := ""
				for range r.IntN(4) {
					body += string(binary.AppendUvarint(nil, r.Uint64()))
				}
				want[id] = plain("POST", "/dns-query", body)
				block := c.encode(request("POST", "/dns-query", "content-type", "application/dns-message")...)
				split := r.IntN(len(block))
				c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block[:split], PadLength: uint8(r.IntN(2) * r.IntN(255))})
				c.framer.WriteContinuation(id, true, block[split:])
				open = append(open, sending{id, []byte(body)})
			case k < 5 && len(open) > 0:
				i := r.IntN(len(open))
				s := &open[i]
				n := r.IntN(len(s.body) + 1)
				end := n == len(s.body)
				switch {
				case end && r.IntN(3) == 0:
					c.framer.WriteData(s.id, false, s.body)
					c.headers(s.id, true, "trailer", "x")
				case r.IntN(3) == 0:
					c.framer.WriteDataPadded(s.id, end, s.body[:n], make([]byte, r.IntN(200)))
				default:
					c.framer.WriteData(s.id, end, s.body[:n])
				}
				s.body = s.body[n:]
				if end {
					open = append(open[:i], open[i+1:]...)
				}
			default:
				c.framer.WritePing(false, [8]byte{})
			}
			if r.IntN(3) == 0 {
				c.exchange()
				check(t, c.conn)
			}
		}
		c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 16})
		c.framer.WriteWindowUpdate(0, 1<<20)
		c.exchange()
		for id, text := range want {
			c.wantResponse(id, text)
		}
		c.wantIdle()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
