package udp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"yushan/bench/load"
)

const (
	// receiveBufferBytes hold the answers of some 10 ms at a million a second.
	receiveBufferBytes = 16 << 20
	sendBufferBytes    = 4 << 20
)

// target is the server, as sockets need it.
type target struct {
	addr netip.AddrPort
	zone uint32 // number of the interface of a link-local address
}

func newTarget(server netip.AddrPort) (target, error) {
	ip := server.Addr().Unmap()
	zone, err := load.ZoneNumber(ip)
	return target{netip.AddrPortFrom(ip.WithZone(""), server.Port()), zone}, err
}

// sockaddr is the target in the form that x/sys takes.
func (t target) sockaddr() unix.Sockaddr {
	if t.addr.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(t.addr.Port()), Addr: t.addr.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(t.addr.Port()), Addr: t.addr.Addr().As16(), ZoneId: t.zone}
}

// name is the target in the kernel's own form.
func (t target) name() []byte {
	if t.addr.Addr().Is4() {
		name := make([]byte, unix.SizeofSockaddrInet4)
		binary.NativeEndian.PutUint16(name, unix.AF_INET)
		binary.BigEndian.PutUint16(name[2:], t.addr.Port())
		copy(name[4:], t.addr.Addr().AsSlice())
		return name
	}
	name := make([]byte, unix.SizeofSockaddrInet6)
	binary.NativeEndian.PutUint16(name, unix.AF_INET6)
	binary.BigEndian.PutUint16(name[2:], t.addr.Port())
	copy(name[8:], t.addr.Addr().AsSlice())
	binary.NativeEndian.PutUint32(name[24:], t.zone)
	return name
}

// is tells whether an address in the kernel's form is the target's. What IPv6 has more
// than address and port, flow label and interface, may differ.
func (t target) is(name []byte) bool {
	ip := t.addr.Addr()
	switch {
	case len(name) == unix.SizeofSockaddrInet4 && ip.Is4():
		return [4]byte(name[4:]) == ip.As4() && binary.BigEndian.Uint16(name[2:]) == t.addr.Port()
	case len(name) == unix.SizeofSockaddrInet6 && ip.Is6():
		return [16]byte(name[8:]) == ip.As16() && binary.BigEndian.Uint16(name[2:]) == t.addr.Port()
	}
	return false
}

// open makes a socket of the target's family whose messages get time stamps.
func (t target) open() (fd int, err error) {
	family := unix.AF_INET
	if t.addr.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := setBuffers(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if err := setInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// setBuffers makes the buffers large: as root as large as they shall be, otherwise as
// the limits net.core.rmem_max and wmem_max allow. What doesn't fit is counted.
func setBuffers(fd int) error {
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
	return nil
}

// connect makes messages of others than the target be refused by the kernel, and
// those that the target's host refuses be told of.
func (t target) connect(fd int) error {
	if err := unix.Connect(fd, t.sockaddr()); err != nil {
		return fmt.Errorf("connect to %s: %w", t.addr, err)
	}
	return nil
}

// tellErrors makes the kernel tell a socket that isn't connected of ICMP messages, as
// it does by itself on connected ones.
func (t target) tellErrors(fd int) error {
	if t.addr.Addr().Is4() {
		return setInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}
	return setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
}

// tellDestination makes the kernel tell of each message where it was sent to.
func (t target) tellDestination(fd int) error {
	if t.addr.Addr().Is4() {
		return setInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

// probe tells whether the target can be asked from a source. Nothing is sent.
func (t target) probe(source netip.Addr) error {
	fd, err := t.open()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var from unix.Sockaddr
	if source.Is4() {
		from = &unix.SockaddrInet4{Addr: source.As4()}
	} else {
		from = &unix.SockaddrInet6{Addr: source.As16(), ZoneId: t.zone}
	}
	if err := unix.Bind(fd, from); err != nil {
		return fmt.Errorf("source %s can't be used on this machine: %w", source, err)
	}
	if err := t.connect(fd); err != nil {
		return fmt.Errorf("source %s can't be used: %w", source, err)
	}
	return nil
}

func setInt(fd, level, name, value int) error {
	if err := unix.SetsockoptInt(fd, level, name, value); err != nil {
		return fmt.Errorf("setsockopt(level %d, option %d, %d): %w", level, name, value, err)
	}
	return nil
}
