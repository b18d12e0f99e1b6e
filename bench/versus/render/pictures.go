package render

import (
	"io"
	"math"
	"slices"
	"strconv"

	"yushan/bench/report/chart"
	"yushan/bench/versus/outcome"
)

// Picture is a drawing of some of the figures.
type Picture struct {
	Name string // of its file, without ending
	Text string // for those who can't see it
	svg  string
}

// Write writes it as SVG.
func (p *Picture) Write(w io.Writer) error {
	_, err := io.WriteString(w, p.svg)
	return err
}

// Pictures draws all that there is to draw: how yushan does beside the best peer, and a
// picture of each group of rows.
func Pictures(o *outcome.Outcome) []Picture {
	t := newTable(o)
	var list []Picture
	if p, ok := t.overview(); ok {
		list = append(list, p)
	}
	for i, group := range t.groups() {
		if p, ok := t.group(group, "group"+strconv.Itoa(i+1)); ok {
			list = append(list, p)
		}
	}
	return list
}

// groups are those of the rows, in their order.
func (t *table) groups() (list []string) {
	for _, j := range t.judged {
		if !slices.Contains(list, j.Group) {
			list = append(list, j.Group)
		}
	}
	return list
}

// better is how many times better than the best peer a ratio is.
func better(row *outcome.Row, ratio float64) float64 {
	if row.More {
		return ratio
	}
	return 1 / ratio
}

// overview shows how many times better than the best peer yushan is.
func (t *table) overview() (Picture, bool) {
	bars := chart.Bars{
		Title: "yushan beside the best peer", From: 1,
		Name: "How many times better than the best peer yushan is, by row; the table below has the same figures.",
		Note: "How many times less of it is used, or how many times more is done. Lines across the ends: 95 % intervals.",
		Key: []chart.Key{{Text: "target reached", Class: "green"}, {Text: "better than all peers, target missed", Class: "orange"},
			{Text: "a peer is better", Class: "red"}, {Text: "target", Mark: true}},
	}
	low, high := 1.0, 1.0
	var group chart.BarGroup
	for _, j := range t.judged {
		if math.IsNaN(j.Ratio.Value) || j.Ratio.Value <= 0 {
			continue
		}
		bar := chart.Bar{Name: j.Title, Value: better(j.Row, j.Ratio.Value), Low: better(j.Row, j.Ratio.High), High: better(j.Row, j.Ratio.Low), Mark: math.NaN(), Class: "green"}
		bar.Text = times(bar.Value) + " ×  " + t.name(j.Best)
		for _, target := range j.Targets {
			if target.Against == j.Best {
				bar.Mark = better(j.Row, target.Limit)
			}
			if !target.Verdict.Good() && target.Verdict != outcome.Unknown && !target.Moonshot {
				bar.Class = "orange"
			}
		}
		if j.Lost {
			bar.Class = "red"
		}
		low, high = min(low, bar.Value, bar.Low), max(high, bar.Value, bar.High)
		if !math.IsNaN(bar.Mark) {
			low, high = min(low, bar.Mark), max(high, bar.Mark)
		}
		group.Bars = append(group.Bars, bar)
	}
	if len(group.Bars) == 0 {
		return Picture{}, false
	}
	axis := chart.Log("times better than the best peer", max(low, 0.01), min(high, 1000), func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) })
	bars.X, bars.Groups = &axis, []chart.BarGroup{group}
	return Picture{"overview", bars.Name, bars.Document()}, true
}

// group shows the figures of all servers in the rows of one.
func (t *table) group(name, file string) (Picture, bool) {
	bars := chart.Bars{Title: name, Name: name + ": medians of all servers; the tables below have the same figures.",
		Note: "Medians; lines across the ends: least and most of the rounds. Each row has a scale of its own.",
		Key:  []chart.Key{{Text: "yushan", Class: "jade"}, {Text: "peers", Class: "gray"}, {Text: "no name server: sends back what it gets", Class: "gray", Light: true}}}
	floors := false
	for _, j := range t.judged {
		if j.Group != name || len(j.Figures) == 0 {
			continue
		}
		sense := "less is better"
		if j.More {
			sense = "more is better"
		}
		group := chart.BarGroup{Title: j.Title, Note: j.Unit + ", " + sense}
		for _, f := range j.Figures {
			bar := chart.Bar{Name: t.name(f.Server), Text: value(j.Row, f.Median), Value: f.Median, Low: f.Min, High: f.Max, Mark: math.NaN(), Class: "gray"}
			if f.Server == outcome.Yushan {
				bar.Class = "jade"
			}
			if s := t.Server(f.Server); s != nil && s.Floor {
				bar.Light, floors = true, true
			}
			group.Bars = append(group.Bars, bar)
		}
		bars.Groups = append(bars.Groups, group)
	}
	if !floors {
		bars.Key = bars.Key[:2]
	}
	return Picture{file, bars.Name, bars.Document()}, len(bars.Groups) > 0
}
