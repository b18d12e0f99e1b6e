package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"yushan/bench/report/plain"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

// TextOptions are of [Text].
type TextOptions struct {
	Color bool // by the escape sequences of terminals
}

// width is how many characters a line of text should have at most.
const width = 100

// Text writes what matters about a run, for people who read it in a terminal: first
// what spoils the figures, then the figures, then the rest.
func Text(w io.Writer, r *result.Result, options TextOptions) error {
	t := &text{result: r, paint: painter{options.Color}}
	t.head()
	t.findings()
	t.search()
	t.figures()
	t.latencies()
	t.overTime()
	t.rest()
	_, err := io.WriteString(w, t.out.String())
	return err
}

// text is a report under way.
type text struct {
	out    strings.Builder
	result *result.Result
	paint  painter
}

func (t *text) line(s string) { t.out.WriteString(s + "\n") }

func (t *text) printf(format string, args ...any) { fmt.Fprintf(&t.out, format+"\n", args...) }

func (t *text) head() {
	r := t.result
	t.line(t.paint.bold(plain.Clean(Title(r))))
	parts := []string{r.Started.UTC().Format("2006-01-02 15:04:05") + " UTC"}
	for _, s := range r.Settings {
		if n := strings.ToLower(s.Name); n == "server" || n == "transport" {
			if r.Title == "" {
				continue // they are the title
			}
		}
		parts = append(parts, plain.Clean(s.Name+" "+s.Value))
	}
	for _, line := range plain.Wrap(parts, " · ", width) {
		t.line(t.paint.dim(line))
	}
	t.line("")
}

func (t *text) findings() {
	for _, f := range findings(t.result) {
		paint, sign := t.paint.bold, "•"
		switch f.Severity {
		case failure:
			paint, sign = t.paint.red, "✘"
		case warning:
			paint, sign = t.paint.yellow, "!"
		}
		t.line(paint(sign + " " + plain.Clean(f.Title)))
		for _, line := range f.Lines {
			t.line("  " + plain.Clean(line))
		}
		if v := t.result.Verified; f.Severity == failure && v != nil && v.Wrong > 0 && strings.Contains(f.Title, "wrong") {
			t.reasons(v)
		}
		t.line("")
	}
}

// reasons tells which rules wrong answers break, with an example of each.
func (t *text) reasons(v *result.Verified) {
	for _, reason := range v.Reasons {
		t.printf("  %s × %s", units.Count(reason.Count), plain.Clean(reason.Rule))
		for _, example := range reason.Examples[:min(1, len(reason.Examples))] {
			t.line("      " + t.paint.dim(plain.Clean(example)))
		}
	}
}

// figures are the ones that people look for.
func (t *text) figures() {
	r := t.result
	c := &r.Total.Counts
	if c.Due == 0 {
		return
	}
	of := units.Count(c.Answered) + " of " + units.Count(c.Due)
	if c.Answered == c.Due {
		of = "all of " + units.Count(c.Due)
	}
	t.printf("Answered     %s   %s queries in %s", t.paint.bold(units.Rate(r.Rate())+"/s"), of, units.Span(r.Seconds))
	var unanswered []string
	if c.Lost > 0 {
		unanswered = append(unanswered, units.Count(c.Lost)+" without an answer in time")
	}
	if c.Unsent > 0 {
		unanswered = append(unanswered, units.Count(c.Unsent)+" not sent in time")
	}
	loss := t.paint.bold(units.Percent(c.Loss()))
	if c.Loss() > 0 {
		loss = t.paint.red(units.Percent(c.Loss())) + "   " + strings.Join(unanswered, ", ")
	}
	t.line("Lost         " + loss)
	if h := r.Total.Latency; h.Count() > 0 {
		t.printf("Latency      p50 %s   p99 %s   p99.9 %s   max %s", t.paint.bold(units.Duration(h.Quantile(0.5))),
			t.paint.bold(units.Duration(h.Quantile(0.99))), t.paint.bold(units.Duration(h.Quantile(0.999))), units.Duration(h.Max()))
	}
	if s := r.Server; s != nil {
		parts := []string{"CPU " + t.paint.bold(units.Duration(r.CPUPerAnswer())) + " an answer", coresBusy(s.CPU, r.Seconds)}
		if s.MemoryBytes > 0 {
			parts = append(parts, memory(s))
		}
		t.line("Server       " + strings.Join(parts, "   "))
	}
	if v := r.Verified; v != nil && v.Wrong == 0 {
		skipped := ""
		if v.Skipped > 0 {
			skipped = ", " + units.Count(v.Skipped) + " could not be judged"
		}
		t.printf("Verified     %s, %s%s", units.Plural(v.Answers, "answer", "answers"), t.paint.green("none wrong"), skipped)
	}
	t.line("")
}

var tableShares = []float64{0.5, 0.9, 0.99, 0.999, 0.9999}

// latencies is the table of them, of all queries and by class.
func (t *text) latencies() {
	r := t.result
	if r.Total.Answered == 0 {
		return
	}
	var table plain.Table
	head := []string{"Latency", "answered", "lost"}
	for _, share := range tableShares {
		head = append(head, units.Percentile(share))
	}
	table.QuietRow(append(head, "max", "mean")...)
	row := func(name string, c *result.Counts, h *result.Histogram) {
		cells := []string{name, units.Count(c.Answered), "–"}
		if c.Lost+c.Unsent > 0 {
			cells[2] = units.Percent(c.Loss())
		}
		table.Row(append(cells, latencyCells(h)...)...)
	}
	if len(r.Classes) != 1 {
		row("all", &r.Total.Counts, r.Total.Latency)
	}
	for i := range r.Classes {
		c := &r.Classes[i]
		if c.Due > 0 {
			row(plain.Clean(c.Name), &c.Counts, c.Latency)
		}
	}
	if waited(r) {
		table.QuietRow(append([]string{"from being sent", "", ""}, latencyCells(r.Client.Service)...)...)
	}
	for i, line := range table.Lines() {
		if table.Quiet(i) {
			line = t.paint.dim(line)
		}
		t.line(line)
	}
	if waited(r) {
		t.line(t.paint.dim("Latencies count from when a query was due; some waited until they could be sent or taken up."))
		t.line(t.paint.dim("A tool that counts from when they are sent would have shown no more than the last line."))
	}
	t.line("")
}

// latencyCells are the columns of tableShares, and the longest and the mean.
func latencyCells(h *result.Histogram) (cells []string) {
	if h.Count() == 0 {
		return nil
	}
	for _, share := range tableShares {
		// Of fewer answers than that, the percentile would be the longest by another name.
		if float64(h.Count())*(1-share) < 0.999 && share > 0.9 {
			cells = append(cells, "·")
			continue
		}
		cells = append(cells, units.Duration(h.Quantile(share)))
	}
	return append(cells, units.Duration(h.Max()), units.Duration(h.Mean()))
}

func (t *text) search() {
	s := t.result.Search
	if s == nil {
		return
	}
	if s.Rate > 0 {
		found := "Highest rate that kept "
		if s.AtLeast() {
			found = "Highest rate tried, which kept "
		}
		t.printf("%s%s: %s queries/s", found, plain.Clean(strings.Join(s.Keep, " and ")), t.paint.bold(units.Rate(s.Rate)))
	}
	var table plain.Table
	table.QuietRow("", "rate", "answered/s", "lost", "p50", "p99", "p99.9")
	steps := sortedSteps(s)
	for _, step := range steps {
		sign, _ := judged(&step)
		table.Row(sign, units.Rate(step.Rate), units.Rate(step.Answered), units.Percent(step.Loss),
			units.Duration(time.Duration(step.P50)), units.Duration(time.Duration(step.P99)), units.Duration(time.Duration(step.P999)))
	}
	for i, line := range table.Lines() {
		switch {
		case i == 0:
			line = t.paint.dim(line)
		default:
			sign, why := judged(&steps[i-1])
			switch sign {
			case broken:
				line = strings.Replace(line, sign, t.paint.red(sign), 1)
			case limited:
				line = strings.Replace(line, sign, t.paint.yellow(sign), 1)
			}
			if why != "" {
				line += "  " + t.paint.dim(why)
			}
		}
		t.line(line)
	}
	t.line("")
}

// Signs of a step of a search.
const (
	kept    = "✔"
	broken  = "✘"
	limited = "!" // by the client: it isn't known what the server would have done
)

// judged tells what came of a step, and why it was no better.
func judged(step *result.Step) (sign, why string) {
	switch {
	case step.Kept && step.Whole:
		return kept, "the whole run"
	case step.Kept:
		return kept, ""
	case len(step.Limits) > 0:
		return limited, plain.Clean(strings.Join(append(step.Broken[:len(step.Broken):len(step.Broken)], step.Limits...), "; "))
	}
	return broken, plain.Clean(strings.Join(step.Broken, "; "))
}

// rest is what is looked up if the figures raise questions.
func (t *text) rest() {
	r := t.result
	line := func(name string, parts []string) {
		if len(parts) == 0 {
			return
		}
		for i, text := range plain.Wrap(parts, "   ", width-13) {
			label := ""
			if i == 0 {
				label = name
			}
			t.printf("%-13s%s", label, text)
		}
	}
	var answers []string
	for code, n := range r.Total.RCodes {
		if n > 0 {
			answers = append(answers, fmt.Sprintf("%s %s (%s)", rcodes[code], units.Count(n), units.Percent(float64(n)/float64(r.Total.Answered))))
		}
	}
	if r.Total.Truncated > 0 {
		answers = append(answers, "truncated "+units.Count(r.Total.Truncated))
	}
	line("RCODEs", answers)
	if r.Total.Answered > 0 {
		line("Sizes", []string{fmt.Sprintf("queries %.0f bytes, answers %.0f bytes on average",
			float64(r.Total.SentBytes)/float64(max(r.Total.Sent, 1)), float64(r.Total.ReceivedBytes)/float64(r.Total.Answered))})
	}
	var odd []string
	for _, o := range oddities(&r.Total.Odd) {
		odd = append(odd, units.Count(o.Count)+" "+o.Name)
	}
	line("Odd", odd)
	if c := r.Connections; c != nil {
		line("Connections", connectionParts(c))
	}
	line("Client", clientParts(r))
	for i, fault := range r.Faults {
		label := ""
		if i == 0 {
			label = "Errors"
		}
		t.printf("%-13s%s × %s", label, units.Count(fault.Count), plain.Clean(fault.Text))
	}
}

func connectionParts(c *result.Connections) []string {
	parts := []string{units.Count(c.Opened) + " opened"}
	for _, n := range []namedCount{{"resumed", c.Resumed}, {"with 0-RTT", c.Early}, {"failed", c.Failed}, {"broken by the server", c.Broken}} {
		if n.Count > 0 {
			parts = append(parts, units.Count(n.Count)+" "+n.Name)
		}
	}
	if h := c.Handshake; h.Count() > 0 {
		parts = append(parts, fmt.Sprintf("handshake p50 %s, p99 %s", units.Duration(h.Quantile(0.5)), units.Duration(h.Quantile(0.99))))
	}
	return parts
}

func clientParts(r *result.Result) []string {
	c := &r.Client
	parts := []string{units.Plural(uint64(max(c.Workers, 0)), "worker", "workers")}
	if c.CPU > 0 && r.Total.Sent > 0 {
		parts = append(parts, fmt.Sprintf("CPU %s a query, %s", units.Duration(time.Duration(perAnswer(c.CPU, r.Total.Sent))), coresBusy(c.CPU, r.Seconds)))
	}
	if c.Lag.Count() > 0 {
		parts = append(parts, "late by p99 "+units.Duration(c.Lag.Quantile(0.99)))
	}
	if c.SocketDrops > 0 {
		parts = append(parts, units.Count(c.SocketDrops)+" answers dropped by its sockets")
	}
	return parts
}
