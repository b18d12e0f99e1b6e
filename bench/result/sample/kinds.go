package sample

import (
	"fmt"
	"time"

	"yushan/bench/result"
)

// Kind is a sort of run.
type Kind struct {
	Name string
	Make func(rate int) *result.Result // rate 0: the usual one
}

// Kinds returns one run of each sort.
func Kinds() []Kind {
	return []Kind{
		{"normal", Normal}, {"stall", Stall}, {"loss", Loss}, {"limited", Limited}, {"search", Searched},
		{"wrong", Wrong}, {"connections", OverTLS}, {"empty", func(int) *result.Result { return Empty() }},
		{"all-lost", AllLost}, {"short", Short},
	}
}

// Normal is a run in which all went well, with the server observed and the answers
// verified.
func Normal(rate int) *result.Result {
	r := Run(Options{Seed: 1, Rate: rate})
	observe(r)
	r.Verified = &result.Verified{Answers: r.Total.Answered, Seconds: 4.2}
	return r
}

// observe adds what an observer of the server saw.
func observe(r *result.Result) {
	r.Server = &result.Server{Source: "process 4242", MemoryBytes: 1_480 << 20, Memory: "PSS", Threads: 11}
	for i := range r.Intervals {
		cpu := int64(r.Intervals[i].Answered) * int64(3800+97*(i%7))
		r.Intervals[i].ServerCPU = cpu
		r.Server.CPU += cpu
	}
}

// Stall is a run in which the server stopped for one second.
func Stall(rate int) *result.Result {
	return Run(Options{Seed: 2, Rate: rate, StallAt: 12.3, Stall: time.Second})
}

// Loss is a run in which a part of the queries got no answer, and some oddities came.
func Loss(rate int) *result.Result {
	r := Run(Options{Seed: 3, Rate: rate, Loss: 0.004})
	for i := range r.Intervals {
		late := r.Intervals[i].Lost / 9
		r.Intervals[i].Odd.Late += late
		r.Total.Odd.Late += late
		r.Classes[0].Odd.Late += late
	}
	r.Total.Odd.Duplicate, r.Classes[0].Odd.Duplicate, r.Intervals[4].Odd.Duplicate = 3, 3, 3
	r.Total.Truncated, r.Classes[1].Truncated, r.Intervals[4].Truncated = 812, 812, 812
	r.Faults = []result.Fault{{Text: "read: connection refused", Count: 17}}
	return r
}

// Limited is a run in which the load generator itself was the limit, and which was
// interrupted.
func Limited(rate int) *result.Result {
	r := Run(Options{Seed: 4, Rate: rate, Intervals: 17, LoadLatency: 40})
	r.Interrupted = true
	r.Client.SocketDrops = 18_422
	for range 60_000 {
		r.Client.Lag.Record(int64(4 * time.Millisecond))
	}
	r.Client.Limits = []string{
		"queries were sent late: lag p99 4.00 ms, more than the 1 ms that is borne",
		"18,422 answers were dropped by the client's sockets",
	}
	return r
}

// Searched is a run that searched for the highest rate.
func Searched(rate int) *result.Result {
	r := Run(Options{Seed: 5, Rate: rate, LoadLatency: 3})
	observe(r)
	r.Search = &result.Search{Keep: []string{"p99<5ms", "loss<0.1%"}, Rate: 412_500}
	for _, at := range []float64{100e3, 200e3, 400e3, 800e3, 600e3, 500e3, 450e3, 425e3, 412.5e3} {
		load := at / 415e3
		step := result.Step{Rate: at, Kept: true, Answered: min(at, 415e3), P50: int64(95e3 * (1 + load*load)), P99: int64(210e3 * (1 + 6*load*load*load*load)), P999: int64(820e3 * (1 + 4*load*load))}
		if load > 1 {
			step.Loss = 1 - 1/load
			step.P50, step.P99, step.P999 = step.P50*60, 1_900_000_000, 1_990_000_000
			step.Kept = false
			step.Broken = []string{"p99 1.90 s, not below 5 ms", fmt.Sprintf("loss %.1f %%, not below 0.1 %%", step.Loss*100)}
		}
		r.Search.Steps = append(r.Search.Steps, step)
	}
	whole := r.Search.Steps[len(r.Search.Steps)-1]
	whole.Whole = true
	r.Search.Steps = append(r.Search.Steps, whole)
	return r
}

// Wrong is a run in which answers were wrong.
func Wrong(rate int) *result.Result {
	r := Run(Options{Seed: 6, Rate: rate})
	r.Verified = &result.Verified{Answers: r.Total.Answered, Wrong: 1_204, Seconds: 3.9, Reasons: []result.Reason{
		{Rule: "glue-missing", Count: 1_163, Examples: []string{
			`beispiel.tw. A: referral to "ns1.beispiel.tw.", whose address 192.0.2.7 is not in the additional section`,
			`xn--fiq228c.tw. AAAA: referral to "ns.xn--fiq228c.tw.", whose address 2001:db8::7 is not in the additional section`,
		}},
		{Rule: "rcode", Count: 41, Examples: []string{`<script>alert(1)</script>.tw. A: SERVFAIL, expected NXDOMAIN`}},
	}}
	r.Total.RCodes[2], r.Classes[1].RCodes[2] = 41, 41
	r.Total.RCodes[3] -= 41
	r.Classes[1].RCodes[3] -= 41
	return r
}

// OverTLS is a run with connections, of which some failed.
func OverTLS(rate int) *result.Result {
	r := Run(Options{Seed: 7, Rate: rate, Median: 310 * time.Microsecond})
	r.Settings[1].Value = "dot"
	r.Connections = &result.Connections{Opened: 5_400, Resumed: 5_200, Early: 0, Failed: 12, Broken: 3, Handshake: result.NewHistogram(3)}
	for i := range 5_400 {
		r.Connections.Handshake.Record(int64(1_200_000 + i*i/40))
	}
	r.Faults = []result.Fault{{Text: "connect: connection reset by peer", Count: 12}, {Text: "the server ended the connection with queries under way", Count: 3}}
	return r
}

// Empty is a run that was interrupted before the first query.
func Empty() *result.Result {
	return &result.Result{
		Format: result.Format, Version: "0.1.0", Started: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC), Interrupted: true,
		Settings: settings(Options{}.withDefaults()), Total: stats(3),
		Client: result.Client{Workers: 1, Service: result.NewHistogram(3), Lag: result.NewHistogram(3)},
	}
}

// AllLost is a run in which no query got an answer.
func AllLost(rate int) *result.Result {
	r := Run(Options{Seed: 8, Rate: rate, Intervals: 5, Loss: 1})
	r.Faults = []result.Fault{{Text: "read: connection refused", Count: r.Total.Sent}}
	return r
}

// Short is a run of a second.
func Short(rate int) *result.Result { return Run(Options{Seed: 9, Rate: rate, Intervals: 1}) }
