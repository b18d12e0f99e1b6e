package report

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"yushan/bench/result/sample"
)

// HdrHistogram's own reader finds the intervals' histograms and times.
func TestHDRLog(t *testing.T) {
	for _, kind := range sample.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			r := kind.Make(500)
			r.Started = r.Started.Add(250 * time.Millisecond)
			var b bytes.Buffer
			if err := HDRLog(&b, r); err != nil {
				t.Fatal(err)
			}
			reader := hdrhistogram.NewHistogramLogReader(&b)
			for i := range r.Intervals {
				want := &r.Intervals[i]
				h, err := reader.NextIntervalHistogram()
				if err != nil || h == nil {
					t.Fatalf("interval %d: %v, %v", i, h, err)
				}
				if uint64(h.TotalCount()) != want.Answered || h.Max() != int64(want.Latency.Max()) {
					t.Errorf("interval %d: %d values up to %d, expected %d up to %d", i, h.TotalCount(), h.Max(), want.Answered, want.Latency.Max())
				}
				start := r.Started.UnixMilli() + int64(want.At*1e3)
				if h.StartTimeMs() != start || h.EndTimeMs() != start+int64(want.Seconds*1e3) {
					t.Errorf("interval %d: from %d to %d, expected from %d", i, h.StartTimeMs(), h.EndTimeMs(), start)
				}
			}
			if h, err := reader.NextIntervalHistogram(); h != nil || err != nil {
				t.Errorf("after the last interval: %v, %v", h, err)
			}
			if r.Total.Latency.HDR().StartTimeMs() != 0 {
				t.Error("the result was written to")
			}
		})
	}
}

func TestHGRM(t *testing.T) {
	r := sample.Normal(500)
	var b strings.Builder
	if err := HGRM(&b, r); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	last := 0.0
	var count string
	for _, line := range lines[2:] {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 4 {
			t.Fatalf("%q: expected value, percentile, count and 1/(1−percentile)", line)
		}
		v, err := strconv.ParseFloat(fields[0], 64)
		if err != nil || v < last {
			t.Fatalf("%q: after a value of %g (%v)", line, last, err)
		}
		last, count = v, fields[2]
	}
	if count != strconv.FormatUint(r.Total.Answered, 10) {
		t.Errorf("%s values in all, expected %d", count, r.Total.Answered)
	}
	if want := float64(r.Total.Latency.Max()) / 1e6; last < want*0.999 || last > want*1.001 {
		t.Errorf("the last value is %g ms, expected %g ms", last, want)
	}
}
