package contrast

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"yushan/bench/result"
	"yushan/bench/result/sample"
)

var update = flag.Bool("update", false, "write the golden files anew")

func metric(t *testing.T, c *Comparison, name string) *Metric {
	t.Helper()
	for i := range c.Metrics {
		if c.Metrics[i].Name == name {
			return &c.Metrics[i]
		}
	}
	t.Fatalf("no metric %s", name)
	return nil
}

func textOf(t *testing.T, c *Comparison) string {
	t.Helper()
	var b strings.Builder
	if err := c.Text(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	slow := sample.Run(sample.Options{Seed: 77, Rate: 2000, Median: 100 * time.Microsecond})
	slow.Settings[0].Value = "127.0.0.1:5301"
	for name, runs := range map[string][2]*result.Result{
		"same":     {sample.Normal(2000), sample.Run(sample.Options{Seed: 99, Rate: 2000})},
		"slower":   {sample.Normal(2000), slow},
		"stall":    {sample.Normal(2000), sample.Stall(2000)},
		"loss":     {sample.Normal(2000), sample.Loss(2000)},
		"short":    {sample.Normal(2000), sample.Short(2000)},
		"lost":     {sample.Normal(2000), sample.AllLost(2000)},
		"search":   {sample.Searched(2000), sample.Searched(2000)},
		"doubtful": {sample.Limited(2000), sample.Wrong(1000)},
		"empty":    {sample.Empty(), sample.Empty()},
	} {
		t.Run(name, func(t *testing.T) {
			got := textOf(t, Compare(runs[0], runs[1], 1))
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.MkdirAll("testdata", 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("not as in %s (go test -update writes it):\n%s", path, got)
			}
		})
	}
}

// Of runs under the same conditions, few have a difference that is called one: each
// interval has a confidence of 95 %.
func TestNoFalseAlarms(t *testing.T) {
	const pairs = 16
	alarms, verdicts := 0, 0
	for i := range pairs {
		seed := uint64(1000 + 2*i)
		c := Compare(sample.Run(sample.Options{Seed: seed, Rate: 300, Loss: 0.002}), sample.Run(sample.Options{Seed: seed + 1, Rate: 300, Loss: 0.002}), seed)
		for _, m := range c.Metrics {
			if m.Verdict == Unknown {
				t.Fatalf("%s: nothing can be told of 30 intervals", m.Name)
			}
			verdicts++
			if m.Verdict != Same {
				alarms++
			}
		}
	}
	// 7 metrics of 16 pairs: 5 % are 6. Of 120 pairs 1 to 7 % were, by metric; the seeds are
	// fixed.
	if alarms > verdicts/12 {
		t.Errorf("%d of %d metrics are said to differ in runs that don't", alarms, verdicts)
	}
}

// A difference that is there is found, and lies in the interval.
func TestFindsDifferences(t *testing.T) {
	for _, percent := range []int{5, 12, 150} {
		change := float64(percent) / 100
		median := 90 * time.Microsecond
		slower := time.Duration(float64(median) * (1 + change))
		a, b := sample.Run(sample.Options{Seed: 1, Rate: 2000, Median: median}), sample.Run(sample.Options{Seed: 2, Rate: 2000, Median: slower})
		for _, c := range []struct {
			comparison *Comparison
			want       Verdict
			change     float64
		}{{Compare(a, b, 7), Worse, change}, {Compare(b, a, 7), Better, 1/(1+change) - 1}} {
			m := metric(t, c.comparison, "p50")
			// The histograms tell times apart by 1 %, which is no matter of chance.
			if m.Verdict != c.want || c.change < m.Low-0.01*(1+change) || c.change > m.High+0.01*(1+change) {
				t.Errorf("%+.0f %%: p50 is %s by %.1f %% to %.1f %%", c.change*100, m.Verdict, m.Low*100, m.High*100)
			}
			if m.Low > m.Change || m.High < m.Change {
				t.Errorf("%+.0f %%: the change %g is not between %g and %g", c.change*100, m.Change, m.Low, m.High)
			}
			if !strings.Contains(c.comparison.Headline(), c.want.String()+" than") {
				t.Errorf("headline %q", c.comparison.Headline())
			}
		}
	}
}

func TestSameSeedSameFigures(t *testing.T) {
	a, b := sample.Normal(500), sample.Loss(500)
	if first, second := textOf(t, Compare(a, b, 5)), textOf(t, Compare(a, b, 5)); first != second {
		t.Errorf("with one seed\n%s\nand\n%s", first, second)
	}
}

// More intervals than are drawn are taken together, and none is forgotten.
func TestLongRuns(t *testing.T) {
	r := sample.Run(sample.Options{Seed: 3, Rate: 50, Intervals: 1001})
	s := newSampler(r)
	s.all()
	if len(s.clusters) > mostClusters || len(s.clusters) < mostClusters/2 {
		t.Errorf("%d clusters, expected about %d", len(s.clusters), mostClusters)
	}
	answered := s.sum(func(c *cluster) float64 { return c.answered })
	seconds := s.sum(func(c *cluster) float64 { return c.seconds })
	if answered != float64(r.Total.Answered) || seconds != r.Seconds {
		t.Errorf("%g answers in %g s, expected %d in %g s", answered, seconds, r.Total.Answered, r.Seconds)
	}
	if got, want := s.quantile(0.99), float64(r.Total.Latency.Quantile(0.99)); got < want*0.98 || got > want*1.02 {
		t.Errorf("p99 %g, expected %g", got, want)
	}
	if got, want := s.mean(), float64(r.Total.Latency.Mean()); got < want*0.98 || got > want*1.02 {
		t.Errorf("mean %g, expected %g", got, want)
	}
}

func TestWarnings(t *testing.T) {
	a, b := sample.Limited(100), sample.Wrong(100)
	b.Machine.Cores = 1
	b.Settings = append(b.Settings, result.Setting{Name: "only here", Value: "x"})
	c := Compare(a, b, 1)
	c.NameA, c.NameB = "old", "new"
	text := strings.Join(c.Warnings(), "\n")
	for _, want := range []string{"duration, only here", "different machines", "In old the load generator was the limit", "old was interrupted", "In new, 1,204"} {
		if !strings.Contains(text, want) {
			t.Errorf("no warning with %q in\n%s", want, text)
		}
	}
	if list := Compare(sample.Normal(100), sample.Normal(100), 1).Warnings(); len(list) > 0 {
		t.Errorf("warnings of the same run twice: %q", list)
	}
}

func TestHTML(t *testing.T) {
	const evil = `<script>alert(1)</script>`
	for _, kind := range sample.Kinds() {
		a, b := sample.Normal(300), kind.Make(300)
		b.Title = evil
		b.Settings = append(b.Settings, result.Setting{Name: evil, Value: evil})
		for i, runs := range [][2]*result.Result{{a, b}, {b, a}} {
			if i == 1 && b.Total.Answered > 0 {
				continue // they differ only in what has no answers
			}
			c := Compare(runs[0], runs[1], 1)
			c.NameB = evil
			t.Run(fmt.Sprint(kind.Name, i), func(t *testing.T) {
				var out strings.Builder
				if err := c.HTML(&out); err != nil {
					t.Fatal(err)
				}
				for _, bad := range []string{"NaN", "Inf", "ZgotmplZ", "%!"} {
					if strings.Contains(out.String(), bad) {
						t.Errorf("%q in the page", bad)
					}
				}
				root, err := html.Parse(strings.NewReader(out.String()))
				if err != nil {
					t.Fatal(err)
				}
				scripts, rows := 0, 0
				for n := range root.Descendants() {
					switch {
					case n.Type == html.ElementNode && n.Data == "script":
						scripts++
					case n.Type == html.ElementNode && n.Data == "td" && len(n.Attr) > 0 && strings.HasPrefix(n.Attr[0].Val, "verdict"):
						rows++
					}
				}
				if scripts != 1 || rows != len(c.Metrics) {
					t.Errorf("%d scripts and %d rows, expected 1 and %d", scripts, rows, len(c.Metrics))
				}
			})
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	one, other := sample.Normal(2000), sample.Loss(2000)
	for b.Loop() {
		Compare(one, other, 1)
	}
}
