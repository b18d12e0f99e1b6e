package overquic

import (
	"math"
	"net/netip"
)

// source returns the n-th address that queries come from: the prefixes take turns, and
// so do the addresses of each. Without any it is the zero Addr. The first and the last
// address of a prefix are left out, if there are others: they are no hosts'.
func source(prefixes []netip.Prefix, n uint64) netip.Addr {
	if len(prefixes) == 0 {
		return netip.Addr{}
	}
	count := uint64(len(prefixes))
	prefix := prefixes[n%count].Masked()
	n /= count
	host := prefix.Addr().BitLen() - prefix.Bits()
	var first, size uint64 = 0, math.MaxUint64
	if host < 64 {
		size = 1 << host
	}
	if host > 1 {
		first, size = 1, size-2
	}
	bytes := prefix.Addr().As16()
	offset := first + n%size
	for i := len(bytes) - 1; i >= 8; i-- {
		bytes[i] |= byte(offset)
		offset >>= 8
	}
	addr := netip.AddrFrom16(bytes)
	if prefix.Addr().Is4() {
		addr = addr.Unmap()
	}
	return addr
}
