package server

import (
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"yushan/server/config"
	"yushan/server/query"
	"yushan/server/stream"
	"yushan/server/udp"
)

// TestPanicIsLogged puts an engine without zones into service, which panics on
// each query. The operator has to learn of it, but not from a line for each.
func TestPanicIsLogged(t *testing.T) {
	cfg := config.Default()
	cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	core, logged := observer.New(zap.ErrorLevel)
	s, err := Start(context.Background(), cfg, Options{Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	s.engine.Store(query.New(nil, query.Options{}))
	overUDP := s.open[config.Endpoint{Transport: query.UDP, Addr: cfg.Listen[0]}].(*udp.Server)
	overTCP := s.open[config.Endpoint{Transport: query.TCP, Addr: cfg.Listen[0]}].(*stream.Server)

	m := new(dns.Msg).SetQuestion("tw.", dns.TypeSOA)
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	const queries = 10
	conn, err := net.Dial("udp", overUDP.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range queries {
		if _, err := conn.Write(wire); err != nil {
			t.Fatal(err)
		}
	}
	client := dns.Client{Net: "tcp", Timeout: time.Minute}
	if answer, _, err := client.Exchange(m, overTCP.Addr().String()); err == nil {
		t.Errorf("an answer to a query on which the engine panics:\n%v", answer)
	}
	s.Shutdown(context.Background()) // after all that has arrived

	if n := s.totals.of("UDP", "panics") + s.totals.of("TCP", "panics"); n != queries+1 {
		t.Errorf("%d panics counted, expected %d", n, queries+1)
	}
	lines := logged.All()
	if len(lines) != 1 {
		t.Fatalf("%d lines logged, expected one:\n%v", len(lines), lines)
	}
	fields := lines[0].ContextMap()
	for key, want := range map[string]string{"query": hex.EncodeToString(wire), "panic": "nil pointer", "stack": "query.(*Engine).Answer"} {
		if got, _ := fields[key].(string); !strings.Contains(got, want) {
			t.Errorf("field %s is %q, expected %q in it", key, got, want)
		}
	}
}

// TestPanicsOverTime lets a minute pass between panics by moving its end.
func TestPanicsOverTime(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	p := newPanicLog(zap.New(core))
	hook := p.on(query.TCP)
	for range 3 {
		hook([]byte{1}, "no reason")
	}
	p.next.Store(0)
	hook([]byte{2}, "no reason")
	p.logging.Wait()
	lines := logged.FilterField(zap.String("query", "02")).All()
	if logged.Len() != 2 || len(lines) != 1 {
		t.Fatalf("logged %v, expected the first and the fourth panic", logged.All())
	}
	if n := lines[0].ContextMap()["not_logged_before"]; n != uint64(2) {
		t.Errorf("%v panics are said to have gone unlogged, expected 2", n)
	}
}
