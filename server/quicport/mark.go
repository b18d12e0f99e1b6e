package quicport

import (
	"context"
	"crypto/rand"
	"net"
	"net/netip"
	"sync"
	"time"
)

// mark is a datagram that the socket sends to itself, to know when all that had arrived
// before is read. It isn't QUIC: the first byte's fixed bit is 0 (RFC 9000 §17.2).
type mark struct {
	text  [17]byte
	once  sync.Once
	found chan struct{}
}

func newMark() *mark {
	m := &mark{found: make(chan struct{})}
	rand.Read(m.text[1:]) // never fails. Nobody else knows it
	return m
}

func (m *mark) is(datagram []byte) bool { return string(datagram) == string(m.text[:]) }

func (m *mark) seen() { m.once.Do(func() { close(m.found) }) }

// passed waits until everything has been read that had arrived when it was called, or ctx
// ends. A mark that gets lost, since the socket's buffer is full, is sent again.
func (s *socket) passed(ctx context.Context) {
	m := newMark()
	s.mark.Store(m)
	defer s.mark.Store(nil)
	to := s.self()
	again := time.NewTicker(markAgain)
	defer again.Stop()
	for {
		if _, _, err := s.WriteMsgUDP(m.text[:], nil, to); err != nil {
			return
		}
		select {
		case <-m.found:
			return
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// self is an address at which the socket reaches itself.
func (s *socket) self() *net.UDPAddr {
	at := s.LocalAddr().(*net.UDPAddr).AddrPort()
	addr := at.Addr().Unmap()
	switch {
	case !addr.IsUnspecified():
	case s.is6:
		addr = netip.IPv6Loopback()
	default:
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, at.Port()))
	if !s.is6 {
		to.IP = to.IP.To4()
	}
	return to
}
