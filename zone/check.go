package zone

import (
	"bytes"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

func typeName(rrtype uint16) string { return dns.Type(rrtype).String() }

func (a *assembly) fail(code Code, at position, format string, args ...any) {
	a.find(Error, code, at, format, args...)
}

func (a *assembly) warn(code Code, at position, format string, args ...any) {
	a.find(Warning, code, at, format, args...)
}

func (a *assembly) find(severity Severity, code Code, at position, format string, args ...any) {
	a.report.add(Finding{
		Severity: severity, Code: code, File: a.fileName(at.file), Line: int(at.line), Column: int(at.column),
		Message: fmt.Sprintf(format, args...),
	})
}

func lowestTTL(records []rr) uint32 {
	ttl := records[0].ttl
	for _, r := range records[1:] {
		ttl = min(ttl, r.ttl)
	}
	return ttl
}

// checkTTL gives an RRset one TTL, the lowest (RFC 2181 §5.2).
func (a *assembly) checkTTL(s *rrset) {
	if len(s.records) < 2 {
		return
	}
	ttl := lowestTTL(s.records)
	for i := range s.records {
		if s.records[i].ttl != ttl {
			a.warn(TTLMismatch, s.records[i].at, "the records of %s %s have different TTLs: all get the lowest, %d",
				dname.Display(a.group.owner), typeName(s.rrtype), ttl)
			break
		}
	}
	for i := range s.records {
		s.records[i].ttl = ttl
	}
}

// checkOwner judges a name that is authoritative, or a cut.
func (a *assembly) checkOwner(apex bool) {
	g := &a.group
	var other, cname, redirect, ns, ds *rrset
	for i := range g.sets {
		s := &g.sets[i]
		if len(s.records) == 0 {
			continue
		}
		switch s.rrtype {
		case TypeCNAME:
			cname = s
		case TypeNSEC: // may stand beside a CNAME (RFC 4034 §4)
		default:
			other = s
		}
		switch s.rrtype {
		case TypeDNAME:
			redirect = s
		case TypeNS:
			ns = s
		case TypeDS:
			ds = s
		}
	}
	owner := func() string { return dname.Display(g.owner) }
	if cname != nil && other != nil {
		a.fail(CNAMEAndOther, cname.records[0].at, "%s has a CNAME record and a %s record: a CNAME stands alone", owner(), typeName(other.rrtype))
	}
	if cname != nil && len(cname.records) > 1 {
		a.fail(SeveralCNAME, cname.records[1].at, "%s has %d CNAME records: it may have one", owner(), len(cname.records))
	}
	if redirect != nil && len(redirect.records) > 1 {
		a.fail(SeveralDNAME, redirect.records[1].at, "%s has %d DNAME records: it may have one", owner(), len(redirect.records))
	}
	if redirect != nil && ns != nil && !apex {
		a.fail(DNAMEAndNS, redirect.records[0].at, "%s has a DNAME record and NS records: it cannot both redirect and delegate", owner())
	}
	if dname.IsWildcard(g.owner) && ns != nil {
		a.fail(WildcardCut, ns.records[0].at, "%s has NS records: a wildcard cannot be delegated", owner())
	}
	if dname.IsWildcard(g.owner) && redirect != nil {
		a.fail(WildcardDNAME, redirect.records[0].at, "%s has a DNAME record: what a wildcard DNAME means is not defined", owner())
	}
	if ds != nil && apex {
		a.fail(DSAtApex, ds.records[0].at, "a DS record at the apex: it belongs into the parent zone")
	} else if ds != nil && ns == nil {
		a.warn(DSWithoutNS, ds.records[0].at, "%s has a DS record but no NS records: it is not delegated", owner())
	}
}

func (a *assembly) checkHidden() {
	if a.redirect {
		s := a.group.sets[0]
		at := append(s.records, s.signatures...)[0].at
		a.fail(BelowDNAME, at, "%s is below the DNAME at %s, which hides it", dname.Display(a.group.owner),
			dname.Display(dname.AppendFromKey(nil, a.barrier, a.origin)))
	}
}

// readApex learns what the checks of all other names depend on.
func (a *assembly) readApex() {
	g := &a.group
	if s := g.find(TypeSOA); s != nil && len(s.records) > 0 {
		soa := s.records[0].rdata
		a.facts.soa = true
		if len(soa) >= 20 {
			a.facts.serial = binary.BigEndian.Uint32(soa[len(soa)-20:])
			a.facts.minimum = binary.BigEndian.Uint32(soa[len(soa)-4:])
		}
		a.facts.soaTTL = s.records[0].ttl
		a.facts.signed = len(s.signatures) > 0
		if len(s.records) > 1 {
			a.fail(SeveralSOA, s.records[1].at, "the zone has %d different SOA records: it must have one", len(s.records))
		}
	}
	if s := g.find(TypeNS); s != nil {
		a.facts.apexNS = len(s.records) > 0
	}
	if s := g.find(TypeNSEC3PARAM); s != nil && len(s.records) > 0 {
		a.readParam(s)
	}
	if s := g.find(TypeNSEC); s != nil && len(s.records) > 0 {
		a.chain.active = true
		a.checkDenialTTL(s)
	}
}

func (a *assembly) checkApex() {
	start := position{}
	if len(a.entries) > 0 {
		start = toRR(a.record(a.entries[0])).at
	}
	if !a.facts.soa {
		a.fail(NoSOA, start, "no SOA record at %s: a zone begins with one", dname.Display(a.origin))
		return
	}
	if !a.facts.apexNS {
		a.fail(NoApexNS, start, "no NS record at %s: a zone names its name servers at its apex", dname.Display(a.origin))
	}
	if a.facts.param && !a.hashes.active {
		a.warn(NSEC3Param, start, "the apex has an NSEC3PARAM record, but there is no NSEC3 record with its parameters")
	}
	if e := a.facts.expired; e.count > 0 {
		a.warn(Expired, e.first, "%d RRSIG records have expired; this is the first: validating resolvers will refuse the answers", e.count)
	}
}

// checkDenialTTL checks one record of the chain for all (RFC 9077 §3).
func (a *assembly) checkDenialTTL(s *rrset) {
	if want := min(a.facts.soaTTL, a.facts.minimum); a.facts.soa && s.records[0].ttl > want {
		a.warn(NSECTTL, s.records[0].at, "the TTL of the %s records is %d: it should not be above %d, the lower of the SOA's TTL and its MINIMUM",
			typeName(s.rrtype), s.records[0].ttl, want)
	}
}

// checkSignatures judges the RRSIG records of an authoritative RRset.
func (a *assembly) checkSignatures(s *rrset) {
	if !a.facts.signed {
		return
	}
	if len(s.signatures) == 0 {
		a.warn(NoSignature, s.records[0].at, "%s %s has no RRSIG, though the zone is signed", dname.Display(a.group.owner), typeName(s.rrtype))
	}
	for i := range s.signatures {
		sig := &s.signatures[i]
		signer, ok := dname.Check(sig.rdata[min(18, len(sig.rdata)):])
		switch {
		case !ok || !dname.Equal(sig.rdata[18:18+signer], a.origin):
			a.warn(ForeignSigner, sig.at, "the RRSIG over %s %s is not by %s", dname.Display(a.group.owner), typeName(s.rrtype), dname.Display(a.origin))
		case sig.ttl != s.records[0].ttl:
			a.warn(SignatureTTL, sig.at, "the RRSIG over %s %s has TTL %d: the records have %d", dname.Display(a.group.owner), typeName(s.rrtype), sig.ttl, s.records[0].ttl)
		}
		if len(sig.rdata) >= 12 && int32(binary.BigEndian.Uint32(sig.rdata[8:])-a.now()) < 0 {
			if a.facts.expired.count == 0 {
				a.facts.expired.first = sig.at
			}
			a.facts.expired.count++
		}
	}
}

// now is the time of the assembly, in the seconds that RRSIG counts in
// (RFC 4034 §3.1.5).
func (a *assembly) now() uint32 {
	if a.clock == 0 {
		a.clock = uint32(time.Now().Unix())
	}
	return a.clock
}

// nsecChain follows the NSEC records of the zone in canonical order, which is
// the order in which names are placed (RFC 4034 §4.1.1).
type nsecChain struct {
	active bool
	count  int
	next   []byte // owner that the last NSEC record points to
	from   position
}

func (c *nsecChain) add(a *assembly, g *group) {
	if !c.active {
		return
	}
	s := g.find(TypeNSEC)
	if s == nil || len(s.records) == 0 {
		at := position{}
		if len(g.sets) > 0 && len(g.sets[0].records) > 0 {
			at = g.sets[0].records[0].at
		}
		a.warn(BrokenNSEC, at, "%s has no NSEC record: what it lacks cannot be proven", dname.Display(g.owner))
		return
	}
	if c.count > 0 && !bytes.Equal(c.next, g.owner) {
		a.warn(BrokenNSEC, c.from, "the NSEC record points to %s: the next name with one is %s", dname.Display(c.next), dname.Display(g.owner))
	}
	c.follow(s)
}

func (c *nsecChain) follow(s *rrset) {
	n, ok := dname.Check(s.records[0].rdata)
	if !ok {
		n = 0
	}
	c.count++
	c.next = dname.AppendLower(c.next[:0], s.records[0].rdata[:n])
	c.from = s.records[0].at
}

func (c *nsecChain) close(a *assembly) {
	if !bytes.Equal(c.next, a.origin) {
		a.warn(BrokenNSEC, c.from, "the last NSEC record points to %s: it must point to the apex", dname.Display(c.next))
	}
}

// nsec3Chain follows the NSEC3 records in the order of their hashes, which is
// the order of their owner names too.
type nsec3Chain struct {
	active      bool
	first, next []byte
	from        position
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

const hashBytes = 20 // SHA-1, the only algorithm there is (RFC 5155 §11)

// readParam learns the parameters of the zone's hashes (RFC 5155 §4).
func (a *assembly) readParam(s *rrset) {
	for _, r := range s.records {
		p := r.rdata
		if len(p) < 5 || p[0] != 1 || p[1] != 0 {
			a.warn(NSEC3Param, r.at, "NSEC3PARAM with algorithm %d and flags %d: only algorithm 1 with flags 0 is used (RFC 5155 §4.1.2)", p[0], p[1])
			continue
		}
		a.facts.param = true
		a.facts.iterations = binary.BigEndian.Uint16(p[2:])
		a.facts.salt = bytes.Clone(p[5 : 5+int(p[4])])
		if a.facts.iterations > 0 {
			a.warn(NSEC3Iterations, r.at, "NSEC3 with %d additional iterations: RFC 9276 wants 0, and resolvers may treat the zone as unsigned", a.facts.iterations)
		}
		return
	}
}

// takeNSEC3 moves an NSEC3 RRset with the zone's parameters out of the group:
// its owner is not a name that can be asked for (RFC 5155 §7.2.8).
func (a *assembly) takeNSEC3() bool {
	g := &a.group
	if !a.facts.param || len(g.owner) != 1+32+len(a.origin) {
		return false
	}
	s := g.find(TypeNSEC3)
	if s == nil || len(s.records) == 0 {
		return false
	}
	hash, err := base32Hex.DecodeString(string(bytes.ToUpper(g.owner[1:33])))
	p := s.records[0].rdata
	if err != nil || len(p) < 6 || !a.sameParam(p) {
		a.warn(BrokenNSEC3, s.records[0].at, "the NSEC3 record at %s does not belong to the chain of the NSEC3PARAM record", dname.Display(g.owner))
		return false
	}
	a.hashes.add(a, s, hash, p)
	a.checkSignatures(s)
	if off, ok := a.rrset(a.origin, s); ok {
		a.nsec3.Add(hash, uint32(off), false)
	}
	rest := g.sets[:0]
	for _, other := range g.sets {
		if other.rrtype != TypeNSEC3 {
			rest = append(rest, other)
			a.warn(MisplacedRecord, append(other.records, other.signatures...)[0].at, "%s at the owner name of an NSEC3 record", typeName(other.rrtype))
		}
	}
	g.sets = rest
	return true
}

func (a *assembly) sameParam(p []byte) bool {
	return p[0] == 1 && binary.BigEndian.Uint16(p[2:]) == a.facts.iterations && int(p[4]) == len(a.facts.salt) &&
		len(p) > 5+int(p[4]) && bytes.Equal(p[5:5+int(p[4])], a.facts.salt)
}

func (c *nsec3Chain) add(a *assembly, s *rrset, hash, p []byte) {
	at := 5 + int(p[4])
	next := p[min(at+1, len(p)):]
	next = next[:min(int(p[at]), len(next))]
	if p[1]&1 == 1 {
		a.facts.optOut = true
	}
	if !c.active {
		c.active, c.first = true, bytes.Clone(hash)
		a.checkDenialTTL(s)
	} else if !bytes.Equal(c.next, hash) {
		a.warn(BrokenNSEC3, c.from, "the NSEC3 record points to hash %s: the next one is %s", base32Hex.EncodeToString(c.next), base32Hex.EncodeToString(hash))
	}
	c.next, c.from = append(c.next[:0], next...), s.records[0].at
}

func (c *nsec3Chain) close(a *assembly) {
	if !bytes.Equal(c.next, c.first) {
		a.warn(BrokenNSEC3, c.from, "the last NSEC3 record points to hash %s: it must point to the first, %s",
			base32Hex.EncodeToString(c.next), base32Hex.EncodeToString(c.first))
	}
}
