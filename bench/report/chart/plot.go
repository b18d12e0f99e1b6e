package chart

import (
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
	"unicode/utf8"
)

// Plot is values over an axis.
type Plot struct {
	Name   string // for those who can't see it
	X, Y   Axis
	Heat   *Heat // behind the series
	Series []Series
	Lines  []Line
	Strip  *Strip // above the plot
	Height int    // of the widest drawing; 0: 300
}

// Style is how a series is drawn.
type Style uint8

const (
	Curve  Style = iota // straight from point to point
	Steps               // each point's value from its X to its End
	Filled              // likewise, with the area below
	Dots                // points joined by a thin line
)

// Series is one line of a plot.
type Series struct {
	Name   string
	Class  string // of CSS: its colour
	Style  Style
	Dashed bool
	Points []Point
	Format func(float64) string // of Y in the read-out
	// Silent series are not in the legend.
	Silent bool
}

// Point is a value. A Y that is NaN leaves a gap.
type Point struct {
	X, Y  float64
	End   float64 // of a step
	Label string  // is written at the point
	Class string  // of the dot, if it is another than the series'
	Title string  // of the read-out; "": X by its axis
}

// Strip is a band that shows where something was, the stronger the more.
type Strip struct {
	Name, Class string
	Parts       []Part
}

// Part is what there was between two values of X; Strength is 0 to 1.
type Part struct{ From, To, Strength float64 }

// Line is a straight one across the plot at a value of X, or of Y.
type Line struct {
	At         float64
	Horizontal bool
	Text       string
	Class      string
}

// Figure returns the plot with its legend.
func (p *Plot) Figure() template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<figure class="chart" data-readout="%s">`, html.EscapeString(p.readout()))
	p.legend(&b)
	symbol := ""
	if p.Heat != nil {
		symbol = p.Heat.symbol(&b)
	}
	height := p.Height
	if height == 0 {
		height = 300
	}
	for _, size := range []struct {
		class         string
		width, height int
		x, y          int // ticks, about
	}{{"wide", 960, height, 10, 6}, {"medium", 620, height - 20, 7, 6}, {"narrow", 380, height - 40, 4, 5}} {
		d := drawing{Plot: p, width: float64(size.width), height: float64(size.height), xTicks: p.X.ticks(size.x), yTicks: p.Y.ticks(size.y), narrow: size.class == "narrow"}
		d.draw(&b, size.class, symbol)
	}
	b.WriteString(`</figure>`)
	return template.HTML(b.String())
}

func (p *Plot) legend(b *strings.Builder) {
	named := 0
	for _, s := range p.Series {
		if !s.Silent && len(s.Points) > 0 {
			named++
		}
	}
	if named < 2 && p.Heat == nil {
		return
	}
	b.WriteString(`<figcaption class="legend">`)
	for _, s := range p.Series {
		if s.Silent || len(s.Points) == 0 {
			continue
		}
		dash := ""
		if s.Dashed {
			dash = " dashed"
		}
		shape := `<path class="stroke` + dash + `" d="M1 6H21"/>`
		switch s.Style {
		case Filled:
			shape = `<path class="fill" d="M1 3H21V11H1Z"/><path class="stroke` + dash + `" d="M1 3H21"/>`
		case Dots:
			shape = `<path class="thin" d="M1 6H21"/><circle class="dot" cx="11" cy="6" r="4"/>`
		}
		fmt.Fprintf(b, `<span class="%s"><svg viewBox="0 0 22 12" aria-hidden="true">%s</svg>%s</span>`, s.Class, shape, html.EscapeString(s.Name))
	}
	if p.Strip != nil {
		fmt.Fprintf(b, `<span class="%s"><svg viewBox="0 0 22 12" aria-hidden="true"><path class="strip" d="M1 2H21V10H1Z"/></svg>%s</span>`, p.Strip.Class, html.EscapeString(p.Strip.Name))
	}
	if p.Heat != nil {
		fmt.Fprintf(b, `<span>%s</span>`, p.Heat.legend())
	}
	b.WriteString(`</figcaption>`)
}

// readout is the JSON that the page's script reads.
type readoutSeries struct {
	Name  string     `json:"n"`
	Class string     `json:"c"`
	X     []float64  `json:"x"`
	Y     []*float64 `json:"y"`
	Text  []string   `json:"t"`
	Title []string   `json:"h"`
}

func (p *Plot) readout() string {
	list := []readoutSeries{}
	for _, s := range p.Series {
		if s.Format == nil {
			continue
		}
		r := readoutSeries{Name: s.Name, Class: s.Class}
		for _, point := range s.Points {
			x, y := point.X, point.Y
			if s.Style == Steps || s.Style == Filled {
				x = (point.X + point.End) / 2
			}
			title := point.Title
			if title == "" {
				title = p.X.format(x)
			}
			text := "–"
			var place *float64
			if finite(y) {
				text = s.Format(y)
				v := rounded(p.Y.place(y))
				place = &v
			}
			r.X = append(r.X, rounded(p.X.place(x)))
			r.Y = append(r.Y, place)
			r.Text = append(r.Text, text)
			r.Title = append(r.Title, title)
		}
		if len(r.X) > 0 {
			list = append(list, r)
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // of strings and finite numbers
	}
	return string(text)
}

func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// characterWidth is that of a digit in the axes' font, in units of the drawing.
const characterWidth = 7.4

func textWidth(text string) float64 { return float64(utf8.RuneCountInString(text)) * characterWidth }
