package h2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"yushan/server/doh/exchange"
)

func TestPreface(t *testing.T) {
	c := connect(t, Limits{}, nil)
	for id, want := range map[http2.SettingID]uint32{
		http2.SettingMaxConcurrentStreams: 128,
		http2.SettingInitialWindowSize:    65535 + 16384,
		http2.SettingMaxHeaderListSize:    8192,
	} {
		if got := c.settings[id]; got != want {
			t.Errorf("%v is %d, want %d", id, got, want)
		}
	}
	if want := receiveWindow - 65535; c.window != want {
		t.Errorf("the connection's window is opened by %d, want %d", c.window, want)
	}
	c.wantIdle()
}

func TestRequests(t *testing.T) {
	c := connect(t, Limits{}, nil)
	c.get(1, "/dns-query?dns=AAAA")
	c.post(3, "query")
	c.exchange()
	c.wantResponse(1, plain("GET", "/dns-query?dns=AAAA", ""))
	c.wantResponse(3, plain("POST", "/dns-query", "query"))
	for name, want := range map[string]string{
		"content-type": "application/dns-message", "content-length": fmt.Sprint(len(c.responses[3].body)), "cache-control": "max-age=300", "alt-svc": altSvc[0].Value,
	} {
		if got := c.responses[3].get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if _, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", c.responses[1].get("date")); err != nil {
		t.Errorf("date: %v", err)
	}
	c.headers(5, true, request("HEAD", "/dns-query")...)
	c.headers(7, true, request("PURGE", "/x", "forwarded", "for=192.0.2.1", "forwarded", "for=192.0.2.2", "x-forwarded-for", "192.0.2.3",
		"content-encoding", "br", "cookie", "a=b", "te", "trailers", "user-agent", "x")...)
	c.headers(9, true, ":method", "OPTIONS", ":scheme", "http", ":path", "*", "host", "ns1.example")
	c.exchange()
	length := fmt.Sprint(len("HEAD /dns-query type= encoding= forwarded= for= body=\"\""))
	if r := c.responses[5]; len(r.body) != 0 || r.get("content-length") != length || !r.ended {
		t.Errorf("HEAD: %v, content-length %s; want no body, and the length of the one that GET has", r, r.get("content-length"))
	}
	c.wantResponse(7, `200 PURGE /x type= encoding=br forwarded=for=192.0.2.1, for=192.0.2.2 for=192.0.2.3 body=""`)
	c.wantResponse(9, plain("OPTIONS", "*", ""))
	c.wantIdle()
}

// All that a server reads may come in any pieces.
func TestBytewise(t *testing.T) {
	c := newClient(t, Limits{}, nil)
	c.toServer.WriteString(preface)
	c.framer.WriteSettings()
	c.get(1, "/a")
	c.post(3, "query")
	c.framer.WritePing(false, [8]byte{1, 2, 3})
	all := bytes.Clone(c.toServer.Bytes())
	c.toServer.Reset()
	for _, b := range all {
		c.toServer.WriteByte(b)
		c.exchange()
		if c.conn.Owes() == 0 && c.conn.phase != open {
			t.Fatal("a connection without a preface owes nothing")
		}
	}
	c.wantResponse(1, plain("GET", "/a", ""))
	c.wantResponse(3, plain("POST", "/dns-query", "query"))
	if c.pings != 1 {
		t.Errorf("%d answers to a PING", c.pings)
	}
	c.wantIdle()
}

// A request in many frames, with padding, priority, CONTINUATION and trailers, and another
// in between.
func TestRequestInPieces(t *testing.T) {
	c := connect(t, Limits{}, nil)
	block := c.encode(request("POST", "/dns-query", "content-type", "application/dns-message", "content-length", "11")...)
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:1], PadLength: 20,
		Priority: http2.PriorityParam{StreamDep: 0, Weight: 5}})
	c.framer.WriteContinuation(1, false, block[1:2])
	c.exchange()
	if owes := c.conn.Owes(); owes != 1 {
		t.Errorf("in a header block of stream 1 the client owes %d", owes)
	}
	c.framer.WriteContinuation(1, false, nil)
	c.framer.WriteContinuation(1, true, block[2:])
	c.framer.WriteDataPadded(1, false, []byte("hello "), make([]byte, 200))
	c.get(3, "/between")
	c.framer.WriteData(1, false, nil)
	c.exchange()
	if owes := c.conn.Owes(); owes != 1 {
		t.Errorf("with stream 1 open the client owes %d", owes)
	}
	c.framer.WriteData(1, false, []byte("world"))
	c.headers(1, true, "x-checksum", "1234")
	c.exchange()
	c.wantResponse(3, plain("GET", "/between", ""))
	c.wantResponse(1, plain("POST", "/dns-query", "hello world"))
	c.wantIdle()
}

func TestExpectContinue(t *testing.T) {
	c := connect(t, Limits{}, nil)
	c.headers(1, false, request("POST", "/dns-query", "content-type", "application/dns-message", "expect", "100-continue")...)
	c.exchange()
	if got := c.responses[1]; got.get(":status") != "100" || got.ended {
		t.Fatalf("got %v, want 100", got)
	}
	c.framer.WriteData(1, true, []byte("q"))
	c.exchange()
	c.wantResponse(1, plain("POST", "/dns-query", "q"))
}

// RFC 9113 §8.1.1: malformed requests get a stream error, and the connection goes on.
func TestMalformed(t *testing.T) {
	c := connect(t, Limits{}, nil)
	id := uint32(1)
	for _, fields := range [][]string{
		{},
		{":method", "GET", ":scheme", "https"},
		{":method", "GET", ":path", "/"},
		{":scheme", "https", ":path", "/"},
		{":method", "", ":scheme", "https", ":path", "/"},
		{":method", "G T", ":scheme", "https", ":path", "/"},
		{":method", "GET", ":scheme", "ftp", ":path", "/"},
		request("GET", ""),
		request("GET", "dns-query"),
		request("GET", "/", ":path", "/"),
		request("GET", "/", ":method", "GET"),
		request("GET", "/", ":scheme", "https"),
		request("GET", "/", ":authority", "a"),
		request("GET", "/", ":status", "200"),
		request("GET", "/", ":protocol", "x"),
		request("GET", "/", "a", "b", ":authority", "c"),
		{"a", "b", ":method", "GET", ":scheme", "https", ":path", "/"},
		request("GET", "/", "Accept", "x"),
		request("GET", "/", "", "x"),
		request("GET", "/", "a b", "x"),
		request("GET", "/", "a:b", "x"),
		request("GET", "/", "é", "x"),
		request("GET", "/", "a", " x"),
		request("GET", "/", "a", "x\t"),
		request("GET", "/", "a", "x\ny"),
		request("GET", "/", "a", "x\ry"),
		request("GET", "/", "a", "x\x00y"),
		request("GET", "/a\x00"),
		request("GET", "/", "connection", "close"),
		request("GET", "/", "proxy-connection", "close"),
		request("GET", "/", "keep-alive", "1"),
		request("GET", "/", "transfer-encoding", "chunked"),
		request("GET", "/", "upgrade", "h2c"),
		request("GET", "/", "te", "gzip"),
		request("GET", "/", "host", "other.example"),
		request("GET", "/", "content-length", "1"),
		request("GET", "/", "content-length", "x"),
		request("GET", "/", "content-length", "-1"),
		request("GET", "/", "content-length", ""),
		request("GET", "/", "content-length", "0", "content-length", "1"),
		{":method", "CONNECT", ":scheme", "https", ":authority", "a:443", ":path", "/"},
		{":method", "CONNECT"},
	} {
		c.headers(id, true, fields...)
		c.exchange()
		c.wantReset(id, ProtocolError)
		if c.err != nil {
			t.Fatalf("%v ends the connection: %v", fields, c.err)
		}
		id += 2
	}
	// The same fields, now from the decoder's table: they are still malformed.
	c.headers(id, true, request("GET", "/", "transfer-encoding", "chunked")...)
	c.exchange()
	c.wantReset(id, ProtocolError)
	id += 2
	// Content that isn't as long as announced, or goes on after trailers.
	length := request("POST", "/", "content-length", "3")
	c.headers(id, false, length...)
	c.framer.WriteData(id, true, []byte("ab"))
	c.headers(id+2, false, length...)
	c.framer.WriteData(id+2, false, []byte("abcd"))
	c.headers(id+4, false, length...)
	c.framer.WriteData(id+4, false, []byte("abc"))
	c.headers(id+4, false, "trailer", "x")
	c.headers(id+6, false, length...)
	c.framer.WriteData(id+6, false, []byte("abc"))
	c.headers(id+6, true, ":path", "/")
	c.headers(id+8, false, length...)
	c.framer.WriteData(id+8, false, []byte("ab"))
	c.headers(id+8, true, "trailer", "x")
	c.exchange()
	for _, id := range streamsOf(id, 5) {
		c.wantReset(id, ProtocolError)
	}
	c.get(id+10, "/still")
	c.exchange()
	c.wantResponse(id+10, plain("GET", "/still", ""))
	c.wantIdle()
}

// After early responses (RFC 9113 §8.1) what the client still sends is ignored.
func TestRefused(t *testing.T) {
	c := connect(t, Limits{MaxBodyBytes: 100, MaxHeaderBytes: 4096}, nil)
	c.headers(1, false, request("POST", "/dns-query", "content-length", "101")...)
	c.headers(3, false, request("POST", "/dns-query")...)
	c.framer.WriteData(3, false, make([]byte, 60))
	c.framer.WriteData(3, false, make([]byte, 60))
	c.headers(5, false, request("POST", "/dns-query")...)
	c.framer.WriteData(5, true, make([]byte, 101))
	c.headers(7, true, request("GET", "/"+strings.Repeat("a", 4200))...)
	c.headers(9, true, request("GET", "/"+strings.Repeat("A", 9000))...)
	c.headers(11, true, request("GET", "/", "cookie", strings.Repeat("a", 9000))...)
	c.headers(13, false, request("POST", "/", "cookie", strings.Repeat("a", 2500), "x", strings.Repeat("b", 2500))...)
	c.headers(15, false, ":method", "CONNECT", ":authority", "example:443")
	c.exchange()
	for id, want := range map[uint32]string{1: "413", 3: "413", 5: "413", 7: "414", 9: "414", 11: "431", 13: "431", 15: "501"} {
		if got := c.responses[id]; got == nil || got.get(":status") != want || !got.ended {
			t.Errorf("stream %d: %v, want %s", id, got, want)
		}
	}
	if owes := c.conn.Owes(); owes != 0 || c.conn.streams != 4 {
		t.Errorf("the client owes %d, %d streams are open; want 0, and the four that it hasn't ended", owes, c.conn.streams)
	}
	c.framer.WriteData(1, false, make([]byte, 60))
	c.framer.WriteData(3, true, make([]byte, 60))
	c.headers(13, true, "new", "in the table")
	c.framer.WriteWindowUpdate(13, 5)
	c.framer.WriteRSTStream(15, http2.ErrCodeCancel)
	c.headers(17, true, request("GET", "/ok", "new", "in the table")...)
	c.exchange()
	c.wantResponse(17, plain("GET", "/ok", ""))
	if c.conn.streams != 1 || len(c.resets) != 0 {
		t.Errorf("%d streams open, %v reset; want stream 1", c.conn.streams, c.resets)
	}
	for range 5 {
		c.framer.WriteData(1, false, make([]byte, 16384))
	}
	c.exchange()
	c.wantReset(1, NoError)
	c.wantIdle()
}

// Unknown frames and settings, and what is said about streams that have ended, is
// ignored.
func TestIgnored(t *testing.T) {
	c := connect(t, Limits{}, nil)
	c.framer.WriteRawFrame(0x77, 0xff, 9, []byte("what?"))
	c.framer.WriteSettings(http2.Setting{ID: 0x99, Val: 7}, http2.Setting{ID: http2.SettingNoRFC7540Priorities, Val: 1})
	c.framer.WritePriority(99, http2.PriorityParam{StreamDep: 99})
	c.get(1, "/")
	c.framer.WriteRSTStream(1, http2.ErrCodeCancel)
	c.framer.WriteWindowUpdate(1, 1)
	c.framer.WritePing(true, [8]byte{})
	c.framer.WriteGoAway(0, http2.ErrCodeNo, nil)
	c.get(3, "/")
	c.exchange()
	c.wantResponse(3, plain("GET", "/", ""))
	c.wantIdle()
}

func TestClose(t *testing.T) {
	c := connect(t, Limits{}, nil)
	c.get(1, "/")
	c.headers(3, false, request("POST", "/")...)
	c.exchange()
	var out [64]byte
	n := c.conn.Close(out[:])
	c.fromServer.Write(out[:n])
	c.readAll()
	if c.goAway == nil || c.goAway.ErrCode != http2.ErrCodeNo || c.goAway.LastStreamID != 1 {
		t.Errorf("Close sends %v, want GOAWAY after stream 1", c.goAway)
	}
	if c.conn.Close(out[:]) != 0 || c.conn.Held() != 0 {
		t.Error("a closed connection says something, or holds memory")
	}
	if fresh := newClient(t, Limits{}, nil); fresh.conn.Close(out[:]) != 0 {
		t.Error("a connection that nothing was sent on says something")
	}
}

// A handler's response that can't be sent becomes an error that can.
func TestBadResponses(t *testing.T) {
	c := connect(t, Limits{}, handlerFunc(func(req *exchange.Request, res *exchange.Response) {
		if string(req.Path) == "/long" {
			res.Status = 200
			res.Fields = []exchange.Field{{Name: "x", Value: strings.Repeat("long", 1000)}}
		}
	}))
	c.get(1, "/none")
	c.get(3, "/long")
	c.exchange()
	c.wantResponse(1, "500 ")
	c.wantResponse(3, "500 ")
	c.wantIdle()
}
