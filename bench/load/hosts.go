package load

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"strconv"
)

// Hosts are addresses of a prefix that follow each other.
type Hosts struct {
	First netip.Addr
	Count uint64 // at least 1
}

// maxHosts of one prefix are used: the first ones.
const maxHosts = 1 << 48

// HostsOf returns the addresses of a prefix that a host can have: neither the first nor the
// last one, which IPv4 has for the network and for broadcast and IPv6 for routers and
// anycast, if there are others.
func HostsOf(prefix netip.Prefix) Hosts {
	prefix = prefix.Masked()
	size := prefix.Addr().BitLen() - prefix.Bits()
	switch {
	case size < 2:
		return Hosts{prefix.Addr(), 1 << size}
	case size < 48:
		return Hosts{prefix.Addr().Next(), 1<<size - 2}
	}
	return Hosts{prefix.Addr().Next(), maxHosts}
}

// At returns the n-th address, counted from 0.
func (h Hosts) At(n uint64) netip.Addr {
	if h.First.Is4() {
		b := h.First.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
		return netip.AddrFrom4(b)
	}
	b := h.First.As16()
	low, carry := bits.Add64(binary.BigEndian.Uint64(b[8:]), n, 0)
	binary.BigEndian.PutUint64(b[8:], low)
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+carry)
	return netip.AddrFrom16(b)
}

// ZoneNumber is the number of the interface in an address like fe80::1%eth0, 0 without one.
func ZoneNumber(addr netip.Addr) (uint32, error) {
	zone := addr.Zone()
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	link, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, fmt.Errorf("interface %q: %w", zone, err)
	}
	return uint32(link.Index), nil
}
