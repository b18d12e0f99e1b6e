package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"yushan/bench/report/chart"
	"yushan/bench/report/plain"
	"yushan/bench/report/series"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

type latencyView struct {
	Unanswered string // share
	Plot       template.HTML
	Head       []string
	Axis       template.HTML
	Rows       []latencyRow
	Waited     bool
}

type latencyRow struct {
	Name   string
	Cells  []string
	Spread template.HTML
	Quiet  bool
}

func viewLatency(r *result.Result) *latencyView {
	if r.Total.Answered == 0 {
		return nil
	}
	v := &latencyView{Plot: percentilePlot(r), Head: []string{"", "answered", "lost"}, Waited: waited(r)}
	if loss := r.Total.Loss(); loss > 0 {
		v.Unanswered = strings.ReplaceAll(units.Percent(loss), " ", "\u00a0")
	}
	for _, share := range tableShares {
		v.Head = append(v.Head, units.Percentile(share))
	}
	v.Head = append(v.Head, "max", "mean")

	low, high := math.Inf(1), 0.0
	span := func(h *result.Histogram) {
		if h.Count() > 0 {
			low, high = min(low, float64(h.Quantile(0.5))), max(high, float64(h.Quantile(0.999)))
		}
	}
	span(r.Total.Latency)
	for i := range r.Classes {
		span(r.Classes[i].Latency)
	}
	axis := chart.Log("latency", max(low, 1000), high, series.AxisTime)
	v.Axis = chart.RangeAxis(&axis, 3)
	row := func(name string, counts [2]string, h *result.Histogram, class string, quiet bool) {
		row := latencyRow{Name: plain.Clean(name), Cells: append(counts[:], latencyCells(h)...), Quiet: quiet}
		if h.Count() > 0 {
			p50, p99, p999 := h.Quantile(0.5), h.Quantile(0.99), h.Quantile(0.999)
			row.Spread = chart.Spread(&axis, chart.Range{Low: float64(p50), Middle: float64(p99), High: float64(p999), Class: class,
				Name: fmt.Sprintf("p50 %s, p99 %s, p99.9 %s", units.Duration(p50), units.Duration(p99), units.Duration(p999))})
		} else {
			for range len(tableShares) + 2 {
				row.Cells = append(row.Cells, "–")
			}
		}
		v.Rows = append(v.Rows, row)
	}
	lost := func(c *result.Counts) [2]string {
		cells := [2]string{units.Count(c.Answered), "–"}
		if c.Lost+c.Unsent > 0 {
			cells[1] = units.Percent(c.Loss())
		}
		return cells
	}
	if len(r.Classes) != 1 {
		row("all", lost(&r.Total.Counts), r.Total.Latency, "ink", false)
	}
	for i := range r.Classes {
		if c := &r.Classes[i]; c.Due > 0 {
			row(c.Name, lost(&c.Counts), c.Latency, "blue", false)
		}
	}
	if v.Waited {
		row("from being sent", [2]string{}, r.Client.Service, "gray", true)
	}
	return v
}

// labelled are the percentiles that a curve names.
var labelled = []float64{0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999}

// percentilePlot draws the latencies by percentile, and those from when queries went
// out.
func percentilePlot(r *result.Result) template.HTML {
	h := r.Total.Latency
	x := chart.Percentiles("percentile of answers", series.HighestPercentile(h))
	y := chart.Log("time to the answer", max(float64(h.Quantile(0.01)), 1000), float64(h.Max()), series.AxisTime)
	curve := chart.Series{Name: "from when it was due", Class: "blue", Style: chart.Curve, Points: series.PercentileCurve(h, &x), Format: series.Nanoseconds}
	marks := chart.Series{Class: "blue", Style: chart.Curve, Silent: true}
	for _, share := range labelled {
		if series.Reached(h, share) {
			marks.Points = append(marks.Points, chart.Point{X: share, Y: math.NaN()}, chart.Point{X: share, Y: float64(h.Quantile(share)), Label: units.Duration(h.Quantile(share))})
		}
	}
	plot := chart.Plot{Name: "Latency by percentile", X: x, Y: y, Height: 340, Series: []chart.Series{}}
	if waited(r) {
		plot.Series = append(plot.Series, chart.Series{Name: "from when it was sent", Class: "gray", Style: chart.Curve, Dashed: true, Points: series.PercentileCurve(r.Client.Service, &x), Format: series.Nanoseconds})
	}
	plot.Series = append(plot.Series, curve, marks)
	return plot.Figure()
}

type searchView struct {
	Title string
	Plot  template.HTML
	Steps []stepRow
}

type stepRow struct {
	Class, Sign, Rate, Answered, Loss, P50, P99, P999, Why string
}

func viewSearch(r *result.Result) *searchView {
	s := r.Search
	if s == nil || len(s.Steps) == 0 {
		return nil
	}
	keep := plain.Clean(strings.Join(s.Keep, " and "))
	v := &searchView{Title: "No rate kept " + keep}
	switch {
	case s.Rate > 0 && s.AtLeast():
		v.Title = units.Rate(s.Rate) + " queries/s or more keep " + keep
	case s.Rate > 0:
		v.Title = units.Rate(s.Rate) + " queries/s is the highest rate that keeps " + keep
	}
	found := -1
	all := sortedSteps(s)
	for i, step := range all {
		sign, why := judged(&step)
		row := stepRow{Sign: sign, Why: why, Rate: units.Rate(step.Rate), Answered: units.Rate(step.Answered), Loss: units.Percent(step.Loss),
			P50: series.Nanoseconds(float64(step.P50)), P99: series.Nanoseconds(float64(step.P99)), P999: series.Nanoseconds(float64(step.P999))}
		switch {
		case sign == broken:
			row.Class = "bad"
		case step.Kept && step.Rate == s.Rate:
			found = i
		}
		v.Steps = append(v.Steps, row)
	}
	if found >= 0 {
		v.Steps[found].Class = "best"
	}
	v.Plot = searchPlot(s, all)
	return v
}

// searchPlot draws latencies against the rate that was offered.
func searchPlot(s *result.Search, all []result.Step) template.HTML {
	low, high := math.Inf(1), 0.0
	lines := []chart.Series{
		{Name: "p99.9", Class: "violet"}, {Name: "p99", Class: "orange"}, {Name: "p50", Class: "blue"},
	}
	for _, step := range all {
		for i, ns := range []int64{step.P999, step.P99, step.P50} {
			point := chart.Point{X: step.Rate, Y: math.NaN(), Title: units.Rate(step.Rate) + " queries/s"}
			if ns > 0 {
				point.Y = float64(ns)
				low, high = min(low, point.Y), max(high, point.Y)
			}
			if !step.Kept {
				point.Class = "red hollow"
			}
			lines[i].Points = append(lines[i].Points, point)
		}
	}
	if high == 0 {
		return ""
	}
	for i := range lines {
		lines[i].Style, lines[i].Format = chart.Dots, series.Nanoseconds
	}
	plot := chart.Plot{Name: "Latency by offered rate", Height: 320, Series: lines,
		X: chart.FromZero("queries per second", all[len(all)-1].Rate, units.Short),
		Y: chart.Log("time to the answer", low, high, series.AxisTime)}
	if s.Rate > 0 {
		plot.Lines = []chart.Line{{At: s.Rate, Text: units.Rate(s.Rate) + "/s", Class: "jade"}}
	}
	return plot.Figure()
}
