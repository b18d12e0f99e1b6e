package doh

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go/http3"

	"yushan/internal/quicload"
	"yushan/server/query"
)

// patience is for what happens at once on a machine with nothing else to do.
const patience = 60 * time.Second

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func testEngine(t testing.TB) *atomic.Pointer[query.Engine] {
	var engine atomic.Pointer[query.Engine]
	engine.Store(newWork(t).Engine)
	return &engine
}

type server interface {
	Serve() error
	Shutdown(context.Context) error
	Addr() netip.AddrPort
}

// run serves until the test ends.
func run(t testing.TB, s server) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func startTCP(t testing.TB, cfg TCPConfig) *TCP {
	t.Helper()
	if !cfg.Addr.IsValid() {
		cfg.Addr = loopback
	}
	s, err := ListenTCP(cfg, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s
}

// startTLS is startTCP with a certificate.
func startTLS(t testing.TB, cfg TCPConfig) *TCP {
	t.Helper()
	cfg.TLS = quicload.ServerTLS(t, "h2", "http/1.1")
	return startTCP(t, cfg)
}

func startQUIC(t testing.TB, cfg QUICConfig) *QUIC {
	t.Helper()
	cfg.Port.Addr, cfg.Port.TLS = loopback, quicload.ServerTLS(t, "h3")
	s, err := ListenQUIC(cfg, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s
}

// client speaks one version of HTTP. Its connections end with the test.
func client(t testing.TB, version string) *http.Client {
	t.Helper()
	if version == "HTTP/3" {
		transport := &http3.Transport{TLSClientConfig: quicload.ClientTLS("h3")}
		t.Cleanup(func() { transport.Close() })
		return &http.Client{Transport: transport, Timeout: patience}
	}
	var protocols http.Protocols
	switch version {
	case "HTTP/1.1":
		protocols.SetHTTP1(true)
	case "HTTP/2":
		protocols.SetHTTP2(true)
	case "HTTP/2 in cleartext":
		protocols.SetUnencryptedHTTP2(true)
	default:
		t.Fatal(version)
	}
	transport := &http.Transport{Protocols: &protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// versions are servers with clients for them.
func versions(t *testing.T, r Resources) map[string]struct {
	client *http.Client
	url    string
} {
	secure := startTLS(t, TCPConfig{Resources: r, AltSvc: `h3=":443"; ma=86400`})
	clear := startTCP(t, TCPConfig{Resources: r})
	quic := startQUIC(t, QUICConfig{Resources: r})
	return map[string]struct {
		client *http.Client
		url    string
	}{
		"HTTP/1.1":              {client(t, "HTTP/1.1"), "https://" + secure.Addr().String()},
		"HTTP/1.1 in cleartext": {client(t, "HTTP/1.1"), "http://" + clear.Addr().String()},
		"HTTP/2":                {client(t, "HTTP/2"), "https://" + secure.Addr().String()},
		"HTTP/2 in cleartext":   {client(t, "HTTP/2 in cleartext"), "http://" + clear.Addr().String()},
		"HTTP/3":                {client(t, "HTTP/3"), "https://" + quic.Addr().String()},
	}
}

// TestVersions asks the same by all versions of HTTP.
func TestVersions(t *testing.T) {
	www := pack(t, "www.example.tw.", dns.TypeA)
	long := pack(t, "www.example.tw.", dns.TypeA, func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: make([]byte, 60_000)}}
	})
	target := "/dns-query?dns=" + base64URL(www)
	for version, v := range versions(t, Resources{Page: newPage(t)}) {
		for _, c := range []struct {
			method, target, contentType string
			body                        []byte
			status                      int
			cache                       string
		}{
			{"GET", target, "", nil, 200, "max-age=60"},
			{"HEAD", target, "", nil, 200, "max-age=60"},
			{"POST", "/dns-query", mediaType, www, 200, "max-age=60"},
			{"POST", "/dns-query", "application/dns-message; x=y", www, 200, "max-age=60"},
			{"POST", "/dns-query", mediaType, long, 200, "max-age=60"},
			{"POST", "/dns-query", mediaType, pack(t, "missing.example.tw.", dns.TypeA), 200, "max-age=300"},
			{"POST", "/dns-query", mediaType, pack(t, "example.com.", dns.TypeA), 200, "no-store"},
			{"POST", "/dns-query", "text/plain", www, 415, "no-store"},
			{"POST", "/dns-query", mediaType, www[:5], 400, "no-store"},
			{"POST", "/dns-query", mediaType, make([]byte, 65536), 413, "no-store"},
			{"POST", "/dns-query", mediaType, make([]byte, 200_000), 413, "no-store"},
			{"GET", target + "=", "", nil, 400, "no-store"},
			{"GET", "/dns-query?dns=" + base64URL(long[:4000]), "", nil, 414, "no-store"},
			{"GET", "/nothing", "", nil, 404, "no-store"},
			{"PUT", "/dns-query", mediaType, www, 405, "no-store"},
			{"OPTIONS", "/dns-query", "", nil, 405, "no-store"},
			{"PATCH", "/dns-query", "", nil, 405, "no-store"},
			{"GET", "/", "", nil, 200, "max-age=0"},
			{"GET", "/lookup/page.js", "", nil, 200, "max-age=0"},
		} {
			what := fmt.Sprintf("%s: %s %.40s (%d bytes)", version, c.method, c.target, len(c.body))
			res, body := do(t, v.client, c.method, v.url+c.target, c.contentType, c.body)
			if res == nil {
				t.Error(what)
				continue
			}
			if res.StatusCode != c.status || res.Header.Get("Cache-Control") != c.cache {
				t.Errorf("%s: %s, Cache-Control: %q, want %d, %q: %.80q", what, res.Status, res.Header.Get("Cache-Control"), c.status, c.cache, body)
			}
			if !strings.HasPrefix(res.Proto, strings.TrimSuffix(version, " in cleartext")) {
				t.Errorf("%s: answered by %s", what, res.Proto)
			}
			if c.method == "HEAD" && len(body) > 0 || c.method != "HEAD" && int64(len(body)) != res.ContentLength || res.ContentLength <= 0 {
				t.Errorf("%s: %d bytes, Content-Length: %d", what, len(body), res.ContentLength)
			}
			if c.status == 405 && res.Header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("%s: Allow: %q", what, res.Header.Get("Allow"))
			}
			if res.Header.Get("Age") != "" {
				t.Errorf("%s: has an age of %s", what, res.Header.Get("Age"))
			}
		}
	}
}

func do(t testing.TB, c *http.Client, method, url, contentType string, body []byte) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Errorf("%s %.60s (%d bytes): %v", method, url, len(body), err)
		return nil, nil
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%s %.60s (%d bytes): %v", method, url, len(body), err)
		return nil, nil
	}
	return res, got
}

// TestAltSvc: once on a connection of HTTP/2, always on HTTP/1.1, never where HTTP/3
// isn't offered.
func TestAltSvc(t *testing.T) {
	const offer = `h3=":443"; ma=86400`
	offering, silent := startTLS(t, TCPConfig{AltSvc: offer}), startTLS(t, TCPConfig{})
	target := "/dns-query?dns=" + base64URL(pack(t, "www.example.tw.", dns.TypeA))
	for _, c := range []struct {
		version string
		server  *TCP
		want    [2]string
	}{
		{"HTTP/1.1", offering, [2]string{offer, offer}},
		{"HTTP/2", offering, [2]string{offer, ""}},
		{"HTTP/1.1", silent, [2]string{}},
		{"HTTP/2", silent, [2]string{}},
	} {
		client := client(t, c.version)
		for i, want := range c.want {
			res, _ := do(t, client, "GET", "https://"+c.server.Addr().String()+target, "", nil)
			if res == nil {
				continue
			}
			if got := res.Header.Get("Alt-Svc"); got != want {
				t.Errorf("%s, response %d: Alt-Svc: %q, want %q", c.version, i+1, got, want)
			}
		}
	}
}

func TestCounters(t *testing.T) {
	secure, quic := startTLS(t, TCPConfig{}), startQUIC(t, QUICConfig{})
	www := pack(t, "www.example.tw.", dns.TypeA)
	target := "/dns-query?dns=" + base64URL(www)
	for version, addr := range map[string]netip.AddrPort{"HTTP/1.1": secure.Addr(), "HTTP/2": secure.Addr(), "HTTP/3": quic.Addr()} {
		c := client(t, version)
		url := "https://" + addr.String()
		do(t, c, "GET", url+target, "", nil)
		do(t, c, "HEAD", url+target, "", nil)
		do(t, c, "POST", url+"/dns-query", mediaType, www)
		do(t, c, "POST", url+"/dns-query", "text/plain", www)
		do(t, c, "GET", url+"/", "", nil)
	}
	over, q := secure.Counters(), quic.Counters()
	for version, r := range map[string]Requests{"HTTP/1.1": over.HTTP1, "HTTP/2": over.HTTP2, "HTTP/3": q.HTTP3} {
		in := uint64(2*len(target) + 2*len(www) + 1)
		if r.Total() != 5 || r.Status[200] != 3 || r.Status[415] != 1 || r.Status[404] != 1 || r.BytesIn != in || r.BytesOut == 0 {
			t.Errorf("%s: %+v, want 5 requests with %d bytes", version, r, in)
		}
	}
	if n := over.Queries1.Queries[query.DoH]; n != 3 {
		t.Errorf("HTTP/1.1: %d queries, want 3", n)
	}
	if n := over.Conns.Queries; n != 3 {
		t.Errorf("HTTP/2: %d queries, want 3", n)
	}
	if n := q.Queries.Queries[query.DoH]; n != 3 {
		t.Errorf("HTTP/3: %d queries, want 3", n)
	}
}

// The clients of a proxy that tells them apart share its connections like others.
func TestConnsPerClient(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, c := range []struct {
		what string
		cfg  TCPConfig
		all  bool
	}{
		{"cleartext", TCPConfig{}, true},
		{"cleartext, with forwarded addresses", TCPConfig{TrustedProxies: trusted}, true},
		{"cleartext, with the PROXY protocol", TCPConfig{TrustedProxies: trusted, ProxyProtocol: true}, false},
		{"TLS", TCPConfig{TLS: quicload.ServerTLS(t, "h2")}, false},
	} {
		c.cfg.Conns.MaxConns = 1000
		_, conns, err := newTCP(c.cfg, testEngine(t))
		if err != nil {
			t.Fatal(err)
		}
		if all := conns.Limits.MaxConnsPerClient >= 1000; all != c.all {
			t.Errorf("%s: one client may have all connections: %v, expected %v", c.what, all, c.all)
		}
	}
}
