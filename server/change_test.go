package server

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/zap"

	"yushan/bench/result"
	"yushan/bench/tldzone"
	"yushan/internal/cputime"
	"yushan/server/config"
	"yushan/server/query"
	"yushan/server/udp"
	"yushan/zone"
)

// BenchmarkChange edits 10,000 delegations of a zone of a million, as a transfer
// from a registry does, once a second while the server answers UDP queries at half
// of the rate that its one worker can. It reports
//
//	ms/commit              time of an edit while nobody asks, and its
//	cpu-ms/commit          processor time; each a median of seven
//	loaded-ms/commit       time of an edit at half load, median
//	quiet-p99.9-µs         latency at half load without edits
//	changing-p99.9-µs      and with them, each the median of rounds that take turns
//	p99.9-ratio            what the latter is to the former
//	qps                    half of what the worker can
//
// yushan-bench asks, built from this tree, in a process of its own. The variables
// YUSHAN_CHANGE_DELEGATIONS, _CHANGES, _ROUNDS and _SECONDS are for other sizes.
func BenchmarkChange(b *testing.B) {
	var (
		delegations = number(b, "YUSHAN_CHANGE_DELEGATIONS", 1_000_000)
		changes     = number(b, "YUSHAN_CHANGE_CHANGES", 10_000)
		rounds      = number(b, "YUSHAN_CHANGE_ROUNDS", 5)
		seconds     = number(b, "YUSHAN_CHANGE_SECONDS", 8)
	)
	dir := b.TempDir()
	made := tldzone.Zone{Origin: "tw.", Delegations: delegations}
	zoneFile, queryFile, client := filepath.Join(dir, "tw.zone"), filepath.Join(dir, "queries"), filepath.Join(dir, "yushan-bench")
	create(b, zoneFile, func(f *os.File) error { return made.Write(f) })
	create(b, queryFile, func(f *os.File) error { return made.WriteQueries(f, 500_000, tldzone.TLD) })
	if out, err := exec.Command("go", "build", "-o", client, "yushan/cmd/yushan-bench").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}

	cfg := config.Default()
	cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	cfg.UDP.Workers = 1
	if err := cfg.AddZone("tw=" + zoneFile); err != nil {
		b.Fatal(err)
	}
	s, err := Start(context.Background(), cfg, Options{Log: zap.NewNop()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Shutdown(context.Background())
	address := s.open[config.Endpoint{Transport: query.UDP, Addr: cfg.Listen[0]}].(*udp.Server).Addr().String()
	ask := func(how ...string) *result.Result {
		b.Helper()
		out := filepath.Join(dir, "result.json")
		args := append([]string{"run", "--quiet", "--server", address, "--queries", queryFile, "--workers", "1", "--json", out}, how...)
		if text, err := exec.Command(client, args...).CombinedOutput(); err != nil {
			b.Fatalf("yushan-bench %v: %v\n%s", args, err, text)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			b.Fatal(err)
		}
		r, err := result.Read(bytes.NewReader(text))
		if err != nil {
			b.Fatal(err)
		}
		return r
	}

	for b.Loop() {
		registry := newRegistry(s.zones["\x02tw\x00"].Zone, changes*(rounds*(seconds+2)+10))
		// edit applies the next changes, and returns what that takes.
		edit := func() (took, used time.Duration) {
			b.Helper()
			var start time.Time
			report, err := s.Edit(wireName("tw."), func(e *zone.Edit) {
				registry.change(e, changes)
				start, used = time.Now(), cputime.Used(b)
			})
			if err != nil {
				b.Fatalf("%v: %v", err, report.Findings)
			}
			return time.Since(start), cputime.Used(b) - used
		}
		var took, used, loaded []time.Duration
		edit() // the first one makes what others share
		for range 7 {
			t, u := edit()
			took, used = append(took, t), append(used, u)
		}
		most := ask("--concurrency", "200", "--duration", "3s").Rate()
		half := strconv.Itoa(int(most / 2))
		var quiet, changing []time.Duration
		for range rounds {
			duration := strconv.Itoa(seconds) + "s"
			quiet = append(quiet, ask("--rate", half, "--duration", duration).Total.Latency.Quantile(0.999))
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				second := time.NewTicker(time.Second)
				defer second.Stop()
				for {
					select {
					case <-second.C:
						t, _ := edit()
						loaded = append(loaded, t)
					case <-stop:
						return
					}
				}
			}()
			changing = append(changing, ask("--rate", half, "--duration", duration).Total.Latency.Quantile(0.999))
			close(stop)
			<-stopped
		}
		b.ReportMetric(milliseconds(median(took)), "ms/commit")
		b.ReportMetric(milliseconds(median(used)), "cpu-ms/commit")
		b.ReportMetric(milliseconds(median(loaded)), "loaded-ms/commit")
		b.ReportMetric(1000*milliseconds(median(quiet)), "quiet-p99.9-µs")
		b.ReportMetric(1000*milliseconds(median(changing)), "changing-p99.9-µs")
		b.ReportMetric(float64(median(changing))/float64(median(quiet)), "p99.9-ratio")
		b.ReportMetric(most/2, "qps")
		b.Logf("p99.9 quiet %v, changing %v", quiet, changing)
	}
	b.ReportMetric(0, "ns/op")
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// median sorts all.
func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// number returns what a variable of the environment says.
func number(b *testing.B, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		b.Fatalf("%s=%s: expected a number", name, text)
	}
	return n
}

func create(tb testing.TB, path string, write func(*os.File) error) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := write(f); err != nil {
		tb.Fatal(fmt.Errorf("%s: %w", path, err))
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}
