package udp

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sendBufferBytes is a few milliseconds of a fast interface.
	sendBufferBytes = 1 << 20
	// recheck is how long a worker waits at most before it looks whether it has
	// been told to stop. Shutdown wakes it at once; this is the safety net.
	recheck = 500 * time.Millisecond
	// drowsy is how long a worker waits for a query with its P in hand.
	drowsy = 4 * time.Millisecond
)

// openSockets binds n sockets to addr, all to the same port if addr leaves the
// choice to the kernel.
func openSockets(addr netip.AddrPort, n, receiveBufferBytes int) (fds []int, err error) {
	defer func() {
		if err != nil {
			closeAll(fds)
			fds = nil
		}
	}()
	for len(fds) < n {
		fd, err := newSocket(addr.Addr(), receiveBufferBytes)
		if err != nil {
			return fds, err
		}
		fds = append(fds, fd)
		// The first one must find the address free; see "One server a port".
		if len(fds) == 1 {
			if err := bind(fd, addr); err != nil {
				return fds, err
			}
			if addr, err = localAddr(fd, addr); err != nil {
				return fds, err
			}
			err = setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		} else {
			err = setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			if err == nil {
				err = bind(fd, addr)
			}
		}
		if err != nil {
			return fds, err
		}
	}
	return fds, nil
}

func newSocket(ip netip.Addr, receiveBufferBytes int) (fd int, err error) {
	family := unix.AF_INET
	if ip.Is6() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := configure(fd, ip, receiveBufferBytes); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func configure(fd int, ip netip.Addr, receiveBufferBytes int) error {
	type option struct{ level, name, value int }
	options := []option{{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT}}
	if ip.IsUnspecified() {
		options = append(options, option{unix.IPPROTO_IP, unix.IP_PKTINFO, 1})
	}
	if ip.Is6() {
		options = []option{
			{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT},
		}
		if ip.IsUnspecified() {
			options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1})
		}
	}
	for _, o := range options {
		if err := setInt(fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	// As root the limits net.core.rmem_max and wmem_max don't bind; otherwise the
	// kernel gives what it may. Server.ReceiveBufferBytes tells the result.
	for _, buffer := range []struct{ force, plain, bytes int }{
		{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, receiveBufferBytes},
		{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, sendBufferBytes},
	} {
		if setInt(fd, unix.SOL_SOCKET, buffer.force, buffer.bytes) == nil {
			continue
		}
		if err := setInt(fd, unix.SOL_SOCKET, buffer.plain, buffer.bytes); err != nil {
			return err
		}
	}
	timeout := unix.NsecToTimeval(int64(drowsy))
	return os.NewSyscallError("setsockopt SO_RCVTIMEO",
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout))
}

func setInt(fd, level, name, value int) error {
	if err := unix.SetsockoptInt(fd, level, name, value); err != nil {
		return fmt.Errorf("setsockopt(level %d, option %d, %d): %w", level, name, value, err)
	}
	return nil
}

func bind(fd int, addr netip.AddrPort) error {
	var sa unix.Sockaddr
	if ip := addr.Addr(); ip.Is4() {
		sa = &unix.SockaddrInet4{Addr: ip.As4(), Port: int(addr.Port())}
	} else {
		zone, err := zoneIndex(ip.Zone())
		if err != nil {
			return err
		}
		sa = &unix.SockaddrInet6{Addr: ip.As16(), Port: int(addr.Port()), ZoneId: zone}
	}
	return os.NewSyscallError("bind", unix.Bind(fd, sa))
}

// zoneIndex is the interface's number in an address like fe80::1%eth0.
func zoneIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	iface, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(iface.Index), nil
}

// localAddr is addr with the port that the kernel has chosen.
func localAddr(fd int, addr netip.AddrPort) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return addr, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(addr.Addr(), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(addr.Addr(), uint16(sa.Port)), nil
	}
	return addr, fmt.Errorf("getsockname: not an IP socket but %T", sa)
}

// refuseMore makes the kernel drop whatever arrives from now on, while what is
// queued can still be read: so a busy socket can be drained, and no query is
// taken in that nobody would answer.
func refuseMore(fd int) error {
	program := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER",
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}))
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
