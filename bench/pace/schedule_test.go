package pace

import (
	"math"
	"strings"
	"testing"
	"time"
)

// all returns when the queries of a plan are due, of each worker.
func all(p Plan, workers int) [][]int64 {
	due := make([][]int64, workers)
	for w := range workers {
		s := p.Schedule(w, workers)
		for at, more := s.Peek(); more; at, more = s.Peek() {
			due[w] = append(due[w], at)
			s.Take()
		}
	}
	return due
}

func TestConstantRate(t *testing.T) {
	due := all(Plan{Rate: 1000, RateAtEnd: 1000, Duration: 2 * time.Second}, 3)
	total := 0
	for w, list := range due {
		total += len(list)
		for k, at := range list {
			if want := int64(k*3+w) * 1e6; math.Abs(float64(at-want)) > 1 {
				t.Fatalf("worker %d, query %d: due at %d, expected %d", w, k, at, want)
			}
		}
	}
	if total != 2000 {
		t.Errorf("%d queries, expected 2000", total)
	}
}

func TestRamp(t *testing.T) {
	for _, p := range []Plan{
		{Rate: 100, RateAtEnd: 900, Duration: 10 * time.Second},
		{Rate: 900, RateAtEnd: 100, Duration: 10 * time.Second},
	} {
		var total uint64
		perSecond := make([]int, 10)
		for _, list := range all(p, 2) {
			total += uint64(len(list))
			for k, at := range list {
				perSecond[at/1e9]++
				if k > 0 && at < list[k-1] {
					t.Fatalf("query %d is due before the one ahead of it", k)
				}
			}
		}
		if want := p.Queries(); want != 5000 || total < want-1 || total > want+1 {
			t.Errorf("%v: %d queries, expected 5000", p, total)
		}
		slope := (p.RateAtEnd - p.Rate) / 10
		for second, n := range perSecond {
			if want := p.Rate + slope*(float64(second)+0.5); math.Abs(float64(n)-want) > 2 {
				t.Errorf("%v: %d queries in second %d, expected %g", p, n, second, want)
			}
		}
	}
}

func TestPoisson(t *testing.T) {
	p := Plan{Rate: 10_000, RateAtEnd: 10_000, Duration: 10 * time.Second, Arrival: Poisson, Seed: 1}
	for w, list := range all(p, 2) {
		// The standard deviation of a count n is its root: 6 of them never happen.
		if n := float64(len(list)); math.Abs(n-50_000) > 6*math.Sqrt(50_000) {
			t.Errorf("worker %d: %g queries, expected about 50000", w, n)
		}
		var sum, squares float64
		for k := 1; k < len(list); k++ {
			gap := float64(list[k] - list[k-1])
			sum += gap
			squares += gap * gap
		}
		mean := sum / float64(len(list)-1)
		// Exponential gaps have the mean as their standard deviation.
		if deviation := math.Sqrt(squares/float64(len(list)-1) - mean*mean); math.Abs(deviation/mean-1) > 0.05 {
			t.Errorf("worker %d: gaps of %g ± %g ns: expected both to be the same", w, mean, deviation)
		}
	}
	again := all(p, 2)
	if again[0][100] != all(p, 2)[0][100] {
		t.Error("the same seed gave other times")
	}
}

func TestLimit(t *testing.T) {
	for _, p := range []Plan{
		{Rate: 1000, RateAtEnd: 1000, Duration: time.Minute, Limit: 10},
		{Rate: 1000, RateAtEnd: 1000, Duration: time.Minute, Limit: 10, Arrival: Poisson},
		{Duration: time.Minute, Limit: 10},
	} {
		due := all(p, 3)
		if len(due[0]) != 4 || len(due[1]) != 3 || len(due[2]) != 3 {
			t.Errorf("%+v: workers send %d, %d and %d, expected 4, 3 and 3", p, len(due[0]), len(due[1]), len(due[2]))
		}
	}
}

func TestClosedLoopIsAlwaysDue(t *testing.T) {
	s := Plan{Duration: time.Second}.Schedule(0, 1)
	for range 100_000 {
		if at, more := s.Peek(); at != 0 || !more {
			t.Fatalf("due at %d, %v: expected always", at, more)
		}
		s.Take()
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		plan Plan
		want string
	}{
		{Plan{}, "duration 0s"},
		{Plan{Rate: -1, RateAtEnd: 1, Duration: 1}, "rate from -1 to 1"},
		{Plan{Rate: 1, Duration: 1}, "rate from 1 to 0"},
		{Plan{Rate: math.NaN(), RateAtEnd: 1, Duration: 1}, "rate from NaN"},
		{Plan{Rate: 1, RateAtEnd: math.Inf(1), Duration: 1}, "to +Inf"},
		{Plan{RateAtEnd: 1, Duration: 1}, "a closed loop has no rate"},
		{Plan{Duration: 1}, ""},
		{Plan{Rate: 1, RateAtEnd: 2, Duration: 1}, ""},
	} {
		err := tt.plan.Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, expected %q", tt.plan, err, tt.want)
		}
	}
}

func BenchmarkSchedule(b *testing.B) {
	for _, bench := range []struct {
		name string
		plan Plan
	}{
		{"constant", Plan{Rate: 1e5, RateAtEnd: 1e5, Duration: time.Hour}},
		{"ramp", Plan{Rate: 1e5, RateAtEnd: 2e5, Duration: time.Hour}},
		{"poisson", Plan{Rate: 1e5, RateAtEnd: 1e5, Duration: time.Hour, Arrival: Poisson}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			s := bench.plan.Schedule(0, 1)
			for b.Loop() {
				s.Peek()
				s.Take()
			}
		})
	}
}
