package sign

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// timeLimit ends a validator that hangs; it decides no test.
const timeLimit = time.Minute

const origin = "xn--kpry57d."

func newKeys(t testing.TB, origin string, algorithms ...uint8) (keys []*Key) {
	t.Helper()
	for _, algorithm := range algorithms {
		for _, ksk := range []bool{true, false} {
			key, err := GenerateKey(origin, algorithm, ksk)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
	}
	return keys
}

func signZone(t testing.TB, origin string, rrs []dns.RR, opts Options) []dns.RR {
	t.Helper()
	signed, err := Zone(t.Context(), origin, rrs, opts)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestZone(t *testing.T) {
	rrs := readZone(t, "testdata/mixed.zone")
	denials := []struct {
		name string
		opts Options
	}{
		{"NSEC", Options{Denial: NSEC}},
		{"NSEC3", Options{Denial: NSEC3}},
		{"opt-out", Options{Denial: NSEC3, OptOut: true}},
		{"legacy NSEC3", Options{Denial: NSEC3, Iterations: 3, Salt: "c0ffee", LegacyNSEC3: true}},
	}
	for _, tt := range []struct {
		algorithms string
		list       []uint8
	}{
		{"ECDSAP256SHA256", []uint8{dns.ECDSAP256SHA256}},
		{"ED25519", []uint8{dns.ED25519}},
		{"RSASHA256", []uint8{dns.RSASHA256}},
		{"ECDSAP384SHA384", []uint8{dns.ECDSAP384SHA384}},
		{"two", []uint8{dns.ECDSAP256SHA256, dns.ED25519}},
	} {
		both := newKeys(t, origin, tt.list...)
		single := slices.DeleteFunc(slices.Clone(both), func(k *Key) bool { return !k.IsKSK() })
		for _, denial := range denials {
			for name, keys := range map[string][]*Key{"CSK": single, "KSK and ZSK": both} {
				opts := denial.opts
				opts.Keys = keys
				var except []string
				if len(single) > 1 && name == "CSK" {
					// Knot 3.2 finds fault with two CSKs whoever signed, BIND and ldns included.
					except = []string{"kzonecheck"}
				}
				t.Run(tt.algorithms+"/"+denial.name+"/"+name, func(t *testing.T) {
					verify(t, origin, signZone(t, origin, rrs, opts), except...)
				})
			}
		}
	}
}

// What of the mixed zone is signed: RFC 4035 §2.2.
func TestSignedRRsets(t *testing.T) {
	keys := newKeys(t, origin, dns.ED25519)
	ksk, zsk := keys[0].RR.KeyTag(), keys[1].RR.KeyTag()
	cds := keys[0].DS().ToCDS()
	cds.Hdr.Ttl, cds.Hdr.Rrtype = 60, dns.TypeCDS
	signed := signZone(t, origin, append(readZone(t, "testdata/mixed.zone"), cds), Options{Keys: keys, Denial: NSEC})
	rrsets, sigs := group(signed)
	for _, tt := range []struct {
		owner  string
		rrtype uint16
		tags   []uint16
		labels uint8
	}{
		{"", dns.TypeSOA, []uint16{zsk}, 1},
		{"", dns.TypeNS, []uint16{zsk}, 1},
		{"", dns.TypeDNSKEY, []uint16{ksk}, 1},
		{"", dns.TypeCDS, []uint16{ksk}, 1}, // RFC 7344 §4.1
		{"", 65281, []uint16{zsk}, 1},
		{"ns1.nic.", dns.TypeA, []uint16{zsk}, 3},
		{"*.wild.", dns.TypeTXT, []uint16{zsk}, 2}, // RFC 4034 §3.1.3
		{"*.wild.", dns.TypeNSEC, []uint16{zsk}, 2},
		{"a.*.wild.", dns.TypeA, []uint16{zsk}, 4},
		{"*star.", dns.TypeA, []uint16{zsk}, 2},
		{"old.", dns.TypeDNAME, []uint16{zsk}, 2},
		{"old.", dns.TypeTXT, []uint16{zsk}, 2},
		{"signed.", dns.TypeNS, nil, 0},
		{"signed.", dns.TypeDS, []uint16{zsk}, 2},
		{"signed.", dns.TypeNSEC, []uint16{zsk}, 2},
		{"ns.deep.signed.", dns.TypeA, nil, 0},
		{"unsigned.", dns.TypeNS, nil, 0},
		{"unsigned.", dns.TypeA, nil, 0},
		{"unsigned.", dns.TypeNSEC, []uint16{zsk}, 2},
		{"ns.unsigned.", dns.TypeA, nil, 0},
	} {
		id := rrsetID{tt.owner + origin, tt.rrtype}
		if len(rrsets[id]) == 0 {
			t.Errorf("no %s of %s", dns.Type(tt.rrtype), id.owner)
		}
		var tags []uint16
		for _, sig := range sigs[id] {
			tags = append(tags, sig.KeyTag)
			if sig.Labels != tt.labels {
				t.Errorf("RRSIG of %s %s has %d labels, expected %d", id.owner, dns.Type(tt.rrtype), sig.Labels, tt.labels)
			}
		}
		if !slices.Equal(tags, tt.tags) {
			t.Errorf("%s of %s is signed by keys %d, expected %d", dns.Type(tt.rrtype), id.owner, tags, tt.tags)
		}
	}
	if got := rrsets[rrsetID{"www.nic." + origin, dns.TypeA}]; len(got) != 2 {
		t.Errorf("the doubled record stayed: %v", got)
	}
}

// chain returns what the zone's NSEC or NSEC3 records say of each owner name,
// with "/flags" for NSEC3. Hashes that belong to none of the names are an error.
func chain(t *testing.T, signed []dns.RR, names []string) map[string]string {
	t.Helper()
	got := map[string]string{}
	types := func(bitmap []uint16) string {
		var words []string
		for _, rrtype := range bitmap {
			words = append(words, dns.Type(rrtype).String())
		}
		return strings.Join(words, " ")
	}
	for _, rr := range signed {
		switch rr := rr.(type) {
		case *dns.NSEC:
			got[strings.TrimSuffix(rr.Hdr.Name, origin)] = types(rr.TypeBitMap)
		case *dns.NSEC3:
			i := slices.IndexFunc(names, func(name string) bool { return rr.Match(name + origin) })
			if i < 0 {
				t.Errorf("%v belongs to a name that should not be in the chain", rr)
				continue
			}
			got[names[i]] = fmt.Sprint(types(rr.TypeBitMap), "/", rr.Flags)
		}
	}
	return got
}

func TestChain(t *testing.T) {
	rrs := parseZone(t, `
$ORIGIN xn--kpry57d.
$TTL 600
@                 SOA ns.nic a.nic 1 2 3 4 300
@                 NS ns.nic
ns.nic            A 192.0.2.1
Data              TXT x
*.wild            TXT x
ins.beside.wild   NS ns.nic
a.b.ent           TXT x
one.loose         NS ns.nic
two.deep.loose    NS ns.nic
sec.half          NS ns.nic
sec.half          DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF
ins.half          NS ns.nic
old               DNAME new
hidden.old        TXT x
cut               NS ns.deep.cut
cut               A 192.0.2.2
ns.deep.cut       A 192.0.2.3
sub.cut           NS ns.nic
`)
	nsec := map[string]string{
		"":                 "NS SOA RRSIG NSEC DNSKEY",
		"ns.nic.":          "A RRSIG NSEC",
		"data.":            "TXT RRSIG NSEC",
		"*.wild.":          "TXT RRSIG NSEC",
		"ins.beside.wild.": "NS RRSIG NSEC",
		"a.b.ent.":         "TXT RRSIG NSEC",
		"one.loose.":       "NS RRSIG NSEC",
		"two.deep.loose.":  "NS RRSIG NSEC",
		"sec.half.":        "NS DS RRSIG NSEC",
		"ins.half.":        "NS RRSIG NSEC",
		"old.":             "DNAME RRSIG NSEC",
		"cut.":             "NS RRSIG NSEC",
	}
	nsec3 := map[string]string{
		"":                 "NS SOA RRSIG DNSKEY NSEC3PARAM/0",
		"nic.":             "/0",
		"ns.nic.":          "A RRSIG/0",
		"data.":            "TXT RRSIG/0",
		"wild.":            "/0",
		"*.wild.":          "TXT RRSIG/0",
		"beside.wild.":     "/0",
		"ins.beside.wild.": "NS/0",
		"ent.":             "/0",
		"b.ent.":           "/0",
		"a.b.ent.":         "TXT RRSIG/0",
		"loose.":           "/0",
		"one.loose.":       "NS/0",
		"deep.loose.":      "/0",
		"two.deep.loose.":  "NS/0",
		"half.":            "/0",
		"sec.half.":        "NS DS RRSIG/0",
		"ins.half.":        "NS/0",
		"old.":             "DNAME RRSIG/0",
		"cut.":             "NS/0",
	}
	// RFC 5155 §7.1; beside.wild. stays, or *.wild. would seem to answer for
	// names below it.
	optOut := map[string]string{}
	for name, types := range nsec3 {
		switch name {
		case "loose.", "one.loose.", "deep.loose.", "two.deep.loose.", "ins.half.", "ins.beside.wild.", "cut.":
		default:
			optOut[name] = strings.TrimSuffix(types, "/0") + "/1"
		}
	}
	keys := newKeys(t, origin, dns.ED25519)
	for _, tt := range []struct {
		name string
		opts Options
		want map[string]string
	}{
		{"NSEC", Options{Denial: NSEC}, nsec},
		{"NSEC3", Options{Denial: NSEC3}, nsec3},
		{"opt-out", Options{Denial: NSEC3, OptOut: true}, optOut},
	} {
		tt.opts.Keys = keys
		signed := signZone(t, origin, rrs, tt.opts)
		got := chain(t, signed, slices.Collect(maps.Keys(tt.want)))
		if !maps.Equal(got, tt.want) {
			t.Errorf("%s:\n got      %q\n expected %q", tt.name, got, tt.want)
		}
		for _, rr := range signed {
			switch h := rr.Header(); h.Rrtype {
			case dns.TypeNSEC, dns.TypeNSEC3:
				if h.Ttl != 300 { // RFC 9077 §3
					t.Errorf("%v: expected the TTL 300", rr)
				}
			case dns.TypeNSEC3PARAM:
				if p := rr.(*dns.NSEC3PARAM); p.Flags != 0 || p.Iterations != 0 || p.Salt != "" {
					t.Errorf("%v: expected 1 0 0 -", rr)
				}
			}
		}
	}
}

func TestSigningAgain(t *testing.T) {
	keys := newKeys(t, origin, dns.ECDSAP256SHA256)
	first := signZone(t, origin, readZone(t, "testdata/mixed.zone"), Options{Keys: keys, Denial: NSEC3, OptOut: true})
	zonemd := &dns.ZONEMD{Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeZONEMD, Class: dns.ClassINET, Ttl: 60},
		Serial: 2026010101, Scheme: 1, Hash: 1, Digest: strings.Repeat("00", 48)}
	again := signZone(t, origin, append(first, zonemd), Options{Keys: keys[:1], Denial: NSEC})
	for _, rr := range again {
		switch rr.Header().Rrtype {
		case dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeZONEMD:
			t.Errorf("%v stayed", rr)
		}
	}
	// The ZSK of the first time stays published, but signs no more.
	rrsets, _ := group(again)
	if got := rrsets[rrsetID{origin, dns.TypeDNSKEY}]; len(got) != 2 {
		t.Errorf("DNSKEY RRset %v, expected both keys", got)
	}
	verify(t, origin, again, "kzonecheck") // which wants a signature of each ZSK
}

func TestWorkersMakeNoDifference(t *testing.T) {
	rrs := readZone(t, "testdata/mixed.zone")
	before := fmt.Sprint(rrs)
	opts := Options{
		Keys: newKeys(t, origin, dns.ED25519), Denial: NSEC3, // its signatures are deterministic
		Inception: time.Unix(1e9, 0), Expiration: time.Unix(2e9, 0),
	}
	opts.Workers = 1
	want := fmt.Sprint(signZone(t, origin, rrs, opts))
	for i := range 5 {
		opts.Workers = 2 + i
		slices.Reverse(rrs)
		if got := fmt.Sprint(signZone(t, origin, rrs, opts)); got != want {
			t.Fatalf("%d workers made another zone:\n%s\nthan one:\n%s", opts.Workers, got, want)
		}
		slices.Reverse(rrs)
	}
	if after := fmt.Sprint(rrs); after != before {
		t.Error("the input was changed")
	}
}

func TestULabelOrigin(t *testing.T) {
	key, err := GenerateKey("台灣", dns.ED25519, true)
	if err != nil {
		t.Fatal(err)
	}
	if key.RR.Hdr.Name != origin {
		t.Errorf("the key belongs to %s, expected %s", key.RR.Hdr.Name, origin)
	}
	signZone(t, "台灣", readZone(t, "testdata/mixed.zone"), Options{Keys: []*Key{key}})
}

func TestProgress(t *testing.T) {
	last, lastTotal := 0, 0
	opts := Options{Keys: newKeys(t, origin, dns.ED25519), Denial: NSEC3, Progress: func(done, total int) {
		if done <= last || lastTotal != 0 && total != lastTotal {
			t.Errorf("progress %d of %d after %d of %d", done, total, last, lastTotal)
		}
		last, lastTotal = done, total
	}}
	signZone(t, origin, manyNames(1000), opts)
	if last != lastTotal || last != 2005 { // 1000 names, the apex, ns.nic, and their hashes and that of nic
		t.Errorf("progress ended at %d of %d, expected 2005", last, lastTotal)
	}
}

// manyNames is a zone with n names of one A record each.
func manyNames(n int) (rrs []dns.RR) {
	header := func(name string, rrtype uint16) dns.RR_Header {
		return dns.RR_Header{Name: name + origin, Rrtype: rrtype, Class: dns.ClassINET, Ttl: 3600}
	}
	rrs = append(rrs,
		&dns.SOA{Hdr: header("", dns.TypeSOA), Ns: "ns.nic." + origin, Mbox: "a.nic." + origin, Serial: 1, Minttl: 300},
		&dns.NS{Hdr: header("", dns.TypeNS), Ns: "ns.nic." + origin},
		&dns.A{Hdr: header("ns.nic.", dns.TypeA), A: net.IPv4(192, 0, 2, 1)})
	for i := range n {
		rrs = append(rrs, &dns.A{Hdr: header(fmt.Sprintf("name%d.", i), dns.TypeA), A: net.IPv4(192, 0, 2, 2)})
	}
	return rrs
}

func TestCancelled(t *testing.T) {
	opts := Options{Keys: newKeys(t, origin, dns.ED25519)}
	ctx, cancel := context.WithCancel(t.Context())
	opts.Progress = func(int, int) { cancel() }
	if signed, err := Zone(ctx, origin, manyNames(10000), opts); !errors.Is(err, context.Canceled) || signed != nil {
		t.Errorf("cancelled under way: %d records, error %v, expected none and %v", len(signed), err, context.Canceled)
	}
	if _, err := Zone(ctx, origin, manyNames(10), opts); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: error %v, expected %v", err, context.Canceled)
	}
}

// A consumer that stops early must not leave workers behind.
func TestStreamStopsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine stays
		n := 0
		for _, err := range Stream(t.Context(), origin, manyNames(2000), Options{Keys: newKeys(t, origin, dns.ED25519)}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 10 {
				break
			}
		}
	})
}

func TestRefuses(t *testing.T) {
	const apex = "tw. 3600 IN SOA a. b. 1 2 3 4 5\ntw. 3600 IN NS ns.tw.\n"
	keys := newKeys(t, "tw.", dns.ED25519)
	rsa := newKeys(t, "tw.", dns.RSASHA256)
	changed := func(change func(*dns.DNSKEY)) []*Key {
		rr := *keys[0].RR
		change(&rr)
		return []*Key{{RR: &rr, Private: keys[0].Private}}
	}
	now := time.Now()
	for _, tt := range []struct {
		name, zone string
		opts       Options
		want       string
	}{
		{"no key", apex, Options{}, "no key to sign with"},
		{"half a key", apex, Options{Keys: []*Key{{RR: keys[0].RR}}}, "incomplete key"},
		{"another zone's key", apex, Options{Keys: newKeys(t, "example.", dns.ED25519)}, "belongs to example."},
		{"another's private key", apex, Options{Keys: []*Key{{RR: keys[0].RR, Private: keys[1].Private}}}, "does not belong to the public key"},
		{"another algorithm's private key", apex, Options{Keys: []*Key{{RR: keys[0].RR, Private: rsa[0].Private}}}, "key: "},
		{"not a zone key", apex, Options{Keys: changed(func(k *dns.DNSKEY) { k.Flags = 0 })}, "not a zone key"},
		{"revoked", apex, Options{Keys: changed(func(k *dns.DNSKEY) { k.Flags |= dns.REVOKE })}, "not a zone key"},
		{"SHA-1", apex, Options{Keys: changed(func(k *dns.DNSKEY) { k.Algorithm = dns.RSASHA1 })}, "cannot sign with algorithm 5 (RSASHA1)"},
		{"iterations", apex, Options{Keys: keys, Denial: NSEC3, Iterations: 1}, "RFC 9276"},
		{"salt", apex, Options{Keys: keys, Denial: NSEC3, Salt: "ab"}, "RFC 9276"},
		{"bad salt", apex, Options{Keys: keys, Denial: NSEC3, Salt: "abc", LegacyNSEC3: true}, "hexadecimal"},
		{"too many iterations", apex, Options{Keys: keys, Denial: NSEC3, Iterations: 2501, LegacyNSEC3: true}, "2501"},
		{"opt-out without NSEC3", apex, Options{Keys: keys, OptOut: true}, "belong to NSEC3"},
		{"kind of denial", apex, Options{Keys: keys, Denial: 7}, "unknown kind"},
		{"times", apex, Options{Keys: keys, Inception: now, Expiration: now.Add(-1)}, "expire"},
		{"a century", apex, Options{Keys: keys, Inception: now, Expiration: now.AddDate(100, 0, 0)}, "68 years"},
		{"no SOA", "tw. 3600 IN NS ns.tw.", Options{Keys: keys}, "no SOA record of tw."},
		{"two SOAs", apex + "tw. 3600 IN SOA a. b. 2 2 3 4 5", Options{Keys: keys}, "several SOA records"},
		{"SOA elsewhere", apex + "x.tw. 3600 IN SOA a. b. 2 2 3 4 5", Options{Keys: keys}, "x.tw. has an SOA record"},
		{"outside", apex + "x.example. 60 IN A 192.0.2.1", Options{Keys: keys}, "x.example. is outside the zone tw."},
		{"TTLs", apex + "x.tw. 60 IN A 192.0.2.1\nx.tw. 61 IN A 192.0.2.2", Options{Keys: keys}, "different TTLs, 60 and 61"},
		{"class", apex + "x.tw. 60 CH A 192.0.2.1", Options{Keys: keys}, "class CH"},
		{"U-label", apex + "台灣.tw. 60 IN A 192.0.2.1", Options{Keys: keys}, "A-labels"},
		{"foreign algorithm", apex + rsa[0].RR.String(), Options{Keys: keys}, "algorithm 8"},
		{"nothing to refuse", apex, Options{Keys: keys, Denial: NSEC}, ""},
	} {
		signed, err := Zone(t.Context(), "tw.", parseZone(t, tt.zone), tt.opts)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: error %v, expected none", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: error %v, expected one with %q", tt.name, err, tt.want)
		case tt.want != "" && signed != nil:
			t.Errorf("%s: records beside the error", tt.name)
		}
	}
	for _, bad := range []dns.RR{nil, &dns.ANY{Hdr: dns.RR_Header{Name: "tw.", Rrtype: dns.TypeANY, Class: dns.ClassINET}}} {
		if _, err := Zone(t.Context(), "tw.", append(parseZone(t, apex), bad), Options{Keys: keys}); err == nil {
			t.Errorf("%v was signed", bad)
		}
	}
	if _, err := Zone(t.Context(), "a..b", nil, Options{Keys: keys}); err == nil {
		t.Error("a..b was taken for an origin")
	}
}
