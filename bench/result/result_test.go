package result_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"yushan/bench/result"
	"yushan/bench/result/sample"
)

func TestWriteAndReadAgain(t *testing.T) {
	for _, kind := range sample.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			want := kind.Make(500)
			var text bytes.Buffer
			if err := want.Write(&text); err != nil {
				t.Fatal(err)
			}
			first := text.String()
			got, err := result.Read(&text)
			if err != nil {
				t.Fatal(err)
			}
			if got.Total.Counts != want.Total.Counts {
				t.Errorf("counts %+v, expected %+v", got.Total.Counts, want.Total.Counts)
			}
			for _, share := range []float64{0, 0.5, 0.99, 0.999, 1} {
				if g, w := got.Total.Latency.Quantile(share), want.Total.Latency.Quantile(share); g != w {
					t.Errorf("latency at %g: %s, expected %s", share, g, w)
				}
			}
			if g, w := got.Client.Service.Mean(), want.Client.Service.Mean(); g != w {
				t.Errorf("service mean %s, expected %s", g, w)
			}
			var again strings.Builder
			if err := got.Write(&again); err != nil {
				t.Fatal(err)
			}
			if again.String() != first {
				t.Error("written again, it is another text")
			}
		})
	}
}

// A file that lacks parts is as one without any queries in them.
func TestReadCompletes(t *testing.T) {
	r, err := result.Read(strings.NewReader(`{"format":1,"classes":[{"name":"A"}],"intervals":[{"seconds":1}],"connections":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]*result.Histogram{
		"total": r.Total.Latency, "class": r.Classes[0].Latency, "interval": r.Intervals[0].Latency,
		"service": r.Client.Service, "lag": r.Client.Lag, "handshake": r.Connections.Handshake,
	} {
		if h == nil || h.Count() != 0 || h.Quantile(0.99) != 0 || h.Mean() != 0 || h.Max() != 0 || h.Buckets() != nil {
			t.Errorf("%s: expected an empty histogram", name)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	foreign, err := hdrhistogram.New(1, int64(time.Hour), 3).Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		``:                             "not the JSON of a run",
		`{"format":`:                   "not the JSON of a run",
		`[]`:                           "not the JSON of a run",
		`{"format":2}`:                 "format 2: expected 1",
		`{}`:                           "format 0: expected 1",
		`{"format":1} more`:            "something follows",
		`{"format":1}{}`:               "something follows",
		`{"format":1,"seconds":-1}`:    "run of -1 seconds",
		`{"format":1,"seconds":1e300}`: "run of 1e+300 seconds",
		`{"format":1,"intervals":[{"at":0,"seconds":2},{"at":1,"seconds":1}]}`:     "interval 1",
		`{"format":1,"total":{"latency":"AAAA"}}`:                                  "histogram",
		`{"format":1,"total":{"latency":7}}`:                                       "not the JSON of a run",
		`{"format":1,"total":{"latency":"` + string(foreign) + `"}}`:               "histogram",
		`{"format":1,"total":{"rcodes":[0,0,0,0,-1]}}`:                             "not the JSON of a run",
		`{"format":1,"search":{"steps":[{"rate":0}]}}`:                             "step 0",
		`{"format":1,"search":{"steps":[{"rate":1,"loss":7}]}}`:                    "step 0",
		`{"format":1,"search":{"steps":[{"rate":1e13}]}}`:                          "step 0",
		`{"format":1,"intervals":[{"at":-1,"seconds":1}]}`:                         "interval 0",
		`{"format":1,"intervals":[{"at":0,"seconds":-1}]}`:                         "interval 0",
		`{"format":1,"intervals":[{"at":0,"seconds":1,"latency":"HISTFAAAACR4"}]}`: "histogram",
	} {
		_, err := result.Read(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected one with %q", text, err, want)
		}
	}
}

func TestHistogram(t *testing.T) {
	h := result.NewHistogram(3)
	for i := 1; i <= 1000; i++ {
		h.Record(int64(i) * 1000)
	}
	h.Record(-5)
	h.Record(int64(time.Hour))
	if h.Count() != 1002 || h.Min() != 0 {
		t.Errorf("%d counted, the shortest %s; expected 1002 and 0", h.Count(), h.Min())
	}
	if longest := h.Max(); longest < result.Longest || longest > result.Longest*1001/1000 {
		t.Errorf("longest %s: expected %s", longest, result.Longest)
	}
	if p50 := h.Quantile(0.5); p50 < 499*time.Microsecond || p50 > 502*time.Microsecond {
		t.Errorf("p50 %s: expected 500 µs", p50)
	}
	var sum uint64
	last := time.Duration(-1)
	for _, b := range h.Buckets() {
		if b.From <= last || b.To < b.From {
			t.Fatalf("bucket %s to %s after %s: expected them in order, without overlap", b.From, b.To, last)
		}
		last = b.To
		sum += b.Count
	}
	if sum != h.Count() {
		t.Errorf("%d in buckets, expected %d", sum, h.Count())
	}
	other := result.NewHistogram(2)
	other.Merge(h)
	if other.Count() != h.Count() {
		t.Errorf("merged into one of fewer digits: %d, expected %d", other.Count(), h.Count())
	}
	h.Reset()
	if h.Count() != 0 {
		t.Errorf("%d after a reset", h.Count())
	}
	if allocs := testing.AllocsPerRun(100, func() { h.Record(12345) }); allocs != 0 {
		t.Errorf("%g allocations to record", allocs)
	}
}

func TestRates(t *testing.T) {
	r := &result.Result{Seconds: 4, Total: result.Stats{Counts: result.Counts{Due: 100, Sent: 95, Answered: 80, Lost: 15, Unsent: 5}}, Server: &result.Server{CPU: 8000}}
	if r.Rate() != 20 || r.Total.Loss() != 0.2 || r.CPUPerAnswer() != 100 {
		t.Errorf("rate %g, loss %g, CPU %s; expected 20, 0.2, 100ns", r.Rate(), r.Total.Loss(), r.CPUPerAnswer())
	}
	var none result.Result
	if none.Rate() != 0 || none.Total.Loss() != 0 || none.CPUPerAnswer() != 0 {
		t.Error("a run of nothing has figures other than 0")
	}
	if (result.Oddities{Malformed: 1, Mismatched: 2, Unexpected: 4, Duplicate: 8, Late: 16, Status: 32}).Sum() != 63 {
		t.Error("the sum of oddities misses some")
	}
}

func FuzzRead(f *testing.F) {
	for _, kind := range sample.Kinds() {
		// Small ones: reading and writing histograms is what takes time.
		r := kind.Make(20)
		r.Classes = r.Classes[:min(1, len(r.Classes))]
		r.Intervals = r.Intervals[:min(1, len(r.Intervals))]
		var text bytes.Buffer
		if err := r.Write(&text); err != nil {
			f.Fatal(err)
		}
		f.Add(text.Bytes())
	}
	f.Add([]byte(`{"format":1,"connections":{"handshake":null},"search":{"steps":[{}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := result.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := r.Write(&first); err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		again, err := result.Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("what was written can't be read: %v", err)
		}
		if err := again.Write(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("written twice, it differs (%v)", err)
		}
	})
}
