package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/miekg/dns"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"yushan/server/config"
	"yushan/server/query"
	"yushan/server/udp"
	"yushan/zone/dname"
)

// TestReloadLetsGoOfOldZones makes sure that nothing keeps a zone that is no
// longer in service: a worker that has answered from it, for instance, and then
// waits for its next query. Large zones would be in memory twice.
func TestReloadLetsGoOfOldZones(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tw.zone")
	write := func(serial string) {
		t.Helper()
		text := "$TTL 300\n@ SOA a.dns hostmaster " + serial + " 2 3 4 5\n@ NS a.dns\na.dns A 192.0.2.1\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	cfg := config.Default()
	cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	if err := cfg.AddZone("tw=" + path); err != nil {
		t.Fatal(err)
	}
	s, err := Start(context.Background(), cfg, Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(context.Background())
	old := weak.Make(s.engine.Load().Zones().Zones()[0])

	addr := s.open[config.Endpoint{Transport: query.UDP, Addr: cfg.Listen[0]}].(*udp.Server).Addr().String()
	for range 100 { // so that each worker answers
		for _, q := range []struct {
			name  string
			qtype uint16
		}{{"tw.", dns.TypeSOA}, {"gone.tw.", dns.TypeA}} {
			m := new(dns.Msg)
			m.SetQuestion(q.name, q.qtype)
			c := dns.Client{Timeout: time.Minute}
			if _, _, err := c.Exchange(m, addr); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("2")
	if err := s.Reload(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	if got := s.engine.Load().Zones().Zones()[0].Serial(); got != 2 {
		t.Fatalf("serial %d is in service, expected 2", got)
	}
	for end := time.Now().Add(10 * time.Second); old.Value() != nil; runtime.GC() {
		if time.Now().After(end) {
			t.Fatal("the old zone is still referred to after a reload")
		}
	}
}

// TestInterruptedStart stops a server that loads its zones. Nobody has asked it
// anything, so it must not warn of queries that it leaves unanswered.
func TestInterruptedStart(t *testing.T) {
	cfg := config.Default()
	cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	if err := cfg.AddZone("tw=" + filepath.Join(t.TempDir(), "tw.zone")); err != nil {
		t.Fatal(err)
	}
	core, logged := observer.New(zap.WarnLevel)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Start(ctx, cfg, Options{Log: zap.New(core)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, expected %v", err, context.Canceled)
	}
	for _, entry := range logged.FilterMessageSnippet("answered").All() {
		t.Errorf("logged %q %v", entry.Message, entry.ContextMap())
	}
}

func TestFailureNamesTheFileOnce(t *testing.T) {
	name, err := dname.ParseFQDN("台灣")
	if err != nil {
		t.Fatal(err)
	}
	denied := &fs.PathError{Op: "open", Path: "/a/tw.zone", Err: fs.ErrPermission}
	l := &Loaded{Name: name, File: denied.Path, Err: fmt.Errorf("reading zone tw.: reading /a/tw.zone: %w", denied)}
	want := "zone 台灣. (xn--kpry57d.) cannot be read: open /a/tw.zone: permission denied"
	if got := l.Failure(); got == nil || got.Error() != want || !errors.Is(got, fs.ErrPermission) {
		t.Errorf("have %q, expected %q", got, want)
	}
}

// doh.query-timeout is for all versions of HTTP.
func TestQueryTimeoutOfHTTP(t *testing.T) {
	cfg := parseConfig(t, t.TempDir(), "doh: {listen: 127.0.0.1, query-timeout: 7s}\ncertificates: [{name: main, self-signed: [ns1.tw]}]")
	c, err := newCredentials(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{credentials: c, panics: newPanicLog(zap.NewNop())}
	for _, e := range cfg.Endpoints() {
		have := s.dohConfig(e, cfg).Limits.RequestTimeout
		if e.HTTP3 {
			have = s.http3Config(e, cfg).Limits.RequestTimeout
		}
		if e.Transport == query.DoH && have != 7*time.Second {
			t.Errorf("%s: %v, expected 7s", e, have)
		}
	}
}
