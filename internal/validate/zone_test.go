package validate

import (
	"crypto"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The zone of these tests. Names are relative to example.
const zoneText = `$ORIGIN example.
$TTL 3600
@         SOA   ns hostmaster 1 7200 3600 1209600 300
@         NS    ns
ns        A     192.0.2.1
www       A     192.0.2.2
a.ent     TXT   "below an empty non-terminal"
alias     CNAME www
alias-nx  CNAME nothing
alias-out CNAME www.example.org.
circle    CNAME circle
*.wild    TXT   "for all"
b.wild    TXT   "closer"
c.b.wild  TXT   "closest"
*.wcname  CNAME www
dname     DNAME target
x.target  A     192.0.2.3
longer    DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.
signed    NS    ns.signed
ns.signed A     192.0.2.4
signed    DS    4711 13 2 0000000000000000000000000000000000000000000000000000000000000000
unsigned  NS    ns.example.org.
z         TXT   "the last"
`

// testTime lies in the middle of the signatures' validity.
var testTime = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

const origin = "example."

// testZone is a signed zone as a bag of RRsets.
type testZone struct {
	t     testing.TB
	sets  map[string][]dns.RR // "owner TYPE"
	nsec3 bool
	key   *dns.DNSKEY
	priv  crypto.Signer
}

type denialSort int

const (
	withNSEC denialSort = iota
	withNSEC3
	withOptOut
)

func newTestZone(t testing.TB, sort denialSort) *testZone {
	z := &testZone{t: t, sets: map[string][]dns.RR{}, nsec3: sort != withNSEC}
	z.key, z.priv = newKey(t)
	parser := dns.NewZoneParser(strings.NewReader(zoneText), "", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		z.add(rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	z.add(z.key)
	z.addDenial(sort)
	return z
}

func newKey(t testing.TB) (*dns.DNSKEY, crypto.Signer) {
	key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
	priv, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	return key, priv.(crypto.Signer)
}

func (z *testZone) add(rr dns.RR) {
	id := rr.Header().Name + " " + dns.TypeToString[rr.Header().Rrtype]
	z.sets[id] = append(z.sets[id], rr)
}

// sign returns a signature over a set.
func (z *testZone) sign(set []dns.RR) *dns.RRSIG {
	return signWith(z.t, z.key, z.priv, origin, set)
}

func signWith(t testing.TB, key *dns.DNSKEY, priv crypto.Signer, signer string, set []dns.RR) *dns.RRSIG {
	sig := &dns.RRSIG{Hdr: dns.RR_Header{Ttl: set[0].Header().Ttl}, KeyTag: key.KeyTag(), Algorithm: key.Algorithm,
		SignerName: signer, Inception: uint32(testTime.Unix() - 3600), Expiration: uint32(testTime.Unix() + 3600)}
	if err := sig.Sign(priv, set); err != nil {
		t.Fatal(err)
	}
	return sig
}

// addDenial makes the NSEC or NSEC3 chain, in the plainest way.
func (z *testZone) addDenial(kind denialSort) {
	types := map[string][]uint16{}
	for id, set := range z.sets {
		owner := set[0].Header().Name
		if id == "ns.signed.example. A" {
			continue // glue
		}
		types[owner] = append(types[owner], set[0].Header().Rrtype)
	}
	if kind == withOptOut {
		delete(types, "unsigned.example.")
	}
	if kind != withNSEC {
		for owner := range types {
			for name := owner; name != origin; name = parent(name) {
				types[name] = append([]uint16{}, types[name]...) // empty non-terminals
			}
		}
	}
	names := make([]string, 0, len(types))
	for name := range types {
		if kind != withNSEC {
			name = dns.HashName(name, dns.SHA1, 0, "") + " " + name
		}
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		if kind == withNSEC {
			return compare(names[i], names[j]) < 0
		}
		return names[i] < names[j]
	})
	for i, name := range names {
		next := names[(i+1)%len(names)]
		hash, owner, _ := strings.Cut(name, " ")
		if kind == withNSEC {
			owner = name
		}
		bitmap := slices.Clone(types[owner])
		if signed := !slices.Equal(bitmap, []uint16{dns.TypeNS}); signed && len(bitmap) > 0 {
			bitmap = append(bitmap, dns.TypeRRSIG)
		}
		header := dns.RR_Header{Name: owner, Class: dns.ClassINET, Ttl: 300}
		if kind == withNSEC {
			header.Rrtype = dns.TypeNSEC
			bitmap = append(bitmap, dns.TypeNSEC, dns.TypeRRSIG)
			slices.Sort(bitmap)
			z.add(&dns.NSEC{Hdr: header, NextDomain: next, TypeBitMap: slices.Compact(bitmap)})
			continue
		}
		slices.Sort(bitmap)
		header.Name, header.Rrtype = strings.ToLower(hash)+"."+origin, dns.TypeNSEC3
		rr := &dns.NSEC3{Hdr: header, Hash: dns.SHA1, HashLength: 20, NextDomain: strings.Fields(next)[0], TypeBitMap: bitmap}
		if kind == withOptOut {
			rr.Flags = optOutFlag
		}
		z.add(rr)
	}
}

// section reads a list of what is to be in a section, separated by semicolons:
//
//	www A                the RRset with its signature
//	www A unsigned       the RRset alone
//	x.wild TXT < *.wild  the RRset of *.wild under another owner
//	match x, cover x     the NSEC or NSEC3 record that does so
//	CNAME x y            a CNAME record without signature
func (z *testZone) section(list string) (rrs []dns.RR) {
	for _, item := range strings.Split(list, ";") {
		f := strings.Fields(item)
		switch {
		case len(f) == 0:
		case f[0] == "match" || f[0] == "cover":
			rrs = append(rrs, z.signed(z.denier(f[0], absolute(f[1])))...)
		case f[0] == "CNAME":
			rrs = append(rrs, z.rr(fmt.Sprintf("%s 3600 CNAME %s", absolute(f[1]), absolute(f[2]))))
		case len(f) == 4:
			source := z.signed(z.set(absolute(f[3]), f[1]))
			for _, rr := range source {
				rr.Header().Name = absolute(f[0])
			}
			rrs = append(rrs, source...)
		case len(f) == 3:
			rrs = append(rrs, z.set(absolute(f[0]), f[1])...)
		default:
			set := z.set(absolute(f[0]), f[1])
			if f[1] == "SOA" {
				set = []dns.RR{dns.Copy(set[0])}
			}
			signed := z.signed(set)
			if f[1] == "SOA" { // RFC 2308 §3
				for _, rr := range signed {
					rr.Header().Ttl = 300
				}
			}
			rrs = append(rrs, signed...)
		}
	}
	return rrs
}

func absolute(name string) string {
	if name == "@" {
		return origin
	}
	if strings.HasSuffix(name, ".") {
		return name
	}
	return name + "." + origin
}

func (z *testZone) rr(text string) dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil {
		z.t.Fatal(err)
	}
	return rr
}

func (z *testZone) set(owner, rrtype string) []dns.RR {
	set := z.sets[owner+" "+rrtype]
	if set == nil {
		z.t.Fatalf("the test zone has no %s %s", owner, rrtype)
	}
	copies := make([]dns.RR, len(set))
	for i, rr := range set {
		copies[i] = dns.Copy(rr)
	}
	return copies
}

func (z *testZone) signed(set []dns.RR) []dns.RR {
	return append(slices.Clone(set), z.sign(set))
}

// denier finds the record that matches or covers a name.
func (z *testZone) denier(how, name string) []dns.RR {
	for _, set := range z.sets {
		switch rr := set[0].(type) {
		case *dns.NSEC:
			last := rr.NextDomain == origin
			covers := compare(rr.Hdr.Name, name) < 0 && (last || compare(name, rr.NextDomain) < 0)
			if how == "match" && rr.Hdr.Name == name || how == "cover" && covers {
				return z.set(rr.Hdr.Name, "NSEC")
			}
		case *dns.NSEC3:
			if how == "match" && rr.Match(name) || how == "cover" && rr.Cover(name) && !rr.Match(name) {
				return z.set(rr.Hdr.Name, "NSEC3")
			}
		}
	}
	z.t.Fatalf("no record of the test zone will %s %s", how, name)
	return nil
}
