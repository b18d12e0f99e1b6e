package series

import (
	"fmt"
	"math"
	"slices"

	"yushan/bench/report/chart"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

// TimeAxis is of the run's time.
func TimeAxis(intervals []result.Interval) chart.Axis {
	last := &intervals[len(intervals)-1]
	return chart.Linear("", min(intervals[0].At, 0), last.At+last.Seconds, seconds)
}

func seconds(v float64) string { return units.Short(v) + " s" }

// Steps makes a series of one value of each interval.
func Steps(intervals []result.Interval, value func(*result.Interval) float64) []chart.Point {
	points := make([]chart.Point, len(intervals))
	for i := range intervals {
		interval := &intervals[i]
		points[i] = chart.Point{X: interval.At, End: interval.At + interval.Seconds, Y: value(interval), Title: Between(interval)}
	}
	return points
}

// Between says of which time an interval is.
func Between(i *result.Interval) string {
	return fmt.Sprintf("%s to %s s", units.Short(i.At), units.Short(i.At+i.Seconds))
}

// QuantileOf is a latency of an interval; NaN without answers.
func QuantileOf(share float64) func(*result.Interval) float64 {
	return func(i *result.Interval) float64 {
		if i.Latency.Count() == 0 {
			return math.NaN()
		}
		return float64(i.Latency.Quantile(share))
	}
}

// PerSecond is a rate; 0 of no time.
func PerSecond(n uint64, seconds float64) float64 {
	if !(seconds > 0) {
		return 0
	}
	return float64(n) / seconds
}

// Coarser merges neighbouring intervals so that there are at most so many. What it
// returns shares nothing with what it is given, unless there are few enough.
func Coarser(intervals []result.Interval, most int) []result.Interval {
	if len(intervals) <= most {
		return intervals
	}
	group := (len(intervals) + most - 1) / most
	merged := make([]result.Interval, 0, most)
	for chunk := range slices.Chunk(intervals, group) {
		m := chunk[0]
		m.Latency = result.NewHistogram(2)
		m.Latency.Merge(chunk[0].Latency)
		for i := range chunk[1:] {
			addInterval(&m, &chunk[1+i])
		}
		merged = append(merged, m)
	}
	return merged
}

func addInterval(to, from *result.Interval) {
	to.Seconds += from.Seconds
	to.ServerCPU += from.ServerCPU
	to.Add(&from.Counts)
	to.Latency.Merge(from.Latency)
}
