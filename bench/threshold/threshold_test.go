package threshold

import (
	"strings"
	"testing"
	"time"

	"yushan/bench/result"
)

// run is a result in which every figure differs.
func run() *result.Result {
	r := &result.Result{Seconds: 10}
	r.Total.Latency = result.NewHistogram(3)
	for ms := range 1000 {
		r.Total.Latency.Record(int64(ms+1) * int64(time.Millisecond))
	}
	r.Client.Service, r.Client.Lag = result.NewHistogram(3), result.NewHistogram(3)
	r.Client.Lag.Record(int64(20 * time.Microsecond))
	r.Total.Due, r.Total.Answered, r.Total.Lost = 1002, 1000, 2
	r.Total.RCodes[2], r.Total.RCodes[3] = 10, 300
	return r
}

func TestHolds(t *testing.T) {
	full := run()
	full.Server = &result.Server{CPU: int64(3 * time.Millisecond), MemoryBytes: 512 << 20}
	full.Verified = &result.Verified{Answers: 1000, Wrong: 1}
	full.Connections = &result.Connections{Failed: 2, Handshake: result.NewHistogram(3)}
	full.Connections.Handshake.Record(int64(time.Millisecond))
	for _, tt := range []struct {
		text   string
		holds  bool
		figure string
	}{
		{"p50<501ms", true, "500 ms"},
		{"p50 < 499ms", false, "500 ms"},
		{"p99.9>=990ms", true, "999 ms"},
		{"P99>1s", false, "990 ms"},
		{"max<=1.1s", true, "1.00 s"},
		{"min<2ms", true, "1.00 ms"},
		{"mean>400ms", true, "501 ms"},
		{"loss<0.1%", false, "0.2 %"},
		{"loss<0.01", true, "0.2 %"},
		{"servfail>1%", false, "1.00 %"},
		{"nxdomain>=0.3", true, "30.0 %"},
		{"rate>99", true, "100"},
		{"rate>0.1k", false, "100"},
		{"odd>0", false, "0"},
		{"cpu<5us", true, "3.00 µs"},
		{"memory<1GiB", true, "512 MiB"},
		{"wrong>0", true, "1"},
		{"failed<1", false, "2"},
		{"lag.p99<1ms", true, "20.0 µs"},
		{"handshake.p50<2ms", true, "1.00 ms"},
		{"service.p99<1s", false, Unknown},
	} {
		parsed, err := Parse(tt.text)
		if err != nil {
			t.Error(err)
			continue
		}
		if holds, figure := parsed.Holds(full); holds != tt.holds || figure != tt.figure {
			t.Errorf("%s: %v, %s; expected %v, %s", tt.text, holds, figure, tt.holds, tt.figure)
		}
	}
}

// A figure that isn't there makes nothing true, whichever way it is compared.
func TestUnknownFigures(t *testing.T) {
	empty := &result.Result{}
	empty.Total.Latency = result.NewHistogram(3)
	for _, name := range []string{"p99", "mean", "cpu", "memory", "wrong", "failed", "handshake.p99"} {
		value := "1"
		if strings.Contains(name, "p99") || name == "mean" || name == "cpu" {
			value = "1s"
		}
		for _, op := range operators {
			parsed, err := Parse(name + op + value)
			if err != nil {
				t.Fatal(err)
			}
			if holds, figure := parsed.Holds(empty); holds || figure != Unknown {
				t.Errorf("%s: %v, %s; expected it not to be known", parsed, holds, figure)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"p99":           "expected a comparison",
		"p99<5":         `"5" is not a time`,
		"p99<-5ms":      `"-5ms" is not a time`,
		"p101<5ms":      `there is no figure "p101"`,
		"p<5ms":         `there is no figure "p"`,
		"lost<1%":       `there is no figure "lost"`,
		"99<5ms":        `there is no figure "99"`,
		"cpu.p99<5ms":   `there is no figure "cpu.p99"`,
		"loss<101%":     `"101%" is not a share`,
		"loss<few":      `"few" is not a share`,
		"rate>1z":       `"1z" is not a number`,
		"rate>Inf":      `"Inf" is not a number`,
		"memory<10MB":   `"10MB" is not a size`,
		"p99==5ms":      "expected a comparison",
		"p99<5ms<6ms":   "is not a time",
		"":              "expected a comparison",
		"handshake<1ms": `there is no figure "handshake"`,
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"p99<5ms", "loss >= 0.1%", "rate>100k", "handshake.p99.9<1s", "memory<1GiB", "p1e2>0s", "pNaN<1s"} {
		f.Add(seed)
	}
	full := run()
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(parsed.String())
		if err != nil {
			t.Fatalf("%q is written as %q, which can't be read: %v", text, parsed, err)
		}
		a, figure := parsed.Holds(full)
		if b, same := again.Holds(full); a != b || figure != same {
			t.Fatalf("%q: %v (%s), read again %v (%s)", text, a, figure, b, same)
		}
	})
}
