package tldzone_test

import (
	"io"
	"testing"

	"yushan/bench/tldzone"
)

const benchDelegations = 100_000

// BenchmarkWrite makes 100,000 delegations an operation, on all cores.
func BenchmarkWrite(b *testing.B) {
	z := tldzone.Zone{Origin: "tw.", Delegations: benchDelegations, SignedShare: 0.02, Seed: 1}
	b.ReportAllocs()
	for b.Loop() {
		if err := z.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchDelegations, "ns/delegation")
}

// BenchmarkWriteSigned likewise, with the share of DS records of two sorts of registries.
func BenchmarkWriteSigned(b *testing.B) {
	for name, share := range map[string]float64{"2%": 0.02, "60%": 0.6} {
		b.Run(name, func(b *testing.B) {
			z := tldzone.Zone{Origin: "tw.", Delegations: benchDelegations, SignedShare: share, Seed: 1}
			for b.Loop() {
				if err := z.WriteSigned(b.Context(), io.Discard, tldzone.Signing{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchDelegations, "ns/delegation")
		})
	}
}

func BenchmarkWriteQueries(b *testing.B) {
	z := tldzone.Zone{Origin: "tw.", Delegations: benchDelegations, Seed: 1}
	const n = 100_000
	for b.Loop() {
		if err := z.WriteQueries(io.Discard, n, tldzone.TLD); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/query")
}
