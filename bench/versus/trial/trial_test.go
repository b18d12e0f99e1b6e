package trial

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yushan/bench/versus/contender"
	"yushan/bench/versus/outcome"
)

// Each row has an ID of its own, and its targets are held against servers that take part.
func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range specs() {
		if seen[s.ID] || seen[s.Title] || s.Title == "" || s.Unit == "" || !strings.HasSuffix(s.How, ".") {
			t.Errorf("%s: a row without an ID, title, unit or explanation of its own", s.ID)
		}
		seen[s.ID], seen[s.Title] = true, true
		if s.takes[0] != yushan {
			t.Errorf("%s is not about yushan", s.ID)
		}
		for _, id := range s.takes {
			if !slices.Contains(contender.IDs, id) {
				t.Errorf("%s: there is no server %q", s.ID, id)
			}
		}
		for _, target := range s.Targets {
			if target.Of != "" && target.Of != outcome.BestPeer && !slices.Contains(s.takes, target.Of) {
				t.Errorf("%s: a target is held against %s, which doesn't take part", s.ID, target.Of)
			}
			if !(target.Limit > 0) {
				t.Errorf("%s: a target of %g", s.ID, target.Limit)
			}
		}
	}
}

func TestRotated(t *testing.T) {
	list := []string{"a", "b", "c"}
	for round, want := range []string{"abc", "bca", "cab", "abc"} {
		if got := strings.Join(rotated(list, round), ""); got != want {
			t.Errorf("round %d: %s, expected %s", round, got, want)
		}
	}
	if rotated(nil, 3) != nil || strings.Join(list, "") != "abc" {
		t.Error("nothing has an order, or the list was changed")
	}
}

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		processors     []int
		workers        int
		server, client string
	}{
		{[]int{0}, 1, "", ""},
		{[]int{0, 1}, 1, "0", "1"},
		{[]int{0, 1}, 2, "", ""},
		{[]int{2, 3, 6, 7}, 2, "2,3", "6,7"},
		{[]int{4, 5, 6}, 1, "4", "5,6"},
	} {
		if server, client := Share(tt.processors, tt.workers); server != tt.server || client != tt.client {
			t.Errorf("%v among a server of %d workers and its client: %q and %q, expected %q and %q", tt.processors, tt.workers, server, client, tt.server, tt.client)
		}
	}
}

func TestNextSerial(t *testing.T) {
	file := filepath.Join(t.TempDir(), "zone")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const before, after = "$ORIGIN tw.\n$TTL 86400\n@ SOA a.dns hostmaster ", " 1800 900 1209600 900\n@ NS a.dns\n"
	write(before + "2026112401" + after)
	for want := uint32(2026112402); want < 2026112405; want++ {
		got, err := nextSerial(file)
		text, _ := os.ReadFile(file)
		if err != nil || got != want || !strings.HasPrefix(string(text), before+"20261124") || !strings.HasSuffix(string(text), after) {
			t.Errorf("%d, %v, expected %d, in\n%s", got, err, want, text)
		}
	}
	for name, text := range map[string]string{"empty": "", "no SOA": "@ NS a\n", "longer": before + "9" + after, "no number": before + "x", "too large": before + "4294967295" + after} {
		write(text)
		if serial, err := nextSerial(file); err == nil {
			t.Errorf("%s: %d, expected an error", name, serial)
		}
	}
}

func TestBenchmarkOutput(t *testing.T) {
	const text = `goos: linux
BenchmarkChange-2   	       1	         0 ns/op	        69.5 cpu-ms/commit	        82.1 ms/commit	       150.5 changing-p99.9-µs	       120 quiet-p99.9-µs
BenchmarkOther-2    	       1	         1 ms/commit
PASS
`
	got := parseBenchmark(text)
	if got[metricChange] != 82.1 || got[metricCPU] != 69.5 || got[metricQuiet] != 120 || got[metricChanging] != 150.5 {
		t.Errorf("%v", got)
	}
	for _, text := range []string{"", "PASS\n", "Benchmark", "BenchmarkChange-2 1 x ms/commit\n"} {
		if got := parseBenchmark(text); len(got) > 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// quiet is a run that says nothing and keeps nothing.
func quiet(t *testing.T, o *outcome.Outcome) *run {
	t.Helper()
	return &run{Outcome: o, servers: map[string]*contender.Contender{}, Config: Config{Dir: t.TempDir(), Say: func(string, ...any) {}, Save: func(*outcome.Outcome) error { return nil }}}
}

// A round of changes that is there is not measured again, and one that fails is one only.
func TestChangeGoesOn(t *testing.T) {
	rows := rowsOf(specs(), change)
	o := &outcome.Outcome{Settings: outcome.Settings{Rounds: 4, Seconds: 0.1, Large: 100}}
	for _, row := range rows {
		o.Rows = append(o.Rows, row.Row)
	}
	for _, row := range []string{"change", "change-latency"} {
		o.Row(row).Add(yushan, outcome.Sample{Round: 1, Value: 1})
	}
	o.Row("change").Add(yushan, outcome.Sample{Round: 3, Value: 3})
	r := quiet(t, o)
	r.Source = t.TempDir()
	if err := os.Mkdir(filepath.Join(r.Source, "server"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"go.mod": "module example\n", "server/change_test.go": `package server

import (
	"os"
	"testing"
)

// BenchmarkChange fails the first time.
func BenchmarkChange(b *testing.B) {
	if _, err := os.Stat("ran"); err != nil {
		os.WriteFile("ran", nil, 0o600)
		b.Fatal("not yet")
	}
	for i, unit := range []string{"ms/commit", "cpu-ms/commit", "loaded-ms/commit", "quiet-p99.9-µs", "changing-p99.9-µs"} {
		b.ReportMetric(float64(i+10), unit)
	}
}
`} {
		if err := os.WriteFile(filepath.Join(r.Source, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.change(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	for row, want := range map[string]map[int]float64{"change": {1: 1, 3: 3, 4: 10}, "change-latency": {1: 1, 3: 14. / 13, 4: 14. / 13}} {
		e := o.Row(row).Entry(yushan)
		for _, s := range e.Samples {
			if s.Value != want[s.Round] {
				t.Errorf("%s, round %d: %g, expected %g", row, s.Round, s.Value, want[s.Round])
			}
		}
		if len(e.Samples) != len(want) || e.Failed[2] == "" || len(e.Failed) != 1 {
			t.Errorf("%s: figures %+v, failed %v; expected three, and that of round 2 failed", row, e.Samples, e.Failed)
		}
	}
}

// A zone whose making was broken off, or that another program has made, is made anew.
func TestZonesOfOthers(t *testing.T) {
	r := quiet(t, new(outcome.Outcome))
	r.Builds = map[string]string{"yushan-bench": "1"}
	r.Tools.YushanBench = filepath.Join(r.Dir, "made-by")
	program := func(script string) {
		if err := os.WriteFile(r.Tools.YushanBench, []byte("#!/bin/sh\nzone="+r.Dir+"/tw-5.zone\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program("echo half >$zone; exit 1")
	if _, err := r.makeZone(t.Context(), "queries", 5, false); err == nil {
		t.Fatal("a program that fails has made a zone")
	}
	for _, tt := range []struct{ build, script, want string }{
		{"1", "echo whole >$zone", "whole\n"},
		{"1", "echo again >$zone", "whole\n"},
		{"2", "echo other >$zone", "other\n"},
	} {
		program(tt.script)
		r.Builds["yushan-bench"] = tt.build
		z, err := r.makeZone(t.Context(), "queries", 5, false)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := os.ReadFile(z.zone); string(text) != tt.want {
			t.Errorf("build %s, %s: the zone is %q, expected %q", tt.build, tt.script, text, tt.want)
		}
	}
}

// Memory with the largest zone is measured once, so nothing is left to do after that.
func TestHugeIsDone(t *testing.T) {
	rows := rowsOf(specs(), huge)
	o := &outcome.Outcome{Settings: outcome.Settings{Rounds: 3, Huge: 1000}}
	for _, row := range rows {
		o.Rows = append(o.Rows, row.Row)
		for round := 1; round <= 3 && (row.ID != "huge-memory" || round == 1); round++ {
			o.Row(row.ID).Add(yushan, outcome.Sample{Round: round, Value: 1})
		}
	}
	r := quiet(t, o)
	r.Tools.YushanBench = "/nowhere" // so that no zone can be made
	if err := r.huge(t.Context(), rows); err != nil {
		t.Error(err)
	}
}

// What others use of the machine is neither negative nor all of it.
func TestOthers(t *testing.T) {
	w := newWatch()
	for began := time.Now(); time.Since(began) < 50*time.Millisecond; {
	}
	if share := w.others(0, processorCount()); !(share >= 0 && share <= 1) {
		t.Errorf("others had %g of the machine", share)
	}
	if share := w.others(time.Hour, processorCount()); share != 0 {
		t.Errorf("others had %g of a machine that was all used", share)
	}
}

func TestMachine(t *testing.T) {
	m := Machine(2)
	if !strings.HasPrefix(m.System, "Linux ") || m.Cores != 2 || m.MemoryBytes < 1<<28 || !strings.HasPrefix(m.Toolchain, "go") {
		t.Errorf("%+v", m)
	}
}
