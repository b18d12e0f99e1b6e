package doh

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/quicload"
	"yushan/server/doh/exchange"
	"yushan/server/query"
	"yushan/server/stream"
)

// An engine without zones panics when it looks for one, and answers what needs none.
// By HTTP/2 that costs the connection, by others the request: not the process.
func TestPanic(t *testing.T) {
	var engine atomic.Pointer[query.Engine]
	engine.Store(query.New(nil, query.Options{Version: "x"}))
	bad := pack(t, "www.example.tw.", dns.TypeA)
	good := pack(t, "version.bind.", dns.TypeTXT, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS })
	var told atomic.Int32
	onPanic := func(query []byte, value any) {
		told.Add(1)
		if stack := string(debug.Stack()); !bytes.Equal(query, bad) || value == nil || !strings.Contains(stack, "query.(*Engine).Answer") {
			t.Errorf("panic %v on %x:\n%s", value, query, stack)
		}
	}
	tcp, err := ListenTCP(TCPConfig{Addr: loopback, TLS: quicload.ServerTLS(t, "h2", "http/1.1"), OnPanic: onPanic}, &engine)
	if err != nil {
		t.Fatal(err)
	}
	run(t, tcp)
	cfg := QUICConfig{OnPanic: onPanic}
	cfg.Port.Addr, cfg.Port.TLS = loopback, quicload.ServerTLS(t, "h3")
	udp, err := ListenQUIC(cfg, &engine)
	if err != nil {
		t.Fatal(err)
	}
	run(t, udp)
	const rounds = 3
	for version, addr := range map[string]netip.AddrPort{"HTTP/1.1": tcp.Addr(), "HTTP/2": tcp.Addr(), "HTTP/3": udp.Addr()} {
		c, url := client(t, version), "https://"+addr.String()+"/dns-query"
		for range rounds {
			if res, _ := do(t, c, "POST", url, mediaType, good); res == nil || res.StatusCode != 200 {
				t.Errorf("%s: %v, want 200", version, res)
			}
			res, err := c.Post(url, mediaType, bytes.NewReader(bad))
			switch {
			case version == "HTTP/2":
				if err == nil {
					t.Errorf("%s: %s, want the connection closed", version, res.Status)
				}
			case err != nil || res.StatusCode != 500:
				t.Errorf("%s: %v, %v, want 500", version, res, err)
			}
			if err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		}
	}
	if n := told.Load(); n < 3*rounds {
		t.Errorf("told of %d panics, want at least %d", n, 3*rounds)
	}
	if n := tcp.Counters().HTTP1.Status[500]; n != rounds {
		t.Errorf("500 counted %d times, want %d", n, rounds)
	}
	if n := udp.Counters().Queries.Queries[query.DoH]; n < 2*rounds {
		t.Errorf("%d queries counted of HTTP/3, want %d at least", n, 2*rounds)
	}
}

// TestShutdown: idle connections don't hold it up.
func TestShutdown(t *testing.T) {
	www := pack(t, "www.example.tw.", dns.TypeA)
	long := Limits{RequestTimeout: 10 * patience}
	cfg := TCPConfig{Addr: loopback, TLS: quicload.ServerTLS(t, "h2", "http/1.1"), Limits: long}
	cfg.Conns.IdleTimeout, cfg.Conns.FrameTimeout = 10*patience, 10*patience
	tcp, err := ListenTCP(cfg, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	udpConfig := QUICConfig{Limits: long}
	udpConfig.Port.Addr, udpConfig.Port.TLS = loopback, quicload.ServerTLS(t, "h3")
	udp, err := ListenQUIC(udpConfig, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		version string
		server  server
		started bool
	}{{"HTTP/1.1", tcp, false}, {"HTTP/2", tcp, true}, {"HTTP/3", udp, false}} {
		version, s := v.version, v.server
		if !v.started {
			done := make(chan error, 1)
			go func() { done <- s.Serve() }()
			defer func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if err := s.Shutdown(ctx); err != nil {
					t.Errorf("shutdown: %v", err)
				}
				if err := <-done; err != nil {
					t.Errorf("serve: %v", err)
				}
			}()
		}
		if res, _ := do(t, client(t, version), "POST", "https://"+s.Addr().String()+"/dns-query", mediaType, www); res == nil || res.StatusCode != 200 {
			t.Errorf("%s: %v", version, res)
		}
	}
	// And one with half a request.
	send(dial(t, tcp, "http/1.1"), "GET /")
}

// TestStopBeforeServe: then Serve returns at once.
func TestStopBeforeServe(t *testing.T) {
	tcp, err := ListenTCP(TCPConfig{Addr: loopback}, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg := QUICConfig{}
	cfg.Port.Addr, cfg.Port.TLS = loopback, quicload.ServerTLS(t, "h3")
	udp, err := ListenQUIC(cfg, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []server{tcp, udp} {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := s.Serve(); err != nil {
			t.Error(err)
		}
	}
}

func TestListenErrors(t *testing.T) {
	taken := startTCP(t, TCPConfig{})
	if _, err := ListenTCP(TCPConfig{Addr: taken.Addr()}, testEngine(t)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address that is taken: %v", err)
	}
	for what, cfg := range map[string]TCPConfig{
		"a bad path":       {Resources: Resources{Path: "x"}},
		"a small target":   {Resources: Resources{TargetBytes: 1}},
		"small headers":    {Limits: Limits{HeaderBytes: 100}},
		"no connections":   {Limits: Limits{MaxHTTP1: -1}},
		"no time":          {Limits: Limits{RequestTimeout: -1}},
		"no connections 2": {Conns: stream.Limits{MaxConns: -1}},
	} {
		cfg.Addr = loopback
		if _, err := ListenTCP(cfg, testEngine(t)); err == nil || !strings.HasPrefix(err.Error(), "listen on DoH 127.0.0.1:0: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, cfg := range map[string]QUICConfig{
		"a bad path":  {Resources: Resources{Path: "x"}},
		"no requests": {MaxRequests: -1},
		"no TLS":      {},
	} {
		cfg.Port.Addr = loopback
		if _, err := ListenQUIC(cfg, testEngine(t)); err == nil || !strings.HasPrefix(err.Error(), "listen on UDP 127.0.0.1:0: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestForwarded: whom the engine is told that asks.
func TestForwarded(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	s, _, err := newTCP(TCPConfig{Addr: loopback, TrustedProxies: trusted}, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	expecting, _, err := newTCP(TCPConfig{Addr: loopback, TrustedProxies: trusted, ProxyProtocol: true}, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		server       *TCP
		peer, client string
	}{
		{s, "10.0.0.1:80", "198.51.100.1:0"},
		{s, "192.0.2.1:80", "192.0.2.1:80"},
		{expecting, "10.0.0.1:80", "10.0.0.1:80"}, // the PROXY protocol tells, and nothing else
	} {
		req := post(mediaType, pack(t, "www.example.tw.", dns.TypeA))
		req.XForwardedFor = []byte("203.0.113.9, 198.51.100.1")
		var res exchange.Response
		res.Reset(make([]byte, exchange.MaxBody))
		session := c.server.newSession(stream.Peer{Client: netip.MustParseAddrPort(c.peer)}).(*session)
		session.begin2()
		session.work = newWork(t)
		session.Handle(&req, &res)
		if got := session.work.Req.Client; got != netip.MustParseAddrPort(c.client) || res.Status != 200 {
			t.Errorf("HTTP/2 from %s: client %v, want %s", c.peer, got, c.client)
		}
		d := c.server.pool.lend()
		v := &visitor{client: netip.MustParseAddrPort(c.peer), tally: c.server.tallies1.take()}
		c.server.http1.library.Handler.(*web).handle(d, v, &req, &res)
		if got := d.work.Req.Client; got != netip.MustParseAddrPort(c.client) || res.Status != 200 {
			t.Errorf("HTTP/1.1 from %s: client %v, want %s", c.peer, got, c.client)
		}
		c.server.pool.takeBack(d)
	}
}

// TestPipelining: HTTP/1.1 answers in the order of the requests.
func TestPipelining(t *testing.T) {
	s := startTCP(t, TCPConfig{})
	nc := dial(t, s, "")
	target := "/dns-query?dns=" + base64URL(pack(t, "www.example.tw.", dns.TypeA))
	send(nc, strings.Repeat("GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 50))
	nc.(*net.TCPConn).SetReadDeadline(time.Now().Add(patience))
	reader := bufio.NewReader(nc)
	for i := range 100 {
		method, want := "GET", 200
		if i%2 == 1 {
			method, want = "HEAD", 404
		}
		res, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil || res.StatusCode != want {
			t.Fatalf("response %d: %v, %v, want %d", i, res, err, want)
		}
		io.Copy(io.Discard, res.Body)
	}
}
