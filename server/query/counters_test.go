package query_test

import (
	"sync"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// Others may look at any time at what a worker counts: what they see never goes
// back, and in the end is all of it.
func TestCountersArePublished(t *testing.T) {
	engine := testengine.New(t).Load()
	w := query.NewWorker()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			var last query.Counters
			for {
				c := w.Published()
				if c.Queries[query.DoT] < last.Queries[query.DoT] || c.BytesOut < last.BytesOut || c.Rcodes[dns.RcodeSuccess] < last.Rcodes[dns.RcodeSuccess] {
					t.Errorf("counters went from %+v to %+v", last, c)
				}
				last = c
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	good, elsewhere := testengine.Query(t, 1), testengine.Pack(t, new(dns.Msg).SetQuestion("example.", dns.TypeA))
	long := testengine.LongQuery(t, 1)
	response := append([]byte(nil), good...)
	response[2] |= 0x80
	buf := make([]byte, 65535)
	var want query.Counters
	for round := range 2000 {
		for _, ask := range []struct {
			wire  []byte
			over  query.Transport
			rcode int // negative: no answer
			tc    bool
		}{
			{good, query.DoT, dns.RcodeSuccess, false},
			{elsewhere, query.DoT, dns.RcodeRefused, false},
			{long, query.UDP, dns.RcodeSuccess, true},
			{response, query.UDP, -1, false},
		} {
			n := engine.Answer(w, &query.Request{Wire: ask.wire, Transport: ask.over}, buf)
			want.Queries[ask.over]++
			want.BytesIn += uint64(len(ask.wire))
			want.BytesOut += uint64(n)
			if ask.rcode < 0 {
				want.Dropped++
			} else {
				want.Rcodes[ask.rcode]++
			}
			if ask.tc {
				want.Truncated++
			}
		}
		if round%8 == 7 {
			w.Publish()
		}
	}
	close(stop)
	readers.Wait()
	if got := w.Published(); got != want {
		t.Errorf("published %+v, expected %+v", got, want)
	}
	engine.Answer(w, &query.Request{Wire: good, Transport: query.TCP}, buf)
	if got := w.Published(); got != want {
		t.Errorf("%+v before anything new was published, expected %+v", got, want)
	}
	// A worker that starts anew goes on counting.
	w.Reset()
	w.Publish()
	want.Queries[query.TCP]++
	want.Rcodes[dns.RcodeSuccess]++
	want.BytesIn += uint64(len(good))
	want.BytesOut = w.Counters().BytesOut
	if got := w.Published(); got != want {
		t.Errorf("published %+v after a reset, expected %+v", got, want)
	}
	var sum query.Counters
	sum.Add(want)
	sum.Add(want)
	if sum.Queries[query.TCP] != 2 || sum.BytesIn != 2*want.BytesIn || sum.Rcodes[dns.RcodeRefused] != 2*want.Rcodes[dns.RcodeRefused] ||
		sum.Truncated != 2*want.Truncated || sum.Dropped != 2*want.Dropped {
		t.Errorf("%+v is not twice %+v", sum, want)
	}
	if n := testing.AllocsPerRun(100, func() { w.Publish(); sum = w.Published() }); n != 0 {
		t.Errorf("%v allocations to publish, expected none", n)
	}
}

// BenchmarkPublish is what publication adds to a batch of one query.
func BenchmarkPublish(b *testing.B) {
	engine := testengine.New(b).Load()
	w, buf := query.NewWorker(), make([]byte, 1232)
	req := &query.Request{Wire: testengine.Query(b, 1)}
	b.Run("answer", func(b *testing.B) {
		for b.Loop() {
			engine.Answer(w, req, buf)
		}
	})
	b.Run("answer and publish", func(b *testing.B) {
		for b.Loop() {
			engine.Answer(w, req, buf)
			w.Publish()
		}
	})
}
