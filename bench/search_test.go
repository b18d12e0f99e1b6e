package bench

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yushan/bench/pace"
	"yushan/bench/result"
	"yushan/bench/threshold"
)

// model is a server that answers within a millisecond up to a rate, and loses queries
// above it; and a client that can send no more than its own.
type model struct {
	server, client float64
	busy           bool                 // the client sends a little late
	flaw           func(trial int) bool // in these trials something disturbs
	trials         int
	stopAt         int // trial in which the user interrupts; 0: never
	stop           *atomic.Bool
}

func (m *model) run(_ context.Context, c *Config) (*result.Result, error) {
	m.trials++
	if m.trials == m.stopAt {
		m.stop.Store(true)
	}
	r := &result.Result{Seconds: c.Plan.Duration.Seconds()}
	r.Total.Latency = result.NewHistogram(3)
	r.Total.Latency.Record(int64(time.Millisecond))
	r.Client.Lag = result.NewHistogram(3)
	r.Total.Due = c.Plan.Queries()
	r.Total.Answered = r.Total.Due
	if c.Plan.Rate > m.server || m.flaw != nil && m.flaw(m.trials) {
		r.Total.Lost = r.Total.Due / 2
		r.Total.Answered -= r.Total.Lost
	}
	if m.busy {
		r.Client.Limits = []string{"it sent queries late"}
		r.Client.Lag.Record(int64(20 * time.Millisecond))
	}
	if c.Plan.Rate > m.client {
		r.Client.Limits = []string{"it sent queries late"}
		r.Client.Lag.Record(int64(c.Plan.Duration / 2))
	}
	return r, nil
}

func find(t *testing.T, m *model, start, most float64) *result.Result {
	t.Helper()
	keep, err := threshold.Parse("loss<0.1%")
	if err != nil {
		t.Fatal(err)
	}
	m.stop = new(atomic.Bool)
	s := &search{
		Config:     Config{Plan: pace.Plan{Rate: start, RateAtEnd: start, Duration: 10 * time.Second}, Stop: m.stop},
		SearchPlan: SearchPlan{Keep: []threshold.Threshold{keep}, Start: start, Most: most, Step: time.Second},
		run:        m.run,
	}
	if err := s.validate(&s.Config); err != nil {
		t.Fatal(err)
	}
	r, err := s.search(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSearchFindsTheRate(t *testing.T) {
	const none = 1e12
	for name, tt := range map[string]struct {
		model         model
		start, most   float64
		low, high     float64 // where the rate found must lie
		clientLimited bool
	}{
		"above the start":         {model{server: 123_456, client: none}, 1000, 1e7, 123_456 / precision, 123_456, false},
		"below the start":         {model{server: 70, client: none}, 1000, 1e7, 70 / precision, 70, false},
		"at the highest":          {model{server: none, client: none}, 1000, 50_000, 50_000, 50_000, false},
		"the client's":            {model{server: none, client: 5000}, 1000, 1e7, 5000 / precision, 5000, true},
		"below, by the client":    {model{server: 3000, client: 1e12, busy: true}, 1000, 1e7, 3000 / precision, 3000, true},
		"the client's, far above": {model{server: 3000, client: 3900}, 1000, 1e7, 3000 / precision, 3000, false},
		"none at all":             {model{server: 0, client: none}, 1000, 1e7, 0, 0, false},
		"each trial fails once":   {model{server: 5000, client: none, flaw: func(n int) bool { return n%2 == 1 }}, 1000, 1e7, 5000 / precision / precision, 5000, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := find(t, &tt.model, tt.start, tt.most)
			if r.Search.Rate < tt.low || r.Search.Rate > tt.high || r.Search.ClientLimited != tt.clientLimited {
				t.Errorf("found %g (limited by the client: %v), expected %g to %g (%v); trials %+v",
					r.Search.Rate, r.Search.ClientLimited, tt.low, tt.high, tt.clientLimited, r.Search.Steps)
			}
			if tt.high > 0 && r.Seconds != 10 {
				t.Errorf("the result is that of %g s, expected the whole run of 10 s", r.Seconds)
			}
			if len(r.Search.Steps) > 60 {
				t.Errorf("%d trials", len(r.Search.Steps))
			}
		})
	}
}

func TestSearchNamesWhatWasBroken(t *testing.T) {
	r := find(t, &model{server: 3000, client: 1e12}, 1000, 1e7)
	for _, step := range r.Search.Steps {
		if broken := step.Rate > 3000; broken != (len(step.Broken) == 1) || broken && !strings.HasPrefix(step.Broken[0], "loss<0.1%: 50") {
			t.Errorf("at %g: %q", step.Rate, step.Broken)
		}
	}
}

// An interrupted trial tells nothing: the rate is the best of those before it.
func TestSearchInterrupted(t *testing.T) {
	r := find(t, &model{server: 1e12, client: 1e12, stopAt: 4}, 1000, 1e7)
	if !r.Interrupted || r.Search.Rate != 4000 || len(r.Search.Steps) != 3 {
		t.Errorf("interrupted %v, rate %g after %d trials; expected true, 4000, 3", r.Interrupted, r.Search.Rate, len(r.Search.Steps))
	}
}

// The run at the end that is interrupted tells nothing against the rate found.
func TestSearchInterruptedAtItsEnd(t *testing.T) {
	whole := find(t, &model{server: 3000, client: 1e12}, 1000, 1e7)
	r := find(t, &model{server: 3000, client: 1e12, stopAt: len(whole.Search.Steps)}, 1000, 1e7)
	if !r.Interrupted || r.Search.Rate != whole.Search.Rate {
		t.Errorf("interrupted %v, rate %g; expected true, %g", r.Interrupted, r.Search.Rate, whole.Search.Rate)
	}
}

func TestSearchEndsWithTheFirstError(t *testing.T) {
	want := errors.New("no socket")
	s := &search{SearchPlan: SearchPlan{Start: 1, Most: 2}, run: func(context.Context, *Config) (*result.Result, error) { return nil, want }}
	if _, err := s.search(t.Context()); !errors.Is(err, want) {
		t.Errorf("%v, expected %v", err, want)
	}
}
