package chart

import (
	"fmt"
	"html"
	"strconv"
	"strings"
)

// drawing is a plot at one size.
//
//	 title of Y
//	12 ┤─────────────   top
//	 8 ┤
//	 4 ┤
//	 0 ┼──┬──┬──┬──┬─   bottom
//	left 0  1  2  3  right
//	        title of X
type drawing struct {
	*Plot
	width, height            float64
	xTicks, yTicks           []tick
	narrow                   bool
	left, right, top, bottom float64
}

func (d *drawing) draw(b *strings.Builder, class, symbol string) {
	widest := 0.0
	for _, t := range d.yTicks {
		widest = max(widest, textWidth(t.text))
	}
	d.left, d.right, d.top, d.bottom = widest+12, d.width-14, 26, d.height-24
	if d.X.Title != "" {
		d.bottom -= 18
	}
	if d.Strip != nil {
		d.top += stripHeight + 6
	}
	fmt.Fprintf(b, `<svg class="plot %s" viewBox="0 0 %s %s" data-box="%s %s %s %s" role="img" aria-label="%s">`,
		class, num(d.width), num(d.height), num(d.left), num(d.top), num(d.right-d.left), num(d.bottom-d.top), html.EscapeString(d.Name))
	d.grid(b)
	if symbol != "" {
		fmt.Fprintf(b, `<use href="#%s" x="%s" y="%s" width="%s" height="%s"/>`, symbol, num(d.left), num(d.top), num(d.right-d.left), num(d.bottom-d.top))
	}
	if d.Strip != nil {
		d.strip(b)
	}
	for _, line := range d.Lines {
		d.line(b, line)
	}
	for i := range d.Series {
		d.series(b, &d.Series[i])
	}
	for i := range d.Series {
		d.labels(b, &d.Series[i])
	}
	b.WriteString(`</svg>`)
}

func (d *drawing) x(v float64) float64 { return d.left + d.X.place(v)*(d.right-d.left) }
func (d *drawing) y(v float64) float64 { return d.bottom - d.Y.place(v)*(d.bottom-d.top) }

func (d *drawing) grid(b *strings.Builder) {
	var lines strings.Builder
	for _, t := range d.yTicks {
		y := d.bottom - t.place*(d.bottom-d.top)
		fmt.Fprintf(&lines, "M%s %sH%s", num(d.left), num(y), num(d.right))
		if t.text != "" {
			text(b, "tick end", d.left-8, y+4, t.text)
		}
	}
	var marks strings.Builder
	end := 0.0 // of the last text, so that none covers another
	for i, t := range d.xTicks {
		x := d.left + t.place*(d.right-d.left)
		fmt.Fprintf(&marks, "M%s %sv5", num(x), num(d.bottom))
		half := textWidth(t.text) / 2
		at := min(x, d.width-half)
		if t.text == "" || (i > 0 && at-half < end+6) {
			continue
		}
		text(b, "tick middle", at, d.bottom+18, t.text)
		end = at + half
	}
	fmt.Fprintf(b, `<path class="grid" d="%s"/><path class="axis" d="M%s %sH%s%s"/>`, lines.String(), num(d.left), num(d.bottom), num(d.right), marks.String())
	text(b, "title", 0, 12, d.Y.Title)
	text(b, "title end", d.right, d.height-4, d.X.Title)
}

const stripHeight = 10

func (d *drawing) strip(b *strings.Builder) {
	fmt.Fprintf(b, `<g class="%s">`, d.Strip.Class)
	for _, p := range d.Strip.Parts {
		if p.Strength > 0 {
			// What is there at all must be seen.
			fmt.Fprintf(b, `<path class="strip" opacity="%.2f" d="M%s %sH%sV%sH%sZ"/>`, 0.3+0.7*min(p.Strength, 1),
				num(d.x(p.From)), num(d.top-stripHeight-5), num(d.x(p.To)), num(d.top-5), num(d.x(p.From)))
		}
	}
	b.WriteString(`</g>`)
}

// line draws one across the plot, with its text above it or beside it.
func (d *drawing) line(b *strings.Builder, line Line) {
	if line.Horizontal {
		y := d.y(line.At)
		fmt.Fprintf(b, `<path class="mark %s" d="M%s %sH%s"/>`, line.Class, num(d.left), num(y), num(d.right))
		text(b, "label end "+line.Class, d.right-4, y-5, line.Text)
		return
	}
	x := d.x(line.At)
	fmt.Fprintf(b, `<path class="mark %s" d="M%s %sV%s"/>`, line.Class, num(x), num(d.top-6), num(d.bottom))
	if x > (d.left+d.right)/2 {
		text(b, "label end "+line.Class, x-6, d.top+6, line.Text)
	} else {
		text(b, "label "+line.Class, x+6, d.top+6, line.Text)
	}
}

func (d *drawing) series(b *strings.Builder, s *Series) {
	dash := ""
	if s.Dashed {
		dash = " dashed"
	}
	fmt.Fprintf(b, `<g class="%s">`, s.Class)
	path := d.path(s)
	switch s.Style {
	case Filled:
		if area := d.area(s); area != "" {
			fmt.Fprintf(b, `<path class="fill" d="%s"/>`, area)
		}
		fallthrough
	case Curve, Steps:
		if path != "" {
			if d.Heat != nil {
				fmt.Fprintf(b, `<path class="halo" d="%s"/>`, path)
			}
			fmt.Fprintf(b, `<path class="stroke%s" d="%s"/>`, dash, path)
		}
	case Dots:
		fmt.Fprintf(b, `<path class="thin%s" d="%s"/>`, dash, path)
		for _, p := range s.Points {
			if finite(p.X) && finite(p.Y) {
				class := "dot"
				if p.Class != "" {
					class += " " + p.Class
				}
				fmt.Fprintf(b, `<circle class="%s" cx="%s" cy="%s" r="4"/>`, class, num(d.x(p.X)), num(d.y(p.Y)))
			}
		}
	}
	b.WriteString(`</g>`)
}

// path is the line of a series, with gaps.
func (d *drawing) path(s *Series) string {
	var b strings.Builder
	down := false
	for _, p := range s.Points {
		if !finite(p.X) || !finite(p.Y) {
			down = false
			continue
		}
		command := "L"
		if !down {
			command = "M"
		}
		fmt.Fprintf(&b, "%s%s %s", command, num(d.x(p.X)), num(d.y(p.Y)))
		if s.Style == Steps || s.Style == Filled {
			fmt.Fprintf(&b, "H%s", num(d.x(p.End)))
		}
		down = true
	}
	return b.String()
}

// area is what lies between a series of steps and the axis.
func (d *drawing) area(s *Series) string {
	var b strings.Builder
	for _, p := range s.Points {
		if !finite(p.X) || !finite(p.Y) || d.y(p.Y) >= d.bottom-0.05 {
			continue
		}
		fmt.Fprintf(&b, "M%s %sV%sH%sV%sZ", num(d.x(p.X)), num(d.bottom), num(d.y(p.Y)), num(d.x(p.End)), num(d.bottom))
	}
	return b.String()
}

// labels writes those of points, if there is room from one to the next.
func (d *drawing) labels(b *strings.Builder, s *Series) {
	end := 0.0
	for _, p := range s.Points {
		if p.Label == "" || !finite(p.X) || !finite(p.Y) {
			continue
		}
		x, y := d.x(p.X), d.y(p.Y)
		half := textWidth(p.Label) / 2
		at := min(x, d.width-half)
		if at-half < end+6 {
			continue
		}
		end = at + half
		fmt.Fprintf(b, `<g class="%s"><circle class="dot" cx="%s" cy="%s" r="3.5"/></g>`, s.Class, num(x), num(y))
		text(b, "label middle", at, max(y-10, 11), p.Label)
	}
}

func text(b *strings.Builder, class string, x, y float64, s string) {
	if s != "" {
		fmt.Fprintf(b, `<text class="%s" x="%s" y="%s">%s</text>`, class, num(x), num(y), html.EscapeString(s))
	}
}

// num writes a length with a digit after the point where it needs one.
func num(v float64) string {
	text := strconv.FormatFloat(v, 'f', 1, 64)
	text = strings.TrimSuffix(text, ".0")
	if text == "-0" {
		return "0"
	}
	return text
}
