package quicport

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
)

// socketBufferBytes is asked for as receive and send buffer: a burst of a few
// thousand packets. quic-go would ask for more, and print if it can't have it.
const socketBufferBytes = 7 << 20

// socket counts what goes through a UDP socket.
type socket struct {
	*net.UDPConn
	datagramsOut, bytesOut, sendErrors atomic.Uint64
}

func openSocket(addr netip.AddrPort) (*socket, error) {
	network := "udp4"
	if addr.Addr().Is6() {
		network = "udp6" // sets IPV6_V6ONLY
	}
	var listening net.ListenConfig
	conn, err := listening.ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, err
	}
	s := &socket{UDPConn: conn.(*net.UDPConn)}
	s.SetReadBuffer(socketBufferBytes)
	s.SetWriteBuffer(socketBufferBytes)
	return s, nil
}

func (s *socket) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	n, oobn, err = s.UDPConn.WriteMsgUDP(b, oob, addr)
	if err != nil {
		s.sendErrors.Add(1)
		return n, oobn, err
	}
	s.datagramsOut.Add(1)
	s.bytesOut.Add(uint64(n))
	return n, oobn, err
}

func (s *socket) addTo(sum *Counters) {
	sum.DatagramsOut = s.datagramsOut.Load()
	sum.BytesOut = s.bytesOut.Load()
	sum.SendErrors = s.sendErrors.Load()
}
