package result

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Longest is the longest time that is told from longer ones.
const Longest = 10 * time.Minute

// Histogram counts times in nanoseconds. It is recorded by one goroutine at a time,
// without allocation.
type Histogram struct{ h *hdrhistogram.Histogram }

// NewHistogram returns one that tells times apart by so many significant decimal
// digits (1 to 4).
func NewHistogram(digits int) *Histogram {
	return &Histogram{hdrhistogram.New(1, int64(Longest), digits)}
}

// Record counts a time. A negative one is 0, one above Longest is Longest.
func (h *Histogram) Record(nanoseconds int64) {
	// The only error is a value out of range.
	_ = h.h.RecordValue(min(max(nanoseconds, 0), int64(Longest)))
}

// Merge adds what another histogram has counted.
func (h *Histogram) Merge(other *Histogram) { h.h.Merge(other.h) }

// Reset forgets everything.
func (h *Histogram) Reset() { h.h.Reset() }

// Count is how many times have been recorded.
func (h *Histogram) Count() uint64 { return uint64(h.h.TotalCount()) }

// Mean is their mean, 0 without any.
func (h *Histogram) Mean() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.h.Mean())
}

// Min and Max are the shortest and the longest; 0 without any.
func (h *Histogram) Min() time.Duration { return time.Duration(h.h.Min()) }

func (h *Histogram) Max() time.Duration { return time.Duration(h.h.Max()) }

// Quantile returns the time that a share of all do not exceed; share is 0 to 1.
func (h *Histogram) Quantile(share float64) time.Duration {
	return time.Duration(h.h.ValueAtQuantile(share * 100))
}

// Bucket is the times from From to To, both included.
type Bucket struct {
	From, To time.Duration
	Count    uint64
}

// Buckets returns those that aren't empty, from short to long.
func (h *Histogram) Buckets() (buckets []Bucket) {
	for _, bar := range h.h.Distribution() {
		if bar.Count > 0 {
			buckets = append(buckets, Bucket{time.Duration(bar.From), time.Duration(bar.To), uint64(bar.Count)})
		}
	}
	return buckets
}

// HDR returns what HdrHistogram's own formats are written from. It is shared with h.
func (h *Histogram) HDR() *hdrhistogram.Histogram { return h.h }

// MarshalJSON writes HdrHistogram's compressed V2 form in base64, which its tools of
// other languages read too.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	text, err := h.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, err
	}
	return json.Marshal(string(text))
}

// UnmarshalJSON reads it.
func (h *Histogram) UnmarshalJSON(text []byte) error {
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	decoded, err := hdrhistogram.Decode([]byte(encoded))
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	// Others would lose counts when they are merged, or take any amount of memory.
	if decoded.LowestTrackableValue() != 1 || decoded.HighestTrackableValue() != int64(Longest) ||
		decoded.SignificantFigures() < 1 || decoded.SignificantFigures() > 4 {
		return fmt.Errorf("histogram of %d to %d with %d digits: expected 1 to %d with 1 to 4, as this program writes them",
			decoded.LowestTrackableValue(), decoded.HighestTrackableValue(), decoded.SignificantFigures(), int64(Longest))
	}
	h.h = decoded
	return nil
}

// complete puts empty histograms where a file has none, so that readers need not ask.
func (r *Result) complete() {
	fill := func(h **Histogram) {
		if *h == nil {
			*h = NewHistogram(1)
		}
	}
	fill(&r.Total.Latency)
	for i := range r.Classes {
		fill(&r.Classes[i].Latency)
	}
	for i := range r.Intervals {
		fill(&r.Intervals[i].Latency)
	}
	fill(&r.Client.Service)
	fill(&r.Client.Lag)
	if r.Connections != nil {
		fill(&r.Connections.Handshake)
	}
}
