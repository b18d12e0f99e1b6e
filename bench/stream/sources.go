package stream

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"yushan/bench/load"
)

// sources are the addresses that connections come from, by turns.
type sources struct {
	ranges []load.Hosts
	total  uint64
	next   uint64
	step   uint64
}

// newSources tries one address of each prefix. The workers of a run have different ones
// at any time, if there are enough.
func newSources(prefixes []netip.Prefix, worker, workers int) (*sources, error) {
	s := &sources{next: uint64(worker), step: uint64(workers)}
	for _, prefix := range prefixes {
		r := load.HostsOf(prefix)
		if err := tryBind(r.First); err != nil {
			return nil, fmt.Errorf("source %s of %s: %w", r.First, prefix, err)
		}
		s.ranges = append(s.ranges, r)
		s.total += r.Count
	}
	return s, nil
}

// some tells whether there are any. Otherwise the system chooses.
func (s *sources) some() bool { return s.total > 0 }

// take returns the next one. There must be some.
func (s *sources) take() netip.Addr {
	n := s.next % s.total
	s.next += s.step
	for _, r := range s.ranges {
		if n < r.Count {
			return r.At(n)
		}
		n -= r.Count
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
	if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(addr, 0), 0)); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

// sockaddr is an address as x/sys takes it. zone is the number of its interface, 0 for none.
func sockaddr(addr netip.AddrPort, zone uint32) unix.Sockaddr {
	if addr.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16(), ZoneId: zone}
}
