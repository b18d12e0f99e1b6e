package zone

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"yushan/zone/arena"
	"yushan/zone/master"
)

const editBase = `
@ 3600 SOA ns.nic hostmaster.nic 1 7200 900 1209600 300
@ 3600 NS ns.nic
ns.nic 3600 A 192.0.2.1
alias 3600 CNAME www
www 3600 A 192.0.2.2
deep.below.ent 3600 TXT "x"
*.wild 3600 TXT "any"
own 3600 NS ns.own
own 3600 DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.own 3600 A 192.0.2.3
hoster 3600 NS ns.hoster
ns.hoster 3600 A 192.0.2.4
guest1 3600 NS ns.hoster
guest2 3600 NS ns.hoster
guest3 3600 NS www
guest4 3600 NS missing
lame 3600 NS ns.example.com.
mail.lame 3600 MX 10 mx.lame
redirect 3600 DNAME www
`

// edit makes an edit of lines: "+ record", "- record", "-- owner type".
func edit(t testing.TB, z *Zone, origin, lines string) *Edit {
	t.Helper()
	e := z.Edit()
	for line := range strings.Lines(lines) {
		op, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch op {
		case "+", "-":
			for _, r := range parse(origin, rest) {
				if op == "+" {
					e.Add(r)
				} else {
					e.Remove(r)
				}
			}
		case "--":
			owner, rrtype, _ := strings.Cut(rest, " ")
			e.RemoveRRset(wire(owner), dns.StringToType[rrtype])
		case "":
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	return e
}

func TestEdit(t *testing.T) {
	tests := []struct {
		name, edit string
		findings   []string        // those with an error mean that there is no zone
		kinds      map[string]Kind // of names after the edit
		referral   map[string]string
	}{
		{name: "nothing"},
		{name: "a new delegation", edit: "+ new 3600 NS ns.example.com.", kinds: map[string]Kind{"new.tw.": Cut, "x.new.tw.": Cut}},
		{name: "a delegation goes, what is below appears",
			edit:  "- lame 3600 NS ns.example.com.",
			kinds: map[string]Kind{"mail.lame.tw.": Exact, "lame.tw.": Empty, "x.lame.tw.": Missing}},
		{name: "a delegation goes with its glue",
			edit:  "-- own.tw. NS\n-- own.tw. DS\n-- ns.own.tw. A",
			kinds: map[string]Kind{"own.tw.": Missing, "ns.own.tw.": Missing}},
		{name: "a delegation above names hides them",
			edit:  "+ ent 3600 NS ns.example.com.",
			kinds: map[string]Kind{"ent.tw.": Cut, "deep.below.ent.tw.": Cut}},
		{name: "a delegation above a delegation",
			edit:     "+ own.own 3600 NS a.own.own\n-- own.tw. NS\n-- own.tw. DS\n+ own 3600 TXT x",
			findings: []string{"warning: own.own.tw. is delegated to a.own.own.tw., which has no address here, so that nobody can reach it [missing-glue]"},
			kinds:    map[string]Kind{"own.tw.": Exact, "own.own.tw.": Cut, "ns.own.tw.": Exact}},
		{name: "the upper of two delegations goes in the same edit as it comes",
			edit:  "+ ent 3600 NS ns.example.com.\n+ x.ent 3600 NS ns.example.com.\n-- ent.tw. NS",
			kinds: map[string]Kind{"ent.tw.": Empty, "deep.below.ent.tw.": Exact, "x.ent.tw.": Cut}},
		{name: "what a delegation hid is an error when it appears",
			edit:  "+ ent 3600 NS ns.example.com.\n+ deep.below.ent 3600 CNAME www",
			kinds: map[string]Kind{"deep.below.ent.tw.": Cut}},
		{name: "a DNAME above names", edit: "+ ent 3600 DNAME www",
			findings: []string{"error: deep.below.ent.tw. is below the DNAME at ent.tw., which hides it [below-dname]"}},
		{name: "a DNAME in place of names", edit: "+ ent 3600 DNAME www\n-- deep.below.ent.tw. TXT",
			kinds: map[string]Kind{"ent.tw.": Exact, "deep.below.ent.tw.": Redirect}},
		{name: "a DNAME goes", edit: "-- redirect.tw. DNAME", kinds: map[string]Kind{"redirect.tw.": Missing, "x.redirect.tw.": Missing}},
		{name: "a DNAME becomes a delegation", edit: "-- redirect.tw. DNAME\n+ redirect 3600 NS ns.example.com.",
			kinds: map[string]Kind{"redirect.tw.": Cut, "x.redirect.tw.": Cut}},
		{name: "a DNAME at the apex", edit: "+ @ 3600 DNAME example.com.",
			findings: []string{"error: alias.tw. is below the DNAME at tw., which hides it [below-dname]"}},
		{name: "an empty non-terminal goes with what is below it", edit: "-- deep.below.ent.tw. TXT",
			kinds: map[string]Kind{"ent.tw.": Missing, "below.ent.tw.": Missing}},
		{name: "an empty non-terminal stays", edit: "+ ent 3600 TXT x\n+ other.ent 3600 TXT x\n-- deep.below.ent.tw. TXT\n-- ent.tw. TXT",
			kinds: map[string]Kind{"ent.tw.": Empty, "below.ent.tw.": Missing}},
		{name: "data beside a CNAME", edit: "+ alias 3600 TXT x",
			findings: []string{"error: alias.tw. has a CNAME record and other data, TXT: a CNAME stands alone [cname-and-other]"}},
		{name: "data in place of a CNAME", edit: "- alias 3600 CNAME www\n+ alias 3600 TXT x", kinds: map[string]Kind{"alias.tw.": Exact}},
		{name: "data in place of a CNAME, the other way round", edit: "+ alias 3600 TXT x\n- alias 3600 CNAME www"},
		{name: "no SOA", edit: "-- tw. SOA",
			findings: []string{"error: no SOA record at tw.: a zone begins with one [no-soa]"}},
		{name: "no NS", edit: "-- tw. NS",
			findings: []string{"error: no NS record at tw.: a zone names its name servers at its apex [no-apex-ns]"}},
		{name: "no apex", edit: "-- tw. NS\n-- tw. SOA",
			findings: []string{"error: no SOA record at tw.: a zone begins with one [no-soa]"}},
		{name: "two SOA records", edit: "+ @ 3600 SOA ns.nic hostmaster.nic 2 7200 900 1209600 300",
			findings: []string{"error: the zone has 2 different SOA records: it must have one [several-soa]"}},
		{name: "glue of a name server below its delegation", edit: "+ ns.own 3600 AAAA 2001:db8::1\n- ns.own 3600 A 192.0.2.3",
			referral: map[string]string{"own.tw.": "ns.own.tw. AAAA 2001:db8::1"}},
		{name: "the last glue goes", edit: "-- ns.own.tw. A",
			findings: []string{"warning: own.tw. is delegated to ns.own.tw., which has no address here, so that nobody can reach it [missing-glue]"},
			referral: map[string]string{"own.tw.": ""}},
		{name: "glue of a name server that others name", edit: "-- ns.hoster.tw. A\n+ ns.hoster 3600 A 192.0.2.99",
			referral: map[string]string{"hoster.tw.": "ns.hoster.tw. A 192.0.2.99", "guest1.tw.": "ns.hoster.tw. A 192.0.2.99",
				"guest2.tw.": "ns.hoster.tw. A 192.0.2.99", "guest3.tw.": "www.tw. A 192.0.2.2"}},
		{name: "an address that a delegation names", edit: "+ www 3600 AAAA 2001:db8::2",
			referral: map[string]string{"guest3.tw.": "www.tw. A 192.0.2.2, www.tw. AAAA 2001:db8::2"}},
		{name: "an address comes for a name that a delegation names", edit: "+ missing 3600 A 192.0.2.5",
			referral: map[string]string{"guest4.tw.": "missing.tw. A 192.0.2.5"}},
		{name: "a delegation to a server whose address comes with it", edit: "+ new 3600 NS ns.zzz\n+ zzz 3600 NS ns.zzz\n+ ns.zzz 3600 A 192.0.2.6",
			referral: map[string]string{"new.tw.": "ns.zzz.tw. A 192.0.2.6", "zzz.tw.": "ns.zzz.tw. A 192.0.2.6"}},
		{name: "the delegation of a hoster goes, its glue is data now", edit: "-- hoster.tw. NS",
			kinds: map[string]Kind{"ns.hoster.tw.": Exact}, referral: map[string]string{"guest1.tw.": "ns.hoster.tw. A 192.0.2.4"}},
		{name: "DS comes and goes", edit: "-- own.tw. DS\n+ guest1 3600 DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
		{name: "DS without a delegation", edit: "+ www 3600 DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			findings: []string{"warning: www.tw. has a DS record but no NS records: it is not delegated [ds-without-ns]"}},
		{name: "a wildcard goes", edit: "-- *.wild.tw. TXT", kinds: map[string]Kind{"wild.tw.": Missing}},
		{name: "an NSEC3PARAM record", edit: "+ @ 0 NSEC3PARAM 1 0 0 -\n+ new 3600 NS ns.example.com.\n+ zzz 3600 TXT last",
			findings: []string{"warning: the apex has an NSEC3PARAM record, but there is no NSEC3 record with its parameters [nsec3param]"},
			kinds:    map[string]Kind{"new.tw.": Cut, "zzz.tw.": Exact}},
		{name: "a record that is there already", edit: "+ www 3600 A 192.0.2.2\n+ own 3600 NS NS.own"},
		{name: "a record that is not there", edit: "- www 3600 A 192.0.2.200",
			findings: []string{"error: www.tw. has no such A record to be removed [no-such-record]"}},
		{name: "a record of a name that is not there", edit: "- nobody 3600 A 192.0.2.200",
			findings: []string{"error: nobody.tw. has no such A record to be removed [no-such-record]"}},
		{name: "an RRset that is not there", edit: "-- nobody.tw. A"},
		{name: "a signature that is not there", edit: "- www 3600 RRSIG A 13 2 3600 20800101000000 20260101000000 1 tw. AAAA",
			findings: []string{"warning: www.tw. has no such RRSIG record to be removed [no-such-record]"}},
		{name: "a signature over nothing", edit: "+ nobody 3600 RRSIG A 13 2 3600 20800101000000 20260101000000 1 tw. AAAA",
			findings: []string{"warning: the RRSIG at nobody.tw. covers A, which is not there: it is ignored [orphan-rrsig]"},
			kinds:    map[string]Kind{"nobody.tw.": Missing}},
		{name: "outside", edit: "+ example.com. 3600 A 192.0.2.1",
			findings: []string{"warning: example.com. is not at or below tw.: the record is ignored [out-of-zone]"}},
		{name: "a lower TTL", edit: "+ www 60 A 192.0.2.20",
			findings: []string{"warning: the records of www.tw. A have different TTLs: all get the lowest, 60 [ttl-mismatch]"},
			referral: map[string]string{"guest3.tw.": "www.tw. A 192.0.2.2, www.tw. A 192.0.2.20"}},
		{name: "an RRset that is too large", edit: tooLarge(),
			findings: []string{"error: the TXT RRset of www.tw. does not fit into any message [rrset-too-large]"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base := build(t, "tw.", editBase)
			before := content(base)
			z, report := edit(t, base, "tw.", test.edit).Commit()
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.String())
			}
			// One line of what may be many.
			if len(test.findings) > 0 && len(got) > len(test.findings) {
				got = got[:len(test.findings)]
			}
			if !slices.Equal(got, test.findings) {
				t.Errorf("findings\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(test.findings, "\n"))
			}
			if (z != nil) != report.OK() {
				t.Fatalf("zone %v with %d errors", z != nil, report.Errors)
			}
			if !slices.EqualFunc(content(base), before, identical) {
				t.Errorf("the base has changed")
			}
			if z == nil {
				return
			}
			if want, _ := fromScratch(z.origin, content(z)); differ(z, want) != "" {
				t.Error(differ(z, want))
			}
			for name, kind := range test.kinds {
				if m := z.Find(keyIn(z, name)); m.Kind != kind {
					t.Errorf("%s is of kind %d, expected %d", name, m.Kind, kind)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(test.referral)) {
				m := z.Find(keyIn(z, name))
				if got := glue(z, name, m.Node); got != test.referral[name] {
					t.Errorf("%s has glue %q, expected %q", name, got, test.referral[name])
				}
			}
		})
	}
}

func tooLarge() string {
	var b strings.Builder
	for i := range 270 {
		fmt.Fprintf(&b, "+ www 3600 TXT \"%03d%s\"\n", i, strings.Repeat("x", 240))
	}
	return b.String()
}

// glue returns the additional section of a referral.
func glue(z *Zone, cut string, node Node) string {
	r := z.Referral(node)
	ns := r.NS()
	var out []string
	for _, p := range []Part{r.Required(), r.Optional(), r.Signatures()} {
		for b := p.Bytes; len(b) > 0; {
			owner := ns.appendName(nil, wire(cut), Pointer(uint16(b[0])<<8|uint16(b[1])))
			n := recordFixed + int(b[10])<<8 + int(b[11])
			rec := show(master.Record{Owner: owner, Type: uint16(b[2])<<8 | uint16(b[3]), RDATA: b[recordFixed:n]})
			out = append(out, strings.Replace(rec, " 0 IN", "", 1))
			b = b[n:]
		}
	}
	return strings.Join(out, ", ")
}

// What an edit does not touch is shared.
func TestEditShares(t *testing.T) {
	base := build(t, "tw.", editBase)
	z, _ := edit(t, base, "tw.", "+ guest9 3600 NS ns.hoster\n+ www 3600 TXT x").Commit()
	for key, e := range base.names.All() {
		value, _ := z.names.Get(key)
		if changed := bytes.Equal(key, keyIn(z, "www.tw.")); (value != e.Value) != changed {
			t.Errorf("%q was at %d, is at %d", key, e.Value, value)
		}
	}
	a, _ := z.names.Get(keyIn(z, "guest1.tw."))
	if b, _ := z.names.Get(keyIn(z, "guest9.tw.")); a != b {
		t.Errorf("a new delegation to the same servers has a referral of its own")
	}
	www := z.Find(keyIn(z, "www.tw.")).Node
	old := base.Find(keyIn(z, "www.tw.")).Node
	if a, _ := z.RRset(www, TypeA); !a.Is(must(base.RRset(old, TypeA))) {
		t.Error("an RRset beside the one that was added has moved")
	}
	same, report := z.Edit().Commit()
	if same != z || !report.OK() {
		t.Error("an edit without changes is another zone")
	}
}

func must(s RRset, ok bool) RRset {
	if !ok {
		panic("no RRset")
	}
	return s
}

// Two edits of one base do not see each other.
func TestEditForks(t *testing.T) {
	base := build(t, "tw.", editBase)
	left, right := edit(t, base, "tw.", "+ new 3600 NS ns.hoster\n-- own.tw. NS"), edit(t, base, "tw.", "+ new 3600 TXT x\n-- www.tw. A")
	a, _ := left.Commit()
	b, _ := right.Commit()
	if a.Find(keyIn(a, "new.tw.")).Kind != Cut || b.Find(keyIn(b, "new.tw.")).Kind != Exact || base.Find(keyIn(a, "new.tw.")).Kind != Missing {
		t.Error("one of three versions is not what it should be")
	}
	for _, z := range []*Zone{a, b} {
		if want, _ := fromScratch(z.origin, content(z)); differ(z, want) != "" {
			t.Error(differ(z, want))
		}
	}
}

// The garbage of many edits is counted, and goes when the zone is compacted.
func TestCompact(t *testing.T) {
	first := build(t, "tw.", editBase)
	if g := first.Stats().Garbage; g < 0 || g > first.Stats().Bytes/2 {
		t.Errorf("a new zone has %d bytes of garbage, of %d", g, first.Stats().Bytes)
	}
	z := first
	for i := range 200 {
		z, _ = edit(t, z, "tw.", fmt.Sprintf("-- www.tw. A\n+ www 3600 A 192.0.2.%d\n-- ns.own.tw. A\n+ ns.own 3600 A 192.0.2.%d", i, i)).Commit()
	}
	s := z.Stats()
	if s.Garbage < s.Bytes*3/4 {
		t.Errorf("after 200 edits of a small zone %d of %d bytes are garbage", s.Garbage, s.Bytes)
	}
	compact := z.Compact()
	if d := differ(compact, z); d != "" {
		t.Error(d)
	}
	if c := compact.Stats(); c.Bytes > first.Stats().Bytes*5/4 || c.Garbage > c.Bytes/2 {
		t.Errorf("compacted: %+v, the first version had %+v", c, first.Stats())
	}
	// Edits go on from it, and find what they need.
	const change = "-- ns.hoster.tw. A\n+ ns.hoster 3600 A 192.0.2.99\n+ guest9 3600 NS ns.hoster"
	got, _ := edit(t, compact, "tw.", change).Commit()
	want, _ := edit(t, z, "tw.", change).Commit()
	if d := differ(got, want); d != "" {
		t.Errorf("edited after it was compacted: %s", d)
	}
}

// Readers of old versions are not disturbed by edits.
func TestEditRace(t *testing.T) {
	base := build(t, "tw.", editBase)
	want := content(base)
	var readers, writers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			var buf [512]byte
			for {
				select {
				case <-stop:
					return
				default:
				}
				if !slices.EqualFunc(content(base), want, identical) {
					t.Error("the base has changed")
					return
				}
				base.Addresses(keyIn(base, "ns.hoster.tw."))
				base.Wildcard(keyIn(base, "wild.tw."), buf[:])
			}
		})
	}
	for fork := range 2 {
		writers.Go(func() {
			z := base
			for i := range 60 {
				z, _ = edit(t, z, "tw.", fmt.Sprintf("+ f%d-%d 3600 NS ns.hoster\n-- ns.hoster.tw. A\n+ ns.hoster 3600 A 192.0.2.%d", fork, i, i)).Commit()
			}
			if got, _ := fromScratch(z.origin, content(z)); differ(z, got) != "" {
				t.Error(differ(z, got))
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

// The chain of NSEC records is judged around what was changed.
func TestEditChains(t *testing.T) {
	signed := build(t, "tw.", `
@ 300 SOA ns.nic hostmaster.nic 1 7200 900 1209600 300
@ 300 NS ns.example.com.
@ 300 NSEC a NS SOA NSEC
a 300 TXT x
a 300 NSEC c TXT NSEC
c 300 TXT x
c 300 NSEC @ TXT NSEC
`)
	hashed := build(t, "tw.", `
@ 300 SOA ns.nic hostmaster.nic 1 7200 900 1209600 300
@ 300 NS ns.example.com.
@ 300 NSEC3PARAM 1 0 0 -
00000000000000000000000000000000 300 NSEC3 1 0 0 - 80000000000000000000000000000000 A
80000000000000000000000000000000 300 NSEC3 1 0 0 - G0000000000000000000000000000000 A
g0000000000000000000000000000000 300 NSEC3 1 1 0 - 00000000000000000000000000000000 A
`)
	tests := []struct {
		name     string
		base     *Zone
		edit     string
		findings []string
		optOut   bool
	}{
		{"a name with its link", signed, "-- a.tw. NSEC\n+ a 300 NSEC b TXT NSEC\n+ b 300 TXT x\n+ b 300 NSEC c TXT NSEC", nil, false},
		{"a name at the end", signed, "-- c.tw. NSEC\n+ c 300 NSEC d TXT NSEC\n+ d 300 TXT x\n+ d 300 NSEC @ TXT NSEC", nil, false},
		{"a name goes with its link", signed, "-- a.tw. NSEC\n-- a.tw. TXT\n-- tw. NSEC\n+ @ 300 NSEC c NS SOA NSEC", nil, false},
		{"a name without a record", signed, "+ b 300 TXT x", []string{
			"warning: the NSEC record of a.tw. points to c.tw.: that is not the next name [nsec-chain]",
			"warning: b.tw. has no NSEC record: what it lacks cannot be proven [nsec-chain]"}, false},
		{"a name goes, the link to it stays", signed, "-- c.tw. NSEC\n-- c.tw. TXT", []string{
			"warning: the NSEC record of a.tw. points to c.tw.: that is not the next name [nsec-chain]"}, false},
		{"a link out of the zone", signed, "-- c.tw. NSEC\n+ c 300 NSEC example. TXT NSEC", []string{
			"warning: the NSEC record of c.tw. points to example.: that is not the next name [nsec-chain]"}, false},
		{"a hash with its link", hashed, "-- 80000000000000000000000000000000.tw. NSEC3\n" +
			"+ 80000000000000000000000000000000 300 NSEC3 1 0 0 - 90000000000000000000000000000000 A\n" +
			"+ 90000000000000000000000000000000 300 NSEC3 1 0 0 - G0000000000000000000000000000000 A", nil, true},
		{"a hash goes", hashed, "-- g0000000000000000000000000000000.tw. NSEC3", []string{
			"warning: the NSEC3 record 80000000000000000000000000000000 points to hash g0000000000000000000000000000000: that is not the next one [nsec3-chain]"}, false},
		{"the first hash goes", hashed, "-- 00000000000000000000000000000000.tw. NSEC3", []string{
			"warning: the NSEC3 record g0000000000000000000000000000000 points to hash 00000000000000000000000000000000: that is not the next one [nsec3-chain]"}, true},
		{"other parameters", hashed, "-- tw. NSEC3PARAM\n+ @ 300 NSEC3PARAM 1 0 0 ab", []string{
			"warning: the NSEC3 record at 00000000000000000000000000000000.tw. does not belong to the chain of the NSEC3PARAM record [nsec3-chain]",
			"warning: the NSEC3 record at 80000000000000000000000000000000.tw. does not belong to the chain of the NSEC3PARAM record [nsec3-chain]",
			"warning: the NSEC3 record at g0000000000000000000000000000000.tw. does not belong to the chain of the NSEC3PARAM record [nsec3-chain]",
			"warning: the apex has an NSEC3PARAM record, but there is no NSEC3 record with its parameters [nsec3param]"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			z, report := edit(t, test.base, "tw.", test.edit).Commit()
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.String())
			}
			if z == nil || !slices.Equal(got, test.findings) {
				t.Fatalf("findings\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(test.findings, "\n"))
			}
			if z.Stats().OptOut != test.optOut {
				t.Errorf("opt-out is %v, expected %v", z.Stats().OptOut, test.optOut)
			}
			if want, _ := fromScratch(z.origin, content(z)); differ(z, want) != "" {
				t.Error(differ(z, want))
			}
		})
	}
}

// Equal referrals made by an edit are one, and those of an earlier edit are found.
func TestEditPool(t *testing.T) {
	base := build(t, "tw.", editBase)
	z, _ := edit(t, base, "tw.", "+ x1 3600 NS ns.other.com.\n+ x2 3600 NS ns.other.com.").Commit()
	z, _ = edit(t, z, "tw.", "+ x3 3600 NS ns.other.com.").Commit()
	offsets := map[arena.Offset]bool{}
	for _, name := range []string{"x1.tw.", "x2.tw.", "x3.tw."} {
		value, _ := z.names.Get(keyIn(z, name))
		offsets[arena.Offset(value)] = true
	}
	if len(offsets) != 1 {
		t.Errorf("three delegations to one server have %d referrals", len(offsets))
	}
}
