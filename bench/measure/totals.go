package measure

import (
	"cmp"
	"slices"
	"time"

	"yushan/bench/result"
)

// Look adds what has been counted so far to counts, and swaps the histogram of the
// latencies since the last look for an empty one. It takes the lock, for a moment.
func (r *Recorder) Look(counts *result.Counts, empty *result.Histogram) (recent *result.Histogram) {
	r.Lock()
	defer r.Unlock()
	for i := range r.classes {
		counts.Add(&r.classes[i].Counts)
	}
	recent, r.recent = r.recent, empty
	return recent
}

// NewRecent returns a histogram for Look.
func NewRecent() *result.Histogram { return result.NewHistogram(intervalDigits) }

// Fill writes what recorders of the same shape have counted into a result, when nobody
// records any more. elapsed is how long queries were sent; intervals behind it are
// left out. classes are the names of the classes of queries.
func Fill(to *result.Result, recorders []*Recorder, classes []string, elapsed time.Duration) {
	shape := recorders[0].shape
	to.Total = result.Stats{Latency: result.NewHistogram(digits)}
	to.Client.Service, to.Client.Lag = result.NewHistogram(digits), result.NewHistogram(digits)
	conns := result.Connections{Handshake: result.NewHistogram(digits)}
	faults := map[string]uint64{}
	to.Classes = make([]result.Class, len(classes))
	for i, name := range classes {
		to.Classes[i] = result.Class{Name: name, Stats: result.Stats{Latency: result.NewHistogram(digits)}}
	}
	count := min(len(recorders[0].intervals), max(1, int((elapsed+shape.Interval-1)/shape.Interval)))
	to.Intervals = make([]result.Interval, count)
	for i := range to.Intervals {
		at := time.Duration(i) * shape.Interval
		to.Intervals[i] = result.Interval{
			At:      at.Seconds(),
			Seconds: min(shape.Interval, elapsed-at).Seconds(),
			Stats:   result.Stats{Latency: result.NewHistogram(intervalDigits)},
		}
	}
	for _, r := range recorders {
		for i := range r.classes {
			from := &r.classes[i]
			to.Total.Add(&from.Counts)
			to.Classes[i].Add(&from.Counts)
			to.Total.Latency.Merge(from.Latency)
			to.Classes[i].Latency.Merge(from.Latency)
		}
		for i := range r.intervals {
			into := &to.Intervals[min(i, count-1)] // odd ones may come after the end
			into.Add(&r.intervals[i].Counts)
			into.Latency.Merge(r.intervals[i].Latency)
		}
		to.Client.Service.Merge(r.service)
		to.Client.Lag.Merge(r.lag)
		to.Client.SocketDrops += r.drops
		conns.Opened += r.conns.Opened
		conns.Resumed += r.conns.Resumed
		conns.Early += r.conns.Early
		conns.Failed += r.conns.Failed
		conns.Broken += r.conns.Broken
		conns.Handshake.Merge(r.conns.Handshake)
		for text, n := range r.faults {
			faults[text] += n
		}
	}
	to.Classes = slices.DeleteFunc(to.Classes, func(c result.Class) bool { return c.Due == 0 && c.Odd.Sum() == 0 })
	to.Seconds = elapsed.Seconds()
	if conns.Opened+conns.Failed > 0 {
		to.Connections = &conns
	}
	for text, n := range faults {
		to.Faults = append(to.Faults, result.Fault{Text: text, Count: n})
	}
	slices.SortFunc(to.Faults, func(a, b result.Fault) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text))
	})
}
