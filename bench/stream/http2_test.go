package stream

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"yushan/bench/load"
)

func setting(id http2.SettingID, value uint32) []http2.Setting {
	return []http2.Setting{{ID: id, Val: value}}
}

// A server whose answers come in the most laborious way that HTTP/2 knows.
func TestLaboriousAnswers(t *testing.T) {
	addr := startH2(t, nil, func(c *h2conn) {
		c.answer = func(c *h2conn, stream uint32, query []byte) {
			c.WritePing(false, [8]byte{1})
			c.WriteRawFrame(0xbe, 0, stream, []byte("unknown"))
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block(":status", "103", "link", "</>"), EndHeaders: true})
			block := c.block(":status", "200", "x-long", string(make([]byte, 300)), "content-type", mediaType)
			c.WriteHeaders(http2.HeadersFrameParam{
				StreamID: stream, BlockFragment: block[:1], PadLength: 5,
				Priority: http2.PriorityParam{StreamDep: 0, Weight: 3},
			})
			c.WriteContinuation(stream, false, block[1:2])
			c.WriteContinuation(stream, true, block[2:])
			answer := answerTo(query)
			c.WriteDataPadded(stream, false, answer[:5], make([]byte, 255))
			c.WriteData(stream, false, nil)
			c.WriteData(stream, false, answer[5:])
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block("trailer", "yes"), EndHeaders: true, EndStream: true})
		}
	})
	r := againstRaw(t, addr, load.DoH, 300).run(t)
	expectAnswered(t, r, 300)
}

// A status that isn't the first field, or is one that the table does not have, is found.
func TestStatusAnywhere(t *testing.T) {
	addr := startH2(t, nil, func(c *h2conn) {
		c.answer = func(c *h2conn, stream uint32, query []byte) {
			status := "200"
			if stream%4 == 1 {
				status = "429"
			}
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block("x", "y", ":status", status), EndHeaders: true})
			c.WriteData(stream, true, answerTo(query))
		}
	})
	r := againstRaw(t, addr, load.DoH, 100).run(t)
	if r.Total.Answered == 0 || r.Total.Odd.Status == 0 || r.Total.Answered+r.Total.Odd.Status != 100 || r.Total.Lost != r.Total.Odd.Status {
		t.Errorf("%+v: expected 100 answers and other statuses together", r.Total.Counts)
	}
}

// A server that has no table for header fields gets them in full, and one with a
// smaller one is told what is used of it.
func TestHeaderTable(t *testing.T) {
	for _, size := range []uint32{0, 100, 300, 4096, 65536} {
		for _, get := range []bool{false, true} {
			addr := startH2(t, setting(http2.SettingHeaderTableSize, size), func(*h2conn) {})
			c := againstRaw(t, addr, load.DoH, 100)
			c.Get = get
			expectAnswered(t, c.run(t), 100)
		}
	}
}

// Requests wait for windows of streams that are smaller than they.
func TestStreamWindows(t *testing.T) {
	for _, first := range []uint32{0, 10} {
		addr := startH2(t, setting(http2.SettingInitialWindowSize, first), func(c *h2conn) {
			c.opened = func(c *h2conn, stream uint32) {
				for range 7 {
					c.WriteWindowUpdate(stream, 11)
				}
			}
		})
		expectAnswered(t, againstRaw(t, addr, load.DoH, 100).run(t), 100)
	}
}

// Windows that grow by SETTINGS let requests go on.
func TestWindowBySettings(t *testing.T) {
	addr := startH2(t, setting(http2.SettingInitialWindowSize, 1), func(c *h2conn) {
		seen := 0
		c.opened = func(c *h2conn, _ uint32) {
			if seen++; seen == 2 {
				c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000})
			}
		}
	})
	c := againstRaw(t, addr, load.DoH, 100)
	c.Clients = 1
	expectAnswered(t, c.run(t), 100)
}

// The window of a connection is kept to; 5,000 queries need it several times over.
func TestConnectionWindow(t *testing.T) {
	addr := startH2(t, nil, func(c *h2conn) {
		c.answer = func(c *h2conn, stream uint32, query []byte) {
			if c.credit < 1000 {
				c.WriteWindowUpdate(0, 20_000)
				c.credit += 20_000
			}
			c.good(stream, query)
		}
	})
	c := againstRaw(t, addr, load.DoH, 5000)
	c.Clients = 1
	expectAnswered(t, c.run(t), 5000)
}

func TestMaxConcurrentStreams(t *testing.T) {
	var most atomic.Int64
	addr := startH2(t, setting(http2.SettingMaxConcurrentStreams, 2), func(c *h2conn) {
		var waiting []func()
		release := func(c *h2conn) {
			for _, f := range waiting {
				f()
			}
			waiting = nil
		}
		c.answer = func(c *h2conn, stream uint32, query []byte) {
			waiting = append(waiting, func() { c.good(stream, query) })
			most.Store(max(most.Load(), int64(len(waiting))))
			if len(waiting) >= 2 || stream >= 2*90 {
				release(c)
			}
		}
	})
	c := againstRaw(t, addr, load.DoH, 100)
	c.Clients = 1
	expectAnswered(t, c.run(t), 100)
	if most.Load() != 2 {
		t.Errorf("%d streams at once: expected 2", most.Load())
	}
}

// What a server has not looked at when it goes away is asked on another connection.
func TestGoAway(t *testing.T) {
	var conns atomic.Int64
	addr := startH2(t, nil, func(c *h2conn) {
		conns.Add(1)
		answered := 0
		c.answer = func(c *h2conn, stream uint32, query []byte) {
			switch answered++; {
			case answered < 10:
				c.good(stream, query)
			case answered == 10:
				c.good(stream, query)
				c.WriteGoAway(stream, http2.ErrCodeNo, nil)
			}
		}
	})
	r := againstRaw(t, addr, load.DoH, 100).run(t)
	expectAnswered(t, r, 100)
	if n := conns.Load(); n < 10 || uint64(n) != r.Connections.Opened {
		t.Errorf("%d connections, the client says %d: expected 10 or more", n, r.Connections.Opened)
	}
}

func TestGoAwayWithReason(t *testing.T) {
	addr := startH2(t, nil, func(c *h2conn) {
		c.answer = func(c *h2conn, stream uint32, query []byte) {
			c.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil)
			c.conn.Close()
		}
	})
	c := againstRaw(t, addr, load.DoH, 5)
	c.Timeout = 5 * time.Second
	r := c.run(t)
	if r.Total.Answered != 0 || r.Total.Lost != r.Total.Due {
		t.Errorf("%+v: expected all lost", r.Total.Counts)
	}
	expectFault(t, r, "ENHANCE_YOUR_CALM")
}

func TestResetStreams(t *testing.T) {
	for _, tt := range []struct {
		code http2.ErrCode
		lost uint64
	}{{http2.ErrCodeRefusedStream, 0}, {http2.ErrCodeInternal, 1}} {
		var done atomic.Bool
		addr := startH2(t, nil, func(c *h2conn) {
			c.answer = func(c *h2conn, stream uint32, query []byte) {
				if done.CompareAndSwap(false, true) {
					c.WriteRSTStream(stream, tt.code)
					return
				}
				c.good(stream, query)
			}
		})
		r := againstRaw(t, addr, load.DoH, 50).run(t)
		if r.Total.Lost != tt.lost || r.Total.Answered != 50-tt.lost {
			t.Errorf("%s: %+v: expected %d lost", tt.code, r.Total.Counts, tt.lost)
		}
		if tt.lost > 0 {
			expectFault(t, r, "INTERNAL_ERROR")
		}
	}
}

// A server that refuses all streams is not asked in a circle.
func TestRefusal(t *testing.T) {
	addr := startH2(t, nil, func(c *h2conn) {
		c.answer = func(c *h2conn, stream uint32, _ []byte) { c.WriteRSTStream(stream, http2.ErrCodeRefusedStream) }
	})
	r := againstRaw(t, addr, load.DoH, 50).run(t)
	if r.Total.Lost != 50 {
		t.Errorf("%+v: expected 50 lost", r.Total.Counts)
	}
	expectFault(t, r, "REFUSED_STREAM")
}

// A query that is given up frees its stream at the server.
func TestCancelledStreams(t *testing.T) {
	addr := startH2(t, setting(http2.SettingMaxConcurrentStreams, 1), func(c *h2conn) {
		c.answer = func(c *h2conn, stream uint32, query []byte) {
			if stream == 1 {
				return
			}
			c.good(stream, query)
		}
	})
	c := againstRaw(t, addr, load.DoH, 20)
	c.Clients, c.Concurrency, c.Timeout = 1, 1, 3*time.Second
	r := c.run(t)
	if r.Total.Answered != 19 || r.Total.Lost != 1 {
		t.Errorf("%+v: expected 19 answers, and one lost", r.Total.Counts)
	}
}

// A body longer than any message is not waited for.
func TestEndlessBody(t *testing.T) {
	addr := startH2(t, nil, func(c *h2conn) {
		c.answer = func(c *h2conn, stream uint32, query []byte) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block(":status", "200"), EndHeaders: true})
			for range 5 {
				c.WriteData(stream, false, make([]byte, 16384))
			}
		}
	})
	r := againstRaw(t, addr, load.DoH, 20).run(t)
	if r.Total.Lost != 20 || r.Total.Odd.Malformed != 20 {
		t.Errorf("%+v: expected 20 malformed, and lost", r.Total.Counts)
	}
}

// A server that breaks the rules is told of, and connected to again.
func TestViolations(t *testing.T) {
	for name, answer := range map[string]func(*h2conn, uint32){
		"CONTINUATION of nothing": func(c *h2conn, stream uint32) { c.WriteContinuation(stream, true, []byte{status200}) },
		"another frame within": func(c *h2conn, stream uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{status200}})
			c.WritePing(false, [8]byte{})
		},
		"DATA before HEADERS": func(c *h2conn, stream uint32) { c.WriteData(stream, true, []byte("x")) },
		"without a status":    func(c *h2conn, stream uint32) { c.headers(stream, c.block("x", "y")) },
		"interim response":    func(c *h2conn, stream uint32) { c.headers(stream, c.block(":status", "100")) },
		"PUSH_PROMISE":        func(c *h2conn, stream uint32) { c.WriteRawFrame(http2.FramePushPromise, 4, stream, []byte{0, 0, 0, 2}) },
		"padding": func(c *h2conn, stream uint32) {
			c.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, stream, []byte{9})
		},
		"HEADERS of no stream": func(c *h2conn, _ uint32) { c.WriteRawFrame(http2.FrameHeaders, 4, 0, []byte{status200}) },
		"priority":             func(c *h2conn, stream uint32) { c.WriteRawFrame(http2.FrameHeaders, 0x24, stream, []byte{1}) },
		"header fields":        func(c *h2conn, stream uint32) { c.headers(stream, []byte{0xff, 0xff, 0xff}) },
		"window that is too": func(c *h2conn, _ uint32) {
			c.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff})
		},
		"bad WINDOW_UPDATE": func(c *h2conn, _ uint32) { c.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, nil) },
		"bad PING":          func(c *h2conn, _ uint32) { c.WriteRawFrame(http2.FramePing, 0, 0, nil) },
		"bad GOAWAY":        func(c *h2conn, _ uint32) { c.WriteRawFrame(http2.FrameGoAway, 0, 0, nil) },
		"bad RST_STREAM":    func(c *h2conn, stream uint32) { c.WriteRawFrame(http2.FrameRSTStream, 0, stream, nil) },
		"bad SETTINGS":      func(c *h2conn, _ uint32) { c.WriteRawFrame(http2.FrameSettings, 0, 0, []byte{1}) },
		"initial window": func(c *h2conn, _ uint32) {
			c.WriteRawFrame(http2.FrameSettings, 0, 0, []byte{0, 4, 255, 255, 255, 255})
		},
		"frame size":            func(c *h2conn, _ uint32) { c.WriteRawFrame(http2.FrameSettings, 0, 0, []byte{0, 5, 0, 0, 0, 1}) },
		"bytes of an HTTP/2":    func(c *h2conn, stream uint32) { c.conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
		"bytes of header field": func(c *h2conn, stream uint32) { c.endless(stream) },
	} {
		t.Run(name, func(t *testing.T) {
			addr := startH2(t, nil, func(c *h2conn) {
				c.AllowIllegalWrites = true
				c.answer = func(c *h2conn, stream uint32, query []byte) { answer(c, stream) }
			})
			r := againstRaw(t, addr, load.DoH, 3).run(t)
			if r.Total.Answered != 0 || r.Total.Lost != 3 || r.Connections.Broken == 0 {
				t.Errorf("%+v, %+v: expected 3 queries lost, on broken connections", r.Total.Counts, r.Connections)
			}
			expectFault(t, r, name)
		})
	}
}

func (c *h2conn) headers(stream uint32, block []byte) {
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true, EndStream: true})
}

// endless are header fields without an end.
func (c *h2conn) endless(stream uint32) {
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{status200}})
	for range 6 {
		c.WriteContinuation(stream, false, make([]byte, 16000))
	}
}

// A server that agrees to no protocol does not speak HTTP/2.
func TestNoALPN(t *testing.T) {
	addr := rawServer(t, func(conn net.Conn) { conn.Read(make([]byte, 1)) })
	c := againstRaw(t, addr, load.DoH, 0)
	c.Plan.Rate, c.Plan.RateAtEnd, c.Plan.Duration = 100, 100, 100*time.Millisecond
	c.Concurrency, c.Timeout = 0, 5*time.Second
	expectFault(t, c.run(t), "ALPN")
}
