package zone

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/master"
)

const minimal = "@ 3600 SOA ns.nic hostmaster.nic 1 7200 900 1209600 300\n@ 3600 NS ns.example.com.\n"

// layout shows the bytes of a part, with its pointers as what they mean.
func layout(p Part) string {
	var b strings.Builder
	for i := 0; i < len(p.Bytes); {
		if p.IsPointer(i) {
			q := Pointer(binary.BigEndian.Uint16(p.Bytes[i:]))
			switch q.Base() {
			case ToOwner:
				b.WriteString("(owner)")
			case ToSuffix:
				fmt.Fprintf(&b, "(suffix %d)", q.N())
			case ToFragment:
				fmt.Fprintf(&b, "(at %d)", q.N())
			}
			i += 2
			continue
		}
		b.WriteString(showByte(p.Bytes[i]))
		i++
	}
	return b.String()
}

func showByte(c byte) string {
	if c > ' ' && c < 0x7f {
		return string(rune(c))
	}
	return fmt.Sprintf("\\%d", c)
}

// Names are compressed where RFC 1035 types permit it, towards the owner, its
// suffixes, and what is in the RRset already.
func TestCompression(t *testing.T) {
	z := build(t, "tw.", minimal+`
a.com 3600 NS ns1.a.com
a.com 3600 NS ns2.host.com
a.com 3600 NS ns3.host.com
a.com 3600 NS ns.example.net.
a.com 3600 NS a.com
x.www 1 CNAME www
*.wild 1 CNAME *.wild
*.w2 1 CNAME x.*.w2
srv 1 SRV 1 2 3 srv
mx 1 MX 1 Mail.MX
mx 1 MX 2 b.mail.mx
old 1 DNAME new.old.com.
https 1 HTTPS 1 https
rp 1 RP a.rp b.rp
`)
	head := func(rrtype byte, ttl, length string) string {
		return `(owner)\0` + showByte(rrtype) + `\0\1` + ttl + length
	}
	tests := []struct {
		owner  string
		rrtype uint16
		want   string
	}{
		{"x.www.tw.", TypeCNAME, head(5, `\0\0\0\1`, `\0\2`) + `(suffix 8)`},
		// The owner of a wildcard is not in the answer, its parent is.
		{"*.wild.tw.", TypeCNAME, head(5, `\0\0\0\1`, `\0\4`) + `\1*(suffix 9)`},
		{"*.w2.tw.", TypeCNAME, head(5, `\0\0\0\1`, `\0\6`) + `\1x\1*(suffix 7)`},
		{"srv.tw.", 33, head(33, `\0\0\0\1`, `\0\14`) + `\0\1\0\2\0\3\3srv\2tw\0`},
		// The case of what is written is kept, and does not hinder.
		{"mx.tw.", 15, head(15, `\0\0\0\1`, `\0\9`) + `\0\1\4Mail(owner)` + head(15, `\0\0\0\1`, `\0\6`) + `\0\2\1b(at 14)`},
		{"old.tw.", TypeDNAME, head(39, `\0\0\0\1`, `\0\13`) + `\3new\3old\3com\0`},
		{"https.tw.", 65, head(65, `\0\0\0\1`, `\0\12`) + `\0\1\5https\2tw\0`},
		{"rp.tw.", 17, head(17, `\0\0\0\1`, `\0\18`) + `\1a\2rp\2tw\0\1b\2rp\2tw\0`},
	}
	for _, test := range tests {
		m := z.Find(keyIn(z, test.owner))
		set, ok := z.RRset(m.Node, test.rrtype)
		if !ok {
			t.Errorf("%s has no %s", test.owner, typeName(test.rrtype))
			continue
		}
		if got := layout(set.Records()); got != test.want {
			t.Errorf("%s %s is laid out as\n%s, expected\n%s", test.owner, typeName(test.rrtype), got, test.want)
		}
	}
	ns := z.Referral(z.Find(keyIn(z, "a.com.tw.")).Node).NS()
	h := func(length string) string { return head(2, `\0\0\14\16`, `\0`+length) }
	want := h(`\2`) + `(owner)` + // a.com.tw.
		h(`\16`) + `\2ns\7example\3net\0` +
		h(`\6`) + `\3ns1(owner)` +
		h(`\11`) + `\3ns2\4host(suffix 8)` +
		h(`\6`) + `\3ns3(at 76)`
	if got := layout(ns); got != want {
		t.Errorf("the referral is laid out as\n%s, expected\n%s", got, want)
	}
}

// Pointers of glue reach names written in full, by pointer, and the owner itself.
func TestGlue(t *testing.T) {
	z := build(t, "tw.", minimal+`
a 1 NS a
a 1 NS ns.a
a 1 NS ns.host
a 1 A 192.0.2.1
ns.a 1 A 192.0.2.3
ns.a 1 A 192.0.2.2
ns.a 1 AAAA 2001:db8::1
ns.host 1 A 192.0.2.4
host 1 NS ns.host
`)
	node := z.Find(keyIn(z, "a.tw.")).Node
	want := "a.tw. A 192.0.2.1, ns.a.tw. A 192.0.2.2, ns.a.tw. A 192.0.2.3, ns.a.tw. AAAA 2001:db8::1, ns.host.tw. A 192.0.2.4"
	if got := glue(z, "a.tw.", node); got != want {
		t.Errorf("glue %s\nexpected %s", got, want)
	}
	r := z.Referral(node)
	if r.Required().Records != 4 || r.Optional().Records != 1 {
		t.Errorf("%d records are required, %d optional: expected 4 and 1", r.Required().Records, r.Optional().Records)
	}
	if r.TTL() != 1 {
		t.Errorf("TTL %d", r.TTL())
	}
}

// Delegations to the same name servers share one referral, if it says the same
// for all of them.
func TestSharedReferrals(t *testing.T) {
	var text strings.Builder
	text.WriteString(minimal + "hoster 3600 NS ns.hoster\nns.hoster 3600 A 192.0.2.1\n")
	for i := range 500 {
		fmt.Fprintf(&text, "d%d 3600 NS ns1.hoster.net.\nd%d 3600 NS NS2.hoster.net.\n", i, i)
		fmt.Fprintf(&text, "s%d 3600 NS ns.hoster\n", i)
		fmt.Fprintf(&text, "ds%d 3600 NS ns1.hoster.net.\nds%d 3600 NS NS2.hoster.net.\nds%d DS 1 13 2 %064x\n", i, i, i, i)
		fmt.Fprintf(&text, "t%d 60 NS ns1.hoster.net.\nt%d 60 NS NS2.hoster.net.\n", i, i)
	}
	z := build(t, "tw.", text.String())
	referrals := map[string]map[arena.Offset]bool{}
	for key, e := range z.names.All() {
		node := z.node(arena.Offset(e.Value))
		if !node.IsCut() {
			continue
		}
		kind := strings.TrimRight(string(key), "0123456789\x00")
		if referrals[kind] == nil {
			referrals[kind] = map[arena.Offset]bool{}
		}
		referrals[kind][node.referral(arena.Offset(e.Value))] = true
	}
	all := map[arena.Offset]bool{}
	for _, kind := range []string{"d", "s", "ds", "t"} {
		if len(referrals[kind]) != 1 {
			t.Errorf("the delegations %sN have %d referrals, expected 1", kind, len(referrals[kind]))
		}
		for off := range referrals[kind] {
			all[off] = true
		}
	}
	if len(all) != 3 { // d and ds share theirs
		t.Errorf("%d different referrals, expected 3", len(all))
	}
	// What differs by owner is not shared by accident: glue below the owner.
	own := build(t, "tw.", minimal+"a 1 NS ns.a\nns.a 1 A 192.0.2.1\nb 1 NS ns.b\nns.b 1 A 192.0.2.1\nc 1 NS ns.c\nns.c 1 A 192.0.2.2\n")
	for _, cut := range []string{"a", "b", "c"} {
		want := fmt.Sprintf("ns.%s.tw. A 192.0.2.%d", cut, map[string]int{"a": 1, "b": 1, "c": 2}[cut])
		if got := glue(own, cut+".tw.", own.Find(keyIn(own, cut+".tw.")).Node); got != want {
			t.Errorf("%s has glue %s, expected %s", cut, got, want)
		}
	}
}

// RRsets are in canonical order, without duplicates, with one TTL.
func TestCanonicalRRsets(t *testing.T) {
	z := build(t, "tw.", minimal+`
a 300 MX 10 d
a 60 MX 10 C
a 300 MX 10 D
a 300 MX 9 z
b 5 TXT "b"
b 5 TXT "B"
b 5 TXT "ab"
b 5 TXT "b"
`)
	want := `a.tw. 60 IN MX 9 z.tw.
a.tw. 60 IN MX 10 C.tw.
a.tw. 60 IN MX 10 D.tw.
b.tw. 5 IN TXT "B"
b.tw. 5 IN TXT "b"
b.tw. 5 IN TXT "ab"
`
	if got := text(content(z)[2:]); got != want {
		t.Errorf("got\n%sexpected\n%s", got, want)
	}
}

// The limit of an RRset is what fits into a message; name servers whose glue
// could not point to them are too many.
func TestTooLarge(t *testing.T) {
	txt := func(n int) (records []master.Record) {
		records = parse("tw.", minimal)
		for i := range n {
			rdata := append([]byte{243}, bytes.Repeat([]byte{'x'}, 243)...)
			binary.BigEndian.PutUint16(rdata[1:], uint16(i))
			records = append(records, master.Record{Owner: wire("a.tw."), Type: TypeTXT, RDATA: rdata})
		}
		return records
	}
	fits := maxRRsetBytes / (recordFixed + 244)
	if z, report := fromScratch(wire("tw."), txt(fits)); z == nil {
		t.Errorf("%d bytes do not fit: %v", fits*256, report.Findings)
	}
	if z, report := fromScratch(wire("tw."), txt(fits+1)); z != nil || report.Errors != 1 || report.Findings[0].Code != TooLarge {
		t.Errorf("%d bytes fit: %v", (fits+1)*256, report.Findings)
	}
	servers := func(n int) []master.Record {
		var b strings.Builder
		b.WriteString(minimal)
		for i := range n {
			fmt.Fprintf(&b, "a 1 NS %03d-%s.a\n%03d-%s.a 1 A 192.0.2.1\n", i, strings.Repeat("n", 50), i, strings.Repeat("n", 50))
		}
		return parse("tw.", b.String())
	}
	each := recordFixed + 1 + 54 + 2
	fits = maxPointer / each
	z, report := fromScratch(wire("tw."), servers(fits))
	if z == nil {
		t.Fatalf("%d bytes of name servers do not fit: %v", fits*each, report.Findings)
	}
	last := fmt.Sprintf("%03d-%s.a.tw. A 192.0.2.1", fits-1, strings.Repeat("n", 50))
	if got := glue(z, "a.tw.", z.Find(keyIn(z, "a.tw.")).Node); !strings.HasSuffix(got, last) {
		t.Errorf("the last glue is not %s", last)
	}
	if z, report := fromScratch(wire("tw."), servers(fits+1)); z != nil || report.Findings[0].Code != TooLarge {
		t.Errorf("%d bytes of name servers fit: %v", (fits+1)*each, report.Findings)
	}
}

// Figures count what there is.
func TestStats(t *testing.T) {
	z := build(t, "tw.", editBase+"own 3600 A 192.0.2.9\nown 3600 TXT x\n")
	s := z.Stats()
	s.Bytes, s.Garbage = 0, 0
	want := Stats{Records: 21, RRsets: 21, Names: 17, Cuts: 7, Glue: 3}
	if s != want {
		t.Errorf("got %+v, expected %+v", s, want)
	}
	if n := len(content(z)); n != s.Records {
		t.Errorf("%d records, counted %d", n, s.Records)
	}
}

// A name that has nothing but signatures over nothing does not exist.
func TestOrphanName(t *testing.T) {
	z := build(t, "tw.", minimal+"a 3600 RRSIG A 13 2 3600 20800101000000 20260101000000 1 tw. AAAA\n"+
		"b 3600 NS ns.example.com.\nb 3600 RRSIG A 13 2 3600 20800101000000 20260101000000 1 tw. AAAA\n")
	if m := z.Find(keyIn(z, "a.tw.")); m.Kind != Missing {
		t.Errorf("a.tw. is of kind %d", m.Kind)
	}
	if _, ok := z.Addresses(keyIn(z, "b.tw.")); ok {
		t.Error("b.tw. has addresses")
	}
}

// Whatever the order and the batches in which records come, the zone is the same.
func TestBuilderOrder(t *testing.T) {
	want := build(t, "tw.", editBase)
	records := parse("tw.", editBase)
	for rotate := range len(records) {
		b := NewBuilder(wire("tw."))
		order := append(slices.Clone(records[rotate:]), records[:rotate]...)
		for i := 0; i < len(order); i += 7 {
			b.AddBatch(&master.Batch{Seq: i, Records: order[i:min(i+7, len(order))]})
		}
		z, report := b.Build()
		if z == nil {
			t.Fatal(report.Findings)
		}
		if d := differ(z, want); d != "" {
			t.Fatalf("rotated by %d: %s", rotate, d)
		}
	}
}

// Owners in capitals are the same owners; records come back in lower case.
func TestOwnerCase(t *testing.T) {
	z := build(t, "tw.", minimal+"WWW 1 A 192.0.2.1\nwww 1 A 192.0.2.2\n")
	want := "www.tw. 1 IN A 192.0.2.1\nwww.tw. 1 IN A 192.0.2.2\n"
	if got := text(content(z)[2:]); got != want {
		t.Errorf("got\n%sexpected\n%s", got, want)
	}
	if _, ok := z.names.Get(dname.AppendKey(nil, wire("wWw.tw."), len(z.origin))); !ok {
		t.Error("wWw.tw. is not found")
	}
}
