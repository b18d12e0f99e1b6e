package chart

import (
	"math"
	"strconv"
)

// Axis maps values to places between 0 and 1.
type Axis struct {
	Title    string
	from, to float64
	kind     kind
	format   func(float64) string
}

type kind uint8

const (
	linear kind = iota
	logarithmic
	percentiles
)

// Linear is an axis with exactly these ends. If they are the same, the upper one is
// moved.
func Linear(title string, from, to float64, format func(float64) string) Axis {
	if !finite(from) {
		from = 0
	}
	if !finite(to) || !(to > from) {
		to = from + 1
	}
	if span := to - from; !(span > 0) || !finite(span) {
		from, to = 0, 1
	}
	return Axis{title, from, to, linear, format}
}

// FromZero is an axis from 0 to a round number that is not below the one given.
func FromZero(title string, to float64, format func(float64) string) Axis {
	if !(to > 0) || math.IsInf(to, 1) {
		to = 1
	}
	step := niceStep(to / 4)
	return Axis{title, 0, math.Ceil(to/step*(1-1e-9)) * step, linear, format}
}

// Around is an axis with round ends that holds both values and 0.
func Around(title string, low, high float64, format func(float64) string) Axis {
	low, high = min(low, 0), max(high, 0)
	if !finite(high - low) {
		low, high = 0, 1
	}
	if !(high > low) {
		high = low + 1
	}
	step := niceStep((high - low) / 5)
	return Axis{title, math.Floor(low/step) * step, math.Ceil(high/step) * step, linear, format}
}

// Log is a logarithmic axis that holds both values, which are above 0, and at least a
// factor of four.
func Log(title string, low, high float64, format func(float64) string) Axis {
	// Beyond these there are no latencies, rates or ratios; NaN and infinite ones would
	// make ticks without end.
	if !(low >= 1e-12) {
		low = 1e-12
	}
	if !(low <= 1e18) {
		low = 1e18
	}
	if !(high >= low) {
		high = low
	}
	high = min(high, 1e18)
	if high/low < 4 {
		middle := math.Sqrt(low * high)
		low, high = middle/2, middle*2
	}
	return Axis{title, roundDown(low), roundUp(high), logarithmic, format}
}

// Percentiles is an axis of shares from 0 to one below 1, on which each further nine
// takes the same space.
func Percentiles(title string, to float64) Axis {
	if !(to > 0.9) {
		to = 0.9
	}
	return Axis{title, 0, min(to, 1-1e-9), percentiles, func(share float64) string {
		return "p" + strconv.FormatFloat(math.Round(share*1e9)/1e7, 'f', -1, 64)
	}}
}

// At is the value at a place from 0 to 1.
func (a *Axis) At(place float64) float64 {
	switch low, high := a.scale(a.from), a.scale(a.to); a.kind {
	case logarithmic:
		return math.Pow(10, low+place*(high-low))
	case percentiles:
		return 1 - math.Pow(10, -(low+place*(high-low)))
	default:
		return low + place*(high-low)
	}
}

func (a *Axis) scale(v float64) float64 {
	switch a.kind {
	case logarithmic:
		return math.Log10(v)
	case percentiles:
		return -math.Log10(1 - v)
	}
	return v
}

// place is where a value is, 0 to 1; values outside are at the ends. NaN is NaN.
func (a *Axis) place(v float64) float64 {
	if math.IsNaN(v) {
		return v
	}
	v = min(max(v, a.from), a.to)
	low := a.scale(a.from)
	return (a.scale(v) - low) / (a.scale(a.to) - low)
}

type tick struct {
	place float64
	text  string // "" for a line without a number
}

// ticks returns about so many, at round values.
func (a *Axis) ticks(about int) (ticks []tick) {
	add := func(v float64, text string) { ticks = append(ticks, tick{a.place(v), text}) }
	switch a.kind {
	case percentiles:
		add(0, a.format(0))
		if about > 4 {
			add(0.5, a.format(0.5))
		}
		for v := 0.9; v <= a.to+1e-12 && len(ticks) < 12; v = 1 - (1-v)/10 {
			add(v, a.format(v))
		}
	case logarithmic:
		decades := a.scale(a.to) - a.scale(a.from)
		mantissas, named := []float64{1, 2, 5}, 3
		every := 1
		switch {
		case decades*3 <= float64(about)*1.4: // with all their numbers
		case decades*3 <= float64(about)*2.5:
			named = 1
		default:
			mantissas = mantissas[:1]
			every = max(1, int(math.Ceil(decades/float64(about))))
		}
		for e := int(math.Floor(a.scale(a.from))); float64(e) <= a.scale(a.to); e++ {
			for i, m := range mantissas {
				v := m * math.Pow10(e)
				if v < a.from*(1-1e-9) || v > a.to*(1+1e-9) {
					continue
				}
				if e%every != 0 || i >= named {
					add(v, "")
					continue
				}
				add(v, a.format(v))
			}
		}
	default:
		step := niceStep((a.to - a.from) / float64(max(about, 1)))
		for i := math.Ceil(a.from/step - 1e-9); i*step <= a.to+step*1e-9 && len(ticks) < 50; i++ {
			v := i * step
			if v == 0 {
				v = 0 // not −0
			}
			add(v, a.format(v))
		}
	}
	return ticks
}

// niceStep is 1, 2 or 5 times a power of ten, not below the one given.
func niceStep(least float64) float64 {
	if !(least > 0) || math.IsInf(least, 1) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= least*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func roundUp(v float64) float64 { return niceStep(v) }

func roundDown(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)+1e-9))
	for _, m := range []float64{5, 2} {
		if m*power <= v*(1+1e-9) {
			return m * power
		}
	}
	return power
}
