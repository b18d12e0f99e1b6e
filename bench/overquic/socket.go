package overquic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/quic-go/quic-go"
)

// socket is a UDP socket with QUIC on it.
type socket struct {
	conn      *net.UDPConn
	transport *quic.Transport
}

// bind makes a socket on a port of its own; number chooses among the sources, if
// there are any.
func (w *worker) bind(number uint64) (*socket, error) {
	network := "udp4"
	if w.Options.Server.Addr().Unmap().Is6() {
		network = "udp6"
	}
	var at net.UDPAddr
	if from := source(w.Options.Sources, number); from.IsValid() {
		at.IP = from.AsSlice()
	}
	conn, err := net.ListenUDP(network, &at)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		if at.IP != nil {
			addr, _ := netip.AddrFromSlice(at.IP)
			return nil, fmt.Errorf("source %s: %w", addr, err)
		}
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	return &socket{conn, &quic.Transport{Conn: conn}}, nil
}

// close ends the socket and what runs on it. It does nothing for none.
func (s *socket) close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.transport.Close(), s.conn.Close())
}
