package report

import (
	"html/template"
	"math"

	"yushan/bench/report/chart"
	"yushan/bench/report/plain"
	"yushan/bench/report/series"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

const (
	plotColumns = 180 // intervals that a plot over time shows
	heatRows    = 44
)

// heatPlot shows the latencies of all answers over time.
func heatPlot(r *result.Result, intervals []result.Interval) template.HTML {
	h := r.Total.Latency
	x := series.TimeAxis(intervals)
	y := chart.Log("time to the answer", math.Max(float64(h.Min()), 1000), float64(h.Max()), series.AxisTime)
	heat := chart.NewHeat(heatRows)
	for i := range intervals {
		interval := &intervals[i]
		heat.Column(&x, interval.At, interval.At+interval.Seconds)
		for _, b := range interval.Latency.Buckets() {
			heat.Add(&y, float64(b.From), float64(b.To)+1, series.PerSecond(b.Count, interval.Seconds))
		}
	}
	plot := chart.Plot{Name: "Latency over time: median and 99th percentile, over a map of all answers", X: x, Y: y, Heat: heat, Height: 360, Series: []chart.Series{
		{Name: "p99", Class: "orange", Style: chart.Steps, Points: series.Steps(intervals, series.QuantileOf(0.99)), Format: series.Nanoseconds},
		{Name: "p50", Class: "ink", Style: chart.Steps, Points: series.Steps(intervals, series.QuantileOf(0.5)), Format: series.Nanoseconds},
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
	due := func(i *result.Interval) float64 { return series.PerSecond(i.Due, i.Seconds) }
	highest := 0.0
	for i := range intervals {
		highest = max(highest, due(&intervals[i]))
	}
	plot := chart.Plot{Name: "Queries per second over time", X: series.TimeAxis(intervals), Y: chart.FromZero("queries per second", highest, units.Short), Height: 260, Series: []chart.Series{
		{Name: "answered", Class: "blue", Style: chart.Filled, Format: units.Rate,
			Points: series.Steps(intervals, func(i *result.Interval) float64 { return series.PerSecond(i.Answered, i.Seconds) })},
		{Name: "due", Class: "gray", Style: chart.Steps, Dashed: true, Format: units.Rate, Points: series.Steps(intervals, due)},
	}}
	if r.Total.Loss() > 0 {
		plot.Series = append(plot.Series, chart.Series{Name: "lost", Class: "orange", Style: chart.Filled, Format: units.Rate,
			Points: series.Steps(intervals, func(i *result.Interval) float64 { return series.PerSecond(i.Lost+i.Unsent, i.Seconds) })})
	}
	return plot.Figure()
}

func viewServer(r *result.Result, intervals []result.Interval) *serverView {
	s := r.Server
	v := &serverView{About: plain.Clean(s.Source) + ": " + coresBusy(s.CPU, r.Seconds) + " busy"}
	if s.MemoryBytes > 0 {
		v.About += ", " + memory(s)
	}
	if s.Threads > 0 {
		v.About += ", " + units.Plural(uint64(s.Threads), "thread", "threads")
	}
	v.About += "."
	busy := func(i *result.Interval) float64 { return cores(i.ServerCPU, i.Seconds) }
	highest := 0.0
	for i := range intervals {
		highest = max(highest, busy(&intervals[i]))
	}
	if highest > 0 {
		plot := chart.Plot{Name: "CPU of the server over time", X: series.TimeAxis(intervals), Y: chart.FromZero("cores busy", highest, units.Short), Height: 220, Series: []chart.Series{
			{Name: "cores", Class: "violet", Style: chart.Filled, Points: series.Steps(intervals, busy), Format: func(v float64) string { return coresBusy(int64(v*1e9), 1) }},
		}}
		v.Plot = plot.Figure()
	}
	return v
}
