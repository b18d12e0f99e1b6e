package report

import (
	"strings"
	"testing"

	"yushan/bench/result"
	"yushan/bench/result/sample"
)

// TestSilence tells of a server that went away, which rates and percentiles of the whole
// run hide.
func TestSilence(t *testing.T) {
	for name, tt := range map[string]struct {
		silent func(interval, of int) bool
		want   string // "": nothing is said
	}{
		"none":            {func(i, of int) bool { return false }, ""},
		"two intervals":   {func(i, of int) bool { return i == 5 || i == 6 }, ""},
		"in the middle":   {func(i, of int) bool { return i >= 5 && i < 9 }, "No answers from 5 s to 9 s"},
		"the longest one": {func(i, of int) bool { return i >= 2 && i < 5 || i >= 10 && i < 15 }, "No answers from 10 s to 15 s"},
		"to the end":      {func(i, of int) bool { return i >= 20 }, "No answers from 20 s on, to the end"},
	} {
		t.Run(name, func(t *testing.T) {
			r := sample.Normal(10_000)
			for i := range r.Intervals {
				if !tt.silent(i, len(r.Intervals)) {
					continue
				}
				interval := &r.Intervals[i]
				interval.Lost += interval.Answered
				interval.Answered, interval.Latency = 0, result.NewHistogram(2)
			}
			var said string
			for _, f := range findings(r) {
				if strings.HasPrefix(f.Title, "No answers from") {
					said = f.Title
				}
			}
			if said != tt.want {
				t.Errorf("%q is said, expected %q", said, tt.want)
			}
		})
	}
}
