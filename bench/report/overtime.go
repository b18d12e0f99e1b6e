package report

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"yushan/bench/report/plain"
	"yushan/bench/report/series"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

// sparkColumns is how many characters the lines over time have at most.
const sparkColumns = 60

// overTime shows how the run went on, a character for some intervals.
func (t *text) overTime() {
	r := t.result
	parts := series.Coarser(r.Intervals, sparkColumns)
	if len(parts) < 3 {
		return
	}
	rows := []struct {
		name  string
		value func(*result.Interval) float64
		text  func(float64) string
		log   bool
		hide  bool
	}{
		{"answered/s", func(i *result.Interval) float64 { return series.PerSecond(i.Answered, i.Seconds) }, units.Rate, false, false},
		{"lost/s", func(i *result.Interval) float64 { return series.PerSecond(i.Lost+i.Unsent, i.Seconds) }, units.Rate, false, r.Total.Loss() == 0},
		{"p50", func(i *result.Interval) float64 { return float64(i.Latency.Quantile(0.5)) }, series.Nanoseconds, true, r.Total.Answered == 0},
		{"p99", func(i *result.Interval) float64 { return float64(i.Latency.Quantile(0.99)) }, series.Nanoseconds, true, r.Total.Answered == 0},
	}
	var table plain.Table
	table.QuietRow("Over "+units.Span(r.Seconds), "", "lowest", "highest")
	for _, s := range rows {
		if s.hide {
			continue
		}
		values := make([]float64, len(parts))
		for i := range parts {
			values[i] = s.value(&parts[i])
		}
		table.Row("  "+s.name, sparkline(values, s.log), s.text(lowest(values, s.log)), s.text(slices.Max(values)))
	}
	for i, line := range table.Lines() {
		if table.Quiet(i) {
			line = t.paint.dim(line)
		}
		t.line(line)
	}
	t.line("")
}

// lowest is the least of values; no answers (0) have no time (log).
func lowest(values []float64, log bool) float64 {
	least := math.Inf(1)
	for _, v := range values {
		if v > 0 || !log {
			least = min(least, v)
		}
	}
	return least
}

// sparkline draws a character for each value: rates from 0 on, times (log) so that a
// step up is always the same factor, and at least eight such steps lie in a factor of
// four.
func sparkline(values []float64, log bool) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	scale := func(v float64) float64 { return v }
	low, high := 0.0, slices.Max(values)
	if log {
		scale = func(v float64) float64 { return math.Log2(max(v, 1)) }
		low = math.Inf(1)
		for _, v := range values {
			if v > 0 {
				low = min(low, scale(v))
			}
		}
		high = max(scale(high), low+2)
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case v <= 0 && log:
			b.WriteByte(' ') // no answers: no time
		case high <= low:
			b.WriteRune(bars[0])
		default:
			step := int((scale(v) - low) / (high - low) * float64(len(bars)))
			b.WriteRune(bars[min(max(step, 0), len(bars)-1)])
		}
	}
	return b.String()
}

// sortedSteps are those of a search by their rate, in the order of trial where that is
// the same.
func sortedSteps(s *result.Search) []result.Step {
	steps := slices.Clone(s.Steps)
	slices.SortStableFunc(steps, func(a, b result.Step) int { return cmp.Compare(a.Rate, b.Rate) })
	return steps
}
