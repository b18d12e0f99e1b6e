package verify

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/bench/query"
	"yushan/bench/zonefile"
)

// set makes queries from their text.
func set(t testing.TB, text string, options query.Options) *query.Set {
	t.Helper()
	s, err := query.ReadText(strings.NewReader(text), "queries", options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sent is the query that a set sends.
func sent(t testing.TB, s *query.Set, index uint32, nonce uint64) *dns.Msg {
	t.Helper()
	wire := make([]byte, 512)
	m := new(dns.Msg)
	if err := m.Unpack(wire[:s.Put(wire, index, 77, nonce, nil)]); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPool(t *testing.T) {
	zones := plain(t, "tw.", small).read
	queries := set(t, "ns1.tw A\nnone.tw A\nx.deleg.tw A\n", query.Options{EDNS: true})
	pool := New(zones, Options{Workers: 3}, queries)
	right := reply(t, sent(t, queries, 0, 0), "AA\nns1.tw. 300 A 192.0.2.1")
	wrong := reply(t, sent(t, queries, 1, 0), "AA")
	unclear := reply(t, sent(t, queries, 2, 0), "REFUSED")
	const each = 5000
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			right, wrong := slices.Clone(right), slices.Clone(wrong)
			for n := range each {
				right[0], wrong[0] = byte(n), byte(n+i) // IDs don't count
				pool.Submit(0, 0, right)
				pool.Submit(1, 0, wrong)
				pool.Submit(2, 0, unclear)
			}
			clear(right) // the pool has its own
			clear(wrong)
		})
	}
	wg.Wait()
	v := pool.Close()
	if v.Answers != 8*each || v.Wrong != 4*each || v.Skipped != 4*each {
		t.Errorf("%d answers, %d wrong, %d skipped; expected %d, %d and %d", v.Answers, v.Wrong, v.Skipped, 8*each, 4*each, 4*each)
	}
	if len(v.Reasons) != 2 {
		t.Fatalf("reasons are %v, expected rcode and soa", v.Reasons)
	}
	for _, reason := range v.Reasons {
		expected := map[string]string{
			"rcode": "none.tw. A, up to 1232 bytes: NOERROR, expected NXDOMAIN: none.tw. doesn't exist",
			"soa":   "none.tw. A, up to 1232 bytes: the authority section lacks the SOA record of tw.",
		}[reason.Rule]
		if reason.Count != 4*each || !slices.Equal(reason.Examples, []string{expected}) {
			t.Errorf("%s: %d times, %q; expected %d times, once %q", reason.Rule, reason.Count, reason.Examples, 4*each, expected)
		}
	}
	if v.Seconds <= 0 {
		t.Errorf("it took %v s of CPU time", v.Seconds)
	}
}

// A wrong answer is wrong after a right one too, and the other way round.
func TestPoolRemembersTheRight(t *testing.T) {
	queries := set(t, "ns1.tw A\n", query.Options{})
	pool := New(plain(t, "tw.", small).read, Options{Workers: 1}, queries)
	right := reply(t, sent(t, queries, 0, 0), "AA\nns1.tw. 300 A 192.0.2.1")
	wrong := reply(t, sent(t, queries, 0, 0), "AA\nns1.tw. 300 A 192.0.2.2")
	for range 100 {
		pool.Submit(0, 0, right)
		pool.Submit(0, 0, wrong)
		pool.Submit(0, 0, nil)
	}
	if v := pool.Close(); v.Answers != 300 || v.Wrong != 200 {
		t.Errorf("%d answers, %d wrong; expected 300 and 200", v.Answers, v.Wrong)
	}
}

func TestPoolExamples(t *testing.T) {
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "none%d.tw A\nns1.tw A\n", i)
	}
	queries := set(t, text.String(), query.Options{})
	pool := New(plain(t, "tw.", small).read, Options{}, queries)
	for i := range uint32(100) {
		pool.Submit(i, 0, reply(t, sent(t, queries, i, 0), "AA\nauthority:\n"+soa))
	}
	v := pool.Close()
	for _, reason := range v.Reasons {
		examples := map[string]int{"rcode": maxExamples, "answer": 1, "authority-extra": 1}[reason.Rule] // different ones
		if reason.Count != 50 || len(reason.Examples) != examples {
			t.Errorf("%s: %d times, with the examples %q; expected 50 times, with %d", reason.Rule, reason.Count, reason.Examples, examples)
		}
	}
	if len(v.Reasons) != 3 {
		t.Errorf("%d reasons, expected 3", len(v.Reasons))
	}
}

// The label that is drawn for each query is part of what is verified.
func TestPoolRandom(t *testing.T) {
	zones := plain(t, "tw.", small).read
	mix, err := query.ParseMix("random=1")
	if err != nil {
		t.Fatal(err)
	}
	queries, err := mix.Draw(zones[0], 2, query.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	pool := New(zones, Options{Workers: 2}, queries)
	for nonce := range uint64(500) {
		answer := reply(t, sent(t, queries, 0, nonce), "AA NXDOMAIN\nauthority:\n"+soa)
		pool.Submit(0, nonce, answer)
		pool.Submit(0, nonce+1000, answer)
	}
	v := pool.Close()
	if v.Answers != 1000 || v.Wrong != 500 || len(v.Reasons) != 1 || v.Reasons[0].Rule != "question" || v.Reasons[0].Count != 500 {
		t.Errorf("found %+v, expected 500 answers to another question", v)
	}
}

func TestPoolSignatures(t *testing.T) {
	s := serveFeatures(t)
	queries := set(t, "www.nsec.example A\n", query.Options{DO: true})
	answer := reply(t, sent(t, queries, 0, 0), "AA\n"+lines(s.zones[2], "www.nsec.example.", dns.TypeA))
	later := func() time.Time { return time.Now().Add(365 * 24 * time.Hour) }
	for _, c := range []struct {
		options Options
		wrong   uint64
	}{{Options{}, 0}, {Options{DNSSEC: true}, 0}, {Options{Now: later}, 0}, {Options{DNSSEC: true, Now: later}, 1}} {
		pool := New(s.read, c.options, queries)
		pool.Submit(0, 0, answer)
		if v := pool.Close(); v.Wrong != c.wrong || c.wrong > 0 && v.Reasons[0].Rule != "signature" {
			t.Errorf("%+v: found %+v, expected %d wrong", c.options, v, c.wrong)
		}
	}
}

// BenchmarkPool submits the answers to different questions by turns, so that each is
// judged, and the answer to one question over and over.
func BenchmarkPool(b *testing.B) {
	zones := plain(b, "tw.", small).read
	queries := set(b, "ns1.tw A\n", query.Options{EDNS: true})
	answers := [2][]byte{
		reply(b, sent(b, queries, 0, 0), "AA\nns1.tw. 300 A 192.0.2.1"),
		reply(b, sent(b, queries, 0, 0), "AA\nns1.tw. 300 A 192.0.2.1\nauthority:\ntw. 300 NS ns1.tw.\ntw. 300 NS ns.example.net."),
	}
	for name, different := range map[string]int{"judged": 2, "known": 1} {
		b.Run(name, func(b *testing.B) { benchmarkPool(b, zones, queries, answers[:different]) })
	}
}

func benchmarkPool(b *testing.B, zones []*zonefile.Zone, queries *query.Set, answers [][]byte) {
	pool := New(zones, Options{Workers: 1}, queries)
	b.ReportAllocs()
	for i := range b.N {
		pool.Submit(0, 0, answers[i%len(answers)])
	}
	v := pool.Close()
	if v.Wrong > 0 || v.Answers != uint64(b.N) {
		b.Fatalf("%+v", v)
	}
	b.ReportMetric(v.Seconds*1e9/float64(b.N), "worker-ns/op")
}
