package contrast

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"yushan/bench/result"
)

const (
	// resamples is how many runs are drawn from the intervals of each.
	resamples = 2000
	// mostClusters bounds the work, and makes what is drawn longer in long runs, which
	// keeps more of what neighbouring intervals have in common.
	mostClusters = 100
	// fewestClusters with answers are needed to say anything.
	fewestClusters = 8
)

// cluster is what is drawn as a whole: one interval, or some that follow each other.
type cluster struct {
	counts                 []weighted
	due, answered, lost    float64
	seconds, serverSeconds float64 // of the clock, and of the server's CPU time
}

// weighted is a bin of latencies and how many are in it.
type weighted struct {
	bin   int
	count float64
}

// sampler draws runs from the intervals of one.
type sampler struct {
	bins     []float64 // middles of the bins, from short to long
	widths   []float64
	clusters []cluster
	totals   []float64 // by bin, of the run that was drawn last
	weights  []float64 // by cluster: how often it was drawn
}

func newSampler(r *result.Result) *sampler {
	s := new(sampler)
	index := map[result.Bucket]int{}
	var bins []result.Bucket
	buckets := make([][]result.Bucket, len(r.Intervals))
	for i := range r.Intervals {
		buckets[i] = r.Intervals[i].Latency.Buckets()
		for _, b := range buckets[i] {
			b.Count = 0
			if _, known := index[b]; !known {
				index[b] = 0
				bins = append(bins, b)
			}
		}
	}
	slices.SortFunc(bins, func(a, b result.Bucket) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	for i, b := range bins {
		index[b] = i
		s.bins = append(s.bins, (float64(b.From)+float64(b.To))/2)
		s.widths = append(s.widths, float64(b.To-b.From)+1)
	}
	size := (len(r.Intervals) + mostClusters - 1) / mostClusters
	for from := 0; from < len(r.Intervals); from += size {
		var c cluster
		for i := from; i < min(from+size, len(r.Intervals)); i++ {
			interval := &r.Intervals[i]
			c.due += float64(interval.Due)
			c.answered += float64(interval.Answered)
			c.lost += float64(interval.Lost + interval.Unsent)
			c.seconds += interval.Seconds
			c.serverSeconds += float64(interval.ServerCPU) / 1e9
			for _, b := range buckets[i] {
				count := float64(b.Count)
				b.Count = 0
				c.counts = append(c.counts, weighted{index[b], count})
			}
		}
		s.clusters = append(s.clusters, c)
	}
	s.totals = make([]float64, len(s.bins))
	s.weights = make([]float64, len(s.clusters))
	return s
}

// enough tells whether there are clusters enough with answers.
func (s *sampler) enough() bool {
	with := 0
	for i := range s.clusters {
		if s.clusters[i].answered > 0 {
			with++
		}
	}
	return with >= fewestClusters
}

// all makes the run that is drawn the run itself.
func (s *sampler) all() {
	for i := range s.weights {
		s.weights[i] = 1
	}
	s.add()
}

// draw makes a run of as many clusters, each drawn from all of them.
func (s *sampler) draw(random *rand.Rand) {
	clear(s.weights)
	for range s.clusters {
		s.weights[random.IntN(len(s.clusters))]++
	}
	s.add()
}

func (s *sampler) add() {
	clear(s.totals)
	for i, weight := range s.weights {
		if weight == 0 {
			continue
		}
		for _, w := range s.clusters[i].counts {
			s.totals[w.bin] += weight * w.count
		}
	}
}

// sum adds a figure of all clusters up as they were drawn.
func (s *sampler) sum(figure func(*cluster) float64) (sum float64) {
	for i, weight := range s.weights {
		if weight != 0 {
			sum += weight * figure(&s.clusters[i])
		}
	}
	return sum
}

// quantile is a latency of the run drawn, in ns, interpolated within its bin; NaN
// without answers.
func (s *sampler) quantile(share float64) float64 {
	count := 0.0
	for _, n := range s.totals {
		count += n
	}
	if count == 0 {
		return math.NaN()
	}
	left := share * count
	for i, n := range s.totals {
		if n >= left && n > 0 {
			return s.bins[i] + s.widths[i]*(left/n-0.5)
		}
		left -= n
	}
	return s.bins[len(s.bins)-1]
}

// mean is the mean latency in ns; NaN without answers.
func (s *sampler) mean() float64 {
	sum, count := 0.0, 0.0
	for i, n := range s.totals {
		sum += n * s.bins[i]
		count += n
	}
	if count == 0 {
		return math.NaN()
	}
	return sum / count
}
