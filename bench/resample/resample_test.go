package resample

import (
	"math"
	"testing"
)

func TestTail(t *testing.T) {
	// Of Student's t with 7, 29 and 99 degrees of freedom.
	for n, want := range map[int]float64{8: 0.0057, 30: 0.0188, 100: 0.0230} {
		if got := Tail(n); got < want*0.95 || got > want*1.05 {
			t.Errorf("of %d drawn %.4f lie outside on either side, expected %.4f", n, got, want)
		}
	}
	for _, n := range []int{-1, 0, 1, 2, 3, 5} {
		if got := Tail(n); !(got > 0 && got < Tail(8)) {
			t.Errorf("of %d drawn %g lie outside on either side, expected more than 0 and less than of 8", n, got)
		}
	}
}

func TestInterval(t *testing.T) {
	values := make([]float64, 101)
	for i := range values {
		values[i] = float64(100 - i)
	}
	if low, high, ok := Interval(values, 0.05); low != 5 || high != 95 || !ok {
		t.Errorf("from %g to %g, %v; expected 5 to 95", low, high, ok)
	}
	for name, list := range map[string][]float64{"nothing": nil, "NaN": {1, math.NaN()}, "infinite": {1, math.Inf(1)}} {
		if _, _, ok := Interval(list, 0.025); ok {
			t.Errorf("%s has an interval", name)
		}
	}
}
