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
