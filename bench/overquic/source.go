package overquic

import (
	"net/netip"

	"yushan/bench/load"
)

// source returns the n-th address that queries come from: the prefixes take turns, and
// so do the addresses of each. Without any it is the zero Addr.
func source(prefixes []netip.Prefix, n uint64) netip.Addr {
	if len(prefixes) == 0 {
		return netip.Addr{}
	}
	count := uint64(len(prefixes))
	hosts := load.HostsOf(prefixes[n%count])
	return hosts.At(n / count % hosts.Count)
}
