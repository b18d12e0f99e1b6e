package units

import (
	"math"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 1: "1 ns", 999: "999 ns", 1000: "1.00 µs", 1234: "1.23 µs", 12345: "12.3 µs", 123456: "123 µs",
		999_499: "999 µs", 999_500: "1.00 ms", 99_960: "100 µs", 9_996: "10.0 µs",
		45_600_000: "45.6 ms", 1_200_000_000: "1.20 s", 600_000_000_000: "600 s", -1500: "−1.50 µs",
		math.MinInt64: "−9223372037 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) = %q, expected %q", d, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0 s", -1: "0 s", math.NaN(): "0 s", 0.5: "0.5 s", 30: "30 s", 59.97: "1 min", 60: "1 min", 750: "12 min 30 s", 3600: "1 h", 7500: "2 h 5 min",
	} {
		if got := Span(seconds); got != want {
			t.Errorf("Span(%g) = %q, expected %q", seconds, got, want)
		}
	}
}

func TestCountAndRate(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", math.MaxUint64: "18,446,744,073,709,551,615"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, expected %q", n, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 0.5: "0.5", 3.14159: "3.14", 99.96: "100", 99987.4: "99,987", math.NaN(): "0"} {
		if got := Rate(v); got != want {
			t.Errorf("Rate(%g) = %q, expected %q", v, got, want)
		}
	}
}

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 answers are", 1: "1 answer is", 2: "2 answers are", 1000: "1,000 answers are"} {
		if got := Plural(n, "answer is", "answers are"); got != want {
			t.Errorf("Plural(%d) = %q, expected %q", n, got, want)
		}
	}
	if got := Plural(uint64(math.MaxUint64), "byte", "bytes"); got != "18,446,744,073,709,551,615 bytes" {
		t.Error(got)
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 250: "250", 0.2: "0.2", 1500: "1.5 k", 20000: "20 k", 3e6: "3 M", 2.5e9: "2.5 G", -1500: "−1.5 k", 999.9: "1 k",
	} {
		if got := Short(v); got != want {
			t.Errorf("Short(%g) = %q, expected %q", v, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{
		0: "0 %", 1: "100 %", 0.5: "50.0 %", 0.00013: "0.013 %", 1e-9: "<0.0001 %", 0.99996: "99.996 %", 0.9999: "99.99 %",
		0.995: "99.5 %", 0.99999999999: ">99.9999 %", 1.5: "150 %", math.NaN(): "0 %",
	} {
		if got := Percent(share); got != want {
			t.Errorf("Percent(%g) = %q, expected %q", share, got, want)
		}
	}
}

func TestPercentile(t *testing.T) {
	for share, want := range map[float64]string{0.5: "p50", 0.99: "p99", 0.999: "p99.9", 0.99999: "p99.999", 1: "p100"} {
		if got := Percentile(share); got != want {
			t.Errorf("Percentile(%g) = %q, expected %q", share, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.00 KiB", 1536: "1.50 KiB", 1 << 20: "1.00 MiB", 1023 << 20: "0.999 GiB", 1<<30 - 1: "1.00 GiB", 5 << 40: "5.00 TiB",
		math.MaxUint64: "16777216 TiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, expected %q", n, got, want)
		}
	}
}
