package stream

import (
	"bytes"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// An engine without zones panics when it looks for one, and answers what needs
// none. The former must cost its connection only: not the process, not the answers
// before it, and no other connection.
func TestPanicCostsItsConnectionOnly(t *testing.T) {
	var engine atomic.Pointer[query.Engine]
	engine.Store(query.New(nil, query.Options{Version: "x"}))
	bad := testengine.Query(t, 1)
	version := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	version.Question[0].Qclass = dns.ClassCHAOS
	good := testengine.Pack(t, version)

	var told atomic.Int32
	s, err := Listen(Config{Addr: loopback, OnPanic: func(query []byte, value any) {
		told.Add(1)
		if !bytes.Equal(query, bad) {
			t.Errorf("panic on %x, expected on %x", query, bad)
		}
		if stack := string(debug.Stack()); value == nil || !strings.Contains(stack, "query.(*Engine).Answer") {
			t.Errorf("value %v, the stack doesn't tell where it was:\n%s", value, stack)
		}
	}}, &engine)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	other := dial(t, s)
	other.send(testengine.Frame(good))
	other.receive(good)
	const rounds = 3
	for range rounds {
		for name, c := range map[string]*client{"TCP": dial(t, s), "TCP again": dial(t, s)} {
			c.send(slices.Concat(testengine.Frame(good), testengine.Frame(bad), testengine.Frame(good)))
			answer, err := c.frame()
			if err != nil {
				t.Fatalf("%s: the answer before the panic: %v", name, err)
			}
			if err := testengine.Check(good, answer); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			c.closed()
		}
	}
	counters := s.Counters()
	if counters.Panics != 2*rounds || counters.Unanswered != 2*rounds || counters.Responses != 2*rounds+1 {
		t.Errorf("counters %+v: expected %d panics, as many queries without answer, and %d responses", counters, 2*rounds, 2*rounds+1)
	}
	if n := told.Load(); n != 2*rounds {
		t.Errorf("%d panics were told, expected %d", n, 2*rounds)
	}
	other.send(testengine.Frame(good))
	other.receive(good)
	// A good engine is all that is needed.
	engine.Store(testengine.New(t).Load())
	other.exchange(2)
}
