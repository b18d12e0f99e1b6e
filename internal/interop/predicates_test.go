package interop

import (
	"regexp"
	"slices"

	"github.com/miekg/dns"
)

// hashLabel is the owner of an NSEC3 record in a name.
var hashLabel = regexp.MustCompile(`(^|\.)[0-9a-v]{32}\.`)

func (c *comparison) valid(a *answer) bool {
	if a.message == nil {
		return false
	}
	_, err := c.validator.Check(a.message)
	return err == nil
}

func isType(rrtype uint16) func(dns.RR) bool {
	return func(rr dns.RR) bool { return rr.Header().Rrtype == rrtype }
}

func contains(rrs []dns.RR, rr dns.RR) bool {
	return slices.ContainsFunc(rrs, func(other dns.RR) bool { return text(other) == text(rr) })
}

func subset(rrs, of []dns.RR) bool {
	return !slices.ContainsFunc(rrs, func(rr dns.RR) bool { return !contains(of, rr) })
}

// links counts the CNAME records of an answer.
func links(rrs []dns.RR) (n int) {
	for _, rr := range rrs {
		if rr.Header().Rrtype == dns.TypeCNAME {
			n++
		}
	}
	return n
}

// inCircle tells whether the CNAME records lead back to a name that was left.
func inCircle(rrs []dns.RR) bool {
	for _, rr := range rrs {
		cname, ok := rr.(*dns.CNAME)
		if ok && slices.ContainsFunc(rrs, func(other dns.RR) bool {
			return isType(dns.TypeCNAME)(other) && dns.CanonicalName(other.Header().Name) == dns.CanonicalName(cname.Target)
		}) && links(rrs) > 0 && chainEnd(rrs) == "" {
			return true
		}
	}
	return false
}

// chainEnd follows the CNAME records and returns the last name, or "" if there
// is none.
func chainEnd(rrs []dns.RR) string {
	next := map[string]string{}
	start := ""
	for _, rr := range rrs {
		if cname, ok := rr.(*dns.CNAME); ok {
			owner := dns.CanonicalName(cname.Hdr.Name)
			next[owner] = dns.CanonicalName(cname.Target)
			if start == "" {
				start = owner
			}
		}
	}
	name := start
	for range len(next) + 1 {
		target, ok := next[name]
		if !ok {
			return name
		}
		name = target
	}
	return ""
}

// uncompressed is the length of a message that repeats every name.
func uncompressed(a *answer) int {
	m := a.message.Copy()
	m.Compress = false
	return m.Len()
}

// isReferral tells whether there is a zone cut in the authority section.
func isReferral(a *answer) bool {
	return slices.ContainsFunc(a.authority, isType(dns.TypeNS)) && !slices.ContainsFunc(a.authority, isType(dns.TypeSOA))
}

// lacksGlue tells whether an answer is a referral without all addresses of the
// name servers at or below the cut that full has.
func lacksGlue(a, full *answer) bool {
	for _, rr := range full.authority {
		ns, ok := rr.(*dns.NS)
		if !ok || !dns.IsSubDomain(ns.Hdr.Name, ns.Ns) {
			continue
		}
		for _, glue := range full.additional {
			if dns.CanonicalName(glue.Header().Name) == dns.CanonicalName(ns.Ns) && !contains(a.additional, glue) {
				return true
			}
		}
	}
	return false
}
