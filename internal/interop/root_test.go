package interop

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/peer"
	"yushan/internal/testzone"
	"yushan/internal/validate"
)

// rootTime lies within the validity of the signatures of the test data's root zone.
var rootTime = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

// rootAnchor is the root's trust anchor, as IANA publishes it
// (https://data.iana.org/root-anchors/root-anchors.xml, key of 2017).
var rootAnchor = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"

const (
	rootDelegations = 1438
	randomNames     = 10_000
)

// readZone reads a master file with miekg/dns, so not with what is tested.
func readZone(t testing.TB, origin, path string) testzone.Zone {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := testzone.Parse(origin, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return testzone.Zone{Origin: origin, Signing: testzone.NSEC, Records: records}
}

// signedQuestion is a query with DO=1 and what its answer is to be.
type signedQuestion struct {
	name  string
	qtype uint16
	want  validate.Kind
}

func (q signedQuestion) query(tcp bool) peer.Query {
	m := new(dns.Msg).SetQuestion(q.name, q.qtype).SetEdns0(1232, true)
	m.RecursionDesired = false
	return peer.Query{Wire: mustPack(m), TCP: tcp}
}

// askSigned asks by UDP, and by TCP where the answer says so.
func askSigned(t *testing.T, addr netip.AddrPort, questions []signedQuestion) (answers []*dns.Msg, truncated int) {
	t.Helper()
	answers = make([]*dns.Msg, len(questions))
	var again []int
	ask := func(tcp bool, which []int) {
		queries := make([]peer.Query, len(which))
		for i, w := range which {
			queries[i] = questions[w].query(tcp)
		}
		for i, r := range peer.Ask(t.Context(), addr, queries) {
			q := questions[which[i]]
			if r.Err != nil {
				t.Fatalf("%s %s: %v", q.name, dns.Type(q.qtype), r.Err)
			}
			m := new(dns.Msg)
			if err := m.Unpack(r.Wire); err != nil {
				t.Fatalf("%s %s: %v in %x", q.name, dns.Type(q.qtype), err, r.Wire)
			}
			answers[which[i]] = m
			if m.Truncated {
				again = append(again, which[i])
			}
		}
	}
	all := make([]int, len(questions))
	for i := range all {
		all[i] = i
	}
	ask(false, all)
	truncated = len(again)
	if truncated > 0 {
		again, all = nil, again
		ask(true, all)
	}
	return answers, truncated
}

// TestRootZone validates the answers for each delegation of the root zone and
// for names that it doesn't have.
func TestRootZone(t *testing.T) {
	file := peer.TestData(t, "root.zone")
	addr := startYushan(t, peer.Zone{Origin: ".", File: file})
	root := readZone(t, ".", file)
	v := rootValidator(t, addr)

	questions := rootQuestions(root)
	answers, truncated := askSigned(t, addr, questions)
	kinds := map[validate.Kind]int{}
	failed := 0
	for i, q := range questions {
		result, err := v.Check(answers[i])
		switch {
		case err != nil:
		case result.Kind != q.want:
			err = fmt.Errorf("%s, expected %s", result.Kind, q.want)
		case len(result.Unused) > 0:
			err = fmt.Errorf("needless proof %v", result.Unused)
		case answers[i].Authoritative == (q.want == validate.SignedReferral || q.want == validate.UnsignedReferral):
			err = fmt.Errorf("%s with AA=%v", result.Kind, answers[i].Authoritative)
		}
		kinds[result.Kind]++
		if err != nil {
			if failed++; failed <= 10 {
				t.Errorf("%s %s: %v\n%v", q.name, dns.Type(q.qtype), err, answers[i])
			}
		}
	}
	if failed > 10 {
		t.Errorf("and %d more", failed-10)
	}
	checkReferrals(t, root, questions, answers)
	t.Logf("%d answers, %d of them by TCP: %v", len(questions), truncated, kinds)
}

// rootValidator trusts the served DNSKEY RRset for the root's trust anchor.
func rootValidator(t *testing.T, addr netip.AddrPort) *validate.Validator {
	t.Helper()
	answers, _ := askSigned(t, addr, []signedQuestion{{name: ".", qtype: dns.TypeDNSKEY}})
	v, err := validate.FromAnchor(".", []*dns.DS{mustRR(rootAnchor).(*dns.DS)}, answers[0].Answer, rootTime)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := v.Check(answers[0]); err != nil || result.Kind != validate.Positive {
		t.Fatalf("DNSKEY RRset: %s, %v", result.Kind, err)
	}
	return v
}

// rootQuestions asks for a name below each delegation and for its DS RRset, and
// for names that don't exist.
func rootQuestions(root testzone.Zone) (questions []signedQuestion) {
	cuts, signed := map[string]bool{}, map[string]bool{}
	for _, rr := range root.Records {
		switch name := dns.CanonicalName(rr.Header().Name); {
		case rr.Header().Rrtype == dns.TypeNS && name != ".":
			cuts[name] = true
		case rr.Header().Rrtype == dns.TypeDS:
			signed[name] = true
		}
	}
	names := make([]string, 0, len(cuts))
	for name := range cuts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		referral, ds := validate.UnsignedReferral, validate.NoData
		if signed[name] {
			referral, ds = validate.SignedReferral, validate.Positive
		}
		questions = append(questions,
			signedQuestion{"www.example." + name, dns.TypeA, referral},
			signedQuestion{name, dns.TypeNS, referral},
			signedQuestion{name, dns.TypeDS, ds})
	}
	r := rand.New(rand.NewPCG(20260801, 1))
	for n := 0; n < randomNames; {
		name := randomTLD(r, names)
		if cuts[name] {
			continue
		}
		n++
		types := []uint16{dns.TypeA, dns.TypeDS, dns.TypeNS, dns.TypeMX}
		if r.IntN(3) == 0 {
			name = "a.b." + name
		}
		questions = append(questions, signedQuestion{name, types[r.IntN(len(types))], validate.NameError})
	}
	return questions
}

// randomTLD makes a label of any bytes, or one near to an existing name.
func randomTLD(r *rand.Rand, names []string) string {
	near := strings.TrimSuffix(names[r.IntN(len(names))], ".")
	switch r.IntN(6) {
	case 0:
		return near + string(rune('a'+r.IntN(26))) + "."
	case 1:
		return string(rune('a'+r.IntN(26))) + near + "."
	case 2:
		return near + "-."
	case 3:
		return near + `\000.`
	case 4:
		return strings.ToUpper(near[:len(near)-1]) + "~."
	}
	var label strings.Builder
	for range 1 + r.IntN(12) {
		fmt.Fprintf(&label, `\%03d`, r.IntN(256))
	}
	return unescaped(label.String() + ".")
}

// unescaped returns the name as a message shows it: \065 is A, and so a.
func unescaped(name string) string {
	m := new(dns.Msg)
	if err := m.Unpack(mustPack(new(dns.Msg).SetQuestion(name, dns.TypeA))); err != nil {
		panic(err)
	}
	return dns.CanonicalName(m.Question[0].Name)
}

// checkReferrals compares the NS RRsets and the glue with the zone's.
func checkReferrals(t *testing.T, root testzone.Zone, questions []signedQuestion, answers []*dns.Msg) {
	t.Helper()
	servers, addresses := map[string][]string{}, map[string][]string{}
	for _, rr := range root.Records {
		name := dns.CanonicalName(rr.Header().Name)
		switch rr := rr.(type) {
		case *dns.NS:
			servers[name] = append(servers[name], dns.CanonicalName(rr.Ns))
		case *dns.A, *dns.AAAA:
			addresses[name] = append(addresses[name], text(rr))
		}
	}
	cuts := map[string]bool{}
	for i, q := range questions {
		if q.want != validate.SignedReferral && q.want != validate.UnsignedReferral {
			continue
		}
		cut := q.name[strings.LastIndexByte(strings.TrimSuffix(q.name, "."), '.')+1:]
		cuts[cut] = true
		var got, glue, want []string
		for _, rr := range answers[i].Ns {
			if ns, ok := rr.(*dns.NS); ok {
				got = append(got, dns.CanonicalName(ns.Ns))
			}
		}
		for _, rr := range answers[i].Extra {
			if rr.Header().Rrtype != dns.TypeOPT {
				glue = append(glue, text(rr))
			}
		}
		for _, ns := range servers[cut] {
			// RFC 9471 §3.1: all glue for in-domain name servers.
			if dns.IsSubDomain(cut, ns) {
				want = append(want, addresses[ns]...)
			}
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(servers[cut]))) {
			t.Errorf("referral to %s: NS %v, expected %v", cut, got, servers[cut])
		}
		for _, w := range want {
			if !slices.Contains(glue, w) {
				t.Errorf("referral to %s: no glue %s in\n%v", cut, w, answers[i])
			}
		}
	}
	if len(cuts) != rootDelegations {
		t.Errorf("%d delegations, expected %d", len(cuts), rootDelegations)
	}
}
