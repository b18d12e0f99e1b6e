package bench

import (
	"fmt"
	"runtime"
	"time"

	"yushan/bench/load"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

const (
	// tolerableLag is what a sleeping thread may be late without being overloaded.
	tolerableLag = time.Millisecond
	// lagShare of the latencies may be the client's own.
	lagShare = 1.0 / 3
	// dropShare of the answers may get lost in the client's sockets.
	dropShare = 0.0001
	// busyShare of the time of a thread is all of it.
	busyShare = 0.95
)

// limits returns the reasons why a result tells of the client's limits, and not of the
// server's.
func limits(res *result.Result, c *Config) (reasons []string) {
	add := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	lag, latency := res.Client.Lag.Quantile(0.99), res.Total.Latency.Quantile(0.99)
	if lag > tolerableLag && float64(lag) > lagShare*float64(latency) {
		add("it sent queries late: by p99 %s, where the latency's p99 is %s",
			units.Duration(lag), units.Duration(latency))
	}
	if c.Options.Transport == load.UDP && res.Total.Unsent > 0 {
		add("it could not send %d of %d queries in time", res.Total.Unsent, res.Total.Due)
	}
	if drops := res.Client.SocketDrops; float64(drops) > dropShare*float64(res.Total.Answered) {
		add("its sockets dropped %d answers that it did not read in time", drops)
	}
	// Workers are threads, but for handshakes, QUIC and verification the whole process
	// works.
	threads := min(runtime.NumCPU(), runtime.GOMAXPROCS(0))
	if !c.Options.Transport.QUIC() && c.Options.Handshake == load.Persistent && c.Judge == nil {
		threads = min(threads, c.Workers)
	}
	if busy := float64(res.Client.CPU) / (res.Seconds * 1e9 * float64(threads)); c.Plan.Closed() && busy > busyShare {
		add("it was busy for %.0f %% of the time on %s", 100*busy, units.Plural(threads, "processor", "processors"))
	}
	return reasons
}
