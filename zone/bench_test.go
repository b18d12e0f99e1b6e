package zone

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"yushan/internal/cputime"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// registry writes the text of a zone that looks like a registry's: three in
// four delegations go to one of 2,000 hosting companies, the others to servers
// of their own, every tenth of which is below another delegation.
func registry(delegations int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("$ORIGIN tw.\n$TTL 3600\n@ SOA a.dns hostmaster.nic 2026112401 7200 3600 1209600 900\n")
	for _, server := range "abcd" {
		fmt.Fprintf(&b, "@ NS %c.dns\n%c.dns A 192.0.2.%d\n%c.dns AAAA 2001:db8::%x\n", server, server, server, server, server)
	}
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	name := func() string {
		label := make([]byte, 5+r.IntN(14))
		for i := range label {
			label[i] = letters[r.IntN(len(letters))]
		}
		return string(label)
	}
	zones := []string{"", "", "", ".com", ".com", ".org", ".idv"}
	for i := range delegations {
		owner := name() + zones[r.IntN(len(zones))]
		switch r.IntN(40) {
		default:
			h := r.IntN(2000) * r.IntN(2000) / 2000
			fmt.Fprintf(&b, "%s NS ns1.host%d.com.\n%s NS ns2.host%d.com.\n", owner, h, owner, h)
		case 0, 1, 2, 3, 4, 5, 6, 7, 8:
			fmt.Fprintf(&b, "%s NS ns1.%s\n%s NS ns2.%s\nns1.%s A 203.0.%d.%d\nns2.%s A 198.51.%d.%d\n",
				owner, owner, owner, owner, owner, i>>8&255, i&255, owner, i>>8&255, i&255)
		case 9:
			fmt.Fprintf(&b, "%s NS ns1.registrar%d\n%s NS ns2.registrar%d\n", owner, i%50, owner, i%50)
		}
	}
	for i := range 50 {
		fmt.Fprintf(&b, "registrar%d NS ns1.registrar%d\nns1.registrar%d A 203.0.113.%d\nns2.registrar%d A 198.51.100.%d\n", i, i, i, i, i, i)
	}
	return b.Bytes()
}

// processor measures the processor time of the process, which other work on the
// machine disturbs less than the time on the clock.
type processor struct{ used, since time.Duration }

func (p *processor) start(b *testing.B) { p.since = cputime.Used(b) }
func (p *processor) stop(b *testing.B)  { p.used += cputime.Used(b) - p.since }

func (p *processor) report(b *testing.B) {
	b.ReportMetric(float64(p.used.Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func loadText(tb testing.TB, text []byte) *Zone {
	z, report, err := Load(context.Background(), wire("tw."), "tw.zone", master.Options{
		Open: func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
	})
	if err != nil || z == nil {
		tb.Fatal(err, report)
	}
	return z
}

// registries are zones for benchmarks, made when they are first needed.
var registries = map[int]*Zone{}

func registryZone(tb testing.TB, delegations int) *Zone {
	if registries[delegations] == nil {
		registries[delegations] = loadText(tb, registry(delegations))
	}
	return registries[delegations]
}

func BenchmarkLoad(b *testing.B) {
	shuffled := registry(200_000)
	var sorted bytes.Buffer
	for r := range loadText(b, shuffled).Records() {
		sorted.WriteString(show(r) + "\n")
	}
	for _, file := range []struct {
		name string
		text []byte
	}{{"sorted", sorted.Bytes()}, {"unsorted", shuffled}} {
		b.Run(file.name, func(b *testing.B) {
			b.SetBytes(int64(len(file.text)))
			var z *Zone
			var p processor
			p.start(b)
			for b.Loop() {
				z = loadText(b, file.text)
			}
			p.stop(b)
			p.report(b)
			b.ReportMetric(float64(z.Stats().Records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(z.Stats().Bytes)/float64(z.Stats().Cuts), "bytes/delegation")
		})
	}
}

func BenchmarkFind(b *testing.B) {
	z := registryZone(b, 200_000)
	var hits, misses [][]byte
	for key := range z.names.All() {
		hits = append(hits, bytes.Clone(key))
		misses = append(misses, append(bytes.Clone(key[:len(key)/2]), "-miss\x00"...))
	}
	for _, keys := range []struct {
		name string
		keys [][]byte
	}{{"hit", hits}, {"miss", misses}} {
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(keys.keys), func(i, j int) { keys.keys[i], keys.keys[j] = keys.keys[j], keys.keys[i] })
		b.Run(keys.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				z.Find(keys.keys[i%len(keys.keys)])
			}
		})
	}
}

// transfer is an incremental zone transfer as a registry's are: of the changes
// a third are new delegations, a third go, a third change their name servers,
// a quarter of each with name servers of their own and their glue; and there is a
// name server or two whose address changes, with the delegations that name it.
func transfer(z *Zone, changes int) *Edit {
	r := rand.New(rand.NewPCG(3, 4))
	var cuts [][]byte
	every := max(1, z.Stats().Cuts*3/2/changes)
	i := 0
	for key, e := range z.names.All() {
		if e.Stop && !bytes.Contains(key, []byte("registrar")) {
			if i++; i%every == 0 {
				cuts = append(cuts, dname.AppendFromKey(nil, key, z.origin))
			}
		}
	}
	e := z.Edit()
	soa := keep(master.Record{Owner: z.origin, Type: TypeSOA, Class: classIN, TTL: 3600,
		RDATA: new(decoder).part(nil, z.origin, z.soa.Records())[0].rdata})
	e.Remove(soa)
	soa.RDATA[len(soa.RDATA)-17]++
	e.Add(soa)
	address := func() []byte { return []byte{198, 18, byte(r.IntN(256)), byte(r.IntN(256))} }
	add := func(owner []byte, own bool) {
		for s := range 2 {
			server := wire(fmt.Sprintf("ns%d.host%d.com.", s, r.IntN(2000)))
			if own {
				server = append([]byte{3, 'n', 's', '1' + byte(s)}, owner...)
				e.Add(master.Record{Owner: server, Type: TypeA, TTL: 3600, RDATA: address()})
			}
			e.Add(master.Record{Owner: owner, Type: TypeNS, TTL: 3600, RDATA: server})
		}
	}
	for i, cut := range cuts[:min(len(cuts), changes*2/3)] {
		e.RemoveRRset(cut, TypeNS)
		for s := range 2 {
			e.RemoveRRset(append([]byte{3, 'n', 's', '1' + byte(s)}, cut...), TypeA)
		}
		if i%2 == 1 {
			add(cut, i%8 == 1)
		}
	}
	for i := range changes / 3 {
		add(wire(fmt.Sprintf("new%d-%d.tw.", r.IntN(1000000), i)), i%4 == 1)
	}
	for i := range 1 + changes/10_000 {
		server := wire(fmt.Sprintf("ns1.registrar%d.tw.", i))
		e.RemoveRRset(server, TypeA)
		e.Add(master.Record{Owner: server, Type: TypeA, TTL: 3600, RDATA: address()})
	}
	return e
}

func BenchmarkEdit(b *testing.B) {
	sizes := [][2]int{{1, 200_000}, {1000, 200_000}}
	if os.Getenv("YUSHAN_BENCH_LARGE") != "" {
		sizes = append(sizes, [2]int{10_000, 1_000_000})
	}
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%d in %d", size[0], size[1]), func(b *testing.B) {
			z := registryZone(b, size[1])
			var p processor
			for b.Loop() {
				b.StopTimer()
				e := transfer(z, size[0])
				p.start(b)
				b.StartTimer()
				if next, report := e.Commit(); next == nil {
					b.Fatal(report.Findings)
				}
				p.stop(b)
			}
			p.report(b)
		})
	}
}

// A registrar changes the address of a name server that other delegations name.
func BenchmarkEditSibling(b *testing.B) {
	z := registryZone(b, 200_000)
	var p processor
	p.start(b)
	for b.Loop() {
		e := z.Edit()
		e.RemoveRRset(wire("ns1.registrar7.tw."), TypeA)
		e.Add(master.Record{Owner: wire("ns1.registrar7.tw."), Type: TypeA, TTL: 3600, RDATA: []byte{192, 0, 2, 99}})
		if next, report := e.Commit(); next == nil {
			b.Fatal(report.Findings)
		}
	}
	p.stop(b)
	p.report(b)
}

func BenchmarkRecords(b *testing.B) {
	z := registryZone(b, 200_000)
	var p processor
	p.start(b)
	for b.Loop() {
		n := 0
		for range z.Records() {
			n++
		}
		if n != z.Stats().Records {
			b.Fatalf("%d records, the zone has %d", n, z.Stats().Records)
		}
	}
	p.stop(b)
	p.report(b)
}

// A zone of a registry survives its text, an edit, and compaction.
func TestRegistry(t *testing.T) {
	z := loadText(t, registry(3000))
	if s := z.Stats(); s.Cuts < 2900 || s.Glue < 1000 || s.Garbage > s.Bytes/5 {
		t.Errorf("stats %+v", s)
	}
	next, report := transfer(z, 300).Commit()
	if next == nil {
		t.Fatal(report.Findings)
	}
	want, _ := fromScratch(z.origin, content(next))
	if d := differ(next, want); d != "" {
		t.Error(d)
	}
	if next.Serial() != z.Serial()+1 {
		t.Errorf("serial %d, expected %d", next.Serial(), z.Serial()+1)
	}
	if compact := next.Compact(); differ(compact, want) != "" {
		t.Error(differ(compact, want))
	} else if compact.Stats().Bytes >= next.Stats().Bytes {
		t.Errorf("compacted, the zone has %d bytes, before %d", compact.Stats().Bytes, next.Stats().Bytes)
	}
}

func BenchmarkCompact(b *testing.B) {
	z := registryZone(b, 200_000)
	var p processor
	p.start(b)
	for b.Loop() {
		z.Compact()
	}
	p.stop(b)
	p.report(b)
}
