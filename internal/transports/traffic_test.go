package transports

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
)

// traffic knows what a client of QUIC has sent. The library sends at its own time; its log says
// what is in the packets, and the socket whether they have left.
type traffic struct {
	t         *testing.T
	transport *quic.Transport

	mu       sync.Mutex
	packed   int                        // bytes of packets that have been made
	sent     int                        // bytes of datagrams that have left
	finished map[qlog.StreamID]struct{} // that the client has opened and ended
}

func newTraffic(t *testing.T) *traffic {
	t.Helper()
	f := &traffic{t: t, finished: map[qlog.StreamID]struct{}{}}
	socket := listenUDP(t, node1)
	f.transport = &quic.Transport{Conn: &countedSocket{socket, f, socket}}
	t.Cleanup(func() { f.transport.Close() })
	return f
}

func (f *traffic) dial(ctx context.Context, to netip.AddrPort, config *tls.Config) (*quic.Conn, error) {
	trace := func(context.Context, bool, quic.ConnectionID) qlogwriter.Trace { return packetLog{f} }
	return f.transport.Dial(ctx, net.UDPAddrFromAddrPort(to), config, &quic.Config{Tracer: trace})
}

// await waits until so many streams have been sent to their end.
func (f *traffic) await(streams int) {
	f.t.Helper()
	eventually(f.t, "packets with all queries", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.finished) >= streams && f.sent >= f.packed
	})
}

// packetLog is the library's log.
type packetLog struct{ traffic *traffic }

func (l packetLog) AddProducer() qlogwriter.Recorder { return l }
func (l packetLog) SupportsSchemas(string) bool      { return false }
func (l packetLog) Close() error                     { return nil }

// RecordEvent is called before the packet leaves.
func (l packetLog) RecordEvent(event qlogwriter.Event) {
	packet, ok := event.(qlog.PacketSent)
	if !ok {
		return
	}
	l.traffic.mu.Lock()
	defer l.traffic.mu.Unlock()
	l.traffic.packed += packet.Raw.Length
	for _, frame := range packet.Frames {
		const kind = 3 // RFC 9000 §2.1: 0 are the client's bidirectional streams
		if s, ok := frame.Frame.(*qlog.StreamFrame); ok && s.Fin && s.StreamID&kind == 0 {
			l.traffic.finished[s.StreamID] = struct{}{}
		}
	}
}

// countedSocket counts what leaves.
type countedSocket struct {
	net.PacketConn
	traffic *traffic
	socket  *net.UDPConn
}

func (s *countedSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	n, err := s.PacketConn.WriteTo(b, to)
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	s.traffic.sent += n
	return n, err
}

func (s *countedSocket) SetReadBuffer(n int) error  { return s.socket.SetReadBuffer(n) }
func (s *countedSocket) SetWriteBuffer(n int) error { return s.socket.SetWriteBuffer(n) }
