package sample

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"yushan/bench/result"
)

// Options are of the simulated run. The zero value of each is a usual one.
type Options struct {
	Seed      uint64
	Rate      int           // queries per second that are due; 0: 20,000
	Intervals int           // of one second; 0: 30
	Median    time.Duration // of the latencies; 0: 90 µs
	// StallAt is the second at which the server stops for as long as Stall.
	StallAt float64
	Stall   time.Duration
	// Loss is the share of queries that get no answer; in a bad quarter of the run it
	// is four times that.
	Loss float64
	// LoadLatency makes the latency grow towards the end, to so many times the
	// median.
	LoadLatency float64
}

func (o Options) withDefaults() Options {
	if o.Rate == 0 {
		o.Rate = 20_000
	}
	if o.Intervals == 0 {
		o.Intervals = 30
	}
	if o.Median == 0 {
		o.Median = 90 * time.Microsecond
	}
	if o.LoadLatency == 0 {
		o.LoadLatency = 1
	}
	return o
}

// class is a kind of query, with its share, how much longer its answers take, and
// their size and RCODE.
type class struct {
	name          string
	share, factor float64
	bytes         uint64
	rcode         int
}

var classes = [...]class{
	{"referral", 0.6, 1, 212, 0},
	{"nxdomain", 0.3, 1.25, 742, 3},
	{"ds", 0.06, 0.95, 148, 0},
	{"apex", 0.04, 1.6, 980, 0},
}

func stats(digits int) result.Stats { return result.Stats{Latency: result.NewHistogram(digits)} }

// Run simulates a run over UDP.
func Run(o Options) *result.Result {
	o = o.withDefaults()
	random := rand.New(rand.NewPCG(o.Seed, 0x79757368616e))
	r := &result.Result{
		Format: result.Format, Version: "0.1.0",
		Started: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC), Seconds: float64(o.Intervals),
		Machine: result.Machine{System: "Linux 6.12.9 amd64", Processor: "AMD EPYC 9354P 32-Core Processor", Cores: 32},
		Total:   stats(3),
		Client:  result.Client{Workers: 2, Service: result.NewHistogram(3), Lag: result.NewHistogram(3)},
	}
	r.Settings = settings(o)
	for _, c := range classes {
		r.Classes = append(r.Classes, result.Class{Name: c.name, Stats: stats(3)})
	}
	free := 0.0 // when the stalled server has worked off what was waiting
	for i := range o.Intervals {
		interval := result.Interval{At: float64(i), Seconds: 1, Stats: stats(2)}
		loss := o.Loss
		if i*4/o.Intervals == 2 {
			loss *= 4
		}
		busy := 1 + (o.LoadLatency-1)*math.Pow(float64(i)/float64(o.Intervals), 6)
		for q := range o.Rate {
			due := float64(i) + float64(q)/float64(o.Rate)
			which := pick(random.Float64())
			kind := classes[which]
			latency := float64(o.Median) * busy * kind.factor * math.Exp(random.NormFloat64()*0.28)
			if random.Float64() < 0.004 {
				// A scheduler's or a garbage collector's pause.
				latency += 2e5 * math.Pow(random.Float64()+1e-9, -0.45)
			}
			service := latency
			if stall := o.Stall.Seconds(); stall > 0 && due >= o.StallAt {
				end := max(free, o.StallAt+stall)
				if due < end {
					latency += (end - due) * 1e9
					// A closed loop would have waited, with one query to show for it.
					if due-o.StallAt < 1/float64(o.Rate) {
						service = latency
					}
					free = end + 0.4/float64(o.Rate)
				}
			}
			lost := random.Float64() < loss
			for _, s := range [...]*result.Stats{&r.Total, &r.Classes[which].Stats, &interval.Stats} {
				s.Due++
				s.Sent++
				s.SentBytes += 42
				if lost {
					s.Lost++
					continue
				}
				s.Answered++
				s.RCodes[kind.rcode]++
				s.ReceivedBytes += kind.bytes
				s.Latency.Record(int64(latency))
			}
			r.Client.Lag.Record(int64(random.ExpFloat64() * 3000))
			if !lost {
				r.Client.Service.Record(int64(service))
			}
		}
		r.Intervals = append(r.Intervals, interval)
	}
	r.Client.CPU = int64(float64(r.Total.Due) * 1900)
	return r
}

func pick(share float64) int {
	for i, c := range classes {
		if share -= c.share; share < 0 {
			return i
		}
	}
	return 0
}

func settings(o Options) []result.Setting {
	return []result.Setting{
		{Name: "server", Value: "127.0.0.1:5300"},
		{Name: "transport", Value: "udp"},
		{Name: "load", Value: strconv.Itoa(o.Rate) + " queries/s, uniform"},
		{Name: "duration", Value: strconv.Itoa(o.Intervals) + " s"},
		{Name: "queries", Value: "mix of tw: referral 60, nxdomain 30, ds 6, apex 4"},
		{Name: "EDNS", Value: "1232 bytes, DO"},
		{Name: "clients", Value: "20 sockets, 2 workers"},
		{Name: "timeout", Value: "2 s"},
	}
}
