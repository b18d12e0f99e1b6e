package udp

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yushan/bench/load"
	"yushan/bench/measure"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/bench/result"
)

// patience is how long what must happen may take. It decides only how soon a
// failure is told.
const patience = time.Minute

// queries are n different ones, q0.example. to q<n−1>.example.
func queries(t testing.TB, n int, o query.Options) *query.Set {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "q%d.example. A\n", i)
	}
	set, err := query.ReadText(strings.NewReader(text.String()), "test", o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// constant is n queries at a rate.
func constant(n int, rate float64) pace.Plan {
	return pace.Plan{
		Rate: rate, RateAtEnd: rate, Limit: uint64(n),
		Duration: time.Duration(float64(n+1) / rate * 1e9),
	}
}

// closedLoop is n queries, as fast as they are answered.
func closedLoop(n int) pace.Plan { return pace.Plan{Limit: uint64(n), Duration: patience} }

// newWork is the work of one worker alone; options lack what has a usual value.
func newWork(t testing.TB, set *query.Set, plan pace.Plan, options load.Options) *load.Work {
	t.Helper()
	options.Clients = max(options.Clients, 1)
	if options.Timeout == 0 {
		options.Timeout = patience / 2
	}
	if plan.Closed() {
		options.Concurrency = max(options.Concurrency, 1)
	}
	if err := plan.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := options.Validate(); err != nil {
		t.Fatal(err)
	}
	return &load.Work{
		Workers:  1,
		Options:  &options,
		Queries:  set,
		Cursor:   set.Cursor(0, 1),
		Schedule: plan.Schedule(0, 1),
		Recorder: measure.NewRecorder(measure.Shape{
			Classes: len(set.Classes), Duration: plan.Duration, Interval: time.Second,
		}),
		Began: time.Now(),
		Stop:  new(atomic.Bool),
	}
}

// run runs a worker to its end, and returns what it has recorded.
func run(t testing.TB, w *load.Work) *result.Result {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- Run(t.Context(), w) }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(2 * patience):
		t.Fatal("the worker doesn't end")
	}
	return recorded(t, w)
}

// recorded is what a worker has recorded, which must add up.
func recorded(t testing.TB, w *load.Work) *result.Result {
	t.Helper()
	r := new(result.Result)
	measure.Fill(r, []*measure.Recorder{w.Recorder}, w.Queries.Classes, time.Second)
	c := &r.Total.Counts
	if c.Due != c.Answered+c.Lost+c.Unsent || c.Sent != c.Answered+c.Lost {
		t.Errorf("%d due, %d sent, %d answered, %d lost, %d unsent: they don't add up",
			c.Due, c.Sent, c.Answered, c.Lost, c.Unsent)
	}
	return r
}

// came is what a run is expected to come to.
type came struct {
	answered, lost, unsent, truncated uint64
	odd                               result.Oddities
}

func expect(t testing.TB, r *result.Result, want came) {
	t.Helper()
	c := &r.Total.Counts
	if got := (came{c.Answered, c.Lost, c.Unsent, c.Truncated, c.Odd}); got != want {
		t.Errorf("got %+v, expected %+v; faults: %v", got, want, r.Faults)
	}
}

// background runs a worker until it is told to end, and returns how to await that.
func background(t testing.TB, ctx context.Context, w *load.Work) (await func() *result.Result) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, w) }()
	return func() *result.Result {
		t.Helper()
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(patience):
			t.Fatal("the worker doesn't end")
		}
		return recorded(t, w)
	}
}

// until waits for a condition.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}

var loopback = netip.MustParseAddr("127.0.0.1")
