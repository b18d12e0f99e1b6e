package series

import (
	"fmt"
	"math"
	"strings"

	"yushan/bench/report/chart"
	"yushan/bench/result"
)

const curveSteps = 160 // of a curve by percentile

// PercentileCurve has points at equal distances on an axis of percentiles.
func PercentileCurve(h *result.Histogram, x *chart.Axis) []chart.Point {
	if h.Count() == 0 {
		return nil
	}
	points := make([]chart.Point, 0, curveSteps+1)
	for i := range curveSteps + 1 {
		share := x.At(float64(i) / curveSteps)
		points = append(points, chart.Point{X: share, Y: float64(h.Quantile(share)), Title: "p" + percentileText(share)})
	}
	return points
}

// HighestPercentile is up to where a curve goes: to the last nine that there are
// answers for, at most five.
func HighestPercentile(h *result.Histogram) float64 {
	nines := math.Floor(math.Log10(float64(max(h.Count(), 10))) + 1e-9)
	return 1 - math.Pow(10, -min(nines, 5))
}

// Reached tells whether there are enough answers for a percentile to differ from the
// longest.
func Reached(h *result.Histogram, share float64) bool {
	return float64(h.Count())*(1-share) >= 0.999 || share <= 0.9
}

// percentileText has as many digits as tell a share from its neighbours.
func percentileText(share float64) string {
	digits := 1
	if share > 0 && share < 1 {
		digits = int(math.Ceil(-math.Log10(1-share))) - 1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.*f", max(digits, 1), share*100), ".0")
}
