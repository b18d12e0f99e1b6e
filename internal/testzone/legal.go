package testzone

import (
	"slices"

	"github.com/miekg/dns"
)

// legal leaves out what a server refuses to load: CNAME beside other data, a
// delegated wildcard, names below a DNAME and the like. Of two that don't get
// on, the earlier record stays. Every RRset gets one TTL.
func legal(origin string, records []dns.RR) []dns.RR {
	var kept []dns.RR
	for _, rr := range records {
		if !slices.ContainsFunc(kept, func(earlier dns.RR) bool { return conflict(origin, earlier, rr) }) && allowed(origin, rr) {
			kept = append(kept, rr)
		}
	}
	for i, rr := range kept {
		for _, earlier := range kept[:i] {
			if sameOwner(rr, earlier) && rr.Header().Rrtype == earlier.Header().Rrtype {
				rr.Header().Ttl = earlier.Header().Ttl
				break
			}
		}
	}
	return slices.DeleteFunc(kept, func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeDS && !slices.ContainsFunc(kept, func(other dns.RR) bool {
			return sameOwner(rr, other) && other.Header().Rrtype == dns.TypeNS
		})
	})
}

func sameOwner(a, b dns.RR) bool {
	return canonical(a.Header().Name) == canonical(b.Header().Name)
}

// allowed reports whether the record may be in the zone at all.
func allowed(origin string, rr dns.RR) bool {
	owner := rr.Header().Name
	isApex := canonical(owner) == canonical(origin)
	if !isWithin(owner, origin) {
		return false
	}
	switch rr.Header().Rrtype {
	case dns.TypeNS, dns.TypeDNAME:
		return !isWildcard(owner)
	case dns.TypeDS:
		return !isWildcard(owner) && !isApex
	case dns.TypeCNAME:
		return !isApex
	}
	return true
}

// conflict reports whether two records can't be in one zone.
func conflict(origin string, a, b dns.RR) bool {
	x, y := a.Header(), b.Header()
	if sameOwner(a, b) {
		isApex := canonical(x.Name) == canonical(origin)
		either := func(rtype uint16) bool { return x.Rrtype == rtype || y.Rrtype == rtype }
		switch {
		case either(dns.TypeCNAME):
			return true
		case x.Rrtype == dns.TypeDNAME && y.Rrtype == dns.TypeDNAME:
			return true
		case either(dns.TypeDNAME) && either(dns.TypeNS):
			return !isApex
		}
		return dns.IsDuplicate(a, b)
	}
	below := func(rr, ancestor dns.RR) bool {
		return ancestor.Header().Rrtype == dns.TypeDNAME && isWithin(rr.Header().Name, ancestor.Header().Name)
	}
	return below(a, b) || below(b, a)
}
