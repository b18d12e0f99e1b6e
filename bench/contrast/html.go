package contrast

import (
	_ "embed"
	"html/template"
	"io"
	"math"
	"strings"

	"yushan/bench/report/chart"
	"yushan/bench/report/page"
	"yushan/bench/report/plain"
	"yushan/bench/report/series"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

//go:embed contrast.html
var bodyText string

var body = template.Must(template.New("contrast").Parse(bodyText))

type content struct {
	Loudness, Headline, Repeat, Searched string
	Warnings                             []string
	Sides                                [2]side
	Rows                                 []row
	Axis                                 template.HTML
	Percentiles, Times, Throughput       template.HTML
	Settings                             []Difference
}

type row struct {
	Name, A, B, Change, Interval, Verdict, Class string
	Plot                                         template.HTML
}

// HTML writes the comparison as one self-contained page with plots.
func (c *Comparison) HTML(w io.Writer) error {
	view := content{
		Headline: plain.Clean(c.Headline()), Loudness: c.loudness(), Repeat: repeat, Searched: c.searched(), Sides: c.sides(),
		Percentiles: c.percentiles(), Times: c.times(), Throughput: c.throughput(),
	}
	for _, warning := range c.Warnings() {
		view.Warnings = append(view.Warnings, plain.Clean(warning))
	}
	for _, d := range c.Settings {
		view.Settings = append(view.Settings, Difference{plain.Clean(d.Name), orDash(d.A), orDash(d.B)})
	}
	axis, place := c.axis()
	view.Axis = chart.RangeAxis(&axis, 3)
	for i := range c.Metrics {
		m := &c.Metrics[i]
		r := row{Name: m.Name, A: m.value(m.A), B: m.value(m.B), Change: m.change(), Interval: m.interval(), Verdict: m.words(), Class: m.Verdict.String()}
		if m.plotted() {
			class := [...]string{"gray", "gray", "yellow", "green", "orange"}[m.Verdict]
			r.Plot = chart.Interval(&axis, place(0), chart.Range{Low: place(m.Low), Middle: place(m.Change), High: place(m.High), Class: class, Name: r.Change + ", " + r.Interval})
		}
		view.Rows = append(view.Rows, r)
	}
	var b strings.Builder
	if err := body.Execute(&b, view); err != nil {
		return err
	}
	return page.Write(w, page.Page{
		Kind: "Comparison", Title: view.Sides[0].Name + " and " + view.Sides[1].Name,
		About: []string{view.Sides[0].Title, view.Sides[1].Title}, Body: template.HTML(b.String()),
		Foot: "Made by yushan-bench. Latencies are times from when a query was due to its answer; percentiles are of answered queries.",
	})
}

// loudness is the class of the box that the headline is in.
func (c *Comparison) loudness() string {
	var have [Worse + 1]bool
	for i := range c.Metrics {
		have[c.Metrics[i].Verdict] = true
	}
	switch {
	case have[Worse], have[Unclear]:
		return "warning"
	case have[Better]:
		return "good"
	}
	return "note"
}

// plotted tells whether the metric has a place on the axis of relative changes.
func (m *Metric) plotted() bool { return m.Verdict != Unknown && m.Unit != Share }

// axis is the one of relative changes, and where on it a change is: as a factor on a
// logarithmic one if any is more than double.
func (c *Comparison) axis() (chart.Axis, func(float64) float64) {
	low, high := -0.02, 0.02
	for i := range c.Metrics {
		if m := &c.Metrics[i]; m.plotted() {
			low, high = min(low, m.Low), max(high, m.High)
		}
	}
	if high > 1 || low < -0.6 {
		return chart.Log("change", max(1+low, 1e-3), 1+high, func(v float64) string { return "×" + units.Short(v) }),
			func(change float64) float64 { return max(1+change, 1e-6) }
	}
	return chart.Around("change", low, high, signed), func(change float64) float64 { return change }
}

// runs calls a function for both runs, with their names and colours.
func (c *Comparison) runs(do func(name, class string, r *result.Result)) {
	do(plain.Clean(c.NameA), "blue", c.A)
	do(plain.Clean(c.NameB), "orange", c.B)
}

func (c *Comparison) percentiles() template.HTML {
	low, high, most := math.Inf(1), 0.0, 0.9
	c.runs(func(_, _ string, r *result.Result) {
		if h := r.Total.Latency; h.Count() > 0 {
			low, high = min(low, float64(h.Quantile(0.01))), max(high, float64(h.Max()))
			most = max(most, series.HighestPercentile(h))
		}
	})
	if high == 0 {
		return ""
	}
	plot := chart.Plot{Name: "Latency by percentile of both runs", Height: 340,
		X: chart.Percentiles("percentile of answers", most), Y: chart.Log("time to the answer", max(low, 1000), high, series.AxisTime)}
	c.runs(func(name, class string, r *result.Result) {
		x := chart.Percentiles("", series.HighestPercentile(r.Total.Latency))
		plot.Series = append(plot.Series, chart.Series{Name: name, Class: class, Dashed: class == "blue", Points: series.PercentileCurve(r.Total.Latency, &x), Format: series.Nanoseconds})
	})
	return plot.Figure()
}

// plotColumns is how many intervals of a run a plot over time shows.
const plotColumns = 180

// over makes a plot over time of both runs. line adds what it shows of one.
func (c *Comparison) over(plot chart.Plot, line func(name, class string, r *result.Result, intervals []result.Interval) []chart.Series) template.HTML {
	var longest []result.Interval
	c.runs(func(name, class string, r *result.Result) {
		intervals := series.Coarser(r.Intervals, plotColumns)
		if len(intervals) == 0 {
			return
		}
		if longest == nil || end(intervals) > end(longest) {
			longest = intervals
		}
		plot.Series = append(plot.Series, line(name, class, r, intervals)...)
	})
	if longest == nil {
		return ""
	}
	plot.X = series.TimeAxis(longest)
	return plot.Figure()
}

func end(intervals []result.Interval) float64 {
	last := &intervals[len(intervals)-1]
	return last.At + last.Seconds
}

func (c *Comparison) times() template.HTML {
	low, high := math.Inf(1), 0.0
	c.runs(func(_, _ string, r *result.Result) {
		for i := range r.Intervals {
			if h := r.Intervals[i].Latency; h.Count() > 0 {
				low, high = min(low, float64(h.Quantile(0.5))), max(high, float64(h.Quantile(0.99)))
			}
		}
	})
	if high == 0 {
		return ""
	}
	plot := chart.Plot{Name: "Latency over time of both runs", Height: 300, Y: chart.Log("time to the answer", max(low, 1000), high, series.AxisTime)}
	return c.over(plot, func(name, class string, _ *result.Result, intervals []result.Interval) []chart.Series {
		return []chart.Series{
			{Name: name + ", p99", Class: class, Style: chart.Steps, Points: series.Steps(intervals, series.QuantileOf(0.99)), Format: series.Nanoseconds},
			{Name: name + ", p50", Class: class, Style: chart.Steps, Dashed: true, Points: series.Steps(intervals, series.QuantileOf(0.5)), Format: series.Nanoseconds},
		}
	})
}

func (c *Comparison) throughput() template.HTML {
	answered := func(i *result.Interval) float64 { return series.PerSecond(i.Answered, i.Seconds) }
	highest := 0.0
	c.runs(func(_, _ string, r *result.Result) {
		intervals := series.Coarser(r.Intervals, plotColumns)
		for i := range intervals {
			highest = max(highest, answered(&intervals[i]))
		}
	})
	if highest == 0 {
		return ""
	}
	plot := chart.Plot{Name: "Answers per second of both runs", Height: 240, Y: chart.FromZero("answers per second", highest, units.Short)}
	return c.over(plot, func(name, class string, _ *result.Result, intervals []result.Interval) []chart.Series {
		return []chart.Series{{Name: name, Class: class, Style: chart.Steps, Dashed: class == "blue", Points: series.Steps(intervals, answered), Format: units.Rate}}
	})
}
