package contrast

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"yushan/bench/report/units"
	"yushan/bench/resample"
	"yushan/bench/result"
)

// Comparison is two runs and what tells them apart. NameA and NameB, "a" and "b" unless
// set, are how texts call them.
type Comparison struct {
	A, B         *result.Result
	NameA, NameB string
	Metrics      []Metric
	// Settings are those that differ.
	Settings []Difference
}

// Difference is a setting of the two runs.
type Difference struct{ Name, A, B string }

// Unit is what a metric is in.
type Unit uint8

const (
	Time  Unit = iota // ns
	Rate              // per second
	Share             // 0 to 1
)

// Verdict is what can be said of a metric of b, held against that of a.
type Verdict uint8

const (
	Unknown Verdict = iota // too little was measured
	Same                   // no difference that can be told from noise
	Unclear                // it may well differ, but a few intervals decide that
	Better
	Worse
)

func (v Verdict) String() string {
	return [...]string{"unknown", "same", "unclear", "better", "worse"}[v]
}

// Metric is a figure of both runs.
type Metric struct {
	Name string
	Unit Unit
	A, B float64 // NaN: there is none
	// Change is B/A − 1; of a share it is B − A. It lies between Low and High with a
	// confidence of 95 %, unless the verdict is Unknown.
	Change, Low, High float64
	Verdict           Verdict
}

// unclear is the relative change from which on one is not called noise, even though
// its interval has room for none.
const unclear = 0.25

// kind is a metric that can be taken of a run, and of one that was drawn.
type kind struct {
	name     string
	unit     Unit
	moreGood bool
	// least is the smallest change that is told from none: histograms of intervals tell
	// times apart by 1 in 100.
	least float64
	of    func(*result.Result) float64
	drawn func(*sampler) float64
}

func latency(share float64) kind {
	return kind{units.Percentile(share), Time, false, 0.01,
		func(r *result.Result) float64 { return quantile(r.Total.Latency, share) },
		func(s *sampler) float64 { return s.quantile(share) }}
}

func quantile(h *result.Histogram, share float64) float64 {
	// A percentile that fewer than one answer lies beyond is chance.
	if n := float64(h.Count()); n == 0 || n*(1-share) < 0.999 {
		return math.NaN()
	}
	return float64(h.Quantile(share))
}

var kinds = []kind{
	latency(0.5), latency(0.9), latency(0.99), latency(0.999),
	{"mean", Time, false, 0.01,
		func(r *result.Result) float64 {
			if r.Total.Latency.Count() == 0 {
				return math.NaN()
			}
			return float64(r.Total.Latency.Mean())
		},
		(*sampler).mean},
	{"lost", Share, false, 0,
		func(r *result.Result) float64 { return orNaN(r.Total.Loss(), r.Total.Due > 0) },
		func(s *sampler) float64 {
			return s.sum(func(c *cluster) float64 { return c.lost }) / s.sum(func(c *cluster) float64 { return c.due })
		}},
	{"answered/s", Rate, true, 0.005,
		func(r *result.Result) float64 { return orNaN(r.Rate(), r.Seconds > 0) },
		func(s *sampler) float64 {
			return s.sum(func(c *cluster) float64 { return c.answered }) / s.sum(func(c *cluster) float64 { return c.seconds })
		}},
	{"server CPU", Time, false, 0.005,
		func(r *result.Result) float64 { return orNaN(float64(r.CPUPerAnswer()), r.CPUPerAnswer() > 0) },
		func(s *sampler) float64 {
			return s.sum(func(c *cluster) float64 { return c.serverSeconds }) * 1e9 / s.sum(func(c *cluster) float64 { return c.answered })
		}},
}

func orNaN(v float64, known bool) float64 {
	if !known {
		return math.NaN()
	}
	return v
}

// Compare holds b against a. The seed is of the bootstrap: with the same one it gives
// the same figures.
func Compare(a, b *result.Result, seed uint64) *Comparison {
	c := &Comparison{A: a, B: b, NameA: "a", NameB: "b", Settings: differences(a, b)}
	samplers := [2]*sampler{newSampler(a), newSampler(b)}
	random := rand.New(rand.NewPCG(seed, 0x636f6d70617265))
	for _, k := range kinds {
		m := Metric{Name: k.name, Unit: k.unit, A: k.of(a), B: k.of(b)}
		m.Change = k.change(m.A, m.B)
		c.Metrics = append(c.Metrics, m)
	}
	if samplers[0].enough() && samplers[1].enough() {
		c.intervals(samplers, random)
	}
	c.Metrics = slices.DeleteFunc(c.Metrics, func(m Metric) bool { return math.IsNaN(m.A) && math.IsNaN(m.B) })
	return c
}

// change is that from a to b.
func (k *kind) change(a, b float64) float64 {
	if k.unit == Share {
		return b - a
	}
	return b/a - 1
}

// intervals finds out how sure each change is.
func (c *Comparison) intervals(samplers [2]*sampler, random *rand.Rand) {
	whole := make([]float64, len(kinds)) // changes as the intervals show them
	drawn := make([][]float64, len(kinds))
	for i := range samplers {
		samplers[i].all()
	}
	for i := range kinds {
		whole[i] = kinds[i].change(kinds[i].drawn(samplers[0]), kinds[i].drawn(samplers[1]))
		drawn[i] = make([]float64, 0, resamples)
	}
	for range resamples {
		samplers[0].draw(random)
		samplers[1].draw(random)
		for i := range kinds {
			drawn[i] = append(drawn[i], kinds[i].change(kinds[i].drawn(samplers[0]), kinds[i].drawn(samplers[1])))
		}
	}
	outside := resample.Tail(min(len(samplers[0].clusters), len(samplers[1].clusters)))
	for i := range kinds {
		m, k := &c.Metrics[i], &kinds[i]
		low, high, ok := resample.Interval(drawn[i], outside)
		if !ok || math.IsNaN(m.Change) || math.IsInf(m.Change, 0) || math.IsNaN(whole[i]) {
			continue
		}
		// The whole run's histogram tells times apart better than the intervals', so its
		// change is the one that is shown, and the interval is moved to lie around it.
		if k.unit == Share {
			m.Low, m.High = low-whole[i]+m.Change, high-whole[i]+m.Change
		} else {
			by := (1 + m.Change) / (1 + whole[i])
			m.Low, m.High = (1+low)*by-1, (1+high)*by-1
		}
		m.Verdict = k.verdict(m)
	}
}

func (k *kind) verdict(m *Metric) Verdict {
	switch {
	case math.Abs(m.Change) <= k.least:
		return Same
	case m.Low <= 0 && m.High >= 0:
		if k.unit != Share && math.Abs(m.Change) >= unclear {
			return Unclear
		}
		return Same
	case m.Change > 0 == k.moreGood:
		return Better
	}
	return Worse
}

// Headline says in a sentence what came of it.
func (c *Comparison) Headline() string {
	a, b := &c.A.Total, &c.B.Total
	switch {
	case a.Answered == 0 && b.Answered == 0:
		return "Neither run has answers"
	case a.Answered == 0:
		return c.NameA + " has no answers to compare with"
	case b.Answered == 0:
		return c.NameB + " has no answers to compare"
	}
	if limited := c.limited(); limited != "" {
		return "The servers can't be judged by this: the load generator was the limit in " + limited
	}
	var said [Worse + 1][]string
	for _, m := range c.byWeight() {
		said[m.Verdict] = append(said[m.Verdict], m.sentence())
	}
	// Two say what matters, the table has them all.
	say := func(list []string) string { return strings.Join(list[:min(2, len(list))], " and ") }
	better, worse, open := say(said[Better]), say(said[Worse]), say(said[Unclear])
	switch {
	case better != "" && worse != "":
		return fmt.Sprintf("%s is better than %s in some ways and worse in others: %s, but %s", c.NameB, c.NameA, better, worse)
	case worse != "":
		return c.NameB + " is worse than " + c.NameA + ": " + worse
	case better != "":
		return c.NameB + " is better than " + c.NameA + ": " + better
	case open != "":
		return fmt.Sprintf("%s may differ from %s, but a few intervals decide that: %s", c.NameB, c.NameA, open)
	case len(said[Same]) > 0:
		return fmt.Sprintf("No difference between %s and %s that can be told from noise", c.NameA, c.NameB)
	}
	return fmt.Sprintf("Too short to tell a difference from noise: fewer than %d intervals with answers", fewestClusters)
}

// limited names the runs whose figures are the load generator's.
func (c *Comparison) limited() string {
	a, b := len(c.A.Client.Limits) > 0, len(c.B.Client.Limits) > 0
	switch {
	case a && b:
		return "both runs"
	case a:
		return c.NameA
	case b:
		return c.NameB
	}
	return ""
}

// byWeight are the metrics, those first that matter most in a sentence.
func (c *Comparison) byWeight() []*Metric {
	list := make([]*Metric, len(c.Metrics))
	for i := range c.Metrics {
		list[i] = &c.Metrics[i]
	}
	weight := map[string]int{"lost": -2, "p99": -1}
	slices.SortStableFunc(list, func(a, b *Metric) int { return cmp.Compare(weight[a.Name], weight[b.Name]) })
	return list
}

// sentence says how the metric changed: "p99 is 12 % longer (8…16 %)".
func (m *Metric) sentence() string {
	between := m.between()
	switch m.Unit {
	case Share:
		return fmt.Sprintf("it lost %s of the queries rather than %s", units.Percent(m.B), units.Percent(m.A))
	case Rate:
		if m.Change > 0 {
			return "it answered " + amount(m.Change) + " more" + between
		}
		return "it answered " + amount(m.Change) + " less" + between
	}
	name := m.Name
	if name == "server CPU" {
		name = "the server’s CPU time an answer"
	}
	if m.Change > 1 {
		return fmt.Sprintf("%s is ×%s (%s…%s)", name, times(m.Change), times(m.Low), times(m.High))
	}
	if m.Change > 0 {
		return name + " is " + amount(m.Change) + " longer" + between
	}
	return name + " is " + amount(m.Change) + " shorter" + between
}

// times is the factor of a relative change.
func times(change float64) string { return units.Digits(1 + change) }

// amount is a relative change without its sign.
func amount(change float64) string { return percent(change, digits(change)) + " %" }

// digits is how many a relative change has after the point.
func digits(change float64) int {
	if math.Abs(change) < 0.0995 {
		return 1
	}
	return 0
}

// percent writes a relative change without its sign.
func percent(change float64, digits int) string {
	text := strconv.FormatFloat(math.Abs(change)*100, 'f', digits, 64)
	return strings.TrimSuffix(text, ".0")
}

// spread is the interval of a relative change without signs, with digits that tell its
// ends apart.
func (m *Metric) spread() (low, high string) {
	places := max(digits(m.Low), digits(m.High))
	if m.High-m.Low < 0.02 {
		places = 1
	}
	return percent(m.Low, places), percent(m.High, places)
}

// between is the interval for a sentence that says which way the change went.
func (m *Metric) between() string {
	low, high := m.spread()
	if m.High < 0 {
		low, high = high, low
	}
	if low == high {
		return ""
	}
	return " (" + low + "…" + high + " %)"
}

// subject is the setting that is meant to differ.
const subject = "server"

// differences are the settings that the runs don't share.
func differences(a, b *result.Result) (list []Difference) {
	var names []string
	values := [2]map[string]string{{}, {}}
	for i, r := range [2]*result.Result{a, b} {
		for _, s := range r.Settings {
			if !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
			values[i][s.Name] = s.Value
		}
	}
	for _, name := range names {
		if values[0][name] != values[1][name] {
			list = append(list, Difference{name, values[0][name], values[1][name]})
		}
	}
	return list
}

// Warnings are reasons to doubt that the runs can be compared.
func (c *Comparison) Warnings() (list []string) {
	var names []string
	for _, d := range c.Settings {
		if !strings.EqualFold(d.Name, subject) {
			names = append(names, d.Name)
		}
	}
	if len(names) > 0 {
		list = append(list, "The settings differ, and differences may come from them: "+strings.Join(names, ", ")+".")
	}
	if c.A.Machine != c.B.Machine {
		list = append(list, "The load generator ran on different machines or systems.")
	}
	for _, side := range []struct {
		name string
		run  *result.Result
	}{{c.NameA, c.A}, {c.NameB, c.B}} {
		if len(side.run.Client.Limits) > 0 {
			list = append(list, fmt.Sprintf("In %s the load generator was the limit: its figures are its own.", side.name))
		}
		if side.run.Interrupted {
			list = append(list, side.name+" was interrupted.")
		}
		if v := side.run.Verified; v != nil && v.Wrong > 0 {
			list = append(list, fmt.Sprintf("In %s, %s of the verified answers are wrong.", side.name, units.Count(v.Wrong)))
		}
	}
	return list
}
