package tldzone

import (
	"slices"
	"strconv"
	"sync"
)

const (
	companies = 20_000 // that host zones of others
	pool      = 40     // name servers of the largest one, of which each customer gets two
)

// popularity sums up the weights of the companies: that of rank n, from 0, is 1/(n+1).
var popularity = sync.OnceValue(func() []uint64 {
	sums := make([]uint64, companies)
	var sum uint64
	for rank := range sums {
		sum += 1 << 32 / uint64(rank+1)
		sums[rank] = sum
	}
	return sums
})

// company draws one by its popularity.
func (d *draw) company() int {
	sums := popularity()
	at, found := slices.BinarySearch(sums, uint64(d.below(int(sums[companies-1]))))
	if found { // it belongs to the next one's part
		at++
	}
	return at
}

// withinZone tells whether a company's name servers are below a delegation of the zone: the
// one that has the company's rank as its index. In a small zone only the largest ones can be, so that
// few delegations are companies.
func (z *Zone) withinZone(rank int) bool {
	return rank%4 == 2 && rank < min(companies, z.Delegations/16)
}

// serversOf is how many name servers a company has.
func serversOf(rank int) int {
	switch {
	case rank%11 == 10:
		return 4
	case rank%5 == 4:
		return 3
	}
	return 2
}

// appendServers appends the NS records of the i-th delegation, whose name is owner, and
// their glue.
func (z *Zone) appendServers(dst []byte, i int, owner []byte) []byte {
	d := newDraw(z.Seed, i, forServers)
	kind := d.below(20)
	switch {
	case z.withinZone(i):
		return appendOwn(dst, &d, owner, serversOf(i))
	case kind < 3:
		return appendOwn(dst, &d, owner, 2+max(0, d.below(8)-5))
	case kind < 5: // one of its own, one elsewhere
		dst = appendNS(dst, owner, "ns.")
		dst = append(append(dst, owner...), '\n')
		dst = appendNS(dst, owner, "ns")
		dst = strconv.AppendInt(dst, int64(d.below(50)), 10)
		dst = append(dst, ".secondary.example.\n"...)
		return appendAddress(dst, &d, "ns.", owner)
	}
	rank := d.company()
	if rank == 0 {
		first := d.below(pool)
		for _, n := range []int{first, (first + 1 + d.below(pool-1)) % pool} {
			dst = appendNS(dst, owner, syllables[n*3])
			dst = append(dst, ".ns.anycast.example.\n"...)
		}
		return dst
	}
	for n := range serversOf(rank) {
		dst = appendNS(dst, owner, "ns")
		dst = append(strconv.AppendInt(dst, int64(n+1), 10), '.')
		if z.withinZone(rank) {
			dst = append(z.appendName(dst, rank), '\n')
		} else {
			dst = strconv.AppendInt(append(dst, "hosting"...), int64(rank), 10)
			dst = append(dst, ".example.\n"...)
		}
	}
	return dst
}

// appendOwn appends n name servers below the owner, ns1 to nsn.
func appendOwn(dst []byte, d *draw, owner []byte, n int) []byte {
	var label [8]byte
	for k := range n {
		server := append(strconv.AppendInt(append(label[:0], "ns"...), int64(k+1), 10), '.')
		dst = appendNS(dst, owner, string(server))
		dst = append(append(dst, owner...), '\n')
		dst = appendAddress(dst, d, string(server), owner)
	}
	return dst
}

// appendNS appends an NS record up to the beginning of its data.
func appendNS(dst, owner []byte, server string) []byte {
	dst = append(append(dst, owner...), " NS "...)
	return append(dst, server...)
}

// appendAddress appends a name server's A record, and an AAAA record of half of them. The
// addresses are of RFC 2544 and RFC 3849.
func appendAddress(dst []byte, d *draw, server string, owner []byte) []byte {
	n := d.next()
	dst = append(append(append(dst, server...), owner...), " A 198."...)
	dst = strconv.AppendUint(dst, 18+n&1, 10)
	dst = strconv.AppendUint(append(dst, '.'), n>>8&255, 10)
	dst = strconv.AppendUint(append(dst, '.'), n>>16&255, 10)
	dst = append(dst, '\n')
	if n>>1&1 == 0 {
		return dst
	}
	dst = append(append(append(dst, server...), owner...), " AAAA 2001:db8:"...)
	dst = strconv.AppendUint(dst, n>>32&0xffff, 16)
	dst = strconv.AppendUint(append(dst, "::"...), 1+n>>24&255, 16)
	return append(dst, '\n')
}
