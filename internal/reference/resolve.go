package reference

import (
	"github.com/miekg/dns"
)

// maxLinks is how many CNAME records, synthesized ones included, an answer has
// at most.
const maxLinks = 16

// answer is a response under construction.
type answer struct {
	z     *zone
	qtype uint16
	do    bool
	// elsewhere tells of a name that looks as if it were in z that it isn't. nil:
	// there is none.
	elsewhere func(name) bool

	rcode         int
	authoritative bool
	answer        []dns.RR
	substituted   map[*rrset]bool // DNAMEs in the answer: a chain may use one twice
	apexSOA       []dns.RR        // of a negative answer, with its signatures
	delegation    []dns.RR        // NS, and DS with its signatures, of a referral
	proofs        [][]dns.RR      // NSEC or NSEC3 RRsets with their signatures
	proven        map[*rrset]bool
	requiredGlue  []dns.RR
	optional      []dns.RR
}

func newAnswer(z *zone, q *query) *answer {
	return &answer{
		z:           z,
		qtype:       q.qtype,
		do:          q.opt != nil && q.opt.do,
		substituted: map[*rrset]bool{},
		proven:      map[*rrset]bool{},
	}
}

func (a *answer) authority() []dns.RR {
	section := append(a.apexSOA, a.delegation...)
	for _, proof := range a.proofs {
		section = append(section, proof...)
	}
	return section
}

// follow resolves n, and the names that CNAMEs and DNAMEs lead to, while they
// are in this zone (RFC 1034 §4.3.2 step 3a). What has been found when a chain
// turns in a circle, or is too long, is the answer.
func (a *answer) follow(n name) {
	seen := map[name]bool{}
	for range maxLinks {
		seen[n] = true
		target, chained := a.step(n)
		if !chained || !target.isWithin(a.z.apex) || seen[target] || a.elsewhere != nil && a.elsewhere(target) {
			return
		}
		n = target
	}
}

// step is RFC 1034 §4.3.2 step 3 as changed by RFC 6672 §3.2, for one name. It
// returns where to go on, if it met a CNAME or DNAME.
func (a *answer) step(n name) (target name, chained bool) {
	// 3.b and the DNAME part of 3.c: what is met first on the way down.
	for _, at := range n.pathFrom(a.z.apex) {
		here := a.z.nodes[at]
		if at != a.z.apex && here[dns.TypeNS] != nil {
			if at == n && a.qtype == dns.TypeDS {
				break // 3.a: DS is the parent's (RFC 4035 §3.1.4.1)
			}
			a.refer(at)
			return "", false
		}
		if at != n && here[dns.TypeDNAME] != nil {
			return a.substitute(n, at)
		}
	}
	a.authoritative = true
	// 3.a: the whole of n is matched.
	if here := a.z.nodes[n]; here != nil {
		return a.answerFrom(here, n, n)
	}
	// 3.c: a label is impossible; the source of synthesis is tried (RFC 4592 §3.3).
	source := a.z.closestEncloser(n).wildcard()
	if here := a.z.nodes[source]; here != nil {
		return a.answerFrom(here, n, source)
	}
	a.rcode = dns.RcodeNameError // of the chain's last name: RFC 6604 §3
	a.addSOA()
	a.proveNameError(n)
	return "", false
}

// answerFrom answers for n from a node: n's own, or that of the source of
// synthesis.
func (a *answer) answerFrom(here node, n, source name) (target name, chained bool) {
	rtype := a.qtype
	switch rtype {
	case dns.TypeANY, dns.TypeRRSIG:
		rtype = here.lowestType()
	default:
		// Only NSEC may stand beside a CNAME (RFC 4034 §4). Where there is none,
		// the CNAME stands for it as for any other type: NODATA at a CNAME would
		// be bogus (RFC 6840 §4.3).
		if here[rtype] == nil && here[dns.TypeCNAME] != nil {
			rtype, chained = dns.TypeCNAME, true
		}
	}
	set := here[rtype]
	if set == nil || a.qtype == dns.TypeRRSIG && len(set.signatures) == 0 {
		a.addSOA()
		a.proveNoData(n, source)
		return "", false
	}

	if a.qtype != dns.TypeRRSIG {
		a.answer = append(a.answer, owned(set.records, n)...)
	}
	if a.qtype == dns.TypeRRSIG || a.do {
		a.answer = append(a.answer, owned(set.signatures, n)...)
	}
	if n != source {
		a.proveExpansion(n)
	}
	if chained {
		return parseName(set.records[0].(*dns.CNAME).Target), true
	}
	if a.qtype != dns.TypeRRSIG {
		a.addAddressesFor(set, n)
	}
	return "", false
}

// substitute applies the DNAME of an ancestor to n (RFC 6672 §2.2, §3.1).
func (a *answer) substitute(n, ancestor name) (target name, chained bool) {
	a.authoritative = true
	set := a.z.nodes[ancestor][dns.TypeDNAME]
	if !a.substituted[set] {
		a.substituted[set] = true
		a.answer = append(a.answer, owned(set.records, ancestor)...)
		if a.do {
			a.answer = append(a.answer, owned(set.signatures, ancestor)...)
		}
	}
	dname := set.records[0].(*dns.DNAME)
	prefix := n[:len(n)-len(ancestor)]
	target = prefix + parseName(dname.Target)
	if len(target) > 255 {
		a.rcode = dns.RcodeYXDomain
		return "", false
	}
	a.answer = append(a.answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: n.String(), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: dname.Hdr.Ttl},
		Target: target.String(),
	})
	// RFC 6672 §3.2 goes back to step 1 whatever the type. But a query for CNAME
	// has its answer, as with a CNAME that is no DNAME's work (RFC 1034 §4.3.2 step
	// 3a); Knot, NSD and BIND stop here too.
	return target, a.qtype != dns.TypeCNAME
}

// refer answers with the delegation at a cut (RFC 1034 §4.3.2 step 3b, RFC 4035
// §3.1.4). It is authoritative only for the chain that led there.
func (a *answer) refer(cut name) {
	a.authoritative = len(a.answer) > 0
	here := a.z.nodes[cut]
	a.delegation = append(a.delegation, owned(here[dns.TypeNS].records, cut)...)
	if a.do && a.z.denial != unsigned {
		if ds := here[dns.TypeDS]; ds != nil {
			a.delegation = append(a.delegation, owned(ds.records, cut)...)
			a.delegation = append(a.delegation, owned(ds.signatures, cut)...)
		} else {
			a.proveNoData(cut, cut)
		}
	}
	a.addGlue(cut)
}

// addSOA adds the SOA of a negative answer, with the TTL of RFC 2308 §3.
func (a *answer) addSOA() {
	soa := a.z.soa()
	ttl := min(soa.Hdr.Ttl, soa.Minttl)
	set := a.z.nodes[a.z.apex][dns.TypeSOA]
	a.apexSOA = owned(set.records, a.z.apex)
	if a.do {
		a.apexSOA = append(a.apexSOA, owned(set.signatures, a.z.apex)...)
	}
	for _, rr := range a.apexSOA {
		rr.Header().Ttl = ttl
	}
}

// owned copies records, with n as their owner (RFC 4592 §3.3.1: the owner of
// what is synthesized is the query's name).
func owned(records []dns.RR, n name) []dns.RR {
	var copies []dns.RR
	for _, rr := range records {
		rr = dns.Copy(rr)
		rr.Header().Name = n.String()
		copies = append(copies, rr)
	}
	return copies
}
