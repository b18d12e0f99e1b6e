package chart

import (
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
)

// elements are the start tags of a document with their attributes.
func elements(t *testing.T, document string) (list []xml.StartElement) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(document)); ; {
		token, err := decoder.Token()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if start, is := token.(xml.StartElement); is {
			list = append(list, start)
		}
	}
}

func attribute(e xml.StartElement, name string) float64 {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			v, _ := strconv.ParseFloat(a.Value, 64)
			return v
		}
	}
	return math.NaN()
}

// bars are the widths and places of those drawn.
func drawn(t *testing.T, b Bars) (x, width []float64) {
	t.Helper()
	for _, e := range elements(t, b.Document()) {
		class := ""
		for _, a := range e.Attr {
			if a.Name.Local == "class" {
				class = a.Value
			}
		}
		if e.Name.Local == "rect" && (class == "solid" || class == "outline") {
			x, width = append(x, attribute(e, "x")), append(width, attribute(e, "width"))
		}
	}
	return x, width
}

// Without an axis, lengths are in proportion within a group.
func TestBarsInProportion(t *testing.T) {
	group := func(values ...float64) (g BarGroup) {
		g.Title = "group"
		for _, v := range values {
			g.Bars = append(g.Bars, Bar{Name: "bar", Value: v, Low: v, High: v, Mark: math.NaN()})
		}
		return g
	}
	_, width := drawn(t, Bars{Groups: []BarGroup{group(100, 50, 25), group(1, 4)}})
	if len(width) != 5 || math.Abs(width[0]/width[1]-2) > 0.01 || math.Abs(width[0]/width[2]-4) > 0.01 || math.Abs(width[4]/width[3]-4) > 0.01 || width[0] != width[4] {
		t.Errorf("widths %v", width)
	}
}

// On an axis, bars go both ways from where they begin.
func TestBarsOnAxis(t *testing.T) {
	axis := Log("", 0.1, 10, plainNumber)
	b := Bars{X: &axis, From: 1, Groups: []BarGroup{{Bars: []Bar{{Value: 10, Mark: 2}, {Value: 0.1, Mark: math.NaN()}, {Value: 1, Mark: 5}}}}}
	x, width := drawn(t, b)
	if len(x) != 3 || width[0] != width[1] || math.Abs(x[1]+width[1]-x[0]) > 0.2 || width[2] > 1 {
		t.Errorf("bars at %v, widths %v", x, width)
	}
}

func TestBarsOfAnything(t *testing.T) {
	const evil = `"><script>alert(1)</script>&`
	axis := Log(evil, 1, 10, func(float64) string { return evil })
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0, 5e-324, 1e308} {
		for _, x := range []*Axis{nil, &axis} {
			b := Bars{Title: evil, Note: evil, Name: evil, X: x, From: 1, Key: []Key{{Text: evil, Class: evil}, {Text: evil, Mark: true}, {Text: evil, Light: true}},
				Groups: []BarGroup{{Title: evil, Note: evil, Bars: []Bar{{Name: evil, Text: evil, Class: evil, Value: v, Low: v, High: -v, Mark: v}, {Value: 1, Low: v, High: 2, Mark: 1, Light: true}}}, {}}}
			text := b.Document()
			if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
				t.Errorf("%g: something that isn't finite was drawn", v)
			}
			for _, e := range elements(t, text) {
				if e.Name.Local == "script" {
					t.Fatalf("a text became a script: %s", text)
				}
			}
		}
	}
}
