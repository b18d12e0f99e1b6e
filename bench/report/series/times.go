package series

import (
	"math"
	"strings"
	"time"

	"yushan/bench/report/units"
)

// Nanoseconds writes a latency with three digits.
func Nanoseconds(v float64) string { return units.Duration(time.Duration(v)) }

// AxisTime writes a latency for an axis: "100 µs", "5 ms".
func AxisTime(ns float64) string {
	text := units.Duration(time.Duration(math.Round(ns)))
	number, unit, _ := strings.Cut(text, " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return strings.TrimSpace(number + " " + unit)
}
