package stream

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yushan/bench/load"
	"yushan/bench/measure"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/bench/result"
	"yushan/internal/fakedns"
)

// patience is for what happens at once on a machine with nothing else to do.
const patience = time.Minute

// transports are those of this package, with their fake servers.
var transports = []load.Transport{load.TCP, load.DoT, load.DoH, load.DoH1}

// trial is a run of one worker.
type trial struct {
	load.Options
	Plan    pace.Plan
	Queries *query.Set
	Judge   func(index uint32, nonce uint64, answer []byte)
	Stop    *atomic.Bool
	Began   time.Time // now, unless set
	// Worker of so many; 0 of 1 unless set.
	Worker, Workers int
}

// against is a trial in a closed loop that ends after so many queries.
func against(t testing.TB, s *fakedns.Server, queries uint64) *trial {
	t.Helper()
	var transport load.Transport
	if err := transport.UnmarshalText([]byte(s.Transport)); err != nil {
		t.Fatal(err)
	}
	c := &trial{
		Options: load.Options{
			Server:      s.Addr,
			Transport:   transport,
			Clients:     3,
			Depth:       5,
			Concurrency: 10,
			Timeout:     patience,
			Path:        "/dns-query",
			Authority:   "localhost",
		},
		Plan:    pace.Plan{Duration: time.Hour, Limit: queries},
		Queries: textQueries(t, query.Options{}, 100),
	}
	if transport == load.DoH1 {
		c.Depth = 1
	}
	if transport.Encrypted() {
		c.TLS = s.ClientTLS()
	}
	return c
}

func textQueries(t testing.TB, o query.Options, n int) *query.Set {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "name-%d.example. %s\n", i, []string{"A", "AAAA", "NS"}[i%3])
	}
	set, err := query.ReadText(strings.NewReader(text.String()), "queries", o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// run runs it to its end, and checks what is true of all runs.
func (c *trial) run(t testing.TB) *result.Result {
	t.Helper()
	r, err := c.try(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := r.Total
	if n.Due != n.Answered+n.Lost+n.Unsent || n.Sent != n.Answered+n.Lost {
		t.Errorf("%d due, %d sent, %d answered, %d lost, %d unsent: they don't add up", n.Due, n.Sent, n.Answered, n.Lost, n.Unsent)
	}
	if r.Total.Latency.Count() != n.Answered {
		t.Errorf("%d latencies of %d answers", r.Total.Latency.Count(), n.Answered)
	}
	return r
}

func (c *trial) try(ctx context.Context) (*result.Result, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Began.IsZero() {
		c.Began = time.Now()
	}
	c.Workers = max(c.Workers, 1)
	if c.Stop == nil {
		c.Stop = new(atomic.Bool)
	}
	recorder := measure.NewRecorder(measure.Shape{Classes: len(c.Queries.Classes), Duration: min(c.Plan.Duration, 10*time.Minute), Interval: time.Second})
	err := Run(ctx, &load.Work{
		Worker: c.Worker, Workers: c.Workers,
		Options:  &c.Options,
		Queries:  c.Queries,
		Cursor:   c.Queries.Cursor(c.Worker, c.Workers),
		Schedule: c.Plan.Schedule(c.Worker, c.Workers),
		Recorder: recorder,
		Began:    c.Began,
		Stop:     c.Stop,
		Judge:    c.Judge,
	})
	r := new(result.Result)
	measure.Fill(r, []*measure.Recorder{recorder}, c.Queries.Classes, time.Since(c.Began))
	return r, err
}

// expectAnswered checks that all queries were answered and nothing else happened.
func expectAnswered(t testing.TB, r *result.Result, n uint64) {
	t.Helper()
	if r.Total.Answered != n || r.Total.Due != n || r.Total.Odd.Sum() != 0 || len(r.Faults) != 0 {
		t.Errorf("%d of %d queries answered, oddities %+v, faults %v: expected %d, and nothing else", r.Total.Answered, r.Total.Due, r.Total.Odd, r.Faults, n)
	}
}

// expectFault checks that a fault has a text in it, and returns how often.
func expectFault(t testing.TB, r *result.Result, text string) uint64 {
	t.Helper()
	for _, f := range r.Faults {
		if strings.Contains(f.Text, text) {
			return f.Count
		}
	}
	t.Errorf("faults %v: expected %q", r.Faults, text)
	return 0
}

// each runs a test over every transport.
func each(t *testing.T, test func(t *testing.T, transport fakedns.Transport)) {
	for _, transport := range transports {
		t.Run(transport.String(), func(t *testing.T) { test(t, fakedns.Transport(transport.String())) })
	}
}

// cached are the queries of offline connections.
var cached atomic.Pointer[query.Set]

func textQueriesCached(t testing.TB) *query.Set {
	if cached.Load() == nil {
		cached.Store(textQueries(t, query.Options{}, 100))
	}
	return cached.Load()
}
