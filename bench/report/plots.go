package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"yushan/bench/report/chart"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

const (
	plotColumns = 180 // intervals that a plot over time shows
	heatRows    = 44
	curveSteps  = 160 // of a curve by percentile
)

// axisTime writes a latency for an axis: "100 µs", "5 ms".
func axisTime(ns float64) string {
	text := units.Duration(time.Duration(math.Round(ns)))
	number, unit, _ := strings.Cut(text, " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return strings.TrimSpace(number + " " + unit)
}

func seconds(v float64) string { return units.Short(v) + " s" }

// timeAxis is of the run's time.
func timeAxis(intervals []result.Interval) chart.Axis {
	last := &intervals[len(intervals)-1]
	return chart.Linear("", min(intervals[0].At, 0), last.At+last.Seconds, seconds)
}

func between(i *result.Interval) string {
	return fmt.Sprintf("%s to %s s", units.Short(i.At), units.Short(i.At+i.Seconds))
}

// steps makes a series of one value of each interval.
func steps(intervals []result.Interval, value func(*result.Interval) float64) []chart.Point {
	points := make([]chart.Point, len(intervals))
	for i := range intervals {
		interval := &intervals[i]
		points[i] = chart.Point{X: interval.At, End: interval.At + interval.Seconds, Y: value(interval), Title: between(interval)}
	}
	return points
}

// quantileOf is a latency of an interval; NaN without answers.
func quantileOf(share float64) func(*result.Interval) float64 {
	return func(i *result.Interval) float64 {
		if i.Latency.Count() == 0 {
			return math.NaN()
		}
		return float64(i.Latency.Quantile(share))
	}
}

// heatPlot shows the latencies of all answers over time.
func heatPlot(r *result.Result, intervals []result.Interval) template.HTML {
	h := r.Total.Latency
	x := timeAxis(intervals)
	y := chart.Log("time to the answer", math.Max(float64(h.Min()), 1000), float64(h.Max()), axisTime)
	heat := chart.NewHeat(heatRows)
	for i := range intervals {
		interval := &intervals[i]
		heat.Column(&x, interval.At, interval.At+interval.Seconds)
		for _, b := range interval.Latency.Buckets() {
			heat.Add(&y, float64(b.From), float64(b.To)+1, perSecond(b.Count, interval.Seconds))
		}
	}
	plot := chart.Plot{Name: "Latency over time: median and 99th percentile, over a map of all answers", X: x, Y: y, Heat: heat, Height: 360, Series: []chart.Series{
		{Name: "p99", Class: "orange", Style: chart.Steps, Points: steps(intervals, quantileOf(0.99)), Format: nanoseconds},
		{Name: "p50", Class: "ink", Style: chart.Steps, Points: steps(intervals, quantileOf(0.5)), Format: nanoseconds},
	}}
	if r.Total.Loss() > 0 {
		plot.Strip = &chart.Strip{Name: "lost", Class: "red"}
		for i := range intervals {
			interval := &intervals[i]
			// The square root, since one in a hundred is much already.
			plot.Strip.Parts = append(plot.Strip.Parts, chart.Part{From: interval.At, To: interval.At + interval.Seconds, Strength: math.Sqrt(interval.Loss())})
		}
	}
	return plot.Figure()
}

// throughputPlot shows what was due and what came of it.
func throughputPlot(r *result.Result, intervals []result.Interval) template.HTML {
	due := func(i *result.Interval) float64 { return perSecond(i.Due, i.Seconds) }
	highest := 0.0
	for i := range intervals {
		highest = max(highest, due(&intervals[i]))
	}
	plot := chart.Plot{Name: "Queries per second over time", X: timeAxis(intervals), Y: chart.FromZero("queries per second", highest, units.Short), Height: 260, Series: []chart.Series{
		{Name: "answered", Class: "blue", Style: chart.Filled, Format: units.Rate,
			Points: steps(intervals, func(i *result.Interval) float64 { return perSecond(i.Answered, i.Seconds) })},
		{Name: "due", Class: "gray", Style: chart.Steps, Dashed: true, Format: units.Rate, Points: steps(intervals, due)},
	}}
	if r.Total.Loss() > 0 {
		plot.Series = append(plot.Series, chart.Series{Name: "lost", Class: "orange", Style: chart.Filled, Format: units.Rate,
			Points: steps(intervals, func(i *result.Interval) float64 { return perSecond(i.Lost+i.Unsent, i.Seconds) })})
	}
	return plot.Figure()
}

func viewServer(r *result.Result, intervals []result.Interval) *serverView {
	s := r.Server
	v := &serverView{About: clean(s.Source) + ": " + coresBusy(s.CPU, r.Seconds) + " busy"}
	if s.MemoryBytes > 0 {
		v.About += ", " + units.Bytes(s.MemoryBytes) + " of memory"
	}
	if s.Threads > 0 {
		v.About += ", " + plural(uint64(s.Threads), "thread", "threads")
	}
	v.About += "."
	busy := func(i *result.Interval) float64 { return cores(i.ServerCPU, i.Seconds) }
	highest := 0.0
	for i := range intervals {
		highest = max(highest, busy(&intervals[i]))
	}
	if highest > 0 {
		plot := chart.Plot{Name: "CPU of the server over time", X: timeAxis(intervals), Y: chart.FromZero("cores busy", highest, units.Short), Height: 220, Series: []chart.Series{
			{Name: "cores", Class: "violet", Style: chart.Filled, Points: steps(intervals, busy), Format: func(v float64) string { return coresBusy(int64(v*1e9), 1) }},
		}}
		v.Plot = plot.Figure()
	}
	return v
}
