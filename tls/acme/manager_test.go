package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"yushan/tls/cert"
)

// nowhere is a Challenges that publishes nothing.
type nowhere struct{}

func (nowhere) Present(context.Context, string, string) error { return nil }
func (nowhere) Remove(context.Context, string, string) error  { return nil }

func TestNewRefuses(t *testing.T) {
	storage := t.TempDir()
	file := filepath.Join(storage, "file")
	writeFile(t, file)
	for name, c := range map[string]struct {
		opts Options
		want string
	}{
		"no names":              {Options{HTTP01: true, Storage: storage}, "no names"},
		"no challenge":          {Options{Names: []string{"a.example"}, Storage: storage}, "no challenge can be answered"},
		"DNS-01 and HTTP-01":    {Options{Names: []string{"a.example"}, Challenges: nowhere{}, HTTP01: true, Storage: storage}, "used alone"},
		"wildcard by HTTP-01":   {Options{Names: []string{"*.a.example"}, HTTP01: true, Storage: storage}, "a wildcard needs DNS-01"},
		"address by DNS-01":     {Options{Names: []string{"192.0.2.1"}, Challenges: nowhere{}, Storage: storage}, "an address needs"},
		"empty label":           {Options{Names: []string{"a..example"}, HTTP01: true, Storage: storage}, "empty label"},
		"no host":               {Options{Names: []string{"a b.example"}, HTTP01: true, Storage: storage}, "not a name that a certificate can have"},
		"root":                  {Options{Names: []string{"."}, HTTP01: true, Storage: storage}, "not a name that a certificate can have"},
		"no storage":            {Options{Names: []string{"a.example"}, HTTP01: true}, "no storage directory"},
		"storage is a file":     {Options{Names: []string{"a.example"}, HTTP01: true, Storage: file}, file},
		"directory without TLS": {Options{Names: []string{"a.example"}, HTTP01: true, Storage: storage, Directory: "http://ca.example/"}, "not an https URL"},
	} {
		m, err := New(c.opts)
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q", name, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	m := newManager(t, Options{Names: []string{"DNS.例子.台灣.", "*.Example.TW", "dns.xn--fsqu00a.xn--kpry57d"}, Challenges: nowhere{}})
	if got := strings.Join(m.Names(), " "); got != "dns.xn--fsqu00a.xn--kpry57d *.example.tw" {
		t.Errorf("names %s", got)
	}
	for name, want := range map[string]bool{
		"dns.xn--fsqu00a.xn--kpry57d": true, "DNS.xn--fsqu00a.xn--kpry57d.": true, "x.example.tw": true, "X.EXAMPLE.tw.": true,
		"example.tw": false, "y.x.example.tw": false, "": false, ".": false, "tw": false,
	} {
		if got := m.covers(name); got != want {
			t.Errorf("covers %q: %v, expected %v", name, got, want)
		}
	}
	if m.Current() != nil {
		t.Error("a certificate without a CA")
	}
}

func newManager(t *testing.T, opts Options) *Manager {
	t.Helper()
	opts.Storage = t.TempDir()
	opts.Directory = "https://127.0.0.1:1/dir" // nobody
	m, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// hello is that of a client that is connected.
func hello(t *testing.T, name string, protocols ...string) *tls.ClientHelloInfo {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	return &tls.ClientHelloInfo{ServerName: name, SupportedProtos: protocols, Conn: server}
}

// TestClientsCannotFillTheLog has clients that look for challenges.
func TestClientsCannotFillTheLog(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	m := newManager(t, Options{Names: []string{"a.example"}, TLSALPN01: true, HTTP01: true, Log: zap.New(core)})
	ours, other := hello(t, "a.example", "acme-tls/1"), hello(t, "b.example", "acme-tls/1")
	handler := m.HTTPHandler(http.NotFoundHandler())
	for range 10 * logPerMinute {
		for _, h := range []*tls.ClientHelloInfo{ours, other} {
			if _, err := m.Certificate(h); err == nil {
				t.Fatal("a challenge that nobody has set is answered")
			}
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "http://a.example/.well-known/acme-challenge/x", nil))
		if w.Code != http.StatusNotFound {
			t.Fatalf("status %d", w.Code)
		}
	}
	if n := logs.Len(); n > 2*logPerMinute {
		t.Errorf("%d lines of log", n)
	}
}

func TestProtocols(t *testing.T) {
	on := newManager(t, Options{Names: []string{"a.example"}, TLSALPN01: true})
	off := newManager(t, Options{Names: []string{"a.example"}, HTTP01: true})
	if p := on.Protocols(); len(p) != 1 || p[0] != "acme-tls/1" {
		t.Errorf("protocols %q", p)
	}
	if p := off.Protocols(); len(p) != 0 {
		t.Errorf("protocols %q of a manager without TLS-ALPN-01", p)
	}
	if _, err := off.Certificate(hello(t, "a.example", "acme-tls/1")); err == nil {
		t.Error("TLS-ALPN-01 is answered though it is off")
	}
}

// TestClose closes managers in the midst of their first try.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		m := newManager(t, Options{Names: []string{"a.example", "b.example"}, HTTP01: true})
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); !errors.Is(err, ErrStarted) {
			t.Errorf("started twice: %v", err)
		}
		m.Close()
		m.Close()
		if err := m.Start(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("started after it was closed: %v", err)
		}
	}
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// Who closes a manager that somebody else is closing may remove its storage afterwards.
func TestCloseWaitsForOrders(t *testing.T) {
	m := newManager(t, Options{Names: []string{"a.example"}, HTTP01: true})
	m.tasks.Add(1) // an order
	go m.Close()
	for closed := false; !closed; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		closed = m.closed
		m.mu.Unlock()
	}
	var ended atomic.Bool
	go func() {
		ended.Store(true)
		m.tasks.Done()
	}()
	m.Close()
	if !ended.Load() {
		t.Error("the manager is closed and an order goes on")
	}
}

func writeFile(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestStorageThatRecovers starts a manager whose storage cannot be read at first, as
// happens with those in a network.
func TestStorageThatRecovers(t *testing.T) {
	core, logs := observer.New(zapcore.ErrorLevel)
	m := newManager(t, Options{Names: []string{"a.example"}, HTTP01: true, Log: zap.New(core)})
	m.retry = time.Millisecond
	made, err := cert.NewSelfSigned(cert.SelfSignedOptions{Names: []string{"a.example"}})
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(made.Current().PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	issuer, storage := m.issuer.IssuerKey(), m.config.Storage
	for key, value := range map[string][]byte{
		certmagic.StorageKeys.SiteCert(issuer, "a.example"):       []byte("damaged"),
		certmagic.StorageKeys.SitePrivateKey(issuer, "a.example"): pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		certmagic.StorageKeys.SiteMeta(issuer, "a.example"):       []byte(`{"sans": ["a.example"]}`),
	} {
		if err := storage.Store(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "an error in the log", func() bool { return logs.FilterMessage("no certificate").Len() > 0 })
	if err := storage.Store(t.Context(), certmagic.StorageKeys.SiteCert(issuer, "a.example"), cert.PEM(made.Current())); err != nil {
		t.Fatal(err)
	}
	await(t, "the certificate", func() bool { return m.Current() != nil })
}

func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !there(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}
