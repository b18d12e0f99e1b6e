package outcome

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"yushan/bench/resample"
)

// Estimate is a figure and the interval in which it lies with a confidence of 95 %, as
// far as the rounds show. The interval is the figure itself where one round was all.
type Estimate struct{ Value, Low, High float64 }

// Figures are those of one server in a row.
type Figures struct {
	Server           string
	Median, Min, Max float64
	Rounds           int
	Note             string
	Extra            map[string]float64 // medians
	Others           float64            // the most of any round
}

// Judgement is a row with all that follows from it.
type Judgement struct {
	*Row
	Figures []Figures
	Best    string   // ID of the best peer; "": there is none
	Ratio   Estimate // yushan's median to that of the best peer; NaN where there is none
	// Lost tells whether the best peer is better than yushan.
	Lost    bool
	Targets []Judged
}

// resamples is how often the rounds are drawn.
const resamples = 2000

// Judge says what came of a row. It may depend on another one: the servers that have no
// image start from text.
func (o *Outcome) Judge(row *Row) Judgement {
	j := Judgement{Row: row, Ratio: Estimate{math.NaN(), math.NaN(), math.NaN()}}
	for i := range row.Entries {
		if f, ok := row.Entries[i].figures(); ok {
			j.Figures = append(j.Figures, f)
		}
	}
	slices.SortStableFunc(j.Figures, func(a, b Figures) int { return cmp.Compare(o.place(a.Server), o.place(b.Server)) })
	own := row.Entry(Yushan)
	for _, f := range j.Figures {
		if server := o.Server(f.Server); f.Server == Yushan || server == nil || server.Floor {
			continue
		}
		if best := j.Of(j.Best); best == nil || row.better(f.Median, best.Median) {
			j.Best = f.Server
		}
	}
	if own == nil {
		own = &Entry{}
	}
	if best := row.Entry(j.Best); best != nil {
		j.Ratio = ratio(own, best)
		j.Lost = row.better(1, j.Ratio.Value)
	}
	for _, t := range row.Targets {
		judged := Judged{Target: t, Against: t.Of}
		switch {
		case t.Of == "":
			judged.Ratio = alone(own)
		case t.Of == BestPeer:
			judged.Against, judged.Ratio = j.Best, j.Ratio
		default:
			judged.Ratio = Estimate{math.NaN(), math.NaN(), math.NaN()}
			if other := row.Entry(t.Of); other != nil {
				judged.Ratio = ratio(own, other)
			}
		}
		judged.Verdict = t.judge(judged.Ratio, row.More)
		j.Targets = append(j.Targets, judged)
	}
	return j
}

// place is where a server stands among all.
func (o *Outcome) place(id string) int {
	return slices.IndexFunc(o.Servers, func(s Server) bool { return s.ID == id })
}

// Of returns the figures of a server; nil if there are none.
func (j *Judgement) Of(server string) *Figures {
	if i := slices.IndexFunc(j.Figures, func(f Figures) bool { return f.Server == server }); i >= 0 {
		return &j.Figures[i]
	}
	return nil
}

// Against is the ratio of a server's median to that of the best peer; NaN where there is
// none.
func (j *Judgement) Against(f *Figures) float64 {
	best := j.Of(j.Best)
	if best == nil || best.Median == 0 {
		return math.NaN()
	}
	return f.Median / best.Median
}

func (r *Row) better(a, b float64) bool {
	if r.More {
		return a > b
	}
	return a < b
}

func (e *Entry) figures() (f Figures, ok bool) {
	if len(e.Samples) == 0 {
		return f, false
	}
	values := e.values()
	f = Figures{Server: e.Server, Median: median(values), Min: slices.Min(values), Max: slices.Max(values), Rounds: len(values), Note: e.Note, Extra: map[string]float64{}}
	extras := map[string][]float64{}
	for _, s := range e.Samples {
		f.Others = max(f.Others, s.Others)
		for name, value := range s.Extra {
			extras[name] = append(extras[name], value)
		}
	}
	for name, list := range extras {
		f.Extra[name] = median(list)
	}
	return f, true
}

func (e *Entry) values() []float64 {
	values := make([]float64, len(e.Samples))
	for i, s := range e.Samples {
		values[i] = s.Value
	}
	return values
}

// median is NaN of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// ratio is that of the medians of a and b. Rounds are drawn with both of their figures,
// since what disturbs one disturbs the other, which was measured next to it.
func ratio(a, b *Entry) Estimate {
	none := Estimate{math.NaN(), math.NaN(), math.NaN()}
	if len(a.Samples) == 0 || len(b.Samples) == 0 {
		return none
	}
	value := median(a.values()) / median(b.values())
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return none
	}
	var pairs [][2]float64
	for _, s := range a.Samples {
		if i := slices.IndexFunc(b.Samples, func(other Sample) bool { return other.Round == s.Round }); i >= 0 {
			pairs = append(pairs, [2]float64{s.Value, b.Samples[i].Value})
		}
	}
	return interval(value, len(pairs), func(drawn []int) float64 {
		as, bs := make([]float64, len(drawn)), make([]float64, len(drawn))
		for i, n := range drawn {
			as[i], bs[i] = pairs[n][0], pairs[n][1]
		}
		return median(as) / median(bs)
	})
}

// alone is the median of an entry.
func alone(e *Entry) Estimate {
	values := e.values()
	return interval(median(values), len(values), func(drawn []int) float64 {
		list := make([]float64, len(drawn))
		for i, n := range drawn {
			list[i] = values[n]
		}
		return median(list)
	})
}

// interval is a bootstrap over rounds: figure is given those that were drawn.
func interval(value float64, rounds int, figure func(drawn []int) float64) Estimate {
	e := Estimate{value, value, value}
	if rounds < 2 || math.IsNaN(value) {
		return e
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same figures have the same interval
	figures := make([]float64, resamples)
	drawn := make([]int, rounds)
	for i := range figures {
		for k := range drawn {
			drawn[k] = random.IntN(rounds)
		}
		figures[i] = figure(drawn)
	}
	if low, high, ok := resample.Interval(figures, resample.Tail(rounds)); ok {
		e.Low, e.High = min(low, value), max(high, value)
	}
	return e
}
