package udp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/bench/result"
	"yushan/internal/fakedns"
)

// What a run reports is the truth, to 2 %. The truth is the server's: when it has sent
// each answer, counted from when the query was due, or from when it came.
func TestPercentilesAreTrue(t *testing.T) {
	const n = 5000
	delays := func() fakedns.Script {
		return fakedns.Delayed(fakedns.LongTail(60*time.Millisecond, 0.7, time.Second, 7), fakedns.Good)
	}
	ramp := constant(n, 2000)
	ramp.Rate, ramp.RateAtEnd, ramp.Arrival = 1000, 3000, pace.Poisson
	for name, tt := range map[string]accuracy{
		"constant rate":             {plan: constant(n, 2000), script: delays},
		"Poisson arrivals, ramp":    {plan: ramp, script: delays},
		"closed loop":               {plan: closedLoop(n), script: delays},
		"client that is often away": {plan: constant(n, 2000), script: delays, away: 15 * time.Millisecond},
		"server that stalls": {plan: constant(n, 2000), script: func() fakedns.Script {
			return fakedns.Stall(500*time.Millisecond, time.Second, delays())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			// When a query went out is known less well than when it was due: on a busy
			// machine the thread may lose its core between looking at the clock and
			// sending. So service times, and all of a closed loop, have three attempts.
			var off []string
			for range 3 {
				if off = tt.run(t, n); off == nil {
					return
				}
			}
			t.Errorf("three times, at last: %s", strings.Join(off, "; "))
		})
	}
}

type accuracy struct {
	plan   pace.Plan
	script func() fakedns.Script
	away   time.Duration // how long the client is busy elsewhere, at each hundredth answer
}

// run returns what of a run is off that may be for once; the rest mustn't.
func (a *accuracy) run(t *testing.T, n int) (off []string) {
	server := fakedns.Start(t, fakedns.UDP, a.script())
	w := newWork(t, queries(t, n, query.Options{}), a.plan, load.Options{Server: server.Addr, Clients: 4, Concurrency: 200})
	answers := 0
	w.Judge = func(uint32, uint64, []byte) {
		if answers++; answers%100 == 0 {
			time.Sleep(a.away)
		}
	}
	r := run(t, w)
	expect(t, r, came{answered: uint64(n)})
	until(t, "what the server has to tell of its last answer", func() bool {
		return !slices.ContainsFunc(server.Exchanges(), func(e fakedns.Exchange) bool { return e.Done.IsZero() })
	})
	dues := make([]int64, n)
	for i, s := 0, a.plan.Schedule(0, 1); i < n; i++ {
		dues[i], _ = s.Peek()
		s.Take()
	}
	var latency, service truth
	for _, e := range server.Exchanges() {
		number, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSuffix(e.Name(), ".example."), "q"))
		if err != nil {
			t.Fatal(err)
		}
		due := w.Began.Round(0).Add(time.Duration(dues[number]))
		latency.add(e.Sent.Sub(due), e.Done.Sub(due))
		service.add(e.Sent.Sub(e.Received), e.Done.Sub(e.Received))
	}
	if a.plan.Closed() {
		off = service.compare("latency", r.Total.Latency, 0.5, 0.9, 0.99)
	} else if off := latency.compare("latency", r.Total.Latency, 0, 0.1, 0.5, 0.9, 0.99, 0.999, 1); off != nil {
		t.Error(strings.Join(off, "; "))
	}
	return append(off, service.compare("service time", r.Client.Service, 0.5, 0.9, 0.99)...)
}

// truth is times that are known to lie between two.
type truth struct{ from, to []time.Duration }

func (t *truth) add(from, to time.Duration) {
	t.from, t.to = append(t.from, from), append(t.to, to)
}

// compare returns what is off by more than 2 %.
func (t *truth) compare(what string, got *result.Histogram, shares ...float64) (off []string) {
	for _, share := range shares {
		from, to := fakedns.Quantile(t.from, share), fakedns.Quantile(t.to, share)
		measured := got.Quantile(share)
		if float64(measured) < 0.98*float64(from) || float64(measured) > 1.02*float64(to) {
			off = append(off, fmt.Sprintf("%s at %v is reported as %v, true is %v to %v", what, share, measured, from, to))
		}
	}
	return off
}
