package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"yushan/internal/peer"
	"yushan/server/config"
	"yushan/server/query"
	"yushan/zone"
	"yushan/zone/dname"
)

const orderOne = "certificates: [{name: main, acme: [ns1.tw]}]\nacme: {storage: acme, directory: \"https://127.0.0.1:1/dir\"}\n"

// Who starts as root and becomes somebody must not leave him a storage that only root
// can write to.
func TestStorageBelongsToTheUser(t *testing.T) {
	if os.Geteuid() != 0 {
		peer.Missing(t, "only root can give a directory away")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cfg := parseConfig(t, dir, "user: nobody\n"+orderOne)
	o, err := newOrdering(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer o.stop()
	if err := o.makeStorage(cfg); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; strconv.Itoa(int(uid)) != nobody.Uid || info.Mode().Perm() != 0o700 {
		t.Errorf("the storage belongs to user %d with mode %v, expected %s and rwx------", uid, info.Mode(), nobody.Uid)
	}
}

// A CA that validates takes unsigned answers from a signed zone for forged.
func TestWarningAboutSignedZones(t *testing.T) {
	const unsigned = "tw. 300 IN SOA a.tw. b.tw. 1 2 3 4 5|tw. 300 IN NS ns1.tw.|ns1.tw. 300 IN A 192.0.2.1|"
	const signed = unsigned + "tw. 300 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==|" +
		"tw. 300 IN NSEC tw. NS SOA NSEC DNSKEY|"
	for _, tt := range []struct {
		name, zone string
		warnings   int
	}{
		{"unsigned", unsigned, 0},
		{"signed", signed, 1},
		{"signed, with a signed delegation", signed + "_acme-challenge.ns1.tw. 300 IN NS ns1.tw.|" +
			"_acme-challenge.ns1.tw. 300 IN DS 1 13 2 cdb5e4fa1ba2d4a0b6c2b1d6f8c9e0a1b2c3d4e5f60718293a4b5c6d7e8f9012", 1},
		{"signed, with a delegation", signed + "_acme-challenge.ns1.tw. 300 IN NS ns1.tw.", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core, logged := observer.New(zapcore.WarnLevel)
			o, err := newOrdering(parseConfig(t, t.TempDir(), orderOne), zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			defer o.stop()
			o.warnAboutSigned([]*zone.Zone{zoneOf(t, "tw.", tt.zone)}, zap.New(core))
			if n := logged.FilterMessageSnippet("delegate this name, without DS").Len(); n != tt.warnings {
				t.Errorf("%d warnings, expected %d: %v", n, tt.warnings, logged.All())
			}
		})
	}
}

func zoneOf(t *testing.T, origin, text string) *zone.Zone {
	t.Helper()
	var records []dns.RR
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "|"), "|") {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rr)
	}
	name, err := dname.ParseFQDN(origin)
	if err != nil {
		t.Fatal(err)
	}
	z, report := zone.FromRecords(name, records)
	if z == nil {
		t.Fatal(report.Findings)
	}
	return z
}

// shake is a handshake with a client, and its error on the server's side.
func shake(t *testing.T, server *tls.Config, name, protocol string) error {
	t.Helper()
	near, far := net.Pipe()
	go func() {
		tls.Client(far, &tls.Config{ServerName: name, NextProtos: []string{protocol}, InsecureSkipVerify: true}).Handshake()
		far.Close()
	}()
	defer near.Close()
	return tls.Server(near, server).Handshake()
}

// TLS-ALPN-01 comes to DoH's listener, whichever certificate that shows to others.
func TestChallengeOnAnotherCertificatesListener(t *testing.T) {
	cfg := parseConfig(t, t.TempDir(), `
doh: {listen: 127.0.0.1, certificate: own}
dot: {listen: 127.0.0.1, certificate: main}
certificates: [{name: own, self-signed: [doh.tw]}, {name: main, acme: [ns1.tw]}]
acme: {storage: acme, challenges: tls-alpn-01, directory: "https://127.0.0.1:1/dir"}
`)
	c, err := newCredentials(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.acme.stop()
	tlsConfig := c.tls(query.DoH, append(c.acme.protocols(), "h2")...)
	if err := shake(t, tlsConfig, "ns1.tw", "acme-tls/1"); err == nil {
		t.Error("a challenge that nobody has set is answered")
	} else if !strings.Contains(err.Error(), "ns1.tw") {
		t.Errorf("a challenge is not looked for: %v", err)
	}
	if err := shake(t, tlsConfig, "doh.tw", "h2"); err != nil {
		t.Errorf("other clients: %v", err)
	}
}

// A flood on the port of http-01 must not use up the descriptors of port 53.
func TestWebConnectionsAreLimited(t *testing.T) {
	o, err := newOrdering(parseConfig(t, t.TempDir(), "certificates: [{name: main, acme: [ns1.tw]}]\n"+
		`acme: {storage: acme, challenges: http-01, http-listen: 127.0.0.1, directory: "https://127.0.0.1:1/dir"}`), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer o.stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := &countingListener{Listener: l}
	o.serveWeb(open)
	var idle []net.Conn
	for range webConns + 50 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}
	for end := time.Now().Add(time.Minute); open.most.Load() < webConns; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections, expected %d", open.most.Load(), webConns)
		}
	}
	for _, c := range idle {
		c.Close()
	}
	client := http.Client{Timeout: time.Minute}
	response, err := client.Get("http://" + l.Addr().String() + "/.well-known/acme-challenge/x")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", response.StatusCode)
	}
	if most := open.most.Load(); most > webConns {
		t.Errorf("%d connections at once, expected %d at most", most, webConns)
	}
}

// countingListener tells how many of its connections were open at once.
type countingListener struct {
	net.Listener
	open, most atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	n := l.open.Add(1)
	for most := l.most.Load(); n > most && !l.most.CompareAndSwap(most, n); most = l.most.Load() {
	}
	return &countedConn{Conn: c, of: l}, nil
}

type countedConn struct {
	net.Conn
	of   *countingListener
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.of.open.Add(-1) })
	return c.Conn.Close()
}

// An order that doesn't come to its end must not keep a server from answering what
// it has received, nor from stopping when its time is up.
func TestShutdownDuringAnOrder(t *testing.T) {
	cfg := parseConfig(t, t.TempDir(), orderOne)
	cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	core, logged := observer.New(zapcore.WarnLevel)
	s, err := Start(context.Background(), cfg, Options{Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	order := &s.credentials.acme.serving
	order.Add(1)
	defer func() { // what was given up is at work in the storage still
		order.Done()
		s.credentials.acme.stop()
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopped := make(chan struct{})
	go func() { s.Shutdown(ctx); close(stopped) }()
	closed := make(chan struct{})
	go func() { s.serving.Wait(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Fatal("the listeners wait for the order")
	}
	cancel()
	select {
	case <-stopped:
	case <-time.After(time.Minute):
		t.Fatal("the server waits for the order after its time is up")
	}
	if logged.FilterMessageSnippet("order").Len() == 0 {
		t.Error("the log says nothing of an order that is given up")
	}
}

// Lines that move in the file are no change.
func TestReloadComparesMeaning(t *testing.T) {
	dir := t.TempDir()
	putFile(t, filepath.Join(dir, "secret"), []byte("c2VjcmV0IG9mIDMyIGJ5dGVzIGZvciB0aGUgbm9kZXM="))
	text := strings.Replace(orderOne, "acme: {", "acme: {keys: [{name: nodes, algorithm: hmac-sha256, secret-file: secret}], ", 1)
	core, logged := observer.New(zapcore.WarnLevel)
	load := func(text string) *config.Config {
		cfg := parseConfig(t, dir, text)
		cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
		return cfg
	}
	s, err := Start(context.Background(), load(text), Options{Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(context.Background())
	for _, step := range []struct {
		text     string
		warnings int
	}{
		{"# a comment\n\n" + text, 0},
		{strings.Replace(text, "name: nodes", "name: others", 1), 1},
	} {
		logged.TakeAll()
		if err := s.Reload(context.Background(), load(step.text)); err != nil {
			t.Fatal(err)
		}
		if n := logged.FilterMessage("this change needs a restart").Len(); n != step.warnings {
			t.Errorf("%d warnings, expected %d: %v", n, step.warnings, logged.All())
		}
	}
}
