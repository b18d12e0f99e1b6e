package zone

import (
	"bytes"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"slices"
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
		Severity: severity, Code: code, File: fileName(a.files, at.file), Line: int(at.line), Column: int(at.column),
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
		a.fail(BelowDNAME, a.group.sets[0].first(), "%s is below the DNAME at %s, which hides it", dname.Display(a.group.owner),
			dname.Display(dname.AppendFromKey(nil, a.barrier, a.origin)))
	}
}

// readApex learns what the checks of all other names depend on.
func (a *assembly) readApex() {
	g := &a.group
	a.facts.apex = apex{}
	if s := g.find(TypeSOA); s != nil {
		soa := s.records[0].rdata
		a.facts.soa = true
		a.facts.serial = binary.BigEndian.Uint32(soa[len(soa)-20:])
		a.facts.minimum = binary.BigEndian.Uint32(soa[len(soa)-4:])
		a.facts.soaTTL = s.records[0].ttl
		a.facts.signed = len(s.signatures) > 0
		if len(s.records) > 1 {
			a.fail(SeveralSOA, s.records[1].at, "the zone has %d different SOA records: it must have one", len(s.records))
		}
	}
	a.facts.ns = g.find(TypeNS) != nil
	if s := g.find(TypeNSEC3PARAM); s != nil {
		a.readParam(s)
	}
	if s := g.find(TypeNSEC); s != nil {
		a.chain.active = true
		a.checkDenialTTL(TypeNSEC, s.records[0])
	}
}

// checkApex judges what was learned of the apex. start is where the zone begins.
func (a *assembly) checkApex(start position, hashed bool) {
	if !a.facts.soa {
		a.fail(NoSOA, start, "no SOA record at %s: a zone begins with one", dname.Display(a.origin))
		return
	}
	if !a.facts.ns {
		a.fail(NoApexNS, start, "no NS record at %s: a zone names its name servers at its apex", dname.Display(a.origin))
	}
	if a.facts.param && !hashed {
		a.warn(NSEC3Param, a.facts.paramAt, "the apex has an NSEC3PARAM record, but there is no NSEC3 record with its parameters")
	}
	if e := a.facts.expired; e.count > 0 {
		a.warn(Expired, e.first, "%d RRSIG records have expired; this is the first: validating resolvers will refuse the answers", e.count)
	}
}

// checkDenialTTL checks one record of the chain for all (RFC 9077 §3).
func (a *assembly) checkDenialTTL(rrtype uint16, first rr) {
	if want := min(a.facts.soaTTL, a.facts.minimum); a.facts.soa && first.ttl > want {
		a.warn(NSECTTL, first.at, "the TTL of the %s records is %d: it should not be above %d, the lower of the SOA's TTL and its MINIMUM",
			typeName(rrtype), first.ttl, want)
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
	first  []byte // owner of the first NSEC record
	next   []byte // owner that the last NSEC record points to
	from   position
}

// add goes on to the group that was placed last; nsec is nil if it has none.
func (c *nsecChain) add(a *assembly, nsec *rrset) {
	if !c.active || a.partial {
		return
	}
	owner := a.group.owner
	if nsec == nil {
		a.lacksNSEC(a.group.sets[0].first(), owner)
		return
	}
	if c.count == 0 {
		c.first = bytes.Clone(owner)
	} else {
		c.link(a, owner)
	}
	c.follow(nsec)
}

// link checks that the last record points to owner.
func (c *nsecChain) link(a *assembly, owner []byte) {
	if !bytes.Equal(c.next, owner) {
		a.warn(BrokenNSEC, c.from, "the NSEC record points to %s: the next name with one is %s", dname.Display(c.next), dname.Display(owner))
	}
}

// join goes on with the chain of the names behind those that were followed.
func (c *nsecChain) join(a *assembly, next *nsecChain) {
	switch {
	case next.count == 0:
	case c.count == 0:
		*c = *next
	default:
		c.link(a, next.first)
		c.count, c.next, c.from = c.count+next.count, next.next, next.from
	}
}

func (a *assembly) lacksNSEC(at position, owner []byte) {
	a.warn(BrokenNSEC, at, "%s has no NSEC record: what it lacks cannot be proven", dname.Display(owner))
}

func (c *nsecChain) follow(s *rrset) {
	n, _ := dname.Check(s.records[0].rdata)
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
	first, next []byte // hash of the first record, and where the last one points to; nil before the first
	start       rr     // the first record
	from        position
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

const hashBytes = 20 // SHA-1, the only algorithm there is (RFC 5155 §11)

// readParam learns the parameters of the zone's hashes (RFC 5155 §4).
func (a *assembly) readParam(s *rrset) {
	for _, r := range s.records {
		p := r.rdata
		if p[0] != 1 || p[1] != 0 {
			a.warn(NSEC3Param, r.at, "NSEC3PARAM with algorithm %d and flags %d: only algorithm 1 with flags 0 is used (RFC 5155 §4.1.2)", p[0], p[1])
			continue
		}
		a.facts.param, a.facts.paramAt = true, r.at
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
func (a *assembly) takeNSEC3() {
	g := &a.group
	s := g.find(TypeNSEC3)
	if s == nil || !a.facts.param {
		return
	}
	hash, ok := hashOfKey(g.key)
	p, parsed := parseNSEC3(s.records[0].rdata)
	if !ok || !parsed || p.iterations != a.facts.iterations || !bytes.Equal(p.salt, a.facts.salt) {
		a.warn(BrokenNSEC3, s.first(), "the NSEC3 record at %s does not belong to the chain of the NSEC3PARAM record", dname.Display(g.owner))
		return
	}
	if p.optOut {
		a.facts.optOuts++
	}
	a.hashes.add(a, s, hash, p.next)
	a.checkSignatures(s)
	if off, ok := a.rrset(a.origin, s); ok {
		a.nsec3.Set(hash, uint32(off), false)
	}
	g.sets = slices.DeleteFunc(g.sets, func(s rrset) bool { return s.rrtype == TypeNSEC3 })
	for i := range g.sets {
		a.warn(MisplacedRecord, g.sets[i].first(), "%s at the owner name of an NSEC3 record", typeName(g.sets[i].rrtype))
	}
}

// hashOfKey returns the hash that makes up the owner name of an NSEC3 record.
func hashOfKey(key []byte) (hash []byte, ok bool) {
	const label = hashBytes * 8 / 5
	if len(key) != label+1 || bytes.IndexByte(key, 0) != label {
		return nil, false
	}
	hash = make([]byte, hashBytes)
	n, err := base32Hex.Decode(hash, bytes.ToUpper(key[:label]))
	return hash, err == nil && n == hashBytes
}

// nsec3Fields are the fields of an NSEC3 record that make the chain (RFC 5155 §3.2).
type nsec3Fields struct {
	optOut     bool
	iterations uint16
	salt, next []byte
}

// parseNSEC3 returns false if the record is not of the only hash algorithm.
func parseNSEC3(p []byte) (f nsec3Fields, ok bool) {
	if len(p) < 6 || p[0] != 1 {
		return f, false
	}
	salt := 5 + int(p[4])
	if len(p) <= salt || len(p) < salt+1+int(p[salt]) {
		return f, false
	}
	return nsec3Fields{p[1]&1 == 1, binary.BigEndian.Uint16(p[2:]), p[5:salt], p[salt+1 : salt+1+int(p[salt])]}, true
}

func (c *nsec3Chain) add(a *assembly, s *rrset, hash, next []byte) {
	if a.partial {
		return
	}
	if c.first == nil {
		c.first, c.start = hash, s.records[0]
	} else {
		c.link(a, hash)
	}
	c.next, c.from = append(c.next[:0], next...), s.first()
}

// link checks that the last record points to hash.
func (c *nsec3Chain) link(a *assembly, hash []byte) {
	if !bytes.Equal(c.next, hash) {
		a.warn(BrokenNSEC3, c.from, "the NSEC3 record points to hash %s: the next one is %s", base32Hex.EncodeToString(c.next), base32Hex.EncodeToString(hash))
	}
}

// join goes on with the chain of the names behind those that were followed.
func (c *nsec3Chain) join(a *assembly, next *nsec3Chain) {
	switch {
	case next.first == nil:
	case c.first == nil:
		*c = *next
	default:
		c.link(a, next.first)
		c.next, c.from = next.next, next.from
	}
}

func (c *nsec3Chain) close(a *assembly) {
	a.checkDenialTTL(TypeNSEC3, c.start)
	if !bytes.Equal(c.next, c.first) {
		a.warn(BrokenNSEC3, c.from, "the last NSEC3 record points to hash %s: it must point to the first, %s",
			base32Hex.EncodeToString(c.next), base32Hex.EncodeToString(c.first))
	}
}
