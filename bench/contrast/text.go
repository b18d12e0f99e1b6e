package contrast

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"yushan/bench/report"
	"yushan/bench/report/plain"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

// repeat is what the interval does not cover.
const repeat = "The interval comes from how each run varied within itself. What differs from run to run shows only if they are repeated."

// Text writes the comparison for people who read it in a terminal.
func (c *Comparison) Text(w io.Writer) error {
	var b strings.Builder
	b.WriteString(plain.Clean(c.Headline()) + "\n\n")
	for _, warning := range c.Warnings() {
		b.WriteString("! " + plain.Clean(warning) + "\n")
	}
	if len(c.Warnings()) > 0 {
		b.WriteString("\n")
	}
	for _, side := range c.sides() {
		fmt.Fprintf(&b, "%s: %s, %s\n", side.Name, side.Title, side.When)
	}
	b.WriteString("\n")

	var table plain.Table
	table.QuietRow("", plain.Clean(c.NameA), plain.Clean(c.NameB), "change", "95 % interval", "")
	for i := range c.Metrics {
		m := &c.Metrics[i]
		table.Row(m.Name, m.value(m.A), m.value(m.B), m.change(), m.interval(), m.words())
	}
	if len(c.Metrics) > 0 {
		write(&b, table.Lines())
	}
	if rates := c.searched(); rates != "" {
		b.WriteString(rates + "\n\n")
	}
	if len(c.Settings) > 0 {
		var settings plain.Table
		settings.QuietRow("Settings", plain.Clean(c.NameA), plain.Clean(c.NameB))
		for _, d := range c.Settings {
			settings.Row(plain.Clean(d.Name), orDash(d.A), orDash(d.B))
		}
		write(&b, settings.Lines())
	}
	b.WriteString(strings.Join(plain.Wrap(strings.Fields(repeat), " ", 100), "\n") + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func write(b *strings.Builder, lines []string) {
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	b.WriteString("\n")
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return plain.Clean(text)
}

// side is one of the runs, in words.
type side struct{ Name, Title, When, Class string }

func (c *Comparison) sides() [2]side {
	of := func(name, class string, r *result.Result) side {
		return side{plain.Clean(name), plain.Clean(report.Title(r)), r.Started.UTC().Format("2006-01-02 15:04:05") + " UTC, " + units.Span(r.Seconds), class}
	}
	return [2]side{of(c.NameA, "blue", c.A), of(c.NameB, "orange", c.B)}
}

// searched tells the rates that were searched for, if both were.
func (c *Comparison) searched() string {
	a, b := c.A.Search, c.B.Search
	if a == nil || b == nil {
		return ""
	}
	rate := func(s *result.Search) string {
		switch {
		case s.Rate == 0:
			return "none"
		case s.AtLeast():
			return "at least " + units.Rate(s.Rate) + "/s"
		}
		return units.Rate(s.Rate) + "/s"
	}
	text := fmt.Sprintf("Highest rate that kept the conditions: %s %s, %s %s", plain.Clean(c.NameA), rate(a), plain.Clean(c.NameB), rate(b))
	if a.Rate > 0 && b.Rate > 0 && !a.AtLeast() && !b.AtLeast() {
		text += " (" + signed(b.Rate/a.Rate-1) + ")"
	}
	return text + "."
}

// value writes one of the metric's.
func (m *Metric) value(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case m.Unit == Rate:
		return units.Rate(v)
	case m.Unit == Share:
		return units.Percent(v)
	}
	return units.Duration(time.Duration(v))
}

// change writes how much more it is in b.
func (m *Metric) change() string {
	switch {
	case math.IsNaN(m.Change) || math.IsInf(m.Change, 0):
		return "–"
	case m.Unit == Share:
		return points(m.Change) + " pp"
	}
	return signed(m.Change)
}

// interval writes what the change may be.
func (m *Metric) interval() string {
	switch {
	case m.Verdict == Unknown:
		return "–"
	case m.Unit == Share:
		return points(m.Low) + " … " + points(m.High) + " pp"
	case m.High > 1:
		return signed(m.Low) + " … " + signed(m.High)
	}
	low, high := m.spread()
	return sign(low, m.Low) + " … " + sign(high, m.High) + " %"
}

// signed writes a relative change: "+12 %", "−3.5 %", and from the double on "×2.3".
func signed(change float64) string {
	if change > 1 {
		return "×" + units.Digits(1+change)
	}
	return sign(percent(change, digits(change)), change) + " %"
}

// points writes a difference of shares in percentage points.
func points(change float64) string {
	return sign(units.Digits(math.Abs(change)*100), change)
}

func sign(amount string, of float64) string {
	switch {
	case amount == "0":
		return "0"
	case of < 0:
		return "−" + amount
	}
	return "+" + amount
}

// words say what the verdict is.
func (m *Metric) words() string {
	switch {
	case math.IsNaN(m.A):
		return "only in the second"
	case math.IsNaN(m.B):
		return "only in the first"
	}
	return [...]string{"not enough measured", "no difference", "unclear", "better", "worse"}[m.Verdict]
}
