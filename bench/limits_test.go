package bench

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/result"
)

func TestLimits(t *testing.T) {
	const open, closed = 1000, 0
	times := func(each time.Duration) *result.Histogram {
		h := result.NewHistogram(3)
		for range 100 {
			h.Record(int64(each))
		}
		return h
	}
	for name, tt := range map[string]struct {
		transport    load.Transport
		rate         float64
		lag, latency time.Duration
		unsent       uint64
		drops        uint64
		cpuShare     float64 // of one processor
		want         string  // "": none
	}{
		"all well":                      {load.UDP, open, 20 * time.Microsecond, 100 * time.Microsecond, 0, 0, 0.5, ""},
		"a sleeper's lag":               {load.UDP, open, 900 * time.Microsecond, time.Millisecond, 0, 0, 0.5, ""},
		"late, and fast answers":        {load.UDP, open, 5 * time.Millisecond, 6 * time.Millisecond, 0, 0, 0.5, "sent queries late: by p99 5.00 ms"},
		"late, and a far slower server": {load.UDP, open, 5 * time.Millisecond, time.Second, 0, 0, 0.5, ""},
		"unsent on UDP":                 {load.UDP, open, 0, time.Millisecond, 3, 0, 0.5, "could not send 3 of 1000"},
		"unsent on a full connection":   {load.TCP, open, 0, time.Second, 3, 0, 0.5, ""},
		"drops":                         {load.UDP, open, 0, time.Millisecond, 0, 50, 0.5, "dropped 50 answers"},
		"busy in a closed loop":         {load.UDP, closed, 0, time.Millisecond, 0, 0, 0.99, "busy for 99 % of the time on 1 processor"},
		"busy in an open loop":          {load.UDP, open, 0, time.Millisecond, 0, 0, 0.99, ""},
		"idle in a closed loop":         {load.UDP, closed, 0, time.Millisecond, 0, 0, 0.5, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &result.Result{Seconds: 10}
			r.Total.Latency, r.Client.Lag = times(tt.latency), times(tt.lag)
			r.Total.Due, r.Total.Unsent, r.Total.Answered = 1000, tt.unsent, 1000
			r.Client.SocketDrops = tt.drops
			r.Client.CPU = int64(tt.cpuShare * 10e9)
			got := limits(r, &Config{Workers: 1, Options: load.Options{Transport: tt.transport}, Plan: pace.Plan{Rate: tt.rate}})
			if tt.want == "" && len(got) != 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
				t.Errorf("limits %q, expected %q", got, tt.want)
			}
		})
	}
}

// Connections that stay are served by a thread a worker, others and those of QUIC by the
// whole process.
func TestLimitsOfConnections(t *testing.T) {
	all := float64(min(runtime.NumCPU(), runtime.GOMAXPROCS(0)))
	for name, options := range map[string]struct {
		load.Options
		threads float64
	}{
		"TCP":           {load.Options{Transport: load.TCP}, 1},
		"DoH":           {load.Options{Transport: load.DoH}, 1},
		"DoQ":           {load.Options{Transport: load.DoQ}, all},
		"TLS, each new": {load.Options{Transport: load.DoT, Handshake: load.Full}, all},
	} {
		r := &result.Result{Seconds: 10}
		r.Total.Latency, r.Client.Lag = result.NewHistogram(3), result.NewHistogram(3)
		r.Client.CPU = int64(10e9 * options.threads)
		c := &Config{Workers: 1, Options: options.Options}
		if got := limits(r, c); len(got) != 1 || !strings.Contains(got[0], "busy for 100 %") {
			t.Errorf("%s: limits %q: expected it to be busy", name, got)
		}
		r.Client.CPU /= 2
		if got := limits(r, c); len(got) != 0 {
			t.Errorf("%s: limits %q, expected none", name, got)
		}
	}
}

func TestIntervalOf(t *testing.T) {
	for duration, want := range map[time.Duration]time.Duration{
		time.Millisecond: 100 * time.Millisecond,
		10 * time.Second: 100 * time.Millisecond,
		30 * time.Second: 500 * time.Millisecond,
		time.Minute:      500 * time.Millisecond,
		10 * time.Minute: 5 * time.Second,
		24 * time.Hour:   1000 * time.Second,
	} {
		if got := intervalOf(duration); got != want {
			t.Errorf("parts of %s for %s, expected %s", got, duration, want)
		}
	}
}

func TestPartsMakeTheWhole(t *testing.T) {
	for _, tt := range []struct{ n, workers int }{{10, 3}, {3, 3}, {16, 1}, {1, 1}, {100, 7}} {
		sum := 0
		for w := range tt.workers {
			p := part(tt.n, w, tt.workers)
			if p < tt.n/tt.workers || p > tt.n/tt.workers+1 {
				t.Errorf("worker %d of %d gets %d of %d", w, tt.workers, p, tt.n)
			}
			sum += p
		}
		if sum != tt.n {
			t.Errorf("%d workers get %d of %d", tt.workers, sum, tt.n)
		}
	}
}
