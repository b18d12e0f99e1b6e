package main

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"yushan/bench/result"
	"yushan/internal/fakedns"
)

// shares are the percentiles that are looked at.
var shares = []float64{0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999}

const tolerance = 0.02

// TestAccuracy holds the latencies that the command reports against those that the server
// knows: it has noted when it sent each answer, and the plan says when each query was
// due. On UDP, where the kernel says when something comes, nothing that a busy machine
// does in between makes a difference.
func TestAccuracy(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range fakedns.Transports {
		runs.start(string(transport), func(t *testing.T) {
			rate, n := 150, 1200
			if transport != fakedns.UDP {
				rate, n = 50, 400
			}
			s := fakedns.Start(t, transport, fakedns.Delayed(fakedns.LongTail(400*time.Millisecond, 0.5, 4*time.Second, 1), fakedns.Good))
			args := against(t, s, n, "--rate", strconv.Itoa(rate), "--duration", "8s", "--timeout", "60s", "--workers", "2")
			if transport == fakedns.DoH1 { // one query at a time on each connection
				args = append(args, "--clients", "100")
			}
			o := measured(t, args...)
			if o.code == 0 && o.Total.Answered > uint64(n/2) && o.Connections != nil && o.Connections.Broken > 0 {
				t.Log("the server lost patience with a client that didn't come to its turn")
				return
			}
			if o.code != 0 || o.Total.Answered != uint64(n) {
				t.Fatalf("exit %d, %d of %d answers", o.code, o.Total.Answered, n)
			}
			var latencies, service truth
			for i, e := range asked(t, s, n) {
				due := o.Started.Add(time.Duration(i) * time.Second / time.Duration(rate))
				if e.Sent.IsZero() {
					t.Fatalf("query %d was not answered by the server", i)
				}
				latencies.add(e.Sent.Sub(due), e.Done.Sub(due))
				service.add(e.Sent.Sub(e.Received), e.Done.Sub(e.Received))
			}
			// What the server doesn't know: how long an answer lies in the client until it is
			// read, where the kernel doesn't note when it came, and how long a query waits there when it
			// counts as sent.
			const unknown = 30 * time.Second
			if transport == fakedns.UDP {
				latencies.compare(t, "latency", o.Total.Latency, 0)
			} else {
				latencies.compare(t, "latency", o.Total.Latency, unknown)
			}
			service.compare(t, "service", o.Client.Service, unknown)
		})
	}
}

// truth is times as the server knows them: each was not less than one and not more than the
// other.
type truth struct{ least, most []time.Duration }

func (r *truth) add(least, most time.Duration) {
	r.least, r.most = append(r.least, least), append(r.most, most)
}

// compare holds percentiles against the truth, and allows for slack above.
func (r *truth) compare(t *testing.T, what string, got *result.Histogram, slack time.Duration) {
	t.Helper()
	slices.Sort(r.least)
	slices.Sort(r.most)
	for _, share := range shares {
		// Between two times that are far from each other a percentile may be either.
		rank := int(share * float64(len(r.least)))
		low, high := r.least[max(rank-2, 0)], r.most[min(rank+1, len(r.most)-1)]
		from, to := time.Duration(float64(low)*(1-tolerance)), time.Duration(float64(high)*(1+tolerance))+slack
		if q := got.Quantile(share); q < from || q > to {
			t.Errorf("%s: percentile %g is reported as %s, in truth it is %s to %s", what, 100*share, q, low, high)
		}
	}
}

// TestStall has a server that stalls for two seconds. In an open loop the queries of two seconds
// show it; a closed loop, which waits for the server, shows next to nothing.
func TestStall(t *testing.T) {
	const stall = 2 * time.Second
	stalling := func(t *testing.T) *fakedns.Server {
		return fakedns.Start(t, fakedns.UDP, fakedns.After(1, fakedns.Good, fakedns.Stall(2*time.Second, stall, fakedns.Good)))
	}
	t.Run("open loop", func(t *testing.T) {
		const n = 1600
		o := measured(t, against(t, stalling(t), n, "--rate", "200", "--duration", "8s", "--timeout", "30s")...)
		if o.Total.Answered != n {
			t.Fatalf("%d of %d answers", o.Total.Answered, n)
		}
		// A quarter of all queries are due while the server stalls, and wait for one second
		// on average: an eighth of all for more than that.
		if p90 := o.Total.Latency.Quantile(0.9); p90 < stall/2 {
			t.Errorf("p90 is %s, expected more than %s", p90, stall/2)
		}
		if longest := o.Total.Latency.Max(); longest < stall*9/10 {
			t.Errorf("the longest is %s, expected about %s", longest, stall)
		}
		// The interval in the midst of it shows it, too.
		slow := 0
		for _, i := range o.Intervals {
			if i.Latency.Quantile(0.5) > stall/4 {
				slow++
			}
		}
		if slow == 0 {
			t.Error("no interval shows the stall")
		}
	})
	t.Run("closed loop", func(t *testing.T) {
		s := stalling(t)
		o := measured(t, "--server", s.Addr.String(), "--queries", names(t, 1000), "--concurrency", "4", "--clients", "4", "--duration", "8s", "--timeout", "30s")
		if o.Total.Answered < 1000 {
			t.Fatalf("%d answers in a closed loop of 8 s", o.Total.Answered)
		}
		if p90, longest := o.Total.Latency.Quantile(0.9), o.Total.Latency.Max(); p90 > stall/2 || longest < stall*9/10 {
			t.Errorf("p90 is %s, the longest %s, expected that only 4 queries are slow", p90, longest)
		}
	})
}
