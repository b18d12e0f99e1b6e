package query

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
)

// readZone makes a zone of text below "tw.".
func readZone(t testing.TB, text string) *zonefile.Zone {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tw.zone")
	const start = "$ORIGIN tw.\n$TTL 3600\n@ SOA ns.tw. hostmaster.tw. 1 2 3 4 5\n@ NS ns.tw.\nns A 192.0.2.1\n"
	if err := os.WriteFile(path, []byte(start+text), 0o600); err != nil {
		t.Fatal(err)
	}
	zone, err := zonefile.Read(t.Context(), []byte("\x02tw\x00"), path)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// registry has a bit of everything.
const registry = `
@ RRSIG SOA 13 1 3600 20300101000000 20200101000000 1 tw. AAAA
@ DNSKEY 257 3 13 AAAA
alpha NS ns.alpha
ns.alpha A 192.0.2.2
beta NS ns.example.
beta DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
gamma.com NS ns.example.
delta.com NS ns.example.
epsilon.com NS ns.example.
epsilon.com DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
xn--kpry57d NS ns.example.
*.wild TXT "wild"
taken.wild TXT "taken"
alias CNAME alpha
*.odd NS ns.example.
odd.dname DNAME elsewhere.example.
below.odd.dname TXT "occluded"
www AAAA 2001:db8::1
www TXT "text"
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 0 - 1p9mhaveqvm6t7vbl5lop2u3t2rp3tom A
`

// every draws each part alike.
var every = Mix{1, 1, 1, 1, 1, 1, 1, 1, 1}

func TestDraw(t *testing.T) {
	zone := readZone(t, registry)
	set, err := every.Draw(zone, 9000, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := partNames[:]; !slices.Equal(set.Classes, want) {
		t.Fatalf("classes %v, want %v", set.Classes, want)
	}
	seen := [parts]map[string]int{}
	for p := range seen {
		seen[p] = map[string]int{}
	}
	for i := range uint32(set.Len()) {
		name, qtype := set.AppendName(nil, i, uint64(i)*0x9e3779b97f4a7c15), set.Type(i)
		part := Part(set.Class(i))
		seen[part][dname.String(name)]++
		if why := wrong(zone, part, name, qtype); why != "" {
			t.Errorf("%s: %s %s: %s", part, dname.String(name), typeName(qtype), why)
		}
		if random := set.queries[i].flags&hasRandom != 0; random != (part == Random) {
			t.Errorf("%s: random is %v", part, random)
		}
	}
	for p, names := range seen {
		n := 0
		for _, times := range names {
			n += times
		}
		if n != 1000 {
			t.Errorf("%s: %d queries, want 1,000", Part(p), n)
		}
	}
	for part, want := range map[Part]int{DS: 2, NoDS: 4, Apex: 1, Positive: 5} {
		if got := len(seen[part]); got != want {
			t.Errorf("%s: %d names, want %d: %v", part, got, want, seen[part])
		}
	}
	if got := seen[DS]["beta.tw."]; got != 500 {
		t.Errorf("one of two secure delegations is drawn %d times of 1,000", got)
	}
	if got := len(seen[Random]); got != 1000 {
		t.Errorf("%d random names of 1,000", got)
	}
	// By chance some short names are made twice.
	for _, part := range []Part{NXDomain, Wildcard} {
		if got := len(seen[part]); got < 600 {
			t.Errorf("%s: only %d names of 1,000", part, got)
		}
	}
	for _, want := range []string{"www.beta.tw.", "beta.tw.", "gamma.com.tw.", "xn--kpry57d.tw."} {
		if seen[Referral][want] == 0 {
			t.Errorf("no referral for %s", want)
		}
	}
}

// wrong says what is wrong with a query that was drawn; nothing: "".
func wrong(zone *zonefile.Zone, part Part, name []byte, qtype uint16) string {
	if n, ok := dname.Check(name); !ok || n != len(name) {
		return "not a name"
	}
	place := zone.Lookup(name)
	kind := map[Part]zonefile.Kind{
		Referral: zonefile.Delegated, DS: zonefile.Delegated, NoDS: zonefile.Delegated,
		Wildcard: zonefile.Wildcard, NXDomain: zonefile.Nothing, Random: zonefile.Nothing,
	}
	if want, ok := kind[part]; !ok && place.Kind != zonefile.Exact || ok && place.Kind != want {
		return fmt.Sprintf("found as %d", place.Kind)
	}
	has := place.Node.Has(qtype)
	switch part {
	case Referral:
		if qtype == dns.TypeDS {
			return "would be answered"
		}
	case DS, NoDS:
		if !dname.Equal(place.Node.Name(), name) || qtype != dns.TypeDS || has != (part == DS) {
			return "DS is there, or not"
		}
	case Apex, Positive, Wildcard:
		if !has || qtype == dns.TypeRRSIG || (part == Apex) != dname.Equal(name, zone.Origin()) {
			return "not what is there"
		}
	case NoData:
		if has || place.Node.Has(dns.TypeCNAME) {
			return "would be answered"
		}
	}
	return ""
}

func TestDrawIsOfTheSeed(t *testing.T) {
	zone := readZone(t, registry)
	wires := map[string]bool{}
	for _, seed := range []uint64{1, 2, 1, 3, 2} {
		set, err := every.Draw(zone, 500, Options{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		wires[string(set.wire)] = true
	}
	if len(wires) != 3 {
		t.Errorf("three seeds give %d different sets", len(wires))
	}
}

func TestDrawEachDelegationOnce(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "d%d NS ns.example.\n", i)
	}
	zone := readZone(t, text.String())
	for _, n := range []int{10, 1000, 2000} {
		set, err := Mix{Referral: 1}.Draw(zone, n, Options{})
		if err != nil {
			t.Fatal(err)
		}
		cuts := map[string]int{}
		for i := range uint32(set.Len()) {
			cuts[string(zone.Lookup(set.AppendName(nil, i, 0)).Node.Name())]++
		}
		if want := min(n, 1000); len(cuts) != want {
			t.Errorf("%d queries are for %d delegations, want %d", n, len(cuts), want)
		}
		for cut, times := range cuts {
			if times != max(1, n/1000) {
				t.Errorf("%d queries: %d for %s", n, times, dname.String([]byte(cut)))
			}
		}
	}
}

func TestDrawWhatIsNotThere(t *testing.T) {
	for _, test := range []struct{ zone, mix, want string }{
		{"", "referral=60", "mix: referral=60: zone tw. has no delegations"},
		{"a NS ns", "ds=5", "mix: ds=5: zone tw. has no delegations with DS records"},
		{"a DS 1 13 2 " + strings.Repeat("0", 64) + "\na NS ns", "referral=1,nods=1", "mix: nods=1: zone tw. has no delegations without DS records"},
		{"", "wildcard=1", "mix: wildcard=1: zone tw. has no wildcards"},
		{"* TXT x\na NS ns", "nxdomain=1", "mix: nxdomain=1: found no name in zone tw. that doesn't exist (does a wildcard stand in for all?)"},
	} {
		mix, err := ParseMix(test.mix)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = mix.Draw(readZone(t, test.zone), 10, Options{}); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %q", test.mix, err, test.want)
		}
	}
	zone := readZone(t, "")
	if _, err := DefaultMix.Draw(zone, 0, Options{}); err == nil {
		t.Error("no queries are no error")
	}
	if _, err := (Mix{}).Draw(zone, 1, Options{}); err == nil {
		t.Error("no weights are no error")
	}
	// What needs no delegations is drawn without.
	set, err := Mix{Apex: 1, NXDomain: 1, Random: 1, NoData: 1, Positive: 1}.Draw(zone, 100, Options{})
	if err != nil || set.Len() != 100 {
		t.Errorf("a zone without delegations: %v", err)
	}
}

func TestDrawFromLongNames(t *testing.T) {
	long := strings.Repeat(strings.Repeat("x", 49)+".", 5)
	zone := readZone(t, long[1:]+"tw. NS ns\n*."+long[3:]+"tw. TXT x\n")
	set, err := Mix{Referral: 1, NXDomain: 1, Random: 1}.Draw(zone, 1000, Options{DO: true, Padding: true, Cookie: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint32(set.Len()) {
		put(t, set, i, 1, uint64(i), make([]byte, 40))
	}
	if _, err = (Mix{Wildcard: 1}).Draw(zone, 1000, Options{}); err == nil {
		t.Error("there is no room for a label in place of the asterisk, which is no error")
	}
}

func BenchmarkDraw(b *testing.B) {
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "d%d NS ns.example.\n", i)
	}
	zone := readZone(b, text.String())
	b.ResetTimer()
	for range b.N {
		if _, err := DefaultMix.Draw(zone, 100_000, Options{DO: true}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/query")
}
