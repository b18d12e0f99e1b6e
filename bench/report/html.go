package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"yushan/bench/report/page"
	"yushan/bench/report/plain"
	"yushan/bench/report/series"
	"yushan/bench/report/units"
	"yushan/bench/result"
)

//go:embed report.html
var bodyText string

var body = template.Must(template.New("report").Parse(bodyText))

// HTML writes the report as one self-contained page with plots.
func HTML(w io.Writer, r *result.Result) error {
	var b strings.Builder
	if err := body.Execute(&b, view(r)); err != nil {
		return err
	}
	about := []string{r.Started.UTC().Format("2 January 2006, 15:04:05") + " UTC", units.Span(r.Seconds)}
	for _, s := range r.Settings {
		if n := strings.ToLower(s.Name); n == "load" || n == "queries" {
			about = append(about, plain.Clean(s.Value))
		}
	}
	return page.Write(w, page.Page{
		Kind: "Load test", Title: plain.Clean(Title(r)), About: about, Body: template.HTML(b.String()),
		Foot: "Made by yushan-bench " + plain.Clean(r.Version) + ". Latencies are times from when a query was due to its answer; percentiles are of answered queries.",
	})
}

// content is what the template shows; what is nil or empty it leaves away.
type content struct {
	Findings   []finding
	Right      string // said of verified answers if all are right
	Figures    []figure
	Wrong      []reason
	Search     *searchView
	Latency    *latencyView
	Heat       template.HTML
	Throughput template.HTML
	Answers    *answersView
	Server     *serverView
	Pairs      []pairs
}

// figure is a number that people look for.
type figure struct {
	Name, Value, Unit, Of string
	Bad                   bool
}

type reason struct {
	Rule, Count string
	Examples    []string
}

type answersView struct {
	Parts        []part
	Sizes, Notes string
}

type part struct {
	Name, Class, Count, Share string
	Flex                      template.CSS
}

type serverView struct {
	About string
	Plot  template.HTML
}

type pairs struct {
	Title string
	Pairs []result.Setting
}

func view(r *result.Result) *content {
	c := &content{Findings: findings(r), Figures: figures(r), Search: viewSearch(r), Latency: viewLatency(r), Pairs: details(r)}
	for i := range c.Findings {
		f := &c.Findings[i]
		f.Title = plain.Clean(f.Title)
		for j := range f.Lines {
			f.Lines[j] = plain.Clean(f.Lines[j])
		}
	}
	if v := r.Verified; v != nil && v.Answers > 0 && v.Wrong == 0 {
		c.Right = "All " + units.Count(v.Answers) + " verified answers are right"
		if v.Skipped > 0 {
			c.Right += "; " + units.Count(v.Skipped) + " could not be judged"
		}
	} else if v != nil {
		for _, why := range v.Reasons {
			shown := reason{Rule: plain.Clean(why.Rule), Count: units.Count(why.Count)}
			for _, example := range why.Examples {
				shown.Examples = append(shown.Examples, plain.Clean(example))
			}
			c.Wrong = append(c.Wrong, shown)
		}
	}
	if intervals := series.Coarser(r.Intervals, plotColumns); len(intervals) > 0 {
		if r.Total.Answered > 0 {
			c.Heat = heatPlot(r, intervals)
		}
		if r.Total.Due > 0 {
			c.Throughput = throughputPlot(r, intervals)
		}
		if r.Server != nil {
			c.Server = viewServer(r, intervals)
		}
	}
	if r.Total.Answered > 0 {
		c.Answers = viewAnswers(r)
	}
	return c
}

// figures are the tiles at the top of the page.
func figures(r *result.Result) (list []figure) {
	t := &r.Total
	if t.Due == 0 {
		return nil
	}
	list = append(list,
		figure{Name: "Answered", Value: units.Rate(r.Rate()), Unit: "/s", Of: units.Count(t.Answered) + " of " + units.Count(t.Due)},
		figureOf("Lost", units.Percent(t.Loss()), lostOf(&t.Counts), t.Loss() > 0))
	if h := t.Latency; h.Count() > 0 {
		list = append(list,
			figureOf("Median", units.Duration(h.Quantile(0.5)), "mean "+units.Duration(h.Mean()), false),
			figureOf("p99", units.Duration(h.Quantile(0.99)), "1 answer in 100 took longer", false),
			figureOf("p99.9", units.Duration(h.Quantile(0.999)), "longest "+units.Duration(h.Max()), false))
	}
	if s := r.Server; s != nil && t.Answered > 0 {
		list = append(list, figureOf("Server’s CPU an answer", units.Duration(r.CPUPerAnswer()), coresBusy(s.CPU, r.Seconds), false))
	}
	return list
}

func figureOf(name, value, of string, bad bool) figure {
	number, unit, _ := strings.Cut(value, " ")
	return figure{Name: name, Value: number, Unit: unit, Of: of, Bad: bad}
}

func lostOf(c *result.Counts) string {
	switch {
	case c.Loss() == 0:
		return "all queries were answered"
	case c.Unsent == 0:
		return units.Count(c.Lost) + " without an answer"
	case c.Lost == 0:
		return units.Count(c.Unsent) + " could not be sent"
	}
	return units.Count(c.Lost) + " unanswered, " + units.Count(c.Unsent) + " not sent"
}

// rcodeClasses are colours; those of the frequent ones differ.
var rcodeClasses = [16]string{0: "blue", 1: "yellow", 2: "orange", 3: "green", 4: "yellow", 5: "violet"}

func viewAnswers(r *result.Result) *answersView {
	a := new(answersView)
	for code, n := range r.Total.RCodes {
		if n == 0 {
			continue
		}
		class := rcodeClasses[code]
		if class == "" {
			class = "gray"
		}
		share := float64(n) / float64(r.Total.Answered)
		a.Parts = append(a.Parts, part{rcodes[code], class, units.Count(n), units.Percent(share), template.CSS(fmt.Sprintf("%.5f", share))})
	}
	a.Sizes = fmt.Sprintf("a query has %.0f bytes and an answer %.0f, on average",
		float64(r.Total.SentBytes)/float64(max(r.Total.Sent, 1)), float64(r.Total.ReceivedBytes)/float64(r.Total.Answered))
	var notes []string
	if r.Total.Truncated > 0 {
		notes = append(notes, units.Plural(r.Total.Truncated, "answer is", "answers are")+" truncated")
	}
	for _, o := range oddities(&r.Total.Odd) {
		notes = append(notes, units.Count(o.Count)+" "+o.Name)
	}
	if len(notes) > 0 {
		a.Notes = "Besides: " + strings.Join(notes, ", ") + "."
	}
	return a
}

// details are what is looked up.
func details(r *result.Result) (list []pairs) {
	add := func(title string, of []result.Setting) {
		kept := of[:0:0]
		for _, s := range of {
			if s.Value != "" {
				kept = append(kept, result.Setting{Name: plain.Clean(s.Name), Value: plain.Clean(s.Value)})
			}
		}
		if len(kept) > 0 {
			list = append(list, pairs{title, kept})
		}
	}
	add("Settings", r.Settings)
	c := &r.Client
	client := []result.Setting{{Name: "workers", Value: units.Count(uint64(max(c.Workers, 0)))}}
	if c.CPU > 0 {
		client = append(client, result.Setting{Name: "CPU", Value: coresBusy(c.CPU, r.Seconds) + ", " + units.Duration(time.Duration(perAnswer(c.CPU, r.Total.Sent))) + " a query"})
	}
	if h := c.Lag; h.Count() > 0 {
		client = append(client, result.Setting{Name: "late by", Value: fmt.Sprintf("p50 %s, p99 %s, at most %s", units.Duration(h.Quantile(0.5)), units.Duration(h.Quantile(0.99)), units.Duration(h.Max()))})
	}
	client = append(client, result.Setting{Name: "answers dropped", Value: units.Count(c.SocketDrops)},
		result.Setting{Name: "system", Value: r.Machine.System}, result.Setting{Name: "processor", Value: r.Machine.Processor})
	if r.Machine.Cores > 0 {
		client = append(client, result.Setting{Name: "cores", Value: units.Count(uint64(r.Machine.Cores))})
	}
	add("Load generator", client)
	if c := r.Connections; c != nil {
		var counts []result.Setting
		for _, n := range []namedCount{{"opened", c.Opened}, {"resumed", c.Resumed}, {"with 0-RTT", c.Early}, {"failed", c.Failed}, {"broken by the server", c.Broken}} {
			counts = append(counts, result.Setting{Name: n.Name, Value: units.Count(n.Count)})
		}
		if h := c.Handshake; h.Count() > 0 {
			counts = append(counts, result.Setting{Name: "handshake", Value: fmt.Sprintf("p50 %s, p99 %s, at most %s", units.Duration(h.Quantile(0.5)), units.Duration(h.Quantile(0.99)), units.Duration(h.Max()))})
		}
		add("Connections", counts)
	}
	var faults []result.Setting
	for _, f := range r.Faults {
		faults = append(faults, result.Setting{Name: units.Count(f.Count) + " ×", Value: f.Text})
	}
	add("Errors", faults)
	return list
}
