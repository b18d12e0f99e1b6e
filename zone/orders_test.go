package zone

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"yushan/internal/testzone"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// orders are the ways in which files have the records of a zone.
var orders = []struct {
	name string
	sort func(records []master.Record)
}{
	{"dump of BIND, NSD and transfers: by owner", func([]master.Record) {}},
	{"dump of Knot DNS: in sections", func(records []master.Record) {
		section := func(r master.Record) int {
			switch r.Type {
			case TypeNSEC3, TypeNSEC:
				return 2
			case TypeRRSIG:
				return 1
			}
			return 0
		}
		slices.SortStableFunc(records, func(x, y master.Record) int { return cmp.Compare(section(x), section(y)) })
	}},
	{"by type", func(records []master.Record) {
		slices.SortStableFunc(records, func(x, y master.Record) int { return cmp.Compare(x.Type, y.Type) })
	}},
	{"backwards", slices.Reverse[[]master.Record]},
	{"no order", func(records []master.Record) {
		rand.New(rand.NewPCG(5, 6)).Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	}},
	{"owners in turn", func(records []master.Record) {
		half := slices.Clone(records)
		for i := range records {
			records[i] = half[i/2+i%2*(len(half)/2)]
		}
	}},
	{"owners in no order", func(records []master.Record) {
		seed := rand.Uint64()
		hash := func(owner []byte) uint64 {
			h := seed
			for _, c := range owner {
				h = (h ^ uint64(c)) * 1099511628211
			}
			return h
		}
		slices.SortStableFunc(records, func(x, y master.Record) int { return cmp.Compare(hash(x.Owner), hash(y.Owner)) })
	}},
}

// reader reads text as a file that Load opens.
func reader(text string) master.Options {
	return master.Options{Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

// A zone is the same in whatever order its file has the records, on one core or many.
func TestFileOrders(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	zones := map[string]*Zone{"registry": loadText(t, registry(6000))}
	for seed := range uint64(4) {
		signed, err := testzone.SignAll(context.Background(), testzone.Generate(seed))
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range signed {
			if z, _ := fromScratch(wire(s.Origin), toMaster(s.Records)); z != nil {
				zones[fmt.Sprintf("zone %d of seed %d", i, seed)] = z
			}
		}
	}
	for name, want := range zones {
		for i, order := range orders {
			runtime.GOMAXPROCS(1 + i%3*3)
			records := content(want)
			if len(records)%2 != 0 {
				records = append(records, records[0]) // a duplicate, for halves to be equal
			}
			order.sort(records)
			file := text(records)
			got, report, err := Load(context.Background(), want.origin, "test.zone", reader(file))
			if err != nil || got == nil {
				t.Fatalf("%s, %s: %v, %v", name, order.name, err, report)
			}
			if d := differ(got, want); d != "" {
				t.Fatalf("%s, %s: %s", name, order.name, d)
			}
			got, report = fromScratchBy(want.origin, records, 1+len(records)/9)
			if got == nil {
				t.Fatalf("%s, %s, in nine batches: %v", name, order.name, report)
			}
			if d := differ(got, want); d != "" {
				t.Fatalf("%s, %s, in nine batches: %s", name, order.name, d)
			}
		}
	}
}

// The records of one owner may be many, and in all batches.
func TestOneOwner(t *testing.T) {
	var file strings.Builder
	file.WriteString(minimal)
	for i := range 2000 {
		fmt.Fprintf(&file, "many 60 A 10.0.%d.%d\nother%d 60 NS ns.other%d\nns.other%d 60 A 192.0.2.1\n", i>>8, i&255, i, i, i)
	}
	z, report := fromScratchBy(wire("tw."), parse("tw.", file.String()), 500)
	if z == nil {
		t.Fatal(report)
	}
	node, ok := z.Addresses(dname.AppendKey(nil, wire("many.tw."), len(z.origin)))
	if !ok {
		t.Fatal("many.tw. is not there")
	}
	if set, _ := z.RRset(node, TypeA); set.Records().Records != 2000 {
		t.Errorf("%d records, expected 2000", set.Records().Records)
	}
	if z.Stats().Cuts != 2000 {
		t.Errorf("%d cuts, expected 2000", z.Stats().Cuts)
	}
	for i := range 400 {
		fmt.Fprintf(&file, "many 60 TXT \"%d %s\"\n", i, strings.Repeat("x", 200))
	}
	if z, report := fromScratchBy(wire("tw."), parse("tw.", file.String()), 500); z != nil || report.Errors != 1 || report.Findings[0].Code != TooLarge {
		t.Errorf("80 KB of TXT: zone %v, %v", z != nil, report)
	}
}

// Delegations to servers that they share come to what they would alone. Records
// that are not line by line are not taken to be shared.
func TestHosting(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	servers := []string{"ns1.host.example.", "NS2.Host.Example.", "ns.tw.", "ns.com", "ns.x.com", "ns1.b", "ns2.b", "deep.ns.com", "@"}
	owners := []string{"a", "b", "c", "x.com", "y.com", "z.com", "a.b.com", "*", "*.net", "w.net", "*.com", "ns.com"}
	for round := range 300 {
		var file strings.Builder
		file.WriteString(minimal)
		for _, name := range []string{"ns", "ns.x.com", "deep.ns.com", "ns1.b"} {
			if r.IntN(2) == 0 {
				fmt.Fprintf(&file, "%s 60 A 192.0.2.%d\n", name, r.IntN(9))
			}
		}
		for _, owner := range owners {
			if strings.HasPrefix(owner, "*") && round%10 > 0 {
				continue
			}
			first := r.IntN(len(servers))
			for i := range 2 + r.IntN(2) {
				fmt.Fprintf(&file, "%s 60 NS %s\n", owner, servers[(first+i)%len(servers)])
			}
			if r.IntN(4) == 0 {
				fmt.Fprintf(&file, "%s 60 TXT hidden\n", owner)
			}
		}
		records := parse("tw.", file.String())
		want, wantReport := fromScratch(wire("tw."), records)
		for i := range records {
			records[i].Line = uint32(i + 1)
		}
		got, report := fromScratchBy(wire("tw."), records, 1+round%40)
		if (got == nil) != (want == nil) || report.Errors != wantReport.Errors || report.Warnings != wantReport.Warnings {
			t.Fatalf("%s\n%v, expected\n%v", &file, report, wantReport)
		}
		if got != nil && differ(got, want) != "" {
			t.Fatalf("%s\n%s", &file, differ(got, want))
		}
	}
}

// What is too much for a hosting is stored all the same.
func TestHostingTooLong(t *testing.T) {
	var file strings.Builder
	file.WriteString(minimal)
	for _, owner := range []string{"a", "b"} {
		for i := range 14 {
			fmt.Fprintf(&file, "%s 60 NS %s%d.example.\n", owner, strings.Repeat(strings.Repeat("x", 50)+".", 2), i)
		}
	}
	records := parse("tw.", file.String())
	for i := range records {
		records[i].Line = uint32(i + 1)
	}
	b := NewBuilder(wire("tw."))
	b.AddBatch(&master.Batch{Records: records})
	if n := len(b.hostings.all); n != 0 {
		t.Fatalf("%d hostings of %d bytes", n, maxHostingText)
	}
	z, report := b.Build()
	if z == nil || z.Stats().Cuts != 2 || z.Stats().Records != len(records) {
		t.Fatalf("%v", report)
	}
}

// countdown is a context that is done when it has been asked so many times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Wherever building is cancelled, it ends with nothing.
func TestBuildCancelledWithin(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // countdown is for one goroutine at a time
	records := content(loadText(t, registry(60000)))
	for left := 0; ; left++ {
		b := NewBuilder(wire("tw."))
		for seq := 0; seq < len(records); seq += 1000 {
			b.AddBatch(&master.Batch{Seq: seq, Records: records[seq:min(seq+1000, len(records))]})
		}
		z, report, err := b.BuildContext(&countdown{Context: context.Background(), left: left})
		if err == nil {
			if z == nil || left < 10 {
				t.Errorf("a build asks %d times for the end; zone %v, %v", left, z != nil, report)
			}
			return
		}
		if z != nil || report != nil || !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at %d: %v, %v, %v", left, z, report, err)
		}
		left += left / 2
	}
}

// Records outside the zone, and malformed ones, are counted, and the first are shown.
func TestRefused(t *testing.T) {
	b := NewBuilder(wire("tw."))
	b.files = []string{"top", "included"}
	records := parse("tw.", minimal+"a 1 TXT x\n")
	for i := range 250 {
		records = append(records, master.Record{Owner: wire("cn."), Type: TypeTXT, RDATA: []byte{0}, File: 1, Line: uint32(i + 1), Column: 1})
	}
	records = append(records, master.Record{Owner: wire("a.tw."), Type: TypeTXT, RDATA: []byte{1, 'y'}, TTL: 1, File: 1, Line: 251, Column: 1})
	for seq, at := 0, 0; at < len(records); seq, at = seq+1, at+60 {
		b.AddBatch(&master.Batch{Seq: seq, Records: records[at:min(at+60, len(records))]})
	}
	z, report := b.Build()
	if z == nil || report.Warnings != 250 || len(report.Findings) != MaxFindings {
		t.Fatalf("zone %v, %d warnings, %d findings", z != nil, report.Warnings, len(report.Findings))
	}
	if f := report.Findings[0]; f.File != "included" || f.Line != 1 || f.Code != OutOfZone {
		t.Errorf("the first finding is %v", f)
	}
	if z.Stats().Records != len(records)-250 {
		t.Errorf("%d records, expected %d", z.Stats().Records, len(records)-250)
	}

	bad := NewBuilder(wire("tw."))
	bad.AddBatch(&master.Batch{Records: append(parse("tw.", minimal+"a 1 TXT x\n"),
		master.Record{Owner: wire("a.tw."), Type: TypeA, RDATA: []byte{1}}, master.Record{Owner: wire("a.tw."), Type: TypeTXT, RDATA: []byte{1, 'z'}, TTL: 1})})
	if z, report := bad.Build(); z != nil || report.Errors != 1 || report.Findings[0].Code != MalformedRDATA {
		t.Errorf("an A record of one byte: zone %v, %v", z != nil, report)
	}
}

// What goes into a strand comes out of it, in order.
func TestStrand(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	types := []uint16{TypeA, TypeAAAA, TypeNS, TypeNS, TypeNS, TypeTXT, TypeDS, TypeRRSIG, 65280}
	labels := [][]byte{{0}, {1}, {0, 1}, {1, 0xff}, []byte("com"), []byte("COM"), []byte("a"), []byte("a-b"), []byte("\x80"), bytes.Repeat([]byte("y"), 63)}
	name := func() []byte {
		n := []byte("\x02tw\x00")
		for range r.IntN(4) {
			if r.IntN(20) == 0 {
				continue
			}
			label := labels[r.IntN(len(labels))]
			n = slices.Concat([]byte{byte(len(label))}, label, n)
		}
		return n
	}
	for round := range 200 {
		var records []master.Record
		line := r.Uint32()
		for range 1 + r.IntN(200) {
			rec := master.Record{Owner: name(), Type: types[r.IntN(len(types))], TTL: 3600, Line: line, Column: 1, File: 7}
			if n := len(records); n > 0 && r.IntN(3) > 0 {
				rec.Owner = records[n-1].Owner
			}
			switch rec.Type {
			case TypeA:
				rec.RDATA = make([]byte, 4)
			case TypeAAAA:
				rec.RDATA = make([]byte, 16)
			case TypeNS:
				rec.RDATA = name()
			case TypeRRSIG:
				rec.RDATA = append(make([]byte, 18), 0)
			default:
				rec.RDATA = make([]byte, r.IntN(400))
			}
			switch r.IntN(20) {
			case 0:
				rec.TTL = r.Uint32()
			case 1:
				rec.Line = r.Uint32()
			case 2:
				rec.Column = r.Uint32()
			}
			line++
			records = append(records, rec)
		}
		b := NewBuilder(wire("tw."))
		b.markEvery = 1 + round%20
		b.AddBatch(&master.Batch{Records: records})
		if len(b.reports) > 0 {
			t.Fatalf("%v", b.reports[0].report.Findings)
		}
		type entry struct {
			key string
			rr  setRecord
		}
		var want, got []entry
		for _, rec := range records {
			want = append(want, entry{string(dname.AppendKey(nil, rec.Owner, 4)),
				setRecord{setOrder(rec.Type, rec.RDATA), rr{rec.TTL, rec.RDATA, position{rec.File, rec.Line, rec.Column}}}})
		}
		slices.SortStableFunc(want, func(x, y entry) int { return strings.Compare(x.key, y.key) })
		for _, s := range b.strands {
			var keys []byte
			for off, before := 0, 0; off < len(s.data); {
				at := len(keys)
				keys, off = s.appendKey(keys, before, off)
				before = at
				var r run
				r, off = s.run(off)
				for _, rec := range s.appendRecords(nil, r, b.hostings.all) {
					got = append(got, entry{string(keys[at:]), rec})
				}
			}
			for i := range s.marks {
				key := s.mark(i)
				keys, _ := s.appendKey(nil, 0, int(s.marks[i]))
				if !bytes.Equal(keys, key) || s.seek(key) > int(s.marks[i]) {
					t.Fatalf("mark %d is %q, the run's key %q", i, key, keys)
				}
			}
		}
		if !slices.EqualFunc(got, want, func(x, y entry) bool {
			return x.key == y.key && x.rr.set == y.rr.set && x.rr.ttl == y.rr.ttl && x.rr.at == y.rr.at && bytes.Equal(x.rr.rdata, y.rr.rdata)
		}) {
			t.Fatalf("round %d: %v\nexpected\n%v", round, got, want)
		}
	}
}

// Runs are sorted by key, whatever bytes keys are made of, and stay in order else.
func TestPackerSort(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 500 {
		p := &packer{}
		alphabet := []byte("\x00\x01\x02-./09:^_`az{\xff")[:2+r.IntN(14)]
		var want []string
		for i := range r.IntN(300) {
			at := len(p.keys)
			for range r.IntN(14) {
				p.keys = append(p.keys, alphabet[r.IntN(len(alphabet))])
			}
			p.runs = append(p.runs, packedRun{key: uint32(at), keyBytes: uint16(len(p.keys) - at), first: uint32(i)})
			want = append(want, fmt.Sprintf("%q %06d", p.keys[at:], i))
		}
		slices.SortStableFunc(p.runs, func(x, y packedRun) int { return bytes.Compare(p.keyOf(&x), p.keyOf(&y)) })
		want = want[:0]
		for i := range p.runs {
			want = append(want, fmt.Sprintf("%q %06d", p.keyOf(&p.runs[i]), p.runs[i].first))
		}
		slices.SortFunc(p.runs, func(x, y packedRun) int { return cmp.Compare(x.first, y.first) })
		p.sort()
		for i := range p.runs {
			if got := fmt.Sprintf("%q %06d", p.keyOf(&p.runs[i]), p.runs[i].first); got != want[i] {
				t.Fatalf("%s at %d, expected %s", got, i, want[i])
			}
		}
	}
}
