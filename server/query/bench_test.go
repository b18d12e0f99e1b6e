package query_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"yushan/bench/tldzone"
	"yushan/internal/testengine"
	"yushan/internal/testzone"
	"yushan/server/query"
	"yushan/zone"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// The zone of the benchmarks: large enough that it does not fit into a core's
// own cache.
var benchZone = tldzone.Zone{Origin: "tw.", Delegations: 200_000, SignedShare: 0.02, Seed: 1}

var benchEngine = sync.OnceValue(func() *query.Engine {
	var text bytes.Buffer
	if err := benchZone.Write(&text); err != nil {
		panic(err)
	}
	origin, _ := dname.ParseFQDN(benchZone.Origin)
	z, report, err := zone.Load(context.Background(), origin, "tw.zone", master.Options{
		Open: func(string) (io.ReadCloser, error) { return io.NopCloser(&text), nil },
	})
	if err != nil || z == nil {
		panic(report.Findings[0])
	}
	return query.New(zone.NewSet(z), query.Options{})
})

// BenchmarkAnswer times Answer alone, for each sort of answer, over queries that
// reach all parts of the zone.
func BenchmarkAnswer(b *testing.B) {
	for _, bb := range []struct {
		name string
		mix  tldzone.Mix
		do   bool
	}{
		{"referral", tldzone.Mix{Referral: 1}, false},
		{"nxdomain", tldzone.Mix{NXDomain: 1}, false},
		{"apex", tldzone.Mix{Apex: 1}, false},
		{"ds", tldzone.Mix{DS: 1}, false},
		{"mix", tldzone.TLD, false},
	} {
		b.Run(bb.name, func(b *testing.B) {
			benchmark(b, benchEngine(), benchQueries(b, bb.mix, bb.do))
		})
	}
}

// BenchmarkAnswerSigned is BenchmarkAnswer for a smaller zone, signed with NSEC3
// opt-out, and clients that set DO.
func BenchmarkAnswerSigned(b *testing.B) {
	signed := tldzone.Zone{Origin: "tw.", Delegations: 20_000, SignedShare: 0.1, Seed: 1}
	var text bytes.Buffer
	if err := signed.Write(&text); err != nil {
		b.Fatal(err)
	}
	z, err := testzone.Sign(context.Background(), testzone.Zone{Origin: "tw.", Signing: testzone.NSEC3OptOut,
		Records: testzone.MustParse("tw.", text.String())})
	if err != nil {
		b.Fatal(err)
	}
	origin, _ := dname.ParseFQDN("tw.")
	loaded, report := zone.FromRecords(origin, z.Records)
	if loaded == nil {
		b.Fatal(report.Findings[0])
	}
	engine := query.New(zone.NewSet(loaded), query.Options{})
	for _, bb := range []struct {
		name string
		mix  tldzone.Mix
	}{
		{"referral", tldzone.Mix{Referral: 1}},
		{"nxdomain", tldzone.Mix{NXDomain: 1}},
		{"ds", tldzone.Mix{DS: 1}},
		{"mix", tldzone.TLD},
	} {
		b.Run(bb.name, func(b *testing.B) {
			benchmark(b, engine, queriesOf(b, signed, bb.mix, true))
		})
	}
}

func benchmark(b *testing.B, engine *query.Engine, queries [][]byte) {
	w, dst := query.NewWorker(), make([]byte, 1232)
	req := &query.Request{Client: netip.MustParseAddrPort("127.0.0.1:5353")}
	b.ReportAllocs()
	i, bytes := 0, 0
	for b.Loop() {
		req.Wire = queries[i%len(queries)]
		bytes += engine.Answer(w, req, dst)
		i++
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "bytes/answer")
}

func benchQueries(b *testing.B, mix tldzone.Mix, do bool) [][]byte {
	return queriesOf(b, benchZone, mix, do)
}

func queriesOf(b *testing.B, z tldzone.Zone, mix tldzone.Mix, do bool) (queries [][]byte) {
	var text bytes.Buffer
	if err := z.WriteQueries(&text, 100_000, mix); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(&text)
	for lines.Scan() {
		name, rrtype, _ := strings.Cut(lines.Text(), " ")
		m := new(dns.Msg)
		m.SetQuestion(name, dns.StringToType[rrtype])
		m.SetEdns0(1232, do)
		wire, err := m.Pack()
		if err != nil {
			b.Fatal(err)
		}
		queries = append(queries, wire)
	}
	return queries
}

// BenchmarkPadding is what padding adds to an answer by an encrypted transport.
func BenchmarkPadding(b *testing.B) {
	plain := testengine.NewQuery(1)
	plain.SetEdns0(1232, false)
	padded := plain.Copy()
	padded.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 80)}}
	for name, m := range map[string]*dns.Msg{"plain": plain, "padded": padded} {
		b.Run(name, func(b *testing.B) {
			engine, w, dst := testengine.New(b).Load(), query.NewWorker(), make([]byte, 65535)
			req := &query.Request{Wire: testengine.Pack(b, m), Transport: query.DoT}
			b.ReportAllocs()
			for b.Loop() {
				engine.Answer(w, req, dst)
			}
		})
	}
}
