package units

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration writes a time with three significant digits in ns, µs, ms or s.
func Duration(d time.Duration) string {
	if d < 0 {
		return "−" + Duration(-max(d, -math.MaxInt64))
	}
	ns := float64(d)
	switch {
	case d == 0:
		return "0"
	case d < time.Microsecond:
		return strconv.FormatInt(int64(d), 10) + " ns"
	case ns < 999.5e3:
		return Digits(ns/1e3) + " µs"
	case ns < 999.5e6:
		return Digits(ns/1e6) + " ms"
	}
	return Digits(ns/1e9) + " s"
}

// Span writes how long something took in words that people use for it: "0.5 s",
// "30 s", "12 min 30 s", "2 h 5 min".
func Span(seconds float64) string {
	switch whole := int64(math.Round(seconds)); {
	case !(seconds > 0):
		return "0 s"
	case seconds < 59.95:
		return trim(strconv.FormatFloat(seconds, 'f', 1, 64)) + " s"
	case whole < 3600:
		return joinSpan(whole/60, " min", whole%60, " s")
	default:
		minutes := (whole + 30) / 60
		return joinSpan(minutes/60, " h", minutes%60, " min")
	}
}

func joinSpan(large int64, unit string, small int64, smallUnit string) string {
	text := strconv.FormatInt(large, 10) + unit
	if small != 0 {
		text += " " + strconv.FormatInt(small, 10) + smallUnit
	}
	return text
}

// Count writes a whole number with commas at the thousands.
func Count(n uint64) string { return commas(strconv.FormatUint(n, 10)) }

// Plural writes a number, not negative, with the word for one or for many: "1 core",
// "1,000 cores".
func Plural[N int | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(uint64(n)) + " " + many
}

func commas(digits string) string {
	if len(digits) <= 3 {
		return digits
	}
	first := (len(digits)-1)%3 + 1
	var b strings.Builder
	b.WriteString(digits[:first])
	for ; first < len(digits); first += 3 {
		b.WriteByte(',')
		b.WriteString(digits[first : first+3])
	}
	return b.String()
}

// Rate writes so many a second: whole from 100 on, three digits below.
func Rate(perSecond float64) string {
	switch {
	case !(perSecond > 0):
		return "0"
	case perSecond < 99.95:
		return Digits(perSecond)
	}
	return commas(strconv.FormatFloat(perSecond, 'f', 0, 64))
}

// Short writes a number for an axis: "0", "250", "1.5 k", "20 k", "3 M".
func Short(v float64) string {
	negative := v < 0
	v = math.Abs(v)
	text := ""
	switch {
	case v >= 999.5e6:
		text = trim(Digits(v/1e9)) + " G"
	case v >= 999.5e3:
		text = trim(Digits(v/1e6)) + " M"
	case v >= 999.5:
		text = trim(Digits(v/1e3)) + " k"
	default:
		text = trim(Digits(v))
	}
	if negative && text != "0" {
		return "−" + text
	}
	return text
}

// Percent writes a share (0 to 1). Only 0 is "0 %", and only 1 is "100 %".
func Percent(share float64) string {
	p := share * 100
	switch {
	case !(share > 0):
		return "0 %"
	case share >= 1:
		return trim(strconv.FormatFloat(p, 'f', 1, 64)) + " %"
	case p < 0.0001:
		return "<0.0001 %"
	case p < 99:
		return Digits(p) + " %"
	}
	// Close to the whole, the digits that count are those of what is missing.
	places := 1 - int(math.Floor(math.Log10(100-p)))
	if places > 6 {
		return ">99.9999 %"
	}
	return trim(strconv.FormatFloat(p, 'f', max(places, 1), 64)) + " %"
}

// Percentile writes the name of one: "p50", "p99.9".
func Percentile(share float64) string {
	return "p" + strconv.FormatFloat(math.Round(share*1e9)/1e7, 'f', -1, 64)
}

// Bytes writes a size in B, KiB, MiB, GiB or TiB.
func Bytes(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " B"
	}
	v, unit := float64(n)/1024, 0
	for v >= 999.5 && unit < 3 {
		v, unit = v/1024, unit+1
	}
	return Digits(v) + " " + [...]string{"KiB", "MiB", "GiB", "TiB"}[unit]
}

// Digits writes a number, not negative, with three significant digits; whole from 100
// on.
func Digits(v float64) string {
	switch {
	case !(v > 0):
		return "0"
	case v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	places := 2 - int(math.Floor(math.Log10(v)))
	return trim(strconv.FormatFloat(v, 'f', min(places, 12), 64))
}

// trim takes zeros away that say nothing.
func trim(number string) string {
	if !strings.Contains(number, ".") {
		return number
	}
	return strings.TrimSuffix(strings.TrimRight(number, "0"), ".")
}
