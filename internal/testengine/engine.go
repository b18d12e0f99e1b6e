package testengine

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"yushan/server/query"
	"yushan/zone"
	"yushan/zone/dname"
)

// New serves tw. with its delegations, and long.tw. with a TXT RRset of some 20 kB.
func New(t testing.TB) *atomic.Pointer[query.Engine] {
	t.Helper()
	engine, err := build()
	if err != nil {
		t.Fatal(err)
	}
	var pointer atomic.Pointer[query.Engine]
	pointer.Store(engine)
	return &pointer
}

// build makes the engine at the first call only; it never changes.
var build = sync.OnceValues(func() (*query.Engine, error) {
	origin, err := dname.Parse("tw.", nil)
	if err != nil {
		return nil, err
	}
	texts := []string{
		"tw. 86400 IN SOA a.dns.tw. hostmaster.tw. 1 3600 600 604800 300",
		"tw. 86400 IN NS a.dns.tw.",
		"a.dns.tw. 86400 IN A 192.0.2.53",
	}
	for n := range Delegations {
		texts = append(texts, fmt.Sprintf("d%d.tw. 3600 IN NS ns%d.example.net.", n, n%10))
	}
	for n := range 100 {
		texts = append(texts, fmt.Sprintf("long.tw. 3600 IN TXT \"%0200d\"", n))
	}
	var records []dns.RR
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		if err != nil {
			return nil, err
		}
		records = append(records, rr)
	}
	z, report := zone.FromRecords(origin, records)
	if z == nil {
		return nil, fmt.Errorf("the tests' zone: %v", report.Findings)
	}
	return query.New(zone.NewSet(z), query.Options{}), nil
})
