package zone

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/testzone"
	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/master"
	"yushan/zone/radix"
)

// wire returns a name in wire format; all of the test's names are absolute.
func wire(name string) []byte {
	b, err := dname.Parse(name, nil)
	if err != nil {
		panic(err)
	}
	return b
}

// keyIn returns the key of a name in a zone.
func keyIn(z *Zone, name string) []byte { return dname.AppendKey(nil, wire(name), len(z.origin)) }

// build makes a zone that has to be free of errors.
func build(t testing.TB, origin, text string) *Zone {
	t.Helper()
	z, report := FromRecords(wire(origin), testzone.MustParse(origin, text))
	if z == nil {
		t.Fatalf("no zone: %v", report.Findings)
	}
	return z
}

// toMaster returns records as a reader would deliver them.
func toMaster(records []dns.RR) (out []master.Record) {
	for _, rr := range records {
		owner, rdata, err := master.FromRR(rr)
		if err != nil {
			panic(err)
		}
		out = append(out, master.Record{Owner: owner, RDATA: rdata, TTL: rr.Header().Ttl, Type: rr.Header().Rrtype, Class: classIN})
	}
	return out
}

// parse returns records of a zone's text.
func parse(origin, text string) []master.Record { return toMaster(testzone.MustParse(origin, text)) }

// show returns a record in presentation form.
func show(r master.Record) string {
	b := append(bytes.Clone(r.Owner), byte(r.Type>>8), byte(r.Type), 0, classIN, byte(r.TTL>>24), byte(r.TTL>>16), byte(r.TTL>>8), byte(r.TTL),
		byte(len(r.RDATA)>>8), byte(len(r.RDATA)))
	rr, _, err := dns.UnpackRR(append(b, r.RDATA...), 0)
	if err != nil {
		return fmt.Sprintf("%s TYPE%d %x: %v", dname.String(r.Owner), r.Type, r.RDATA, err)
	}
	return strings.ReplaceAll(rr.String(), "\t", " ")
}

// keep copies a record.
func keep(r master.Record) master.Record {
	r.Owner, r.RDATA = bytes.Clone(r.Owner), bytes.Clone(r.RDATA)
	return r
}

// content returns all records of a zone, copied.
func content(z *Zone) (records []master.Record) {
	for r := range z.Records() {
		records = append(records, keep(r))
	}
	return records
}

// text returns records, a line each.
func text(records []master.Record) string {
	var b strings.Builder
	for _, r := range records {
		b.WriteString(show(r) + "\n")
	}
	return b.String()
}

// fromScratch builds a zone of records.
func fromScratch(origin []byte, records []master.Record) (*Zone, *Report) {
	return fromScratchBy(origin, records, segmentRuns)
}

// fromScratchBy builds a zone by segments of so many runs, out of batches of so
// many records, the last of which comes first.
func fromScratchBy(origin []byte, records []master.Record, size int) (*Zone, *Report) {
	b := NewBuilder(origin)
	if size < len(records) {
		b.markEvery = 1 + size/4
	}
	size = max(size, 1)
	for seq := (len(records) - 1) / size; seq >= 0; seq-- {
		b.AddBatch(&master.Batch{Seq: seq, Records: records[seq*size : min((seq+1)*size, len(records))]})
	}
	return b.build(context.Background(), size)
}

// differ tells how two zones differ, byte for byte in all that a query can
// see; "" if they do not.
func differ(a, b *Zone) string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	sa, sb := a.Stats(), b.Stats()
	sa.Bytes, sb.Bytes, sa.Garbage, sb.Garbage = 0, 0, 0, 0
	if sa != sb {
		say("stats %+v, expected %+v", sa, sb)
	}
	if a.serial != b.serial || a.negative != b.negative || a.wildcards != b.wildcards || a.optOuts != b.optOuts ||
		a.iterations != b.iterations || !bytes.Equal(a.salt, b.salt) || a.apexProven != b.apexProven || a.apexNSEC3.Owner != b.apexNSEC3.Owner ||
		a.apexWildcard3.Owner != b.apexWildcard3.Owner {
		say("facts differ: %d %d %d %d, expected %d %d %d %d", a.serial, a.negative, a.wildcards, a.optOuts, b.serial, b.negative, b.wildcards, b.optOuts)
	}
	differTrees(say, "name", a, b, a.names, b.names, differNodes)
	differTrees(say, "hidden name", a, b, a.occluded, b.occluded, differNodes)
	differTrees(say, "NSEC3", a, b, a.nsec3, b.nsec3, func(a, b *Zone, x, y arena.Offset) bool {
		return differSets(RRset{a.data.At(x)}, RRset{b.data.At(y)})
	})
	if ca, cb := content(a), content(b); !slices.EqualFunc(ca, cb, identical) {
		say("records:\n%s\nexpected:\n%s", text(ca), text(cb))
	}
	return out.String()
}

// identical tells whether two records are the same, byte for byte.
func identical(a, b master.Record) bool {
	return a.Type == b.Type && a.TTL == b.TTL && bytes.Equal(a.Owner, b.Owner) && bytes.Equal(a.RDATA, b.RDATA)
}

func differTrees(say func(string, ...any), what string, a, b *Zone, x, y radix.Tree, differ func(a, b *Zone, x, y arena.Offset) bool) {
	entries := func(t radix.Tree) (keys []string, m map[string]radix.Entry) {
		m = map[string]radix.Entry{}
		for k, e := range t.All() {
			keys = append(keys, string(k))
			m[string(k)] = e
		}
		return keys, m
	}
	ka, ma := entries(x)
	kb, mb := entries(y)
	if x.Len() != len(ka) {
		say("%ss: Len is %d, there are %d", what, x.Len(), len(ka))
	}
	for _, k := range ka {
		e, ok := mb[k]
		if !ok {
			say("%s %q is there, and should not be", what, k)
		} else if e.Stop != ma[k].Stop || differ(a, b, arena.Offset(ma[k].Value), arena.Offset(e.Value)) {
			say("%s %q differs", what, k)
		}
	}
	for _, k := range kb {
		if _, ok := ma[k]; !ok {
			say("%s %q is missing", what, k)
		}
	}
}

func differNodes(a, b *Zone, x, y arena.Offset) bool {
	m, n := a.node(x), b.node(y)
	if m.b[0] != n.b[0] || len(m.entries()) != len(n.entries()) {
		return true
	}
	for e, f := m.entries(), n.entries(); len(e) > 0; e, f = e[entrySize:], f[entrySize:] {
		s, _ := a.RRset(m, uint16(le16(e)))
		t, ok := b.RRset(n, uint16(le16(e)))
		if !ok || differSets(s, t) {
			return true
		}
	}
	if !m.IsCut() {
		return false
	}
	r, s := a.Referral(m), b.Referral(n)
	return !bytes.Equal(r.b[:r.size()-3], s.b[:s.size()-3])
}

func differSets(a, b RRset) bool {
	return a.size() != b.size() || !bytes.Equal(a.b[:a.size()-3], b.b[:b.size()-3])
}

func TestBuildCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := NewBuilder(wire("tw."))
	if z, report, err := b.BuildContext(ctx); z != nil || report != nil || err != context.Canceled {
		t.Errorf("BuildContext = %v, %v, %v; expected %v alone", z, report, err, context.Canceled)
	}
}
