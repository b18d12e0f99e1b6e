package doh

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
	"yushan/server/quicport"
)

// dial opens a connection by which a test sends what it likes.
func dial(t *testing.T, s *TCP, protocol string) net.Conn {
	t.Helper()
	var nc net.Conn
	var err error
	if protocol == "" {
		nc, err = net.Dial("tcp", s.Addr().String())
	} else {
		nc, err = tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return nc
}

// send writes text, and doesn't mind if the server has had enough before its end.
func send(nc net.Conn, text string) { io.WriteString(nc, text) }

// ended waits until the server closes the connection, and returns what it has sent
// before.
func ended(t *testing.T, what string, nc net.Conn) string {
	t.Helper()
	got, err := io.ReadAll(nc)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: still open, having answered %.200q", what, got)
	}
	return string(got)
}

// TestHTTP1Abuse sends by HTTP/1.1 what isn't a request, or one too much of.
func TestHTTP1Abuse(t *testing.T) {
	s := startTCP(t, TCPConfig{})
	www := string(pack(t, "www.example.tw.", dns.TypeA))
	post := "POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Type: application/dns-message\r\n"
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, c := range []struct {
		what, request, status string
	}{
		{"a target that is too long", "GET /dns-query?dns=" + strings.Repeat("A", 5000) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 414 "},
		{"a target longer than the buffer", "GET /" + strings.Repeat("A", 100_000), "HTTP/1.1 414 "},
		{"a large field", "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("b", 100_000), "HTTP/1.1 431 "},
		{"many fields", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 10_000), "HTTP/1.1 431 "},
		{"content longer than it may be", post + "Content-Length: 65536\r\n\r\n", "HTTP/1.1 413 "},
		{"more content than anybody reads", post + "Content-Length: 9223372036854775807\r\n\r\n", "HTTP/1.1 413 "},
		{"chunks longer than they may be", post + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("4000\r\n"+strings.Repeat("x", 0x4000)+"\r\n", 5), "HTTP/1.1 413 "},
		{"a chunk that is none", post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 400 "},
		{"content that ends early", post + "Content-Length: 50\r\n\r\n" + www, "HTTP/1.1 400 "},
		{"no HTTP", "\x00\x1d" + www, "HTTP/1.1 400 "},
		{"no Host (RFC 9112 §3.2)", "GET /dns-query HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
		{"another version", "GET /dns-query HTTP/3.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},

		// Request smuggling (RFC 9112 §11.2): what one reader takes for content must
		// not be a request to another.
		{"two lengths", post + "Content-Length: 4\r\nContent-Length: 40\r\n\r\n" + smuggled, "HTTP/1.1 400 "},
		{"a list of lengths", post + "Content-Length: 4, 40\r\n\r\n" + smuggled, "HTTP/1.1 400 "},
		{"a length with a sign", post + "Content-Length: +4\r\n\r\n" + smuggled, "HTTP/1.1 400 "},
		{"a length in hexadecimal", post + "Content-Length: 0x4\r\n\r\n" + smuggled, "HTTP/1.1 400 "},
		{"another coding of the transfer", post + "Transfer-Encoding: gzip, chunked\r\n\r\n" + smuggled, "HTTP/1.1 501 "},
		{"the coding twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled, "HTTP/1.1 501 "},
		{"a coding like chunked", post + "Transfer-Encoding: xchunked\r\n\r\n" + smuggled, "HTTP/1.1 501 "},
		{"a space before the colon", "POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\n" + smuggled, "HTTP/1.1 400 "},
		{"a field over two lines", "POST /dns-query HTTP/1.1\r\nHost: x\r\n Content-Length: 4\r\n\r\n" + smuggled, "HTTP/1.1 400 "},
		{"a NUL in a field", "GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n", "HTTP/1.1 400 "},
	} {
		nc := dial(t, s, "")
		send(nc, c.request)
		nc.(*net.TCPConn).CloseWrite()
		got := ended(t, c.what, nc)
		if !strings.HasPrefix(got, c.status) {
			t.Errorf("%s: %.200q, want %s", c.what, got, c.status)
		}
		if strings.Count(got, "HTTP/1.1 ") != 1 {
			t.Errorf("%s: more than one response: %q", c.what, got)
		}
	}
	// Both ways to say how long it is: chunked counts, and nothing is read behind it
	// (RFC 9112 §6.3).
	nc := dial(t, s, "")
	send(nc, post+"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+smuggled)
	if got := ended(t, "both lengths", nc); strings.Contains(got, "200 OK") || strings.Count(got, "HTTP/1.1 ") > 2 {
		t.Errorf("both lengths: %q", got)
	}
	counts := s.Counters().HTTP1.Status
	if counts[414] != 2 || counts[431] != 2 || counts[413] != 3 || counts[200] != 0 {
		t.Errorf("%v, want two each of 414 and 431, three of 413", counts)
	}
	// After all that it answers.
	do(t, client(t, "HTTP/1.1"), "POST", "http://"+s.Addr().String()+"/dns-query", mediaType, []byte(www))
	if counts := s.Counters().HTTP1.Status; counts[200] != 1 {
		t.Errorf("%v, want 200 once", counts)
	}
}

// TestSlowClients are cut off, whatever they are slow with.
func TestSlowClients(t *testing.T) {
	cfg := TCPConfig{Limits: Limits{RequestTimeout: 200 * time.Millisecond}}
	cfg.Conns.IdleTimeout, cfg.Conns.FrameTimeout, cfg.Conns.HandshakeTimeout = 300*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
	s, secure := startTCP(t, cfg), startTLS(t, cfg)
	post := "POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Type: application/dns-message\r\n"
	for _, c := range []struct {
		what     string
		server   *TCP
		protocol string
		begin    string
		drip     string // is sent again and again
		answer   string
	}{
		{"nothing", s, "", "", "", ""},
		{"half a preface", s, "", "PRI * HT", "", ""},
		{"a preface byte by byte", s, "", "PRI * HT", "T", "HTTP/1.1 "},
		{"half a request line", s, "", "GET /dns", "", ""},
		{"a header section without end", s, "", "GET / HTTP/1.1\r\nHost: x\r\n", "A: b\r\n", ""},
		{"no content", s, "", post + "Content-Length: 40\r\n\r\n", "", "HTTP/1.1 408 "},
		{"content byte by byte", s, "", post + "Content-Length: 40000\r\n\r\n", "x", "HTTP/1.1 408 "},
		{"chunks byte by byte", s, "", post + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", "HTTP/1.1 408 "},
		{"nothing after a request", s, "", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", "HTTP/1.1 404 "},
		{"nothing in TLS", secure, "http/1.1", "", "", ""},
		{"half a request line in TLS", secure, "http/1.1", "GET /dns", "", ""},
		{"content byte by byte in TLS", secure, "http/1.1", post + "Content-Length: 40000\r\n\r\n", "x", "HTTP/1.1 408 "},
		{"half a preface in TLS", secure, "h2", "PRI * HT", "", ""},
		{"half of SETTINGS", secure, "h2", preface + "\x00\x00\x06\x04", "", ""},
		{"half a frame of HEADERS", s, "", preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x20\x01\x05\x00\x00\x00\x01\x82", "", ""},
		{"a request without end", secure, "h2", preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" +
			// :method POST, :scheme https, :path /, :authority x
			"\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x87\x84\x41\x01x", "", ""},
		{"content frame by frame", secure, "h2", preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" +
			"\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x87\x84\x41\x01x", "\x00\x00\x01\x00\x00\x00\x00\x00\x01x", ""},
	} {
		nc := dial(t, c.server, c.protocol)
		stop := make(chan struct{})
		dripping := make(chan struct{})
		go func() {
			defer close(dripping)
			if _, err := io.WriteString(nc, c.begin); err != nil || c.drip == "" {
				return
			}
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				if _, err := io.WriteString(nc, c.drip); err != nil {
					return
				}
			}
		}()
		got := ended(t, c.what, nc)
		close(stop)
		<-dripping
		if !strings.HasPrefix(got, c.answer) || c.answer == "" && c.protocol != "h2" && strings.HasPrefix(got, "HTTP/1.1 2") {
			t.Errorf("%s: %.100q, want %q", c.what, got, c.answer)
		}
	}
}

// TestDeafHTTP1 has a client that sends requests and reads no response.
func TestDeafHTTP1(t *testing.T) {
	cfg := TCPConfig{Limits: Limits{RequestTimeout: 300 * time.Millisecond}}
	cfg.Conns.WriteTimeout = 300 * time.Millisecond
	s := startTCP(t, cfg)
	nc := dial(t, s, "")
	request := "GET /" + strings.Repeat("x", 1000) + " HTTP/1.1\r\nHost: x\r\n\r\n"
	for {
		if _, err := io.WriteString(nc, request); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection is still open")
			}
			return
		}
	}
}

func TestMaxHTTP1(t *testing.T) {
	s := startTCP(t, TCPConfig{Limits: Limits{MaxHTTP1: 2}})
	request := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	var open []net.Conn
	for range 2 {
		nc := dial(t, s, "")
		send(nc, request)
		if _, err := http.ReadResponse(bufio.NewReader(nc), nil); err != nil {
			t.Fatal(err)
		}
		open = append(open, nc)
	}
	nc := dial(t, s, "")
	send(nc, request)
	if got := ended(t, "the third", nc); got != "" {
		t.Errorf("the third connection got %q", got)
	}
	open[0].Close()
	for deadline := time.Now().Add(patience); ; {
		nc := dial(t, s, "")
		send(nc, request)
		if _, err := http.ReadResponse(bufio.NewReader(nc), nil); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a place that is free isn't given to another")
		}
	}
	if n := s.Counters().HTTP1Refused; n < 1 {
		t.Errorf("%d connections refused, want 1 at least", n)
	}
}

// TestLongRequests has more long content under way than there is memory for.
func TestLongRequests(t *testing.T) {
	s := startTCP(t, TCPConfig{})
	head := fmt.Sprintf("POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Type: application/dns-message\r\nContent-Length: %d\r\n\r\n", 60_000)
	var waiting []net.Conn
	for range maxLong {
		nc := dial(t, s, "")
		send(nc, head+strings.Repeat("x", 50_000))
		waiting = append(waiting, nc)
	}
	for deadline := time.Now().Add(patience); len(s.http1.library.Handler.(*web).long) < maxLong; {
		if time.Now().After(deadline) {
			t.Fatal("the long requests don't arrive")
		}
		time.Sleep(time.Millisecond)
	}
	nc := dial(t, s, "")
	send(nc, head+strings.Repeat("x", 60_000))
	if got := make([]byte, 13); true {
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != "HTTP/1.1 503 " {
			t.Errorf("one more: %q, %v, want 503", got, err)
		}
	}
	// Short ones have their place.
	do(t, client(t, "HTTP/1.1"), "POST", "http://"+s.Addr().String()+"/dns-query", mediaType, pack(t, "www.example.tw.", dns.TypeA))
	if n := s.Counters().HTTP1.Status[200]; n != 1 {
		t.Errorf("200 %d times, want once", n)
	}
	for _, nc := range waiting {
		nc.Close()
	}
}

// TestALPN: whoever names no protocol gets HTTP/1.1, whoever names another one
// nothing.
func TestALPN(t *testing.T) {
	s := startTLS(t, TCPConfig{})
	nc, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	send(nc, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if got := ended(t, "no ALPN", nc); !strings.HasPrefix(got, "HTTP/1.1 404 ") {
		t.Errorf("no ALPN: %q", got)
	}
	if nc, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"dot"}}); err == nil {
		nc.Close()
		t.Error("ALPN dot is accepted")
	}
}

func TestProxyProtocol(t *testing.T) {
	local := netip.MustParsePrefix("127.0.0.0/8")
	s := startTCP(t, TCPConfig{ProxyProtocol: true, TrustedProxies: []netip.Prefix{local}})
	header := string(proxyHeader(t, 2, "198.51.100.1:4711"))
	request := "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.5\r\nConnection: close\r\n\r\n"
	nc := dial(t, s, "")
	send(nc, header+request)
	if got := ended(t, "with a header", nc); !strings.HasPrefix(got, "HTTP/1.1 404 ") {
		t.Errorf("with a header: %q", got)
	}
	for what, begin := range map[string]string{"without a header": request, "version 1": "PROXY TCP4 198.51.100.1 127.0.0.1 4711 80\r\n" + request} {
		nc := dial(t, s, "")
		send(nc, begin)
		if got := ended(t, what, nc); got != "" {
			t.Errorf("%s: %q", what, got)
		}
	}
	strict := startTCP(t, TCPConfig{ProxyProtocol: true, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	nc = dial(t, strict, "")
	send(nc, header+request)
	if got := ended(t, "from a stranger", nc); got != "" {
		t.Errorf("from a stranger: %q", got)
	}
	if _, err := ListenTCP(TCPConfig{Addr: loopback, ProxyProtocol: true}, testEngine(t)); err == nil {
		t.Error("the PROXY protocol without a trusted proxy: no error")
	}
}

// TestHTTP3Slow has header sections and content that don't come.
func TestHTTP3Slow(t *testing.T) {
	s := startQUIC(t, QUICConfig{Limits: Limits{RequestTimeout: 200 * time.Millisecond},
		Port: quicport.Config{Limits: quicport.Limits{IdleTimeout: patience}}})
	ctx, qc := dialQUIC(t, s)
	for _, begin := range []string{
		"\x01",                 // a frame's type, not its length
		"\x01\x20\x00\x00\xd1", // part of HEADERS
	} {
		stream, err := qc.OpenStreamSync(ctx)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(stream, begin)
		stream.SetReadDeadline(time.Now().Add(patience))
		var reset *quic.StreamError
		if _, err := io.ReadAll(stream); !errors.As(err, &reset) || reset.ErrorCode != 0x10d {
			t.Errorf("%q: %v, want H3_REQUEST_INCOMPLETE", begin, err)
		}
	}
	// And it answers.
	res, body := do(t, client(t, "HTTP/3"), "POST", "https://"+s.Addr().String()+"/dns-query", mediaType, pack(t, "www.example.tw.", dns.TypeA))
	if res == nil || res.StatusCode != 200 || !bytes.HasPrefix(body, []byte{0, 0, 0x85}) {
		t.Errorf("afterwards: %v %x", res, body)
	}
}

// dialQUIC opens a connection of HTTP/3 by which a test sends what it likes.
func dialQUIC(t *testing.T, s *QUIC) (context.Context, *quic.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	qc, err := quic.DialAddr(ctx, s.Addr().String(), quicload.ClientTLS("h3"), &quic.Config{KeepAlivePeriod: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { qc.CloseWithError(0, "") })
	control, err := qc.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	control.Write([]byte{0, 4, 0}) // control stream, empty SETTINGS
	return ctx, qc
}

// TestHTTP3Requests: of more than MaxRequests at once the rest is rejected, and can be
// repeated.
func TestHTTP3Requests(t *testing.T) {
	s := startQUIC(t, QUICConfig{Limits: Limits{RequestTimeout: patience}, MaxRequests: 8})
	ctx, qc := dialQUIC(t, s)
	var streams []*quic.Stream
	for range 20 {
		stream, err := qc.OpenStreamSync(ctx)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(stream, "\x01\x20\x00\x00")
		streams = append(streams, stream)
	}
	for s.Counters().Rejected < 12 {
		if ctx.Err() != nil {
			t.Fatalf("%d rejected, want 12", s.Counters().Rejected)
		}
		time.Sleep(time.Millisecond)
	}
	rejected := 0
	for _, stream := range streams {
		stream.CancelWrite(0) // ends those that were taken
		stream.SetReadDeadline(time.Now().Add(patience))
		var reset *quic.StreamError
		if _, err := io.ReadAll(stream); !errors.As(err, &reset) {
			t.Errorf("%v, want a reset", err)
		} else if reset.ErrorCode == 0x10b {
			rejected++
		}
	}
	if rejected != 12 {
		t.Errorf("%d times H3_REQUEST_REJECTED, want 12", rejected)
	}
	res, _ := do(t, client(t, "HTTP/3"), "POST", "https://"+s.Addr().String()+"/dns-query", mediaType, pack(t, "www.example.tw.", dns.TypeA))
	if res == nil || res.StatusCode != 200 {
		t.Errorf("afterwards: %v", res)
	}
}

// TestHTTP3Headers: too many for MaxHeaderBytes.
func TestHTTP3Headers(t *testing.T) {
	s := startQUIC(t, QUICConfig{})
	req, err := http.NewRequest("GET", "https://"+s.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("A", strings.Repeat("b", 20_000))
	res, err := client(t, "HTTP/3").Do(req)
	if err == nil {
		res.Body.Close()
		if res.StatusCode != 431 {
			t.Errorf("%s, want 431", res.Status)
		}
	}
}
