package chart

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Bars are horizontal ones in groups, each with its name before it and its value behind it.
// They have no axis unless X is set: then all share it and begin at From. Without, the
// longest of each group is as wide as there is room.
type Bars struct {
	Title, Note string
	Name        string // for those who can't see it
	X           *Axis
	From        float64
	Groups      []BarGroup
	Key         []Key // explains colours and marks
}

// BarGroup is bars that are held against each other.
type BarGroup struct {
	Title, Note string
	Bars        []Bar
}

// Bar is one of them. Values that aren't finite are not drawn.
type Bar struct {
	Name, Text string
	Value      float64
	Low, High  float64 // what it may be; the same: no whisker
	Mark       float64 // where it shall be; NaN: nowhere
	Class      string  // of CSS: its colour
	Light      bool    // drawn as an outline
}

// Key is a line of the explanation.
type Key struct {
	Text, Class string
	Mark        bool // of the mark rather than of a bar
	Light       bool // of a bar drawn as an outline
}

const (
	barsWidth  = 860.0
	barsInset  = 24.0
	barHeight  = 22.0
	nameWidth  = 210.0
	valueWidth = 120.0
)

// Document returns the bars as a file of their own.
func (b *Bars) Document() string {
	var body strings.Builder
	y := barsInset + 14
	if b.Title != "" {
		text(&body, "head", barsInset, y, b.Title)
		y += 22
	}
	if b.Note != "" {
		text(&body, "quiet", barsInset, y, b.Note)
		y += 22
	}
	y = b.key(&body, y)
	left, right := barsInset+nameWidth, barsWidth-barsInset-valueWidth
	top := y
	var groups strings.Builder
	for _, g := range b.Groups {
		y = b.group(&groups, g, y, left, right)
	}
	if b.X != nil {
		b.grid(&body, left, right, top, y)
		y += 24
		if b.X.Title != "" {
			text(&body, "quiet", left, y+12, b.X.Title)
			y += 18
		}
	}
	body.WriteString(groups.String())
	return document(barsWidth, y+barsInset-4, b.Name, body.String())
}

// grid draws the axis behind the bars, and its numbers below them.
func (b *Bars) grid(to *strings.Builder, left, right, top, bottom float64) {
	var lines strings.Builder
	for _, t := range b.X.ticks(6) {
		x := left + t.place*(right-left)
		fmt.Fprintf(&lines, "M%s %sV%s", num(x), num(top), num(bottom))
		text(to, "tick middle", x, bottom+16, t.text)
	}
	from := left + b.X.place(b.From)*(right-left)
	fmt.Fprintf(to, `<path class="grid" d="%s"/><path class="zero" d="M%s %sV%s"/>`, lines.String(), num(from), num(top), num(bottom))
}

// group draws one from y on, and returns where the next one begins.
func (b *Bars) group(to *strings.Builder, g BarGroup, y, left, right float64) float64 {
	if g.Title != "" {
		y += 18
		text(to, "label", barsInset, y, g.Title)
		text(to, "quiet end", barsWidth-barsInset, y, g.Note)
		y += 6
	}
	axis := b.X
	from := b.From
	if axis == nil {
		most := 0.0
		for _, bar := range g.Bars {
			if finite(bar.Value) {
				most = max(most, bar.Value, bar.High)
			}
		}
		own := Linear("", 0, most, nil)
		axis, from = &own, 0
	}
	at := func(v float64) float64 { return left + axis.place(v)*(right-left) }
	for _, bar := range g.Bars {
		middle := y + barHeight/2
		class := "name"
		if g.Title == "" {
			class = "label"
		}
		text(to, class, barsInset, middle+4, bar.Name)
		if finite(bar.Value) {
			b.bar(to, &bar, at, at(from), middle)
		} else {
			text(to, "quiet", at(from)+8, middle+4, bar.Text)
		}
		y += barHeight
	}
	return y + 2
}

func (b *Bars) bar(to *strings.Builder, bar *Bar, at func(float64) float64, zero, middle float64) {
	const thick = 14.0
	x, end := zero, at(bar.Value)
	if end < x {
		x, end = end, x
	}
	fmt.Fprintf(to, `<g class="%s"><rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="2"/>`, html.EscapeString(bar.Class), fill(bar.Light), num(x), num(middle-thick/2), num(max(end-x, 1)), num(thick))
	after := max(end, zero)
	if bar.Low != bar.High && finite(bar.Low) && finite(bar.High) {
		low, high := at(bar.Low), at(bar.High)
		fmt.Fprintf(to, `<path class="reach" d="M%s %sH%sM%s %sv6M%s %sv6"/>`, num(low), num(middle), num(high), num(low), num(middle-3), num(high), num(middle-3))
		after = max(after, high)
	}
	to.WriteString(`</g>`)
	if !math.IsNaN(bar.Mark) && finite(bar.Mark) {
		m := at(bar.Mark)
		fmt.Fprintf(to, `<path class="aim" d="M%s %sv%s"/>`, num(m), num(middle-thick/2-2), num(thick+4))
		if m > after-2 && m < after+8+textWidth(bar.Text) {
			after = m // the text would be crossed out
		}
	}
	text(to, "name", after+8, middle+4, bar.Text)
}

// fill is the class of a bar's inside.
func fill(light bool) string {
	if light {
		return "outline"
	}
	return "solid"
}

// key draws the explanation, and returns where it ends.
func (b *Bars) key(to *strings.Builder, y float64) float64 {
	if len(b.Key) == 0 {
		return y
	}
	x := barsInset
	for _, k := range b.Key {
		width := 22 + textWidth(k.Text) + 18
		if x+width > barsWidth-barsInset && x > barsInset {
			x, y = barsInset, y+20
		}
		if k.Mark {
			fmt.Fprintf(to, `<path class="aim" d="M%s %sv16"/>`, num(x+7), num(y-12))
		} else {
			fmt.Fprintf(to, `<g class="%s"><rect class="%s" x="%s" y="%s" width="14" height="12" rx="2"/></g>`, html.EscapeString(k.Class), fill(k.Light), num(x), num(y-10))
		}
		text(to, "quiet", x+22, y, k.Text)
		x += width
	}
	return y + 14
}
