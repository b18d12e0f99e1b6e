package verify

import (
	"encoding/binary"

	"yushan/bench/zonefile"
)

// zone is one of the server, with what its answers often need.
type zone struct {
	*zonefile.Zone
	number int // which of the zones, for the cache of signatures
	apex   zonefile.Node
	// signed: its answers have signatures if DO is set. nsec, nsec3: they prove what
	// there is not.
	signed, nsec, nsec3 bool
	// negativeTTL, in seconds, is the SOA record's beside a negative answer (RFC 2308 §3).
	negativeTTL uint32
}

func newZone(number int, z *zonefile.Zone) *zone {
	apex := z.Node(z.Origin())
	s := &zone{Zone: z, number: number, apex: apex}
	s.signed = apex.Has(typeDNSKEY) && apex.Signatures(typeSOA).Len > 0
	s.nsec = s.signed && apex.Has(typeNSEC)
	s.nsec3 = s.signed && !s.nsec && apex.Has(typeNSEC3PARAM)
	soa := apex.RRset(typeSOA)
	s.negativeTTL = soa.MinTTL
	if rdata := soa.First(); len(rdata) >= 4 {
		s.negativeTTL = min(s.negativeTTL, binary.BigEndian.Uint32(rdata[len(rdata)-4:]))
	}
	return s
}
