package chart

import (
	"math"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func texts(ticks []tick) string {
	var list []string
	for _, t := range ticks {
		if t.text != "" {
			list = append(list, t.text)
		}
	}
	return strings.Join(list, " ")
}

func plainNumber(v float64) string {
	return strings.TrimSuffix(num(v), ".0")
}

func TestTicks(t *testing.T) {
	for name, c := range map[string]struct {
		axis  Axis
		about int
		want  string
	}{
		"linear":           {Linear("", 0, 30, plainNumber), 6, "0 5 10 15 20 25 30"},
		"linear, odd end":  {Linear("", 0, 17, plainNumber), 5, "0 5 10 15"},
		"from zero":        {FromZero("", 19_856, plainNumber), 5, "0 5000 10000 15000 20000"},
		"around":           {Around("", -3, 12, plainNumber), 4, "-5 0 5 10 15"},
		"log, a decade":    {Log("", 20, 900, plainNumber), 6, "20 50 100 200 500 1000"},
		"log, decades":     {Log("", 1, 1e6, plainNumber), 7, "1 10 100 1000 10000 100000 1000000"},
		"log, many":        {Log("", 1, 1e8, plainNumber), 4, "1 100 10000 1000000 100000000"},
		"percentiles":      {Percentiles("", 0.9999), 10, "p0 p50 p90 p99 p99.9 p99.99"},
		"percentiles, few": {Percentiles("", 0.999), 4, "p0 p90 p99 p99.9"},
	} {
		if got := texts(c.axis.ticks(c.about)); got != c.want {
			t.Errorf("%s: ticks %s, expected %s", name, got, c.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		axis        Axis
		value, want float64
	}{
		"linear":       {Linear("", 10, 20, plainNumber), 15, 0.5},
		"below":        {Linear("", 10, 20, plainNumber), 5, 0},
		"above":        {Linear("", 10, 20, plainNumber), math.Inf(1), 1},
		"log":          {Log("", 1, 100, plainNumber), 10, 0.5},
		"log, nothing": {Log("", 1, 100, plainNumber), 0, 0},
		"percentiles":  {Percentiles("", 0.9999), 0.99, 0.5},
		"a hundred":    {Percentiles("", 0.9999), 1, 1},
	} {
		if got := c.axis.place(c.value); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %g is at %g, expected %g", name, c.value, got, c.want)
		}
		if v := c.axis.At(c.want); c.want > 0 && c.want < 1 && math.Abs(v-c.value) > 1e-9*c.value {
			t.Errorf("%s: at %g is %g, expected %g", name, c.want, v, c.value)
		}
	}
}

// Whatever the ends of an axis, there are ticks, and not too many.
func TestAxesOfAnything(t *testing.T) {
	values := []float64{math.NaN(), math.Inf(-1), -1e308, -1, 0, 5e-324, 1e-12, 1, 1.5, 1e18, 1e308, math.Inf(1)}
	for _, from := range values {
		for _, to := range values {
			for name, axis := range map[string]Axis{
				"linear": Linear("", from, to, plainNumber), "zero": FromZero("", to, plainNumber), "around": Around("", from, to, plainNumber),
				"log": Log("", from, to, plainNumber), "percentiles": Percentiles("", to),
			} {
				for _, about := range []int{1, 4, 10} {
					ticks := axis.ticks(about)
					if len(ticks) > 100 {
						t.Fatalf("%s from %g to %g: %d ticks", name, from, to, len(ticks))
					}
					for _, tick := range ticks {
						if !(tick.place >= -1e-9 && tick.place <= 1+1e-9) {
							t.Fatalf("%s from %g to %g: a tick at %g", name, from, to, tick.place)
						}
					}
				}
			}
		}
	}
}

func TestHeatKeepsAllWeight(t *testing.T) {
	x, y := Linear("", 0, 2, plainNumber), Log("", 1, 1000, plainNumber)
	heat := NewHeat(30)
	heat.Column(&x, 0, 1)
	heat.Add(&y, 1, 1, 5)       // at the lower end
	heat.Add(&y, 1000, 2000, 7) // at and above the upper one
	heat.Add(&y, 10, 100, 11)   // over many rows
	heat.Column(&x, 1, 2)
	heat.Add(&y, 50, 51, 13)
	sums := [2]float64{}
	for i, v := range heat.density {
		sums[i/30] += v
	}
	if math.Abs(sums[0]-23) > 1e-9 || math.Abs(sums[1]-13) > 1e-9 {
		t.Errorf("columns of %g and %g, expected 23 and 13", sums[0], sums[1])
	}
	if heat.level(0, 100) != 0 || heat.level(1e-9, 100) != 1 || heat.level(100, 100) != HeatLevels {
		t.Error("nothing, the least and the most have other shades than 0, the first and the last")
	}
}

func figure(t *testing.T, p *Plot) (string, *html.Node) {
	t.Helper()
	text := string(p.Figure())
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return text, root
}

func TestGapsAndWhatIsNotFinite(t *testing.T) {
	p := Plot{Name: "x", X: Linear("", 0, 10, plainNumber), Y: FromZero("", 10, plainNumber), Series: []Series{{Name: "s", Class: "blue", Format: plainNumber, Points: []Point{
		{X: 0, Y: 1}, {X: 1, Y: 2}, {X: 2, Y: math.NaN()}, {X: 3, Y: math.Inf(1)}, {X: 4, Y: 3}, {X: 5, Y: 4},
	}}}}
	text, root := figure(t, &p)
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error("something that isn't finite was drawn")
	}
	paths := 0
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "d" && n.Parent.Data == "g" {
				paths++
				if strings.Count(a.Val, "M") != 2 {
					t.Errorf("a line of %q, expected two pieces", a.Val)
				}
			}
		}
	}
	if paths != 3 {
		t.Errorf("%d lines, expected one for each width", paths)
	}
}

func TestTextsAreEscaped(t *testing.T) {
	const evil = `"><script>alert(1)</script>`
	axis := func() Axis { return Linear(evil, 0, 1, func(float64) string { return evil }) }
	p := Plot{Name: evil, X: axis(), Y: axis(), Heat: NewHeat(2), Strip: &Strip{Name: evil, Class: "red"}, Lines: []Line{{At: 0.5, Text: evil}, {At: 0.5, Horizontal: true, Text: evil}},
		Series: []Series{{Name: evil, Format: func(float64) string { return evil }, Points: []Point{{X: 0.5, Y: 0.5, Label: evil, Title: evil}}}}}
	text, root := figure(t, &p)
	a := axis()
	for _, part := range []string{string(Interval(&a, 0, Range{Name: evil})), string(Spread(&a, Range{Name: evil})), string(RangeAxis(&a, 3))} {
		if strings.Contains(part, "<script") {
			t.Errorf("not escaped: %s", part)
		}
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "script" {
			t.Fatalf("a text became a script: %s", text)
		}
	}
}
