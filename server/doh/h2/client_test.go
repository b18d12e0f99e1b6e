package h2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"yushan/server/doh/exchange"
)

// handlerFunc is a handler that is a function.
type handlerFunc func(*exchange.Request, *exchange.Response)

func (f handlerFunc) Handle(req *exchange.Request, res *exchange.Response) { f(req, res) }

// altSvc are the fields that the test's handlers send.
var altSvc = []exchange.Field{{Name: "alt-svc", Value: `h3=":443"; ma=86400`}}

// page is a body that lies in memory that never changes, and isn't that short.
var page = bytes.Repeat([]byte("a page of text\n"), 20000)

// describe is a handler whose response says what it has been asked. It puts the body
// into the buffer.
func describe(req *exchange.Request, res *exchange.Response) {
	res.Status = 200
	if req.Refused != 0 {
		res.Status = req.Refused
	}
	switch {
	case string(req.Path) == "/page":
		res.Body = page
	case bytes.HasPrefix(req.Path, []byte("/size/")):
		var n int
		fmt.Sscanf(string(req.Path), "/size/%d", &n)
		res.Body = res.Buffer[:n]
		for i := range res.Body {
			res.Body[i] = byte(i * i >> 3)
		}
	default:
		text := fmt.Appendf(res.Buffer[:0], "%s %s type=%s encoding=%s forwarded=%s for=%s body=%q", req.Method, req.Path,
			req.ContentType, req.ContentEncoding, req.Forwarded, req.XForwardedFor, req.Body)
		res.Body = text
	}
	res.ContentType = "application/dns-message"
	res.MaxAge = 300
	res.Fields = altSvc
}

// client is the other side of a connection, written with another implementation.
type client struct {
	t       testing.TB
	conn    *Conn
	handler exchange.Handler

	toServer bytes.Buffer
	framer   *http2.Framer // writes to toServer
	block    bytes.Buffer
	encoder  *hpack.Encoder
	out      []byte
	err      error // what Answer has returned

	fromServer bytes.Buffer
	reader     *http2.Framer
	decoder    *hpack.Decoder
	responses  map[uint32]*response
	settings   map[http2.SettingID]uint32
	acks       int // of SETTINGS
	pings      int // acknowledged
	window     int // sum of WINDOW_UPDATE for the connection
	// streamWindow is the same for streams.
	streamWindow map[uint32]int
	resets       map[uint32]Code
	goAway       *http2.GoAwayFrame
	debug        string
}

type response struct {
	fields  []hpack.HeaderField
	interim int // how many came before
	body    []byte
	ended   bool
}

func (r *response) get(name string) string {
	for _, f := range r.fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func (r *response) String() string {
	if r == nil {
		return "no response"
	}
	return fmt.Sprintf("%s %s", r.get(":status"), r.body)
}

// newClient makes a connection; nothing has been sent on it.
func newClient(t testing.TB, limits Limits, handler exchange.Handler) *client {
	s, err := New(limits)
	if err != nil {
		t.Fatal(err)
	}
	if handler == nil {
		handler = handlerFunc(describe)
	}
	c := &client{
		t: t, conn: s.NewConn(), handler: handler, out: make([]byte, 2*65537),
		responses: map[uint32]*response{}, settings: map[http2.SettingID]uint32{}, resets: map[uint32]Code{}, streamWindow: map[uint32]int{},
	}
	c.framer = http2.NewFramer(&c.toServer, nil)
	c.framer.AllowIllegalWrites = true
	c.encoder = hpack.NewEncoder(&c.block)
	c.reader = http2.NewFramer(io.Discard, &c.fromServer)
	c.decoder = hpack.NewDecoder(4096, nil)
	return c
}

// connect makes a connection on which the prefaces have been exchanged.
func connect(t testing.TB, limits Limits, handler exchange.Handler, settings ...http2.Setting) *client {
	c := newClient(t, limits, handler)
	c.toServer.WriteString(preface)
	c.framer.WriteSettings(settings...)
	c.framer.WriteSettingsAck()
	c.exchange()
	if c.err != nil || c.acks != 1 {
		t.Fatalf("after the preface: %v, %d acknowledgements of SETTINGS", c.err, c.acks)
	}
	return c
}

// exchange lets the server handle all that was written, and reads what it answers.
func (c *client) exchange() {
	c.t.Helper()
	for more := true; more && c.err == nil; {
		var used, wrote int
		used, wrote, more, c.err = c.conn.Answer(c.handler, c.toServer.Bytes(), c.out)
		if used == 0 && wrote == 0 && more {
			c.t.Fatal("Answer wants to be called again, and does nothing")
		}
		c.toServer.Next(used)
		c.fromServer.Write(c.out[:wrote])
		c.readAll()
	}
}

// readAll reads the frames in fromServer, which must be whole and in order.
func (c *client) readAll() {
	c.t.Helper()
	for c.fromServer.Len() > 0 {
		f, err := c.reader.ReadFrame()
		if err != nil {
			c.t.Fatalf("the server sends what is no frame: %v", err)
		}
		if c.goAway != nil {
			c.t.Fatalf("%v after GOAWAY", f)
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if f.IsAck() {
				c.acks++
			}
			f.ForeachSetting(func(s http2.Setting) error {
				c.settings[s.ID] = s.Val
				return nil
			})
		case *http2.PingFrame:
			if f.IsAck() {
				c.pings++
			}
		case *http2.WindowUpdateFrame:
			if f.StreamID == 0 {
				c.window += int(f.Increment)
			} else {
				c.streamWindow[f.StreamID] += int(f.Increment)
			}
		case *http2.RSTStreamFrame:
			c.resets[f.StreamID] = Code(f.ErrCode)
		case *http2.GoAwayFrame:
			c.goAway, c.debug = f, string(f.DebugData())
		case *http2.HeadersFrame:
			fields, err := c.decoder.DecodeFull(f.HeaderBlockFragment())
			if err != nil || !f.HeadersEnded() {
				c.t.Fatalf("stream %d: header block %x: %v", f.StreamID, f.HeaderBlockFragment(), err)
			}
			r := c.responses[f.StreamID]
			switch {
			case r == nil:
				r = &response{}
				c.responses[f.StreamID] = r
			case r.get(":status")[0] == '1':
				r.interim++
			default:
				c.t.Fatalf("stream %d: a second response: %v", f.StreamID, fields)
			}
			r.fields, r.ended = fields, f.StreamEnded()
		case *http2.DataFrame:
			r := c.responses[f.StreamID]
			if r == nil || r.ended {
				c.t.Fatalf("DATA on stream %d without a response that goes on", f.StreamID)
			}
			r.body = append(r.body, f.Data()...)
			r.ended = f.StreamEnded()
		default:
			c.t.Fatalf("the server sends %v", f)
		}
	}
}

// encode makes a header block of names and values in turn.
func (c *client) encode(fields ...string) []byte {
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(c.block.Bytes())
}

func request(method, path string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "https", ":authority", "ns1.example", ":path", path}, more...)
}

// headers writes a header block in one frame.
func (c *client) headers(id uint32, endStream bool, fields ...string) {
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.encode(fields...), EndStream: endStream, EndHeaders: true})
}

// get writes a GET request.
func (c *client) get(id uint32, path string) { c.headers(id, true, request("GET", path)...) }

// post writes a POST request, its content in one frame.
func (c *client) post(id uint32, body string) {
	c.headers(id, false, request("POST", "/dns-query", "content-type", "application/dns-message")...)
	c.framer.WriteData(id, true, []byte(body))
}

// wantResponse checks a response's status and body.
func (c *client) wantResponse(id uint32, want string) {
	c.t.Helper()
	r := c.responses[id]
	if got := r.String(); got != want || r != nil && !r.ended {
		c.t.Errorf("stream %d: %.200s, ended %v; want %.200s", id, got, r != nil && r.ended, want)
	}
}

func (c *client) wantReset(id uint32, want Code) {
	c.t.Helper()
	if got, ok := c.resets[id]; !ok || got != want {
		c.t.Errorf("stream %d: reset %v with %v, want %v; connection's error %v", id, ok, got, want, c.err)
	}
	if _, ok := c.responses[id]; ok && want != NoError {
		c.t.Errorf("stream %d has a response, too", id)
	}
}

// wantError checks that the connection has ended, for that reason, and that the client
// was told.
func (c *client) wantError(code Code, reason string) {
	c.t.Helper()
	var e *Error
	if !errors.As(c.err, &e) || e.Code != code || !strings.Contains(e.Reason, reason) {
		c.t.Errorf("Answer returns %v, want %v with %q", c.err, code, reason)
		return
	}
	if c.goAway == nil || Code(c.goAway.ErrCode) != code || c.debug != e.Reason {
		c.t.Errorf("the client reads %v, %q; want GOAWAY with %v, %q", c.goAway, c.debug, code, e.Reason)
	}
	if c.conn.Held() != 0 || c.conn.decoder.Held() != 0 {
		c.t.Errorf("a connection that has ended holds %d bytes", c.conn.Held())
	}
}

// wantIdle checks that nothing is open, and no memory held.
func (c *client) wantIdle() {
	c.t.Helper()
	if c.err != nil {
		c.t.Errorf("the connection has ended: %v", c.err)
	}
	if owes, held := c.conn.Owes(), c.conn.Held(); owes != 0 || held != 0 {
		c.t.Errorf("the client owes %d, the server holds %d bytes; want neither", owes, held)
	}
}

// plain is what describe answers to a request without more.
func plain(method, path, body string) string {
	contentType := ""
	if method == http.MethodPost {
		contentType = "application/dns-message"
	}
	return fmt.Sprintf("200 %s %s type=%s encoding= forwarded= for= body=%q", method, path, contentType, body)
}

// streamsOf are ids of n streams from the first on.
func streamsOf(first uint32, n int) []uint32 {
	var ids []uint32
	for range n {
		ids = append(ids, first)
		first += 2
	}
	return slices.Clip(ids)
}
