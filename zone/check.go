package zone

import (
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
		a.fail(CNAMEAndOther, cname.records[0].at, "%s has a CNAME record and other data, %s: a CNAME stands alone", owner(), typeName(other.rrtype))
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
