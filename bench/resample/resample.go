package resample

import (
	"math"
	"slices"
)

// Tail is the share of drawn figures below an interval of 95 %, and above it, if n things
// were drawn for each. It is less than 2.5 %, since few vary less among themselves than what
// they were drawn from: by as much as Student's t and the variance of a sample differ from the
// normal distribution (Hesterberg 2015, "What Teachers Should Know About the Bootstrap":
// expanded percentile intervals).
func Tail(n int) float64 {
	const z = 1.959964 // 97.5 % of a normal distribution
	count := float64(max(n, 3))
	freedom := count - 1
	// The first terms of Cornish and Fisher's series for Student's t.
	student := z + (math.Pow(z, 3)+z)/(4*freedom) + (5*math.Pow(z, 5)+16*math.Pow(z, 3)+3*z)/(96*freedom*freedom)
	return math.Erfc(student*math.Sqrt(count/freedom)/math.Sqrt2) / 2
}

// Interval is where the values lie but for such a share at either end; not ok if there
// are none, or some that aren't finite. It sorts them.
func Interval(values []float64, tail float64) (low, high float64, ok bool) {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, 0, false
		}
	}
	if len(values) == 0 {
		return 0, 0, false
	}
	slices.Sort(values)
	at := func(share float64) float64 { return values[int(math.Round(share*float64(len(values)-1)))] }
	return at(tail), at(1 - tail), true
}
