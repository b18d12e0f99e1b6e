package zone

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"yushan/zone/dname"
)

func TestFind(t *testing.T) {
	z := build(t, "tw.", editBase+"a.* 1 TXT x\n*.nic 1 TXT x\n")
	tests := []struct {
		name string
		kind Kind
		at   string // the name that Len stands for
	}{
		{"tw.", Exact, "tw."},
		{"www.tw.", Exact, "www.tw."},
		{"ww.tw.", Missing, "tw."},
		{"wwww.tw.", Missing, "tw."},
		{"x.www.tw.", Missing, "www.tw."},
		{"ent.tw.", Empty, "ent.tw."},
		{"x.ent.tw.", Missing, "ent.tw."},
		{"below.ent.tw.", Empty, "below.ent.tw."},
		{"x.y.below.ent.tw.", Missing, "below.ent.tw."},
		{"own.tw.", Cut, "own.tw."},
		{"ns.own.tw.", Cut, "own.tw."},
		{"mail.lame.tw.", Cut, "lame.tw."},
		{"redirect.tw.", Exact, "redirect.tw."},
		{"x.redirect.tw.", Redirect, "redirect.tw."},
		{"redirec.tw.", Missing, "tw."},
		{"*.tw.", Empty, "*.tw."},
		{"*.wild.tw.", Exact, "*.wild.tw."},
		{"x.wild.tw.", Missing, "wild.tw."},
		{`\000.tw.`, Missing, "tw."},
		{`w\000w.tw.`, Missing, "tw."},
	}
	for _, test := range tests {
		m := z.Find(keyIn(z, test.name))
		if m.Kind != test.kind || m.Len != len(keyIn(z, test.at)) {
			t.Errorf("%s: kind %d, Len %d; expected kind %d and the length of %s, %d", test.name, m.Kind, m.Len, test.kind, test.at, len(keyIn(z, test.at)))
		}
	}
	var buf [dname.MaxKey + 2]byte
	for encloser, want := range map[string]string{"wild.tw.": "yes", "tw.": "empty", "nic.tw.": "yes", "www.tw.": "no", "ent.tw.": "no"} {
		node, ok := z.Wildcard(keyIn(z, encloser), buf[:0])
		got := "no"
		if ok && node.IsZero() {
			got = "empty"
		} else if ok {
			got = "yes"
		}
		if got != want {
			t.Errorf("the wildcard below %s: %s, expected %s", encloser, got, want)
		}
	}
	for name, want := range map[string]bool{"www.tw.": true, "ns.own.tw.": true, "ns.hoster.tw.": true, "own.tw.": false, "nope.tw.": false} {
		node, ok := z.Addresses(keyIn(z, name))
		if ok {
			_, ok = z.RRset(node, TypeA)
		}
		if ok != want {
			t.Errorf("%s has addresses: %v, expected %v", name, ok, want)
		}
	}
}

func TestAnyRRset(t *testing.T) {
	z := build(t, "tw.", minimal+"@ 300 NSEC a NS SOA\na 1 NSEC b CNAME\na 1 CNAME b\nb 1 NSEC c TXT\nb 1 TXT x\nc 1 NSEC @ NSEC\n")
	for name, want := range map[string]uint16{"tw.": TypeNS, "a.tw.": TypeCNAME, "b.tw.": TypeTXT} {
		if set, ok := z.AnyRRset(z.Find(keyIn(z, name)).Node); !ok || set.Type() != want {
			t.Errorf("%s: type %d, expected %d", name, set.Type(), want)
		}
	}
	if set, ok := z.AnyRRset(z.Find(keyIn(z, "c.tw.")).Node); ok {
		t.Errorf("c.tw. has nothing but NSEC, got type %d", set.Type())
	}
}

func TestNSEC(t *testing.T) {
	z := build(t, "tw.", minimal+`@ 300 NSEC a NS SOA
a 300 NS ns.example.com.
a 300 NSEC \255 NS
x.a 1 A 192.0.2.1
\255 300 TXT x
\255 300 NSEC @ TXT
`)
	var buf [dname.MaxKey]byte
	for name, want := range map[string]string{
		"tw.":        "tw.", // the first matches
		`\000.tw.`:   "tw.",
		"a.tw.":      "a.tw.",
		"x.a.tw.":    "a.tw.",
		"zz.tw.":     "a.tw.",
		`\255.tw.`:   `\255.tw.`,
		`b.\255.tw.`: `\255.tw.`, // the last covers all behind it
	} {
		owner, nsec, ok := z.NSEC(keyIn(z, name), buf[:0])
		if !ok || nsec.Type() != TypeNSEC || !bytes.Equal(dname.AppendFromKey(nil, owner, z.origin), wire(want)) {
			t.Errorf("%s: NSEC of %q, expected %s", name, owner, want)
		}
	}
	if z.Denial() != NSEC || z.NegativeTTL() != 300 {
		t.Errorf("denial by %s, negative TTL %d", z.Denial(), z.NegativeTTL())
	}
}

// vectors are the hashes of RFC 5155 appendix A.
var vectors = map[string]string{
	"example.":       "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
	"a.example.":     "35mthgpgcu1qg68fab165klnsnk3dpvl",
	"ai.example.":    "gjeqe526plbf1g8mklp59enfd789njgi",
	"ns1.example.":   "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
	"ns2.example.":   "q04jkcevqvmu85r014c7dkba38o0ji5r",
	"w.example.":     "k8udemvp1j2f7eg6jebps17vp3n8i58h",
	"*.w.example.":   "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
	"x.w.example.":   "b4um86eghhds6nea196smvmlo4ors995",
	"y.w.example.":   "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
	"x.y.w.example.": "2vptu5timamqttgl4luu9kg21e0aor3s",
	"xx.example.":    "t644ebqk9bibcna874givr6joj62mlhv",
}

func TestHash(t *testing.T) {
	salt, _ := hex.DecodeString("aabbccdd")
	z := &Zone{iterations: 12, salt: salt}
	for name, want := range vectors {
		h := z.Hash(wire(name))
		if got := base32Hex.EncodeToString(h[:]); got != want {
			t.Errorf("the hash of %s is %s, expected %s", name, got, want)
		}
	}
	if h := (&Zone{}).Hash(wire("tw.")); h != (&Zone{salt: []byte{}}).Hash(wire("tw.")) {
		t.Error("no salt and an empty salt differ")
	}
}

func TestNSEC3(t *testing.T) {
	apex := vectors["example."]
	last := vectors["xx.example."]
	z := build(t, "example.", `@ 3600 SOA ns1 bugs.x.w 1 3600 300 3600000 3600
@ 3600 NS ns1
@ 0 NSEC3PARAM 1 0 12 aabbccdd
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 3600 NSEC3 1 1 12 aabbccdd t644ebqk9bibcna874givr6joj62mlhv NS SOA
t644ebqk9bibcna874givr6joj62mlhv 3600 NSEC3 1 1 12 aabbccdd 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A
`)
	for name, want := range map[string]struct {
		owner   string
		matches bool
	}{
		"example.":    {apex, true},
		"xx.example.": {last, true},
		"a.example.":  {apex, false},
		"w.example.":  {apex, false},
	} {
		d, matches := z.NSEC3(z.Hash(wire(name)))
		if got := base32Hex.EncodeToString(d.Owner[:]); got != want.owner || matches != want.matches || d.RRset.Type() != TypeNSEC3 {
			t.Errorf("%s: %s, matches %v; expected %v", name, got, matches, want)
		}
	}
	// Before the first and behind the last, the last one covers.
	for _, hash := range []Hash{{}, {0: 0xff}} {
		if d, matches := z.NSEC3(hash); matches || base32Hex.EncodeToString(d.Owner[:]) != last {
			t.Errorf("%x is covered by %x", hash, d.Owner)
		}
	}
	if d, ok := z.ApexNSEC3(); !ok || base32Hex.EncodeToString(d.Owner[:]) != apex {
		t.Errorf("the record of the apex: %v %x", ok, d.Owner)
	}
	if d, _ := z.NSEC3(z.Hash(wire("*.example."))); d.Owner != z.ApexWildcardNSEC3().Owner || !d.RRset.Is(z.ApexWildcardNSEC3().RRset) {
		t.Errorf("the record of the wildcard below the apex: %x, expected %x", z.ApexWildcardNSEC3().Owner, d.Owner)
	}
	if z.Denial() != NSEC3 || !z.Stats().OptOut {
		t.Errorf("%+v", z.Stats())
	}
	if m := z.Find(keyIn(z, apex+".example.")); m.Kind != Missing {
		t.Error("the owner of an NSEC3 record is a name to ask for")
	}
	if unsigned := build(t, "tw.", minimal); unsigned.Denial() != Unsigned {
		t.Error(unsigned.Denial())
	} else if _, matches := unsigned.NSEC3(Hash{}); matches {
		t.Error("an unsigned zone has an NSEC3 record")
	}
}

// An owner of two labels with the length of a hash is not one: 0x0a and 0x0d,
// which are lengths of labels, mean nothing to a decoder of base32.
func TestHashOfKey(t *testing.T) {
	for name, want := range map[string]bool{
		strings.Repeat("0", 32):                                 true,
		strings.Repeat("v", 32):                                 true,
		strings.Repeat("w", 32):                                 false,
		strings.Repeat("0", 31):                                 false,
		strings.Repeat("0", 33):                                 false,
		strings.Repeat("0", 10) + "." + strings.Repeat("0", 21): false,
		strings.Repeat("0", 21) + "." + strings.Repeat("0", 10): false,
		strings.Repeat("0", 31) + `\013`:                        false,
	} {
		if _, ok := hashOfKey(dname.AppendKey(nil, wire(name+".tw."), 4)); ok != want {
			t.Errorf("%s is a hash: %v", name, ok)
		}
	}
}

func TestSet(t *testing.T) {
	zone := func(origin string) *Zone {
		return build(t, origin, "@ 1 SOA a. b. 1 1 1 1 1\n@ 1 NS ns.example.com.\n")
	}
	tw, a, b, idn := zone("tw."), zone("a.tw."), zone("b.c.tw."), zone("xn--kpry57d.")
	s := NewSet(zone("tw."), a, b, idn, tw)
	root := NewSet(zone("."), a)
	tests := []struct {
		set         *Set
		name        string
		find, above *Zone
	}{
		{s, "tw.", tw, nil},
		{s, "x.tw.", tw, tw},
		{s, "a.tw.", a, tw},
		{s, "x.y.a.tw.", a, a},
		{s, "xa.tw.", tw, tw},
		{s, "c.tw.", tw, tw},
		{s, "b.c.tw.", b, tw},
		{s, "x.b.c.tw.", b, b},
		{s, "com.", nil, nil},
		{s, ".", nil, nil},
		{s, "www.xn--kpry57d.", idn, idn},
		{root, ".", root.Zones()[0], nil},
		{root, "com.", root.Zones()[0], root.Zones()[0]},
		{root, "a.tw.", a, root.Zones()[0]},
		{NewSet(), "tw.", nil, nil},
	}
	for _, test := range tests {
		name := wire(test.name)
		starts := labelStarts(name)
		if got := test.set.Find(name, starts); got != test.find {
			t.Errorf("Find(%s) is another zone than expected", test.name)
		}
		if got := test.set.FindAbove(name, starts); got != test.above {
			t.Errorf("FindAbove(%s) is another zone than expected", test.name)
		}
	}
	if z := s.Zones(); len(z) != 4 || z[0] != tw {
		t.Errorf("%d zones, expected the last tw. in the place of the first", len(z))
	}
}

func labelStarts(name []byte) (starts []uint8) {
	for i := 0; ; i += 1 + int(name[i]) {
		starts = append(starts, uint8(i))
		if name[i] == 0 {
			return starts
		}
	}
}

// No lookup makes garbage.
func TestLookupsDoNotAllocate(t *testing.T) {
	z := build(t, "tw.", minimal+`@ 300 NSEC a NS SOA
@ 300 NSEC3PARAM 1 0 0 -
00000000000000000000000000000000 300 NSEC3 1 0 0 - 00000000000000000000000000000000 A
a 300 NS ns.a
a 300 NSEC b NS
ns.a 300 A 192.0.2.1
*.w 300 TXT x
`)
	set := NewSet(z)
	name, key := wire("www.a.tw."), keyIn(z, "www.a.tw.")
	starts := labelStarts(name)
	wild, glue := keyIn(z, "w.tw."), keyIn(z, "ns.a.tw.")
	var buf [dname.MaxKey + 2]byte
	var lookups [2]Lookup
	if n := testing.AllocsPerRun(100, func() {
		set.Find(name, starts)
		m := z.Find(key)
		z.Referral(m.Node).NS()
		z.Wildcard(wild, buf[:0])
		z.Addresses(glue)
		z.NSEC(key, buf[:0])
		z.NSEC3(z.Hash(name))
		lookups[0], lookups[1] = Lookup{Zone: z, Key: key}, Lookup{Zone: z, Key: glue}
		FindTogether(lookups[:])
		z.RRset(m.Node, TypeNSEC)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
