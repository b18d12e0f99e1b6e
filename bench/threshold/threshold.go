package threshold

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"yushan/bench/report/units"
	"yushan/bench/result"
)

// Threshold is a condition on a figure of a run.
type Threshold struct {
	text   string
	name   string // of the figure
	metric metric
	op     string
	value  float64
}

// metric is a figure of a run.
type metric struct {
	unit unit
	of   func(*result.Result) float64 // NaN where the run doesn't have it
}

// unit is how a figure is written.
type unit uint8

const (
	seconds   unit = iota // "5ms"; the figure is in nanoseconds
	share                 // "0.1%" or "0.001"
	perSecond             // "100k"
	number                // "1k"
	bytes                 // "512MiB"
)

// metrics are all but the percentiles.
var metrics = map[string]metric{
	"min":       {seconds, func(r *result.Result) float64 { return duration(r.Total.Latency, r.Total.Latency.Min()) }},
	"mean":      {seconds, func(r *result.Result) float64 { return duration(r.Total.Latency, r.Total.Latency.Mean()) }},
	"max":       {seconds, func(r *result.Result) float64 { return duration(r.Total.Latency, r.Total.Latency.Max()) }},
	"loss":      {share, func(r *result.Result) float64 { return r.Total.Loss() }},
	"truncated": {share, func(r *result.Result) float64 { return ofAnswers(r, r.Total.Truncated) }},
	"formerr":   rcode(1),
	"servfail":  rcode(2),
	"nxdomain":  rcode(3),
	"notimp":    rcode(4),
	"refused":   rcode(5),
	"odd":       {number, func(r *result.Result) float64 { return float64(r.Total.Odd.Sum()) }},
	"rate":      {perSecond, (*result.Result).Rate},
	"cpu": {seconds, func(r *result.Result) float64 {
		if r.Server == nil || r.Total.Answered == 0 {
			return math.NaN()
		}
		return float64(r.Server.CPU) / float64(r.Total.Answered)
	}},
	"memory": {bytes, func(r *result.Result) float64 {
		if r.Server == nil || r.Server.MemoryBytes == 0 {
			return math.NaN()
		}
		return float64(r.Server.MemoryBytes)
	}},
	"wrong": {number, func(r *result.Result) float64 {
		if r.Verified == nil {
			return math.NaN()
		}
		return float64(r.Verified.Wrong)
	}},
	"failed": {number, func(r *result.Result) float64 {
		if r.Connections == nil {
			return math.NaN()
		}
		return float64(r.Connections.Failed)
	}},
}

// histograms have percentiles. The latency's are named by themselves ("p99"), the
// others' with the name before ("handshake.p99").
var histograms = map[string]func(*result.Result) *result.Histogram{
	"":        func(r *result.Result) *result.Histogram { return r.Total.Latency },
	"service": func(r *result.Result) *result.Histogram { return r.Client.Service },
	"lag":     func(r *result.Result) *result.Histogram { return r.Client.Lag },
	"handshake": func(r *result.Result) *result.Histogram {
		if r.Connections == nil {
			return nil
		}
		return r.Connections.Handshake
	},
}

func rcode(code int) metric {
	return metric{share, func(r *result.Result) float64 { return ofAnswers(r, r.Total.RCodes[code]) }}
}

func ofAnswers(r *result.Result, n uint64) float64 {
	if r.Total.Answered == 0 {
		return 0
	}
	return float64(n) / float64(r.Total.Answered)
}

// duration is not known without times.
func duration(h *result.Histogram, d time.Duration) float64 {
	if h == nil || h.Count() == 0 {
		return math.NaN()
	}
	return float64(d)
}

// Names describes the figures that conditions may be about, for help texts.
func Names() string {
	names := make([]string, 0, len(metrics))
	for name := range metrics {
		names = append(names, name)
	}
	slices.Sort(names)
	return "p50, p99, p99.9 (any percentile), handshake.p99, service.p99, lag.p99, " + strings.Join(names, ", ")
}

// operators in the order in which they are looked for.
var operators = []string{"<=", ">=", "<", ">"}

// Parse reads a condition.
func Parse(text string) (Threshold, error) {
	for _, op := range operators {
		name, value, found := strings.Cut(text, op)
		if !found {
			continue
		}
		name = strings.ToLower(strings.TrimSpace(name))
		m, err := lookUp(name)
		if err != nil {
			return Threshold{}, fmt.Errorf("%q: %w", text, err)
		}
		v, err := m.unit.parse(strings.TrimSpace(value))
		if err != nil {
			return Threshold{}, fmt.Errorf("%q: %w", text, err)
		}
		return Threshold{strings.ReplaceAll(text, " ", ""), name, m, op, v}, nil
	}
	return Threshold{}, fmt.Errorf("%q: expected a comparison such as p99<5ms", text)
}

// UnmarshalText is Parse.
func (t *Threshold) UnmarshalText(text []byte) (err error) {
	*t, err = Parse(string(text))
	return err
}

func lookUp(name string) (metric, error) {
	if m, known := metrics[name]; known {
		return m, nil
	}
	of, percentile := "", ""
	if rest, plain := strings.CutPrefix(name, "p"); plain {
		percentile = rest
	} else {
		of, percentile, _ = strings.Cut(name, ".p")
	}
	h, known := histograms[of]
	p, err := strconv.ParseFloat(percentile, 64)
	if !known || err != nil || !(p >= 0 && p <= 100) {
		return metric{}, fmt.Errorf("there is no figure %q: expected one of %s", name, Names())
	}
	return metric{seconds, func(r *result.Result) float64 {
		histogram := h(r)
		if histogram == nil {
			return math.NaN()
		}
		return duration(histogram, histogram.Quantile(p/100))
	}}, nil
}

func (u unit) parse(text string) (float64, error) {
	switch u {
	case seconds:
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("%q is not a time: expected one such as 5ms", text)
		}
		return float64(d), nil
	case share:
		return ParseShare(text)
	case bytes:
		digits, factor := text, 1.0
		for i, suffix := range []string{"KiB", "MiB", "GiB"} {
			if rest, found := strings.CutSuffix(text, suffix); found {
				digits, factor = rest, math.Pow(1024, float64(i+1))
			}
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || !(v >= 0) || math.IsInf(v, 0) {
			return 0, fmt.Errorf("%q is not a size: expected one such as 512MiB", text)
		}
		return v * factor, nil
	}
	return ParseNumber(text)
}

// ParseShare reads a part of a whole: "2%" or "0.02".
func ParseShare(text string) (float64, error) {
	digits, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, fmt.Errorf("%q is not a share: expected one such as 0.1%%", text)
	}
	return v, nil
}

// ParseNumber reads a number that may end in k, M or G: 100k.
func ParseNumber(text string) (float64, error) {
	digits, factor := text, 1.0
	for suffix, f := range map[string]float64{"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9} {
		if rest, found := strings.CutSuffix(text, suffix); found {
			digits, factor = rest, f
		}
	}
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(v >= 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is not a number: expected one such as 500 or 100k", text)
	}
	return v * factor, nil
}

// String returns the condition as it was written, without spaces.
func (t Threshold) String() string { return t.text }

// Figure is the name of what the condition is about: "p99", "loss".
func (t Threshold) Figure() string { return t.name }

// Unknown is the figure of a run that doesn't have it.
const Unknown = "unknown"

// Holds tells whether the condition is true of a run, and the figure in words. A
// figure that the run doesn't have makes no condition true.
func (t Threshold) Holds(r *result.Result) (holds bool, figure string) {
	v := t.metric.of(r)
	if math.IsNaN(v) {
		return false, Unknown
	}
	switch t.op {
	case "<":
		holds = v < t.value
	case "<=":
		holds = v <= t.value
	case ">":
		holds = v > t.value
	case ">=":
		holds = v >= t.value
	}
	return holds, t.metric.unit.write(v)
}

// write writes a figure for people.
func (u unit) write(v float64) string {
	switch u {
	case seconds:
		return units.Duration(time.Duration(v))
	case share:
		return units.Percent(v)
	case bytes:
		return units.Bytes(uint64(v))
	case perSecond:
		return units.Rate(v)
	}
	return units.Count(uint64(v))
}
