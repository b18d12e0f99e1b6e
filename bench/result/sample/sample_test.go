package sample

import (
	"testing"

	"yushan/bench/result"
)

// What a result must be made of holds for each kind of sample, or tests with them
// would test nothing.
func TestKindsAreConsistent(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			r := kind.Make(500)
			consistent(t, "total", &r.Total)
			var classes, intervals result.Counts
			for i := range r.Classes {
				consistent(t, r.Classes[i].Name, &r.Classes[i].Stats)
				add(&classes, &r.Classes[i].Counts)
			}
			end := 0.0
			for i := range r.Intervals {
				consistent(t, "interval", &r.Intervals[i].Stats)
				add(&intervals, &r.Intervals[i].Counts)
				if r.Intervals[i].At != end {
					t.Errorf("interval %d starts at %g s, expected %g s", i, r.Intervals[i].At, end)
				}
				end += r.Intervals[i].Seconds
			}
			if classes.Due != r.Total.Due || intervals.Due != r.Total.Due || classes.Answered != r.Total.Answered || intervals.Answered != r.Total.Answered {
				t.Errorf("classes %d/%d and intervals %d/%d of queries due and answered, expected %d/%d",
					classes.Due, classes.Answered, intervals.Due, intervals.Answered, r.Total.Due, r.Total.Answered)
			}
		})
	}
}

func add(to, from *result.Counts) {
	to.Due += from.Due
	to.Answered += from.Answered
}

func consistent(t *testing.T, what string, s *result.Stats) {
	t.Helper()
	if s.Due != s.Answered+s.Lost+s.Unsent {
		t.Errorf("%s: %d queries due, but %d answered, %d lost, %d unsent", what, s.Due, s.Answered, s.Lost, s.Unsent)
	}
	if s.Latency.Count() != s.Answered {
		t.Errorf("%s: %d latencies of %d answers", what, s.Latency.Count(), s.Answered)
	}
}
