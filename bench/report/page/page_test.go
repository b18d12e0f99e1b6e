package page

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// colours are the variables of the style, of the light and of the dark scheme.
func colours(t *testing.T) (schemes [2]map[string]string) {
	t.Helper()
	light, rest, _ := strings.Cut(style, "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "* { box-sizing")
	variable := regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6});`)
	for i, part := range []string{light, dark} {
		schemes[i] = map[string]string{}
		for _, m := range variable.FindAllStringSubmatch(part, -1) {
			schemes[i][m[1]] = m[2]
		}
	}
	return schemes
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	v, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil {
		t.Fatalf("colour %q: %v", colour, err)
	}
	channel := func(shift int) float64 {
		c := float64(v>>shift&255) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}

// Text has the contrast of WCAG 2.2 §1.4.3, lines of plots that of §1.4.11, and each
// shade of a heat map is told from the one before.
func TestContrast(t *testing.T) {
	for i, scheme := range colours(t) {
		name := [...]string{"light", "dark"}[i]
		contrast := func(a, b string) float64 {
			low, high := luminance(t, scheme[a]), luminance(t, scheme[b])
			if low > high {
				low, high = high, low
			}
			return (high + 0.05) / (low + 0.05)
		}
		for _, pair := range [][2]string{
			{"ink", "ground"}, {"ink", "card"}, {"quiet", "ground"}, {"quiet", "card"}, {"jade", "ground"}, {"jade", "jade-wash"}, {"ink", "jade-wash"},
			{"red", "card"}, {"red", "red-wash"}, {"ink", "red-wash"}, {"amber", "amber-wash"}, {"ink", "amber-wash"},
		} {
			if got := contrast(pair[0], pair[1]); got < 4.5 {
				t.Errorf("%s: text of %s on %s has a contrast of %.2f, expected 4.5", name, pair[0], pair[1], got)
			}
		}
		for _, line := range []string{"blue", "orange", "green", "violet", "yellow", "gray"} {
			if got := contrast(line, "card"); got < 3 {
				t.Errorf("%s: lines of %s on card have a contrast of %.2f, expected 3", name, line, got)
			}
		}
		for level := 2; level <= 8; level++ {
			if got := contrast("h"+strconv.Itoa(level), "h"+strconv.Itoa(level-1)); got < 1.12 {
				t.Errorf("%s: shades %d and %d have a contrast of %.2f, expected 1.12", name, level-1, level, got)
			}
		}
	}
}

func TestFrame(t *testing.T) {
	var b strings.Builder
	if err := Write(&b, Page{Kind: "Test", Title: "<b>title</b>", About: []string{"one", "two"}, Body: "<p>body</p>", Foot: "foot & hand"}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"<p>body</p>", "&lt;b&gt;title&lt;/b&gt;", "foot &amp; hand", "prefers-color-scheme: dark", "script-src &#39;sha256-"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if strings.Contains(text, "<b>title") {
		t.Error("the title is not escaped")
	}
}
