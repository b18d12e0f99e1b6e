package render

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"yushan/bench/report/units"
	"yushan/bench/versus/outcome"
)

// table is an outcome with what follows from it.
type table struct {
	*outcome.Outcome
	judged []outcome.Judgement
}

func newTable(o *outcome.Outcome) *table {
	t := &table{Outcome: o}
	for i := range o.Rows {
		t.judged = append(t.judged, o.Judge(&o.Rows[i]))
	}
	return t
}

// name is a server's with its version: "NSD 4.6.1". Of yushan it is the name alone, since
// there is one of it.
func (t *table) name(id string) string {
	s := t.Server(id)
	switch {
	case s == nil:
		return names[id]
	case id == outcome.Yushan || s.Version == "":
		return s.Name
	}
	return s.Name + " " + s.Version
}

// names are those of servers that targets are held against and that are not there.
var names = map[string]string{"nsd": "NSD", "knot": "Knot", "knot-new": "Knot ≥ 3.4", "bind": "BIND", "coredns": "CoreDNS", "c-echo": "C echo", "go-echo": "Go echo"}

// value writes a figure of a row, without its unit.
func value(row *outcome.Row, v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case row.More:
		return units.Rate(v)
	case v >= 999.5:
		return units.Count(uint64(math.Round(v)))
	}
	return units.Digits(v)
}

// with writes a figure with its unit.
func with(row *outcome.Row, v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	if strings.HasPrefix(row.Unit, "/") {
		return value(row, v) + row.Unit
	}
	return value(row, v) + " " + row.Unit
}

func reach(row *outcome.Row, f *outcome.Figures) string {
	if f.Rounds < 2 {
		return "–"
	}
	return value(row, f.Min) + "–" + value(row, f.Max)
}

// times is a ratio: "0.31".
func times(ratio float64) string {
	switch {
	case math.IsNaN(ratio):
		return "–"
	case ratio > 0 && ratio < 0.0995:
		return strconv.FormatFloat(ratio, 'g', 2, 64)
	case ratio < 9.995:
		return strconv.FormatFloat(ratio, 'f', 2, 64)
	}
	return units.Digits(ratio)
}

// between is a ratio with its interval: "0.31 × (0.29–0.33)".
func between(e outcome.Estimate) string {
	if math.IsNaN(e.Value) {
		return "–"
	}
	return times(e.Value) + " ×" + interval(e, times)
}

// interval is that of an estimate in parentheses, unless it is too small to be seen.
func interval(e outcome.Estimate, format func(float64) string) string {
	low, high := format(e.Low), format(e.High)
	if low == high {
		return ""
	}
	return " (" + low + "–" + high + ")"
}

// extra is a column of figures beside the value.
type extra struct {
	name, head string
	format     func(float64) string
}

// extras are in the order of the columns.
var extras = []extra{
	{outcome.Rate, "answers/s", units.Rate},
	{outcome.Lost, "lost", units.Percent},
	{outcome.Response, "bytes a response", func(v float64) string { return strconv.Itoa(int(math.Round(v))) }},
	{outcome.Resumed, "resumed", units.Percent},
	{"bytes", "bytes a delegation", func(v float64) string { return strconv.Itoa(int(math.Round(v))) }},
	{outcome.One, "µs/query with one, or the small zone", units.Digits},
	{outcome.Two, "with two, or the largest zone", units.Digits},
	{outcome.Memory, "before, MB", megabytes},
	{outcome.Peak, "most, MB", megabytes},
	{outcome.After, "after, MB", megabytes},
	{outcome.Seconds, "s until in service", units.Digits},
	{outcome.CPU, "CPU s", units.Digits},
	{outcome.IdleCPU, "CPU ms", units.Digits},
	{outcome.AtWork, "ms at half load", units.Digits},
}

func megabytes(v float64) string { return units.Digits(v / 1e6) }

// columns are the extras that a row has. Memory is shown beside its peak only.
func columns(j *outcome.Judgement) []extra {
	return slices.DeleteFunc(slices.Clone(extras), func(e extra) bool {
		return !slices.ContainsFunc(j.Figures, func(f outcome.Figures) bool {
			_, has := f.Extra[e.name]
			_, peak := f.Extra[outcome.Peak]
			return has && (e.name != outcome.Memory || peak)
		})
	})
}

// head names the columns of a row's own figures.
func (e extra) title(row *outcome.Row) string {
	one, two := "one", "two"
	switch row.ID {
	case "growth":
		one, two = "µs/query, one worker", "µs/query, two workers"
	case "huge-lookup":
		one, two = "µs/query, small zone", "µs/query, largest zone"
	case "change-latency":
		one, two = "p99.9 quiet, µs", "p99.9 during changes, µs"
	}
	switch e.name {
	case outcome.One:
		return one
	case outcome.Two:
		return two
	}
	return e.head
}

// counts are how many targets there are, and came to what.
type counts struct{ targets, reached, missed, unknown int }

func (t *table) counts() (c counts) {
	for _, j := range t.judged {
		for _, target := range j.Targets {
			if target.Moonshot {
				continue
			}
			c.targets++
			switch {
			case target.Verdict == outcome.Unknown:
				c.unknown++
			case target.Verdict.Good():
				c.reached++
			default:
				c.missed++
			}
		}
	}
	return c
}

// headline is the outcome in a sentence.
func (t *table) headline() string {
	c := t.counts()
	text := fmt.Sprintf("%d of %d targets reached, %d missed", c.reached, c.targets, c.missed)
	if c.unknown > 0 {
		text += fmt.Sprintf(", %d not measured", c.unknown)
	}
	return text
}

// losses are where a peer does better, and beyond is where a target is missed without
// that.
func (t *table) losses() (losses, beyond []string) {
	for _, j := range t.judged {
		if j.Lost {
			losses = append(losses, fmt.Sprintf("%s: %s is better: %s by %s, %s", j.Title, t.name(j.Best),
				with(j.Row, j.Of(outcome.Yushan).Median), with(j.Row, j.Of(j.Best).Median), between(j.Ratio)))
		}
		for _, target := range j.Targets {
			if target.Verdict == outcome.Missed || target.Verdict == outcome.LikelyMissed {
				moonshot := ""
				if target.Moonshot {
					moonshot = ", a moonshot"
				}
				beyond = append(beyond, fmt.Sprintf("%s: %s, the target is %s (%s%s)", j.Title, t.came(&j, target), target.Text(j.Row, t.name), target.Verdict, moonshot))
			}
		}
	}
	return losses, beyond
}

// came is what a figure came to, in the words of its target.
func (t *table) came(j *outcome.Judgement, target outcome.Judged) string {
	if math.IsNaN(target.Ratio.Value) {
		return "–"
	}
	if target.Of == "" {
		return with(j.Row, target.Ratio.Value) + interval(target.Ratio, func(v float64) string { return value(j.Row, v) })
	}
	return between(target.Ratio)
}

// busy is the largest share of the machine that others had, and in which row.
func (t *table) busy() (share float64, row string) {
	for _, j := range t.judged {
		for _, f := range j.Figures {
			if f.Others > share {
				share, row = f.Others, j.Title
			}
		}
	}
	return share, row
}
