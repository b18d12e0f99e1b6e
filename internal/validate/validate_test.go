package validate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// response is a hand-made response; section explains the lists.
type response struct {
	question          string
	rcode             int
	answer, authority string
}

func (z *testZone) message(r response) *dns.Msg {
	f := strings.Fields(r.question)
	m := new(dns.Msg).SetQuestion(absolute(f[0]), dns.StringToType[f[1]])
	m.Response, m.Rcode = true, r.rcode
	m.Answer, m.Ns = z.section(r.answer), z.section(r.authority)
	return m
}

// overWire makes what a client would see of m.
func overWire(t *testing.T, m *dns.Msg) *dns.Msg {
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	back := new(dns.Msg)
	if err := back.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	return back
}

const nx = dns.RcodeNameError

// good are complete responses; each record of their authority section is needed.
var good = []struct {
	sort denialSort
	kind Kind
	response
}{
	{withNSEC, Positive, response{"www A", 0, "www A", ""}},
	{withNSEC, Positive, response{"alias A", 0, "alias CNAME; www A", ""}},
	{withNSEC, LeavesZone, response{"alias-out A", 0, "alias-out CNAME", ""}},
	{withNSEC, NameError, response{"alias-nx A", nx, "alias-nx CNAME", "@ SOA; cover nothing; match @"}},
	{withNSEC, Unfinished, response{"circle A", 0, "circle CNAME", ""}},
	{withNSEC, Positive, response{"x.dname A", 0, "dname DNAME; CNAME x.dname x.target; x.target A", ""}},
	{withNSEC, Positive, response{"x.dname CNAME", 0, "dname DNAME; CNAME x.dname x.target", ""}},
	{withNSEC, TooLong, response{strings.Repeat("b", 63) + ".longer A", dns.RcodeYXDomain, "longer DNAME", ""}},
	{withNSEC, Positive, response{"x.wild TXT", 0, "x.wild TXT < *.wild", "cover x.wild"}},
	{withNSEC, Positive, response{"*.wild TXT", 0, "*.wild TXT", ""}},
	{withNSEC, Positive, response{"x.wcname A", 0, "x.wcname CNAME < *.wcname; www A", "cover x.wcname"}},
	{withNSEC, NoData, response{"www TXT", 0, "", "@ SOA; match www"}},
	{withNSEC, NoData, response{"ent A", 0, "", "@ SOA; cover ent"}},
	{withNSEC, NoData, response{"x.wild A", 0, "", "@ SOA; cover x.wild; match *.wild"}},
	{withNSEC, NoData, response{"unsigned DS", 0, "", "@ SOA; match unsigned"}},
	{withNSEC, NoData, response{"@ DS", 0, "", "@ SOA; match @"}},
	{withNSEC, NameError, response{"nothing A", nx, "", "@ SOA; cover nothing; match @"}},
	{withNSEC, NameError, response{"zz.z A", nx, "", "@ SOA; match z"}},
	{withNSEC, NameError, response{"y.c.b.wild A", nx, "", "@ SOA; cover y.c.b.wild"}},
	{withNSEC, SignedReferral, response{"x.signed A", 0, "", "signed NS unsigned; signed DS"}},
	{withNSEC, UnsignedReferral, response{"x.unsigned A", 0, "", "unsigned NS unsigned; match unsigned"}},

	{withNSEC3, Positive, response{"x.wild TXT", 0, "x.wild TXT < *.wild", "cover x.wild"}},
	{withNSEC3, Positive, response{"y.x.wild TXT", 0, "y.x.wild TXT < *.wild", "cover x.wild"}},
	{withNSEC3, NoData, response{"www TXT", 0, "", "@ SOA; match www"}},
	{withNSEC3, NoData, response{"ent A", 0, "", "@ SOA; match ent"}},
	{withNSEC3, NoData, response{"ent ANY", 0, "", "@ SOA; match ent"}},
	{withNSEC3, NoData, response{"x.wild A", 0, "", "@ SOA; match wild; cover x.wild; match *.wild"}},
	{withNSEC3, NoData, response{"unsigned DS", 0, "", "@ SOA; match unsigned"}},
	{withNSEC3, NameError, response{"nothing A", nx, "", "@ SOA; match @; cover nothing; cover *"}},
	{withNSEC3, NameError, response{"alias-nx A", nx, "alias-nx CNAME", "@ SOA; match @; cover nothing; cover *"}},
	{withNSEC3, SignedReferral, response{"x.signed A", 0, "", "signed NS unsigned; signed DS"}},
	{withNSEC3, UnsignedReferral, response{"x.unsigned A", 0, "", "unsigned NS unsigned; match unsigned"}},

	{withOptOut, NoData, response{"unsigned DS", 0, "", "@ SOA; match @; cover unsigned"}},
	{withOptOut, NameError, response{"nothing A", nx, "", "@ SOA; match @; cover nothing; cover *"}},
	{withOptOut, UnsignedReferral, response{"x.unsigned A", 0, "", "unsigned NS unsigned; match @; cover unsigned"}},
}

func TestGood(t *testing.T) {
	zones := []*testZone{newTestZone(t, withNSEC), newTestZone(t, withNSEC3), newTestZone(t, withOptOut)}
	for _, tt := range good {
		z := zones[tt.sort]
		v := New(origin, []*dns.DNSKEY{z.key}, testTime)
		m := dedupe(z.message(tt.response))
		got, err := v.Check(overWire(t, m))
		if err != nil || got.Kind != tt.kind {
			t.Errorf("%s: %v, %v; expected %v\n%v", tt.question, got.Kind, err, tt.kind, m)
			continue
		}
		if len(got.Unused) > 0 {
			t.Errorf("%s: unused %v", tt.question, got.Unused)
		}
		if proofs := strings.Contains(tt.authority, "cover"); tt.sort == withOptOut && got.OptOut != proofs {
			t.Errorf("%s: OptOut = %v", tt.question, got.OptOut)
		}
		// Nothing that is there may be taken away: neither a whole record nor a signature.
		for i := range len(m.Answer) + len(m.Ns) {
			less := without(m, i)
			if got, err := v.Check(overWire(t, less)); err == nil && got.Kind == tt.kind {
				t.Errorf("%s: still %v without record %d of\n%v", tt.question, got.Kind, i, m)
			}
		}
		// Nor may a signature be damaged, be old, or name another signer.
		for i := range len(m.Answer) + len(m.Ns) {
			for what, spoil := range spoilers {
				bad := m.Copy()
				sig, ok := record(bad, i).(*dns.RRSIG)
				if !ok {
					break
				}
				spoil(sig)
				if _, err := v.Check(overWire(t, bad)); err == nil {
					t.Errorf("%s: accepted with %s: %v", tt.question, what, sig)
				}
			}
		}
		for _, at := range []time.Time{testTime.Add(-2 * time.Hour), testTime.Add(2 * time.Hour)} {
			if _, err := New(origin, []*dns.DNSKEY{z.key}, at).Check(m); err == nil {
				t.Errorf("%s: accepted at %v", tt.question, at)
			}
		}
		other, _ := newKey(t)
		if _, err := New(origin, []*dns.DNSKEY{other}, testTime).Check(m); err == nil {
			t.Errorf("%s: accepted with the wrong key", tt.question)
		}
	}
}

var spoilers = map[string]func(*dns.RRSIG){
	"another signer":  func(s *dns.RRSIG) { s.SignerName = "example.org." },
	"another time":    func(s *dns.RRSIG) { s.Expiration = s.Inception + 1 },
	"another TTL":     func(s *dns.RRSIG) { s.OrigTtl++ },
	"fewer labels":    func(s *dns.RRSIG) { s.Labels-- },
	"more labels":     func(s *dns.RRSIG) { s.Labels++ },
	"another tag":     func(s *dns.RRSIG) { s.KeyTag++ },
	"other bytes":     func(s *dns.RRSIG) { s.Signature = "AAAA" + s.Signature[4:] },
	"its own TTL":     func(s *dns.RRSIG) { s.Hdr.Ttl++ },
	"another type":    func(s *dns.RRSIG) { s.TypeCovered = dns.TypeHINFO },
	"other algorithm": func(s *dns.RRSIG) { s.Algorithm = dns.ED25519 },
}

func record(m *dns.Msg, i int) dns.RR {
	if i < len(m.Answer) {
		return m.Answer[i]
	}
	return m.Ns[i-len(m.Answer)]
}

func without(m *dns.Msg, i int) *dns.Msg {
	less := m.Copy()
	if i < len(less.Answer) {
		less.Answer = append(less.Answer[:i], less.Answer[i+1:]...)
	} else {
		i -= len(less.Answer)
		less.Ns = append(less.Ns[:i], less.Ns[i+1:]...)
	}
	return less
}

// dedupe drops records that are there twice, when one of them proves two things.
func dedupe(m *dns.Msg) *dns.Msg {
	seen := map[string]bool{}
	var ns []dns.RR
	for _, rr := range m.Ns {
		id := rr.Header().String()
		if sig, ok := rr.(*dns.RRSIG); ok {
			id += fmt.Sprint(sig.TypeCovered)
		} else if _, ok := rr.(*dns.NS); ok {
			id += rr.String()
		}
		if !seen[id] {
			seen[id] = true
			ns = append(ns, rr)
		}
	}
	m.Ns = ns
	return m
}

// bad are responses that lie although each signature is good.
var bad = []struct {
	name string
	sort denialSort
	response
	err string
}{
	{"a record that isn't there", withNSEC, response{"nothing A", 0, "", ""}, "nothing for nothing.example."},
	{"unsigned answer", withNSEC, response{"www A", 0, "www A unsigned", ""}, "not signed"},
	{"answer beside the point", withNSEC, response{"www A", 0, "www A; ns A", ""}, "no reason to be"},
	{"another name's answer", withNSEC, response{"nothing A", 0, "www A", "@ SOA; cover nothing; match @"}, "no NSEC record matches *.example."},
	{"wildcard without proof", withNSEC, response{"x.wild TXT", 0, "x.wild TXT < *.wild", ""}, "no NSEC record covers x.wild"},
	{"wildcard over a closer name", withNSEC, response{"x.b.wild TXT", 0, "x.b.wild TXT < *.wild", "cover x.b.wild"}, "closest encloser of x.b.wild.example. is b.wild"},
	{"wildcard over an existing name", withNSEC, response{"b.wild TXT", 0, "b.wild TXT < *.wild", "match b.wild"}, "no NSEC record covers b.wild"},
	{"NXDOMAIN without wildcard proof", withNSEC, response{"nothing A", nx, "", "@ SOA; cover nothing"}, "no NSEC record covers *.example."},
	{"NXDOMAIN with a record of elsewhere", withNSEC, response{"nothing A", nx, "", "@ SOA; cover zz; match @"}, "no NSEC record covers nothing"},
	{"NXDOMAIN though a wildcard exists", withNSEC, response{"x.wild A", nx, "", "@ SOA; cover x.wild; match *.wild"}, "no NSEC record covers *.wild"},
	{"NXDOMAIN for an empty non-terminal", withNSEC, response{"ent A", nx, "", "@ SOA; cover ent; match @"}, "empty non-terminal"},
	{"NXDOMAIN below a delegation", withNSEC, response{"x.unsigned A", nx, "", "@ SOA; match unsigned; match @"}, "can't deny"},
	{"NXDOMAIN below a DNAME", withNSEC, response{"x.dname A", nx, "", "@ SOA; match dname; match @"}, "can't deny"},
	{"NXDOMAIN for an existing name", withNSEC, response{"www A", nx, "", "@ SOA; match www; match @"}, "no NSEC record covers www"},
	{"NXDOMAIN with an answer", withNSEC, response{"www A", nx, "www A", "@ SOA"}, "not what is missing"},
	{"NXDOMAIN without SOA", withNSEC, response{"nothing A", nx, "", "cover nothing; match @"}, "without SOA"},
	{"NODATA of a type that is there", withNSEC, response{"www A", 0, "", "@ SOA; match www"}, "has the type A"},
	{"NODATA for ANY", withNSEC, response{"www ANY", 0, "", "@ SOA; match www"}, "has the type ANY"},
	{"NODATA of a CNAME", withNSEC, response{"alias A", 0, "", "@ SOA; match alias"}, "has CNAME"},
	{"NODATA by the parent's record", withNSEC, response{"unsigned A", 0, "", "@ SOA; match unsigned"}, "parent's"},
	{"NODATA of a DS that is there", withNSEC, response{"signed DS", 0, "", "@ SOA; match signed"}, "has the type DS"},
	{"wildcard NODATA of a type that is there", withNSEC, response{"x.wild TXT", 0, "", "@ SOA; cover x.wild; match *.wild"}, "has the type TXT"},
	{"wildcard NODATA without the wildcard", withNSEC, response{"x.wild A", 0, "", "@ SOA; cover x.wild; match www"}, "no NSEC record matches *.wild"},
	{"referral that hides the DS", withNSEC, response{"x.signed A", 0, "", "signed NS unsigned; match signed"}, "has DS"},
	{"referral without proof", withNSEC, response{"x.unsigned A", 0, "", "unsigned NS unsigned"}, "no NSEC record for the delegation"},
	{"referral with signed NS", withNSEC, response{"x.signed A", 0, "", "signed NS; signed DS"}, "belongs to the child"},
	{"referral for DS", withNSEC, response{"signed DS", 0, "", "signed NS unsigned; signed DS"}, "the parent has"},
	{"referral to elsewhere", withNSEC, response{"x.www A", 0, "", "signed NS unsigned; signed DS"}, "not on the way"},
	{"CNAME that the DNAME doesn't make", withNSEC, response{"x.dname A", 0, "dname DNAME; CNAME x.dname www; www A", ""}, "makes x.target.example."},
	{"unsigned CNAME", withNSEC, response{"alias A", 0, "CNAME alias www; www A", ""}, "not signed"},
	{"YXDOMAIN without cause", withNSEC, response{"x.dname A", dns.RcodeYXDomain, "dname DNAME; CNAME x.dname x.target; x.target A", ""}, "YXDOMAIN"},
	{"both denials' kinds of referral and NODATA", withNSEC, response{"x.signed A", 0, "", "@ SOA; signed NS unsigned; signed DS"}, "both a SOA record and a referral"},
	{"SOA with its full TTL", withNSEC, response{"www TXT", 0, "", "@ SOA unsigned; match www"}, "above its MINIMUM"},

	{"NSEC3: no closest encloser", withNSEC3, response{"nothing A", nx, "", "@ SOA; cover nothing; cover *"}, "no NSEC3 record matches an ancestor"},
	{"NSEC3: no next closer", withNSEC3, response{"x.y.ent A", nx, "", "@ SOA; match ent; cover *.ent"}, "no NSEC3 record covers y.ent"},
	{"NSEC3: no wildcard", withNSEC3, response{"nothing A", nx, "", "@ SOA; match @; cover nothing"}, "no NSEC3 record covers *.example."},
	{"NSEC3: too high an encloser", withNSEC3, response{"x.b.wild A", nx, "", "@ SOA; match @; cover x.b.wild; cover *"}, "no NSEC3 record covers wild"},
	{"NSEC3: below a delegation", withNSEC3, response{"x.unsigned A", nx, "", "@ SOA; match unsigned; cover x.unsigned; cover *.unsigned"}, "can't be the closest encloser"},
	{"NSEC3: below a DNAME", withNSEC3, response{"x.dname A", nx, "", "@ SOA; match dname; cover x.dname; cover *.dname"}, "can't be the closest encloser"},
	{"NSEC3: an existing name", withNSEC3, response{"www A", nx, "", "@ SOA; match www; match @; cover *"}, "which so exists"},
	{"NSEC3: a type that is there", withNSEC3, response{"www A", 0, "", "@ SOA; match www"}, "has the type A"},
	{"NSEC3: NODATA for no name, no opt-out", withNSEC3, response{"nothing A", 0, "", "@ SOA; match @; cover nothing"}, "no opt-out covers"},
	{"NSEC3: no DS and no opt-out", withNSEC3, response{"x.nothing A", 0, "", "unsigned NS unsigned; match @; cover nothing"}, "not on the way"},
	{"NSEC3: referral that hides the DS", withNSEC3, response{"x.signed A", 0, "", "signed NS unsigned; match signed"}, "has DS"},
	{"NSEC3: wildcard over a closer name", withNSEC3, response{"x.b.wild TXT", 0, "x.b.wild TXT < *.wild", "cover x.b.wild; cover x.wild"}, "no NSEC3 record covers b.wild"},
	{"opt-out: referral without next closer", withOptOut, response{"x.unsigned A", 0, "", "unsigned NS unsigned; match @"}, "next closer name"},
}

func TestBad(t *testing.T) {
	zones := []*testZone{newTestZone(t, withNSEC), newTestZone(t, withNSEC3), newTestZone(t, withOptOut)}
	for _, tt := range bad {
		z := zones[tt.sort]
		m := dedupe(z.message(tt.response))
		got, err := New(origin, []*dns.DNSKEY{z.key}, testTime).Check(overWire(t, m))
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, error %v, expected %q\n%v", tt.name, got.Kind, err, tt.err, m)
		}
	}
}

// RFC 5155 §8.2: all NSEC3 records of a response have the same parameters.
func TestMixedParameters(t *testing.T) {
	z := newTestZone(t, withNSEC3)
	m := z.message(response{"nothing A", nx, "", "@ SOA; match @; cover nothing; cover *"})
	rr := m.Ns[2].(*dns.NSEC3)
	rr.Iterations = 1
	*m.Ns[3].(*dns.RRSIG) = *z.sign([]dns.RR{rr})
	if _, err := New(origin, []*dns.DNSKEY{z.key}, testTime).Check(m); err == nil || !strings.Contains(err.Error(), "different parameters") {
		t.Errorf("error %v", err)
	}
}

func TestUnused(t *testing.T) {
	z := newTestZone(t, withNSEC)
	m := z.message(response{"www TXT", 0, "", "@ SOA; match www; match z"})
	got, err := New(origin, []*dns.DNSKEY{z.key}, testTime).Check(m)
	if err != nil || len(got.Unused) != 1 || got.Unused[0].Header().Name != "z.example." {
		t.Errorf("%v, error %v; expected the NSEC record of z.example. to be unused", got.Unused, err)
	}
}

func TestFromAnchor(t *testing.T) {
	z := newTestZone(t, withNSEC)
	zsk, _ := newKey(t)
	zsk.Flags = 256
	keys := []dns.RR{z.key, zsk}
	records := append(keys, z.sign(keys))
	anchor := []*dns.DS{z.key.ToDS(dns.SHA256)}
	v, err := FromAnchor(origin, anchor, records, testTime)
	if err != nil || len(v.keys) != 2 {
		t.Fatalf("%v, %v", v, err)
	}
	for what, f := range map[string]func() (*Validator, error){
		"another anchor": func() (*Validator, error) {
			return FromAnchor(origin, []*dns.DS{zsk.ToDS(dns.SHA256)}, records, testTime)
		},
		"a key that isn't signed": func() (*Validator, error) {
			stranger, _ := newKey(t)
			return FromAnchor(origin, anchor, append([]dns.RR{stranger}, records...), testTime)
		},
		"no signature": func() (*Validator, error) { return FromAnchor(origin, anchor, keys, testTime) },
		"a late hour":  func() (*Validator, error) { return FromAnchor(origin, anchor, records, testTime.AddDate(1, 0, 0)) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("accepted with %s", what)
		}
	}
}
