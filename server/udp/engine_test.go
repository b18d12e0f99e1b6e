package udp

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"yushan/server/query"
	"yushan/zone"
	"yushan/zone/dname"
)

// newEngine serves tw. with some thousands of delegations, d0.tw. and so on.
func newEngine(t testing.TB) *atomic.Pointer[query.Engine] {
	t.Helper()
	origin, err := dname.Parse("tw.", nil)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{
		"tw. 86400 IN SOA a.dns.tw. hostmaster.tw. 1 3600 600 604800 300",
		"tw. 86400 IN NS a.dns.tw.",
		"a.dns.tw. 86400 IN A 192.0.2.53",
	}
	for n := range 10_000 {
		texts = append(texts, fmt.Sprintf("d%d.tw. 3600 IN NS ns%d.example.net.", n, n%10))
	}
	var records []dns.RR
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rr)
	}
	z, report := zone.FromRecords(origin, records)
	if z == nil {
		t.Fatalf("zone: %v", report.Findings)
	}
	var engine atomic.Pointer[query.Engine]
	engine.Store(query.New(zone.NewSet(z), query.Options{}))
	return &engine
}
