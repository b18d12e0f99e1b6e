package udp

import (
	"bytes"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// An engine without zones panics when it looks for one, and answers what needs
// none. The former must cost neither the process nor others' answers.
func TestPanicCostsItsQueryOnly(t *testing.T) {
	var engine atomic.Pointer[query.Engine]
	engine.Store(query.New(nil, query.Options{Version: "x"}))
	bad := testengine.Query(t, 1)
	version := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	version.Question[0].Qclass = dns.ClassCHAOS
	good := testengine.Pack(t, version)

	const rounds = 20
	var told atomic.Int32
	s, err := Listen(Config{Addr: loopback, Workers: 1, OnPanic: func(query []byte, value any) {
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
	conn := dial(t, s.Addr())
	for range rounds { // queued before anyone reads, so that they are one batch
		conn.Write(bad)
		conn.Write(good)
	}
	serve(t, s)
	buf := make([]byte, 4096)
	for n := range rounds {
		length, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("answer %d: %v", n, err)
		}
		if err := testengine.Check(good, buf[:length]); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the batch isn't counted", func() bool { return s.Counters().Unanswered == rounds })
	counters := s.Counters()
	if counters.Panics != rounds || counters.Queries != 2*rounds || counters.Responses != rounds || counters.Batches != 1 {
		t.Errorf("counters %+v: expected %d responses, as many panics and queries without answer, in 1 batch", counters, rounds)
	}
	if c := counters.Engine; c.Queries[query.UDP] != 2*rounds || c.Rcodes[dns.RcodeSuccess] != rounds {
		t.Errorf("the engine's counters %+v: expected %d queries, of which %d with an answer", c, 2*rounds, rounds)
	}
	// A good engine is all that is needed.
	engine.Store(testengine.New(t).Load())
	exchange(t, conn, bad)
	if n := told.Load(); n != rounds {
		t.Errorf("%d panics were told, expected %d", n, rounds)
	}
}
