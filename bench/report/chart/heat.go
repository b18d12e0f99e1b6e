package chart

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// HeatLevels is how many shades a heat map has; the CSS classes are h1 to h8.
const HeatLevels = 8

// Heat is a map of how often values lie where, of as many columns and rows as there is
// room.
type Heat struct {
	columns, rows int
	density       []float64 // by column, from below
	start, end    []float64 // places of columns, 0 to 1
}

// NewHeat returns an empty one.
func NewHeat(rows int) *Heat { return &Heat{rows: rows} }

// Column adds one from and to these values of X. Then Add fills it.
func (h *Heat) Column(x *Axis, from, to float64) {
	h.columns++
	h.start, h.end = append(h.start, x.place(from)), append(h.end, x.place(to))
	h.density = append(h.density, make([]float64, h.rows)...)
}

// Add spreads a weight over the rows from one value of Y to another, in the column that
// was added last.
func (h *Heat) Add(y *Axis, from, to, weight float64) {
	low := y.place(from) * float64(h.rows)
	high := max(y.place(to)*float64(h.rows), low+1e-6)
	column := h.density[(h.columns-1)*h.rows:]
	for row := int(low); row < h.rows && float64(row) < high; row++ {
		part := (min(high, float64(row+1)) - max(low, float64(row))) / (high - low)
		column[row] += weight * part
	}
	if low >= float64(h.rows) {
		column[h.rows-1] += weight
	}
}

// level is a shade, 0 without anything: equal steps of the fourth root, so that a single
// query in a million can be seen and where most are, too.
func (h *Heat) level(density, highest float64) int {
	if !(density > 0) || !(highest > 0) {
		return 0
	}
	return min(1+int(math.Pow(density/highest, 0.25)*HeatLevels*0.999), HeatLevels)
}

// symbol draws the map once, for all the sizes of the plot, and returns its name.
func (h *Heat) symbol(b *strings.Builder) string {
	const wide, high = 10000, 1000
	highest := 0.0
	for _, v := range h.density {
		highest = max(highest, v)
	}
	var shades [HeatLevels + 1]strings.Builder
	for column := range h.columns {
		from, to := math.Round(h.start[column]*wide), math.Round(h.end[column]*wide)
		for row := 0; row < h.rows; {
			level := h.level(h.density[column*h.rows+row], highest)
			next := row + 1
			for next < h.rows && h.level(h.density[column*h.rows+next], highest) == level {
				next++
			}
			if level > 0 {
				top := math.Round(high * (1 - float64(next)/float64(h.rows)))
				bottom := math.Round(high * (1 - float64(row)/float64(h.rows)))
				fmt.Fprintf(&shades[level], "M%.0f %.0fH%.0fV%.0fH%.0fZ", from, top, to, bottom, from)
			}
			row = next
		}
	}
	var drawn strings.Builder
	for level := 1; level <= HeatLevels; level++ {
		if shades[level].Len() > 0 {
			fmt.Fprintf(&drawn, `<path class="h%d" d="%s"/>`, level, shades[level].String())
		}
	}
	sum := sha256.Sum256([]byte(drawn.String()))
	name := "heat-" + hex.EncodeToString(sum[:6])
	fmt.Fprintf(b, `<svg class="symbols" width="0" height="0" aria-hidden="true"><symbol id="%s" viewBox="0 0 %d %d" preserveAspectRatio="none">%s</symbol></svg>`, name, wide, high, drawn.String())
	return name
}

// legend is a row of all shades.
func (h *Heat) legend() string {
	var b strings.Builder
	b.WriteString(`few<svg class="shades" viewBox="0 0 80 12" aria-hidden="true">`)
	for level := 1; level <= HeatLevels; level++ {
		fmt.Fprintf(&b, `<path class="h%d" d="M%d 1h10v10h-10Z"/>`, level, (level-1)*10)
	}
	b.WriteString(`</svg>many answers`)
	return b.String()
}
