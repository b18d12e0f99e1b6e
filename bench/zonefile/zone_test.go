package zonefile_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
	"yushan/zone/master"
)

const text = `$TTL 300
@             SOA   ns1 host 1 7200 3600 1209600 60
@             NS    ns1
@             NS    NS.Out.Example.
ns1           A     192.0.2.1
ns1           A     192.0.2.1
ns1      60   A     192.0.2.2
Host.Ent      TXT   "Case Stays" "x"
例子           NS    ns.例子
例子           DS    1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.例子        A     192.0.2.3
deep.cut      NS    ns1
deep.cut      MX    10 MAIL
below.deep.cut NS   ns1
x.below.deep.cut A  192.0.2.4
alias         DNAME target
sub.alias     NS    ns1
*.wild        A     192.0.2.5
a.b.wild      A     192.0.2.6
*.cut2        NS    ns1
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom RRSIG NSEC3 13 2 60 20300101000000 20200101000000 1 Tw. AAAA
other.        A     192.0.2.9
`

func name(t testing.TB, text string) []byte {
	t.Helper()
	wire, err := dname.Parse(text, name1)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

var name1 = []byte("\x02tw\x00")

func read(t testing.TB, text string) (*zonefile.Zone, error) {
	t.Helper()
	return zonefile.ReadWith(t.Context(), "tw.zone", master.Options{Origin: []byte("\x02TW\x00"), Open: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}})
}

func mustRead(t testing.TB, text string) *zonefile.Zone {
	t.Helper()
	z, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestNames(t *testing.T) {
	z := mustRead(t, text)
	if got := dname.String(z.Origin()); got != "tw." {
		t.Errorf("origin %s, expected tw.", got)
	}
	for what, test := range map[string]struct {
		got      [][]byte
		expected string
	}{
		"cuts":      {z.Cuts(), "*.cut2 deep.cut xn--fsqu00a"},
		"DS cuts":   {z.DSCuts(), "xn--fsqu00a"},
		"wildcards": {z.Wildcards(), "*.wild"},
	} {
		var got []string
		for _, n := range test.got {
			got = append(got, strings.TrimSuffix(dname.String(n), ".tw."))
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != test.expected {
			t.Errorf("%s are %s, expected %s", what, s, test.expected)
		}
	}
	if z.Records() != 20 || z.Ignored() != 1 {
		t.Errorf("%d records, %d ignored; expected 20 and 1", z.Records(), z.Ignored())
	}
	if got := z.Types(name(t, "XN--FSQU00A")); !slices.Equal(got, []uint16{2, 43}) {
		t.Errorf("types of 例子.tw are %v, expected NS and DS", got)
	}
	if got := z.Types(name(t, "ent")); len(got) > 0 {
		t.Errorf("an empty non-terminal has the types %v", got)
	}
}

func TestLookup(t *testing.T) {
	z := mustRead(t, text)
	for asked, expected := range map[string]struct {
		kind           zonefile.Kind
		node, encloser string
	}{
		"@":                                  {zonefile.Exact, "@", ""},
		"NS1":                                {zonefile.Exact, "ns1", ""},
		"ent":                                {zonefile.Exact, "ent", ""},
		"wild":                               {zonefile.Exact, "wild", ""},
		"b.wild":                             {zonefile.Exact, "b.wild", ""},
		"cut":                                {zonefile.Exact, "cut", ""},
		"*.wild":                             {zonefile.Exact, "*.wild", ""},
		"alias":                              {zonefile.Exact, "alias", ""},
		"sub.alias":                          {zonefile.Substituted, "alias", ""},
		"a.b.alias":                          {zonefile.Substituted, "alias", ""},
		"deep.cut":                           {zonefile.Delegated, "deep.cut", ""},
		"a.below.deep.cut":                   {zonefile.Delegated, "deep.cut", ""},
		"ns.例子":                              {zonefile.Delegated, "例子", ""},
		"x.wild":                             {zonefile.Wildcard, "*.wild", "wild"},
		"y.x.wild":                           {zonefile.Wildcard, "*.wild", "wild"},
		"x.cut2":                             {zonefile.Wildcard, "*.cut2", "cut2"},
		"x.b.wild":                           {zonefile.Nothing, "", "b.wild"},
		"x.ns1":                              {zonefile.Nothing, "", "ns1"},
		"nothing":                            {zonefile.Nothing, "", "@"},
		"x.y.nothing":                        {zonefile.Nothing, "", "@"},
		"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom":   {zonefile.Nothing, "", "@"},
		"x.0p9mhaveqvm6t7vbl5lop2u3t2rp3tom": {zonefile.Nothing, "", "@"},
	} {
		place := z.Lookup(name(t, asked))
		same := func(n zonefile.Node, expected string) bool {
			return n.IsZero() == (expected == "") && (n.IsZero() || dname.Equal(n.Name(), name(t, expected)))
		}
		if place.Kind != expected.kind || !same(place.Node, expected.node) || !same(place.Encloser, expected.encloser) {
			t.Errorf("%s: found kind %d, node %q, encloser %q; expected %v", asked, place.Kind, shown(place.Node), shown(place.Encloser), expected)
		}
		exists := expected.kind != zonefile.Nothing && expected.kind != zonefile.Wildcard
		if z.Exists(name(t, asked)) != exists {
			t.Errorf("%s exists: %v, expected %v", asked, !exists, exists)
		}
	}
	if z.Exists(name(t, "other.")) {
		t.Error("a name outside of the zone exists")
	}
}

func shown(n zonefile.Node) string {
	if n.IsZero() {
		return ""
	}
	return dname.String(n.Name())
}

func TestNodes(t *testing.T) {
	z := mustRead(t, text)
	seen := map[uint64]bool{}
	for node := range z.Nodes() {
		if seen[node.ID()] || node.ID() >= 1<<40 {
			t.Errorf("%s has the ID %d", shown(node), node.ID())
		}
		seen[node.ID()] = true
		if z.Node(node.Name()).ID() != node.ID() {
			t.Errorf("%s is found as another node", shown(node))
		}
	}
	for owner, flags := range map[string]string{
		"@": "", "ent": "empty", "ns1": "", "例子": "cut", "ns.例子": "occluded", "cut": "empty", "below.deep.cut": "occluded",
		"x.below.deep.cut": "occluded", "sub.alias": "occluded", "alias": "", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom": "hash",
	} {
		node := z.Node(name(t, owner))
		found := map[bool]string{node.Cut(): "cut", node.Occluded(): "occluded", node.Hash(): "hash", node.Empty(): "empty"}[true]
		if found != flags || node.IsZero() {
			t.Errorf("%s is %q, expected %q", owner, found, flags)
		}
	}
}

func TestRRset(t *testing.T) {
	z := mustRead(t, text)
	ns := z.Node(name(t, "@")).RRset(2)
	var targets []string
	for rdata := range ns.All() {
		targets = append(targets, dname.String(rdata))
	}
	if ns.Len != 2 || !slices.Equal(targets, []string{"ns.out.example.", "ns1.tw."}) {
		t.Errorf("NS records of the apex: %d, %v; expected them sorted and in lower case", ns.Len, targets)
	}
	a := z.Node(name(t, "ns1")).RRset(1)
	if a.Len != 2 || a.MinTTL != 60 || a.MaxTTL != 300 {
		t.Errorf("A of ns1: %d records with TTLs from %d to %d; expected 2, from 60 to 300", a.Len, a.MinTTL, a.MaxTTL)
	}
	if got := z.Node(name(t, "host.ent")).RRset(16).First(); string(got) != "\x0aCase Stays\x01x" {
		t.Errorf("TXT is %q", got)
	}
	hash := z.Node(name(t, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"))
	sigs := hash.Signatures(50)
	if sigs.Len != 1 || sigs.Type != 46 || sigs.Covered != 50 || string(sigs.First()[18:22]) != "\x02tw\x00" {
		t.Errorf("RRSIG is %v", sigs)
	}
	if !hash.Has(46) || hash.Signatures(2).Len > 0 || hash.RRset(46).Len > 0 {
		t.Error("RRSIG records are found otherwise than by the type that they cover")
	}
	if z.Node(name(t, "ns1")).Has(28) || z.Node(name(t, "none")).Has(1) {
		t.Error("there are records that the file doesn't have")
	}
}

// The order of names depends on nothing but the names, so that a seed draws the same
// queries from the same zone.
func TestOrder(t *testing.T) {
	lines := strings.SplitAfter(text, "\n")
	head, records := lines[0], lines[1:]
	backwards := slices.Clone(records)
	slices.Reverse(backwards)
	a, b := mustRead(t, text), mustRead(t, head+strings.Join(backwards, ""))
	if !slices.EqualFunc(a.Cuts(), b.Cuts(), slices.Equal) {
		t.Errorf("cuts are %q and %q", a.Cuts(), b.Cuts())
	}
}

func TestErrors(t *testing.T) {
	for text, expected := range map[string]string{
		"$TTL 1\n@ NS ns1\n": "tw.zone: zone tw.: 0 SOA records, expected 1",
		"$TTL 1\n@ SOA a b 1 2 3 4 5\n@ SOA a b 2 2 3 4 5\n": "2 SOA records",
		"":                   "0 SOA records",
		"@ 60 A 192.0.2.300": "tw.zone:1:8",
	} {
		_, err := read(t, text)
		if err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("%q: error %v, expected one with %q", text, err, expected)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := zonefile.ReadWith(ctx, "x", master.Options{Origin: name1, Open: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(strings.Repeat(text, 1000))), nil
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	if _, err := zonefile.Read(t.Context(), nil, "x"); err == nil || !strings.Contains(err.Error(), "name is missing") {
		t.Errorf("without a name: error %v", err)
	}
}
