package verify

import "yushan/bench/zonefile"

// negative judges the answer where there is no such name, or no such type.
func (j *judge) negative(z *zone, owner []byte, place zonefile.Place, rcode int) {
	if rcode == nxDomain {
		j.expectRcode(rcode, owner, "doesn't exist")
	} else {
		j.expectRcode(rcode, owner, "exists, without the type")
	}
	j.expectAA(true, "the zone knows what it doesn't have")
	j.soa(z)
	if !j.q.do || !z.nsec && !z.nsec3 {
		return
	}
	j.readProofs()
	if rcode == nxDomain {
		j.proveNoName(z, owner, place)
	} else {
		j.proveNoType(z, owner, place)
	}
}

// soa judges the SOA record beside a negative answer, whose TTL says how long that
// may be kept (RFC 2308 §3).
func (j *judge) soa(z *zone) {
	set := j.m.find(authority, z.Origin(), typeSOA)
	if set == nil {
		j.lacks(j.sizeOf(z, z.Origin(), z.apex, typeSOA), ruleSOA, "the authority section lacks the SOA record of %s", name(z.Origin()))
		return
	}
	j.compare(set, z.apex.RRset(typeSOA), ruleSOA)
	j.expectTTL(set, z.negativeTTL, z.negativeTTL)
	j.signatures(z, set, z.apex)
}
