package stream

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sources are the addresses that connections come from, by turns.
type sources struct {
	ranges []addresses
	total  uint64
	next   uint64
	step   uint64
}

// addresses are so many that follow each other.
type addresses struct {
	first netip.Addr
	count uint64
}

// maxAddresses of one prefix are used: the first ones.
const maxAddresses = 1 << 48

// newSources tries one address of each prefix. The workers of a run have different ones
// at any time, if there are enough.
func newSources(prefixes []netip.Prefix, worker, workers int) (*sources, error) {
	s := &sources{next: uint64(worker), step: uint64(workers)}
	for _, prefix := range prefixes {
		r := hosts(prefix.Masked())
		if err := tryBind(r.first); err != nil {
			return nil, fmt.Errorf("source %s of %s: %w", r.first, prefix, err)
		}
		s.ranges = append(s.ranges, r)
		s.total += r.count
	}
	return s, nil
}

// hosts are the addresses of a prefix that a host can have: neither the first nor the
// last one, which IPv4 has for broadcast and IPv6 for routers, if there are others.
func hosts(prefix netip.Prefix) addresses {
	size := prefix.Addr().BitLen() - prefix.Bits()
	if size == 0 {
		return addresses{prefix.Addr(), 1}
	} else if size == 1 {
		return addresses{prefix.Addr(), 2}
	}
	count := uint64(maxAddresses)
	if size < 48 {
		count = 1<<size - 2
	}
	return addresses{prefix.Addr().Next(), count}
}

// at is the n-th address, counted from 0.
func (a addresses) at(n uint64) netip.Addr {
	if a.first.Is4() {
		b := a.first.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
		return netip.AddrFrom4(b)
	}
	b := a.first.As16()
	low, carry := bits.Add64(binary.BigEndian.Uint64(b[8:]), n, 0)
	binary.BigEndian.PutUint64(b[8:], low)
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+carry)
	return netip.AddrFrom16(b)
}

// some tells whether there are any. Otherwise the system chooses.
func (s *sources) some() bool { return s.total > 0 }

// take returns the next one. There must be some.
func (s *sources) take() netip.Addr {
	n := s.next % s.total
	s.next += s.step
	for _, r := range s.ranges {
		if n < r.count {
			return r.at(n)
		}
		n -= r.count
	}
	panic("more addresses than there are")
}

// tryBind tells whether the system has an address.
func tryBind(addr netip.Addr) error {
	fd, err := socket(addr)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return bind(fd, addr)
}

func socket(family netip.Addr) (fd int, err error) {
	domain := unix.AF_INET6
	if family.Is4() {
		domain = unix.AF_INET
	}
	fd, err = unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	return fd, nil
}

// bind leaves the choice of the port to connect, which knows that ports may be used
// for several servers.
func bind(fd int, addr netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(addr, 0))); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

func sockaddr(addr netip.AddrPort) unix.Sockaddr {
	if addr.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16(), ZoneId: zoneIndex(addr.Addr().Zone())}
}
