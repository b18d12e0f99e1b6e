package fakedns

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Delays draws times. It is used by one goroutine at a time: each server needs its own.
type Delays func() time.Duration

// Fixed is always the same.
func Fixed(d time.Duration) Delays { return func() time.Duration { return d } }

// Uniform is as often this as that.
func Uniform(from, to time.Duration, seed uint64) Delays {
	r := rand.New(rand.NewPCG(seed, 1))
	return func() time.Duration { return from + time.Duration(r.Float64()*float64(to-from)) }
}

// LongTail is near its median mostly, and seldom much above: the logarithm is normally
// distributed, with sigma as standard deviation. It is never above most.
func LongTail(median time.Duration, sigma float64, most time.Duration, seed uint64) Delays {
	r := rand.New(rand.NewPCG(seed, 2))
	return func() time.Duration {
		return time.Duration(min(float64(median)*math.Exp(sigma*r.NormFloat64()), float64(most)))
	}
}

// Quantile returns the time that a share (0 to 1) of times do not exceed; 0 without any.
func Quantile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(max(int(math.Ceil(share*float64(len(sorted))))-1, 0), len(sorted)-1)]
}
