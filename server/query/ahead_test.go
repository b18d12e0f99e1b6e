package query_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"yushan/internal/testzone"
	"yushan/server/query"
)

// Queries that are read ahead, in batches of any size, get the answers that they
// get one by one, whatever is in them, and are counted alike.
func TestReadAhead(t *testing.T) {
	const batchMax = 70
	for seed := range uint64(12) {
		p, err := generated(seed)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		r := rand.New(rand.NewPCG(seed, 4))
		queries := p.queries(seed)
		single, batch := query.NewWorker(), query.NewBatchWorker(batchMax)
		want, got := make([]byte, 65535), make([]byte, 65535)
		for range 40 {
			requests := make([]query.Request, 1+r.IntN(batchMax))
			var before [][]byte
			for i := range requests {
				wire := queries.Next()
				if r.IntN(4) == 0 {
					wire = testzone.Mutate(r, wire)
				}
				requests[i] = query.Request{Wire: wire, Transport: query.Transport(r.IntN(5)), KeepaliveUnits: keepaliveUnits}
				before = append(before, bytes.Clone(wire))
			}
			p.engine.ReadAhead(batch, requests)
			for i := range requests {
				n := p.engine.Answer(single, &requests[i], want)
				m := p.engine.AnswerAhead(batch, i, &requests[i], got)
				if !bytes.Equal(want[:n], got[:m]) {
					t.Fatalf("seed %d: over %v, read ahead as %d of %d:\n% x\nby itself:\n% x\n%s", seed, requests[i].Transport,
						i, len(requests), got[:m], want[:n], p.describe(requests[i].Wire, nil))
				}
				if !bytes.Equal(requests[i].Wire, before[i]) {
					t.Fatalf("seed %d: the query was changed", seed)
				}
			}
		}
		if *single.Counters() != *batch.Counters() {
			t.Errorf("seed %d: counted %+v, one by one %+v", seed, batch.Counters(), single.Counters())
		}
	}
}

// An engine that panics while it reads ahead has answered nothing, and the worker
// goes on with another.
func TestReadAheadPanics(t *testing.T) {
	p, err := generated(1)
	if err != nil {
		t.Fatal(err)
	}
	queries := p.queries(1)
	requests := []query.Request{{Wire: queries.Next()}, {Wire: queries.Next()}}
	w := query.NewBatchWorker(2)
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("an engine without zones has read queries")
			}
		}()
		query.New(nil, query.Options{}).ReadAhead(w, requests)
	}()
	w.Reset()
	if c := *w.Counters(); c != (query.Counters{}) {
		t.Errorf("counted %+v", c)
	}
	p.engine.ReadAhead(w, requests)
	got := make([]byte, 512)
	for i := range requests {
		n := p.engine.AnswerAhead(w, i, &requests[i], got)
		if want := p.ask(requests[i].Wire, query.UDP); !bytes.Equal(got[:n], want) {
			t.Errorf("query %d: % x, expected % x", i, got[:n], want)
		}
	}
}

func TestReadAheadDoesNotAllocate(t *testing.T) {
	p, err := generated(2)
	if err != nil {
		t.Fatal(err)
	}
	queries := p.queries(2)
	requests := make([]query.Request, 8)
	for i := range requests {
		requests[i].Wire = plain(t, p, queries)
	}
	w, dst := query.NewBatchWorker(len(requests)), make([]byte, 1232)
	if n := testing.AllocsPerRun(50, func() {
		p.engine.ReadAhead(w, requests)
		for i := range requests {
			p.engine.AnswerAhead(w, i, &requests[i], dst)
		}
	}); n != 0 {
		t.Errorf("%v allocations, the hot path must have none", n)
	}
}

// plain returns a query that isn't for the cold path.
func plain(t *testing.T, p *pair, queries *testzone.Queries) []byte {
	w := query.NewWorker()
	buf := make([]byte, 1232)
	for {
		req := query.Request{Wire: queries.Next()}
		if testing.AllocsPerRun(1, func() { p.engine.Answer(w, &req, buf) }) == 0 {
			return req.Wire
		}
	}
}
