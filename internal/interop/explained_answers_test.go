package interop

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// answerRules are about questions for names.
var answerRules = []rule{
	{id: "CD copied", peers: bind,
		why: `RFC 4035 §3.1.6: an authoritative server should clear it`,
		apply: func(c *comparison) {
			delete(c.theirs.flags, "CD")
		}},
	{id: "loops", peers: bind,
		why: `named says SERVFAIL when CNAME or DNAME records lead in circles; RFC 1034 §3.6.2 wants software not to fail on them, and yushan, knotd and nsd answer with the records as they are`,
		apply: func(c *comparison) {
			if c.theirs.rcode == dns.RcodeServerFailure && c.ours.rcode == dns.RcodeSuccess && inCircle(c.full.answer) {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "records said twice", peers: knot,
		why: `RFC 2181 §5: an RRset has no duplicates; a DNAME that leads to itself makes knotd repeat the CNAME`,
		apply: func(c *comparison) {
			var once []dns.RR
			for _, rr := range c.theirs.answer {
				if !contains(once, rr) {
					once = append(once, rr)
				}
			}
			c.theirs.answer = once
		}},
	{id: "short chains", peers: knot,
		why: `knotd gives up after five links; RFC 1034 §4.3.2 step 3a has no limit, and yushan's is 16`,
		apply: func(c *comparison) {
			if links(c.full.answer) >= 5 && links(c.theirs.answer) >= 5 && len(c.theirs.answer) < len(c.full.answer)+len(c.full.authority) && c.theirs.rcode == dns.RcodeSuccess && len(c.theirs.authority) == 0 && subset(c.theirs.answer, c.full.answer) {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "chains into another zone", peers: nsdAndBIND,
		why: `the peer goes on in another of its zones where a CNAME leads into it; yushan and knotd end at the zone's own cut, with a referral, so that what is said doesn't depend on which zones a server happens to have (RFC 1034 §4.3.2 allows both: the resolver asks again)`,
		apply: func(c *comparison) {
			if links(c.ours.answer) > 0 && isReferral(c.ours) && subset(c.ours.answer, c.theirs.answer) && !isReferral(c.theirs) {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "minimal ANY and RRSIG", peers: every,
		why: `RFC 8482 §4.1: one RRset is enough, and which one is free; RRSIG, which asks for as much, is treated alike`,
		apply: func(c *comparison) {
			if (c.qtype == dns.TypeANY || c.qtype == dns.TypeRRSIG) && c.ours.rcode == c.theirs.rcode &&
				len(c.full.answer) > 0 && (len(c.theirs.answer) > 0 || c.theirs.flags["TC"]) {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "NSEC asked of an alias", peers: every,
		why: `RFC 1034 §3.6.2: a CNAME is followed for a type that isn't beside it, NSEC too; NODATA couldn't be proved (RFC 6840 §4.3)`,
		apply: func(c *comparison) {
			if (c.qtype == dns.TypeNSEC || c.qtype == dns.TypeNSEC3) && links(c.full.answer) > 0 && links(c.theirs.answer) == 0 {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "RRSIG asked of an unsigned alias", peers: nsd,
		why: `RFC 4034 §3: RRSIG may stand beside CNAME, so the question is about the alias itself: NODATA`,
		apply: func(c *comparison) {
			if c.qtype == dns.TypeRRSIG && c.validator == nil && links(c.theirs.answer) > 0 && len(c.ours.answer) == 0 {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "ANY asked below a DNAME", peers: bind,
		why: `RFC 6672 §3.2 step 3c: after the substitution the server goes back to step 1; named ends with the CNAME that it made`,
		apply: func(c *comparison) {
			if c.qtype == dns.TypeANY && slices.ContainsFunc(c.full.answer, isType(dns.TypeDNAME)) &&
				c.theirs.rcode == dns.RcodeSuccess && links(c.theirs.answer) > 0 && subset(c.theirs.answer, c.full.answer) {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "NSEC asked at a cut", peers: bind,
		why: `RFC 4035 §3.1.4 names DS alone as the parent's to answer; for NSEC yushan, knotd and nsd refer to the child`,
		apply: func(c *comparison) {
			if c.qtype == dns.TypeNSEC && isReferral(c.full) && len(c.theirs.answer) > 0 && c.theirs.answer[0].Header().Rrtype != dns.TypeCNAME {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "truncated", peers: every,
		why: `both truncate; yushan then sends no records at all, as RFC 2181 §9 lets the client ignore them`,
		apply: func(c *comparison) {
			if c.ours.flags["TC"] && c.theirs.flags["TC"] {
				c.ours.answer, c.ours.authority, c.ours.additional = nil, nil, nil
				c.theirs.answer, c.theirs.authority, c.theirs.additional = nil, nil, nil
			}
		}},
	{id: "rcode of a truncated answer", peers: knot,
		why: `knotd truncates before it knows of NXDOMAIN; the rcode is that of the whole answer (RFC 2308 §2.1)`,
		apply: func(c *comparison) {
			if c.ours.flags["TC"] && c.theirs.flags["TC"] {
				c.theirs.rcode = c.ours.rcode
			}
		}},
	{id: "less compression", peers: every,
		why: `without compression of names the answer would not fit; the peer compresses less than RFC 1035 §4.1.4 allows, and truncates`,
		apply: func(c *comparison) {
			if c.theirs.flags["TC"] && !c.ours.flags["TC"] && uncompressed(c.ours) > c.limit {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "SOA left out", peers: knot,
		why: `without compression the answer would not fit, and knotd then leaves out the SOA record without TC; RFC 2308 §2.2 makes the answer useless to caches`,
		apply: func(c *comparison) {
			if !c.TCP && len(c.theirs.authority) == 0 && slices.ContainsFunc(c.ours.authority, isType(dns.TypeSOA)) && uncompressed(c.ours) > c.limit {
				c.theirs.authority = c.ours.authority
			}
		}},
	{id: "glue without TC", peers: nsdAndBIND,
		why: `the peer leaves out glue of in-domain name servers without TC, which RFC 9471 §3.1 forbids`,
		apply: func(c *comparison) {
			if !c.TCP && !c.theirs.flags["TC"] && lacksGlue(c.theirs, c.full) && subset(c.theirs.additional, c.full.additional) {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "proofs beside SVCB", peers: knot,
		why: `RFC 9460 §4.1 suggests proofs that the target has no other records, in an optional section`,
		apply: func(c *comparison) {
			isProof := func(rr dns.RR) bool {
				sig, ok := rr.(*dns.RRSIG)
				return isType(dns.TypeNSEC)(rr) || isType(dns.TypeNSEC3)(rr) || ok && (sig.TypeCovered == dns.TypeNSEC || sig.TypeCovered == dns.TypeNSEC3)
			}
			if (c.qtype == dns.TypeSVCB || c.qtype == dns.TypeHTTPS) && slices.ContainsFunc(c.theirs.additional, isProof) {
				c.theirs.additional = slices.DeleteFunc(c.theirs.additional, isProof)
				if subset(c.theirs.additional, c.ours.additional) { // what they had no more room for
					c.theirs.additional = c.ours.additional
				}
			}
		}},
	{id: "what SVCB leads to", peers: knotAndNSD,
		why: `RFC 9460 §4.1 wants the addresses and the SVCB records of each target in the additional section, and by §2.5 the owner is the target of "."; the peers know only targets by name, and only addresses`,
		apply: func(c *comparison) {
			if (c.qtype == dns.TypeSVCB || c.qtype == dns.TypeHTTPS) && subset(c.theirs.additional, c.ours.additional) {
				c.theirs.additional = c.ours.additional
			}
		}},
	{id: "more additional records", peers: bind,
		why: `named adds addresses and SRV records for NAPTR and AFSDB, which are optional (RFC 3403 §4.2, RFC 1183 §1)`,
		apply: func(c *comparison) {
			if slices.Contains([]uint16{dns.TypeNAPTR, dns.TypeAFSDB}, c.qtype) && subset(c.ours.additional, c.theirs.additional) {
				c.theirs.additional = c.ours.additional
			}
		}},
	{id: "addresses that are not glue", peers: bind,
		why: `RFC 1034 §4.3.2 step 3b: whatever addresses are available go with a referral; named adds glue only`,
		apply: func(c *comparison) {
			if isReferral(c.ours) && subset(c.theirs.additional, c.ours.additional) && !lacksGlue(c.theirs, c.ours) {
				c.theirs.additional = c.ours.additional
			}
		}},
	{id: "optional additional records", peers: every,
		why: `there is no room for all addresses that are not in-domain glue, and servers choose differently what to leave out: none of it needs TC (RFC 2181 §9, RFC 9471 §3.2, RFC 4035 §3.1.1)`,
		apply: func(c *comparison) {
			if !c.ours.flags["TC"] && !c.theirs.flags["TC"] && (c.full.bytes > c.limit || !c.TCP && uncompressed(c.full) > c.limit) && !lacksGlue(c.theirs, c.full) &&
				subset(c.ours.additional, c.full.additional) && subset(c.theirs.additional, c.full.additional) {
				c.ours.additional, c.theirs.additional = nil, nil
			}
		}},
	{id: "wildcard addresses", peers: knotAndNSD,
		why: `additional records are optional (RFC 1034 §4.3.2 step 6), and yushan makes none from wildcards, whose proofs it would have to add`,
		apply: func(c *comparison) {
			c.theirs.additional = slices.DeleteFunc(c.theirs.additional, func(rr dns.RR) bool {
				return strings.HasPrefix(dns.CanonicalName(rr.Header().Name), "any.w")
			})
		}},
	{id: "minimal additional section", peers: nsdAndBIND,
		why: `nsd's minimal-responses, and named with datagrams of 512 bytes or more than 13 names, leave out addresses of MX, SRV and NS targets; they are optional (RFC 1034 §4.3.2 step 6)`,
		apply: func(c *comparison) {
			if !isReferral(c.ours) && len(c.theirs.additional) == 0 && (c.peer == peer.NSD || c.limit == 512 || len(c.ours.answer) > 13) {
				c.ours.additional = nil
			}
		}},
	{id: "NSEC3 owners as names", peers: knotAndNSD,
		why: `RFC 5155 §7.2.8: the owner names of NSEC3 records don't exist to queries; the peer takes them for closest enclosers, so that its proof doesn't validate, or it misses a wildcard`,
		apply: func(c *comparison) {
			if !hashLabel.MatchString(c.name) || c.validator == nil {
				return
			}
			denies := c.theirs.rcode == dns.RcodeNameError && c.ours.rcode == dns.RcodeSuccess
			if denies || c.do && c.valid(c.full) && (c.theirs.flags["TC"] || !c.valid(c.theirs)) {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "invalid proof", peers: knotAndNSD,
		why: `the peer's answer doesn't validate, yushan's does (RFC 4035 §5, RFC 5155 §8): knotd forgets records for names with a zero byte, or with an asterisk that a wildcard above stands in for; nsd forgets proofs at the end of DNAME chains, and takes empty non-terminals that opt-out left out of the chain for provable`,
		apply: func(c *comparison) {
			if c.do && c.validator != nil && c.valid(c.full) && !c.theirs.flags["TC"] && !c.valid(c.theirs) {
				c.theirs = c.ours.clone()
			}
		}},
	{id: "needless proof", peers: nsd,
		why: `both answers validate, but the peer sends NSEC3 records that prove nothing that had to be proved (RFC 5155 §7.2), or truncates for them`,
		apply: func(c *comparison) {
			if !c.do || c.validator == nil || c.theirs.message == nil {
				return
			}
			if c.theirs.flags["TC"] && c.valid(c.ours) && slices.ContainsFunc(c.theirs.authority, func(rr dns.RR) bool {
				return isType(dns.TypeNSEC3)(rr) && !contains(c.ours.authority, rr)
			}) {
				c.theirs = c.ours.clone()
				return
			}
			if result, err := c.validator.Check(c.theirs.message); err == nil && len(result.Unused) > 0 && subset(c.ours.authority, c.theirs.authority) {
				c.theirs.authority = c.ours.authority
			}
		}},
}
