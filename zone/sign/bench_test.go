package sign

import (
	"fmt"
	"net"
	"runtime"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/cputime"
)

// BenchmarkSign measures signatures for a second of one core, all else included.
func BenchmarkSign(b *testing.B) {
	rrs := manyNames(2000)
	for _, algorithm := range []uint8{dns.ECDSAP256SHA256, dns.ED25519, dns.RSASHA256} {
		b.Run(dns.AlgorithmToString[algorithm], func(b *testing.B) {
			opts := Options{Keys: newKeys(b, origin, algorithm), Denial: NSEC, Workers: 1}
			signatures, before := 0, cputime.Used(b).Seconds()
			for b.Loop() {
				for rr, err := range Stream(b.Context(), origin, rrs, opts) {
					if err != nil {
						b.Fatal(err)
					}
					if rr.Header().Rrtype == dns.TypeRRSIG {
						signatures++
					}
				}
			}
			b.ReportMetric(float64(signatures)/(cputime.Used(b).Seconds()-before), "signatures/CPU-s")
		})
	}
}

// BenchmarkOptOut measures what a registry's zone costs beside the signatures:
// 100,000 delegations of which one in a hundred has a DS.
func BenchmarkOptOut(b *testing.B) {
	rrs := manyNames(0)
	for i := range 100_000 {
		name := fmt.Sprintf("name%d.%s", i, origin)
		header := dns.RR_Header{Name: name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 3600}
		rrs = append(rrs, &dns.NS{Hdr: header, Ns: "ns1.hosting.example."}, &dns.NS{Hdr: header, Ns: "ns." + name})
		header.Name, header.Rrtype = "ns."+name, dns.TypeA
		rrs = append(rrs, &dns.A{Hdr: header, A: net.IPv4(192, 0, 2, 1)})
		if i%100 == 0 {
			header.Name, header.Rrtype = name, dns.TypeDS
			rrs = append(rrs, &dns.DS{Hdr: header, KeyTag: 1, Algorithm: 13, DigestType: 2,
				Digest: "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"})
		}
	}
	opts := Options{Keys: newKeys(b, origin, dns.ECDSAP256SHA256), Denial: NSEC3, OptOut: true}
	b.ReportAllocs()
	before := cputime.Used(b).Seconds()
	for b.Loop() {
		for _, err := range Stream(b.Context(), origin, rrs, opts) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(len(rrs))*float64(b.N)/(cputime.Used(b).Seconds()-before), "records/CPU-s")
}

// BenchmarkMemory tells what a signed zone holds beside its unsigned records.
func BenchmarkMemory(b *testing.B) {
	rrs := manyNames(20_000)
	opts := Options{Keys: newKeys(b, origin, dns.ECDSAP256SHA256), Denial: NSEC3}
	for b.Loop() {
		before := heapBytes()
		signed, err := Zone(b.Context(), origin, rrs, opts)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heapBytes()-before)/float64(len(signed)-len(rrs)), "bytes/new-record")
		runtime.KeepAlive(signed)
	}
}

func heapBytes() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
