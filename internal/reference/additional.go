package reference

import "github.com/miekg/dns"

// addGlue adds the addresses of a delegation's name servers: those of in-domain
// servers must be there (RFC 9471 §3.1), sibling glue and other addresses of
// this zone may. Of these, the zone signs those that it is authoritative for
// (RFC 4035 §3.1.1).
func (a *answer) addGlue(cut name) {
	servers := targets(a.z.nodes[cut][dns.TypeNS])
	for _, server := range servers {
		if server.isWithin(cut) {
			for _, set := range a.z.addresses(server) {
				a.requiredGlue = append(a.requiredGlue, owned(set.records, server)...)
			}
		}
	}
	var signatures []dns.RR
	for _, server := range servers {
		if !server.isWithin(cut) {
			for _, set := range a.z.addresses(server) {
				a.optional = append(a.optional, owned(set.records, server)...)
				if _, isGlue := a.z.findCut(server); a.do && !isGlue {
					signatures = append(signatures, owned(set.signatures, server)...)
				}
			}
		}
	}
	a.optional = append(a.optional, signatures...)
}

// maxHosts is how many hosts an answer names the addresses of at most: who asks
// for more of them needs them all no sooner than he can ask again.
const maxHosts = 32

// addAddressesFor adds the addresses of the hosts that an answer's records name
// (RFC 1034 §4.3.2 step 6, RFC 2782), signed where this zone is authoritative for
// them, and what SVCB and HTTPS records lead to (RFC 9460 §4.1): their targets'
// records of the same type, and the owner's own addresses for the target "."
// (§2.5).
func (a *answer) addAddressesFor(set *rrset, owner name) {
	added := map[name]bool{}
	rtype := set.records[0].Header().Rrtype
	service := rtype == dns.TypeSVCB || rtype == dns.TypeHTTPS
	for _, target := range targets(set) {
		if service && target == "\x00" {
			target = owner
		}
		sets := a.z.addresses(target)
		if service && target != owner && target.isWithin(a.z.apex) {
			if _, isGlue := a.z.findCut(target); !isGlue {
				sets = append(sets, a.z.known(target, rtype)...)
			}
		}
		if len(sets) == 0 || added[target] || len(added) == maxHosts {
			continue
		}
		added[target] = true
		for _, addresses := range sets {
			a.optional = append(a.optional, owned(addresses.records, target)...)
			if _, isGlue := a.z.findCut(target); a.do && !isGlue {
				a.optional = append(a.optional, owned(addresses.signatures, target)...)
			}
		}
	}
}

// targets are the names of hosts in an RRset, in the order of its records; none
// for types that have no addresses in the additional section.
func targets(set *rrset) []name {
	var names []name
	for _, rr := range set.records {
		switch rr := rr.(type) {
		case *dns.NS:
			names = append(names, parseName(rr.Ns))
		case *dns.MX:
			names = append(names, parseName(rr.Mx))
		case *dns.SRV:
			names = append(names, parseName(rr.Target))
		case *dns.SVCB:
			names = append(names, parseName(rr.Target))
		case *dns.HTTPS:
			names = append(names, parseName(rr.Target))
		}
	}
	return names
}

// addresses are the A and AAAA RRsets of a name of this zone, in that order.
func (z *zone) addresses(n name) []*rrset { return z.known(n, dns.TypeA, dns.TypeAAAA) }

// known are the RRsets of some types that a name of this zone has. Names that the zone only seems to have, below a DNAME, have none (RFC 6672
// §2.4).
func (z *zone) known(n name, types ...uint16) (sets []*rrset) {
	if !n.isWithin(z.apex) {
		return nil
	}
	for _, at := range n.pathFrom(z.apex) {
		if at != n && z.nodes[at][dns.TypeDNAME] != nil {
			return nil
		}
	}
	for _, rtype := range types {
		if set := z.nodes[n][rtype]; set != nil {
			sets = append(sets, set)
		}
	}
	return sets
}
