package zonefile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"yushan/bench/zonefile"
	"yushan/internal/cputime"
)

// BenchmarkRead reads a zone of 100,000 delegations, each with two name servers, and
// every fifth with glue.
func BenchmarkRead(b *testing.B) {
	const delegations = 100_000
	var text bytes.Buffer
	text.WriteString("$TTL 3600\n@ SOA a b 1 2 3 4 5\n@ NS a\n")
	for i := range delegations {
		if i%5 == 0 {
			fmt.Fprintf(&text, "name%d NS ns1.name%d\nname%d NS ns2.example.net.\nns1.name%d A 192.0.2.1\n", i, i, i, i)
		} else {
			fmt.Fprintf(&text, "name%d NS ns1.hosting%d.example.\nname%d NS ns2.hosting%d.example.\n", i, i%400, i, i%400)
		}
	}
	path := filepath.Join(b.TempDir(), "zone")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	text = bytes.Buffer{}
	before := heap()
	var z *zonefile.Zone
	used := cputime.Used(b)
	for b.Loop() {
		var err error
		if z, err = zonefile.Read(b.Context(), name1, path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cputime.Used(b)-used)/float64(b.N)/delegations, "cpu-ns/delegation")
	b.ReportMetric(float64(heap()-before)/delegations, "B/delegation")
	if n := len(z.Cuts()); n != delegations {
		b.Fatalf("%d cuts", n)
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func BenchmarkLookup(b *testing.B) {
	z := mustRead(b, text)
	below := name(b, "www.例子")
	b.ReportAllocs()
	for b.Loop() {
		if z.Lookup(below).Kind != zonefile.Delegated {
			b.Fatal("not delegated")
		}
	}
}
