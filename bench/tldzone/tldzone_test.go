package tldzone_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"

	"yushan/bench/tldzone"
)

func write(t testing.TB, z tldzone.Zone) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := z.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func parse(t testing.TB, text []byte) (records []dns.RR) {
	t.Helper()
	parser := dns.NewZoneParser(bytes.NewReader(text), "", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records = append(records, rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// delegation is what the zone has at and below a cut.
type delegation struct {
	servers []string
	ds      int
}

func delegations(records []dns.RR) map[string]*delegation {
	of := map[string]*delegation{}
	at := func(rr dns.RR) *delegation {
		name := rr.Header().Name
		if of[name] == nil {
			of[name] = new(delegation)
		}
		return of[name]
	}
	apex := records[0].Header().Name
	for _, rr := range records {
		switch rr := rr.(type) {
		case *dns.NS:
			if rr.Hdr.Name != apex {
				at(rr).servers = append(at(rr).servers, rr.Ns)
			}
		case *dns.DS:
			at(rr).ds++
		}
	}
	return of
}

// TestBytesStayTheSame holds the zones of today against those of yesterday: who measures with
// one must get the same again.
func TestBytesStayTheSame(t *testing.T) {
	z := tldzone.Zone{Origin: "tw.", Delegations: 10_000, SignedShare: 0.02, Seed: 1}
	var queries, signed bytes.Buffer
	if err := z.WriteQueries(&queries, 10_000, tldzone.TLD); err != nil {
		t.Fatal(err)
	}
	if err := z.WriteSigned(t.Context(), &signed, tldzone.Signing{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, want string
		text       []byte
	}{
		{"zone", "7cd67706177a20a7", write(t, z)},
		{"queries", "b7cda23a005cd1ff", queries.Bytes()},
		{"signed zone", "8b7980be2fc89e00", signed.Bytes()},
	} {
		sum := sha256.Sum256(c.text)
		if got := hex.EncodeToString(sum[:8]); got != c.want {
			t.Errorf("%s: its %d bytes have the SHA-256 hash %s…, expected %s…", c.what, len(c.text), got, c.want)
		}
	}
}

func TestSeedsAndSizes(t *testing.T) {
	small := tldzone.Zone{Origin: "tw", Delegations: 3000, SignedShare: 0.02, Seed: 7}
	large, other, secure := small, small, small
	large.Delegations, other.Seed, secure.SignedShare = 30_000, 8, 0.6
	a, b, c, d := delegations(parse(t, write(t, small))), delegations(parse(t, write(t, large))),
		delegations(parse(t, write(t, other))), delegations(parse(t, write(t, secure)))
	same := 0
	for name, of := range a {
		if b[name] == nil || strings.Join(d[name].servers, " ") != strings.Join(of.servers, " ") || d[name].ds < of.ds {
			t.Fatalf("%s has %v, in a larger zone %v, in one with more DS records %v", name, of, b[name], d[name])
		}
		if c[name] != nil {
			same++
		}
	}
	// Two seeds share the few short names there are.
	if same > len(a)/2 {
		t.Errorf("%d of %d names are the same with another seed", same, len(a))
	}
}

func TestMixOfDelegations(t *testing.T) {
	const n = 50_000
	records := parse(t, write(t, tldzone.Zone{Origin: "tw.", Delegations: n, SignedShare: 0.6, Seed: 1}))
	addresses := map[string]bool{}
	for _, rr := range records {
		if rrtype := rr.Header().Rrtype; rrtype == dns.TypeA || rrtype == dns.TypeAAAA {
			addresses[rr.Header().Name] = true
		}
	}
	all := delegations(records)
	if len(all) != n {
		t.Fatalf("%d delegations, expected %d", len(all), n)
	}
	customers := map[string]int{} // by the first server of their hosting company
	of := map[string]int{}
	for name, d := range all {
		if len(d.servers) < 2 {
			t.Fatalf("%s has the name servers %q", name, d.servers)
		}
		own := 0
		for _, server := range d.servers {
			if dns.IsSubDomain("tw.", server) && !addresses[server] {
				t.Fatalf("%s of %s has no address", server, name)
			}
			if dns.IsSubDomain(name, server) {
				own++
			}
		}
		switch {
		case own == len(d.servers):
			of["own"]++
		case own > 0:
			of["mixed"]++
		default:
			of["hosted"]++
			customers[d.servers[0]]++
			if dns.IsSubDomain("tw.", d.servers[0]) {
				of["hosted within the zone"]++
			}
		}
		if d.ds > 0 {
			of["DS"]++
		}
		if d.ds > 1 {
			of["two DS"]++
		}
		if dns.CountLabel(name) == 3 {
			of["category"]++
		}
		if label, _, _ := strings.Cut(name, "."); strings.HasPrefix(label, "xn--") {
			of["Chinese"]++
			text, err := idna.Registration.ToUnicode(label)
			if back, errBack := idna.Registration.ToASCII(text); err != nil || errBack != nil || back != label {
				t.Fatalf("%s is not an A-label: %q, errors %v, %v", label, text, err, errBack)
			}
		}
	}
	for what, want := range map[string]float64{
		"own": 0.165, "mixed": 0.1, "hosted": 0.735, "hosted within the zone": 0.14,
		"DS": 0.6, "two DS": 0.03, "category": 0.4, "Chinese": 0.05,
	} {
		if got := float64(of[what]) / n; got < want*0.8 || got > want*1.2 {
			t.Errorf("a share of %.3f is %s, expected %.3f", got, what, want)
		}
	}
	// A long tail: the largest have hundreds of customers, most companies one or two.
	if few := 0; true {
		for _, c := range customers {
			if c <= 2 {
				few++
			}
		}
		if few < len(customers)/2 || customers["ns1.hosting1.example."] < n/50 {
			t.Errorf("of %d companies %d have one or two customers; the second largest has %d", len(customers), few, customers["ns1.hosting1.example."])
		}
	}
}

func TestNoTwoNamesAreEqual(t *testing.T) {
	z := tldzone.Zone{Origin: "tw.", Delegations: 400_000, Seed: 3}
	seen := map[string]int{}
	position := 0
	for line := range bytes.Lines(write(t, z)) {
		owner, rest, _ := bytes.Cut(line, []byte(" "))
		if !bytes.HasPrefix(rest, []byte("NS ")) {
			continue
		}
		name := string(owner)
		if at, ok := seen[name]; ok && at != position {
			t.Fatalf("%s comes twice", name)
		} else if !ok {
			position++
			seen[name] = position
		}
	}
	if len(seen) != z.Delegations+1 {
		t.Errorf("%d names are delegated, expected %d", len(seen)-1, z.Delegations)
	}
}

func TestQueriesFollowTheMix(t *testing.T) {
	z := tldzone.Zone{Origin: "tw.", Delegations: 500, SignedShare: 0.5, Seed: 1}
	cuts := delegations(parse(t, write(t, z)))
	atOrBelow := func(name string) bool {
		for ; name != "tw."; _, name, _ = strings.Cut(name, ".") {
			if cuts[name] != nil {
				return true
			}
		}
		return false
	}
	for _, c := range []struct {
		mix tldzone.Mix
		is  func(name, qtype string) bool
	}{
		{tldzone.Mix{Referral: 1}, func(name, qtype string) bool { return atOrBelow(name) && qtype != "DS" }},
		{tldzone.Mix{NXDomain: 1}, func(name, qtype string) bool { return !atOrBelow(name) && name != "tw." }},
		{tldzone.Mix{Apex: 1}, func(name, qtype string) bool { return name == "tw." }},
		{tldzone.Mix{DS: 1}, func(name, qtype string) bool { return cuts[name] != nil && qtype == "DS" }},
	} {
		var out bytes.Buffer
		if err := z.WriteQueries(&out, 1000, c.mix); err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(out.String()) {
			n++
			name, qtype, _ := strings.Cut(strings.TrimSpace(line), " ")
			if _, known := dns.StringToType[qtype]; !known || !c.is(name, qtype) {
				t.Fatalf("%+v gave the query %q", c.mix, line)
			}
		}
		if n != 1000 {
			t.Errorf("%d queries, expected 1000", n)
		}
	}
	var out bytes.Buffer
	if err := z.WriteQueries(&out, 4000, tldzone.Mix{NXDomain: 1, DS: 3}); err != nil {
		t.Fatal(err)
	}
	if ds := strings.Count(out.String(), " DS\n"); ds < 2850 || ds > 3150 {
		t.Errorf("%d of 4000 queries are for DS, expected 3000", ds)
	}
}

func TestOrigins(t *testing.T) {
	for _, origin := range []string{".", "tw", "TW.", "xn--kpry57d.", "a.b.example."} {
		z := tldzone.Zone{Origin: origin, Delegations: 100, SignedShare: 0.5}
		records := parse(t, write(t, z))
		want := dns.CanonicalName(origin)
		if got := delegations(records); len(got) != 100 || records[0].Header().Name != want {
			t.Errorf("zone %s has %d delegations", records[0].Header().Name, len(got))
		}
		var out bytes.Buffer
		if err := z.WriteQueries(&out, 100, tldzone.Mix{Referral: 1, NXDomain: 1, Apex: 1, DS: 1}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if name, _, _ := strings.Cut(line, " "); !dns.IsSubDomain(want, name) || strings.Contains(name, "..") {
				t.Errorf("query %q for the zone %s", line, want)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	good := tldzone.Zone{Origin: "tw.", Delegations: 10}
	for want, z := range map[string]tldzone.Zone{
		"expected a name of A-labels":  {Origin: "台灣."},
		"a label has 0 letters":        {Origin: "a..b."},
		"is longer than 120 letters":   {Origin: strings.Repeat("a.", 100)},
		"-1 delegations: expected 0 ":  {Origin: "tw.", Delegations: -1},
		"100000001 delegations":        {Origin: "tw.", Delegations: 100_000_001},
		"a share of 1.5 with DS recor": {Origin: "tw.", SignedShare: 1.5},
	} {
		for _, err := range []error{z.Write(io.Discard), z.WriteQueries(io.Discard, 1, tldzone.TLD),
			z.WriteSigned(t.Context(), io.Discard, tldzone.Signing{})} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, expected %s", err, want)
			}
		}
	}
	for want, mix := range map[string]tldzone.Mix{
		"the mix must have parts":  {},
		"none may be negative":     {Referral: -1, DS: 2},
		"no delegations to ask fo": {Referral: 1},
	} {
		z := good
		z.Delegations = 0
		if err := z.WriteQueries(io.Discard, 1, mix); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %s", err, want)
		}
	}
	if got := delegations(parse(t, write(t, tldzone.Zone{Origin: "tw."}))); len(got) != 0 {
		t.Errorf("a zone of 0 delegations has %d", len(got))
	}
}

// brokenWriter fails after some bytes.
type brokenWriter struct{ left int }

var errBroken = errors.New("disk full")

func (w *brokenWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, errBroken
	}
	return len(b), nil
}

func TestWritingFailsOrIsCancelled(t *testing.T) {
	z := tldzone.Zone{Origin: "tw.", Delegations: 100_000, SignedShare: 0.02}
	before := runtime.NumGoroutine()
	for _, bytes := range []int{10, 500, 1 << 20} {
		if err := z.Write(&brokenWriter{bytes}); !errors.Is(err, errBroken) {
			t.Errorf("after %d bytes: error %v, expected %v", bytes, err, errBroken)
		}
		if err := z.WriteSigned(t.Context(), &brokenWriter{bytes}, tldzone.Signing{}); !errors.Is(err, errBroken) {
			t.Errorf("signed, after %d bytes: error %v, expected %v", bytes, err, errBroken)
		}
	}
	if err := z.WriteQueries(&brokenWriter{10}, 1000, tldzone.TLD); !errors.Is(err, errBroken) {
		t.Errorf("queries: error %v, expected %v", err, errBroken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := z
	cancelled.Progress = func(done int) { cancel() } // whichever is current
	if err := cancelled.WriteSigned(ctx, io.Discard, tldzone.Signing{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, expected %v", err, context.Canceled)
	}
	ctx, cancel = context.WithCancel(t.Context())
	if err := cancelled.WriteContext(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, expected %v", err, context.Canceled)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	signing := tldzone.Signing{Progress: func(done, total int) { cancel() }}
	if err := z.WriteSigned(ctx, io.Discard, signing); !errors.Is(err, context.Canceled) {
		t.Errorf("while signing: error %v, expected %v", err, context.Canceled)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines are left", after-before)
	}
}

func TestProgress(t *testing.T) {
	z := tldzone.Zone{Origin: "tw.", Delegations: 10_000}
	last := 0
	z.Progress = func(done int) {
		if done <= last {
			t.Errorf("progress went from %d to %d", last, done)
		}
		last = done
	}
	write(t, z)
	if last != z.Delegations {
		t.Errorf("progress ended with %d, expected %d", last, z.Delegations)
	}
}
