package chart

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// Range is a line from a low value by a middle one to a high one, such as p50, p99 and
// p99.9, or an estimate in its interval.
type Range struct {
	Low, Middle, High float64
	Class             string
	Name              string // for those who can't see it
}

const (
	rangeWidth  = 220
	rangeHeight = 22
	rangeInset  = 6
)

func rangeX(a *Axis, v float64) float64 { return rangeInset + a.place(v)*(rangeWidth-2*rangeInset) }

// Interval draws an estimate and what it may be, on an axis with a line at one value.
func Interval(a *Axis, at float64, r Range) template.HTML {
	var b strings.Builder
	open(&b, r.Name)
	fmt.Fprintf(&b, `<path class="zero" d="M%s 0V%d"/>`, num(rangeX(a, at)), rangeHeight)
	fmt.Fprintf(&b, `<g class="%s"><path class="whisker" d="M%s 11H%sM%s 6v10M%s 6v10"/><circle class="dot" cx="%s" cy="11" r="4.5"/></g></svg>`, r.Class,
		num(rangeX(a, r.Low)), num(rangeX(a, r.High)), num(rangeX(a, r.Low)), num(rangeX(a, r.High)), num(rangeX(a, r.Middle)))
	return template.HTML(b.String())
}

// Spread draws three percentiles: a dot, a bar to the second, and a thin line to the
// third.
func Spread(a *Axis, r Range) template.HTML {
	var b strings.Builder
	open(&b, r.Name)
	var grid strings.Builder
	for _, t := range a.ticks(3) {
		fmt.Fprintf(&grid, "M%s 0V%d", num(rangeInset+t.place*(rangeWidth-2*rangeInset)), rangeHeight)
	}
	fmt.Fprintf(&b, `<path class="grid" d="%s"/><g class="%s"><path class="thin" d="M%s 11H%s"/><path class="bar" d="M%s 11H%s"/><circle class="dot" cx="%s" cy="11" r="4.5"/></g></svg>`,
		grid.String(), r.Class, num(rangeX(a, r.Middle)), num(rangeX(a, r.High)), num(rangeX(a, r.Low)), num(rangeX(a, r.Middle)), num(rangeX(a, r.Low)))
	return template.HTML(b.String())
}

// RangeAxis draws the numbers of the axis that Interval or Spread draw on.
func RangeAxis(a *Axis, about int) template.HTML {
	var b strings.Builder
	open(&b, a.Title)
	end := -10.0
	for _, t := range a.ticks(about) {
		x := rangeInset + t.place*(rangeWidth-2*rangeInset)
		half := textWidth(t.text) / 2
		at := min(max(x, half), rangeWidth-half)
		if at-half < end+6 {
			continue
		}
		end = at + half
		text(&b, "tick middle", at, 15, t.text)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func open(b *strings.Builder, name string) {
	fmt.Fprintf(b, `<svg class="range" viewBox="0 0 %d %d" role="img" aria-label="%s">`, rangeWidth, rangeHeight, html.EscapeString(name))
}
