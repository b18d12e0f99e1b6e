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
	answered map[qlog.StreamID]struct{} // of these, those that the server has ended

	enough  int           // after so many answers, what arrives waits for release; 0: it never does
	release chan struct{} // closed at the end of the test
}

func newTraffic(t *testing.T) *traffic {
	t.Helper()
	f := &traffic{t: t, finished: map[qlog.StreamID]struct{}{}, answered: map[qlog.StreamID]struct{}{}, release: make(chan struct{})}
	socket := listenUDP(t, node1)
	f.transport = &quic.Transport{Conn: &countedSocket{socket, f, socket}}
	t.Cleanup(func() {
		close(f.release)
		f.transport.Close()
	})
	return f
}

// holdAfter keeps back what comes after so many whole answers: when the server closes the
// connection, the library forgets what has arrived and isn't read yet.
func (f *traffic) holdAfter(answers int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enough = answers
}

func (f *traffic) holds() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.enough > 0 && len(f.answered) >= f.enough
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

// RecordEvent is called before a packet leaves, and before what is in one that has come gets to
// its streams.
func (l packetLog) RecordEvent(event qlogwriter.Event) {
	f := l.traffic
	f.mu.Lock()
	defer f.mu.Unlock()
	switch packet := event.(type) {
	case qlog.PacketSent:
		f.packed += packet.Raw.Length
		addEnds(f.finished, packet.Frames)
	case qlog.PacketReceived:
		addEnds(f.answered, packet.Frames)
	}
}

// addEnds adds the client's streams of which frames bring the end.
func addEnds(to map[qlog.StreamID]struct{}, frames []qlog.Frame) {
	for _, frame := range frames {
		const kind = 3 // RFC 9000 §2.1: 0 are the client's bidirectional streams
		if s, ok := frame.Frame.(*qlog.StreamFrame); ok && s.Fin && s.StreamID&kind == 0 {
			to[s.StreamID] = struct{}{}
		}
	}
}

// countedSocket counts what leaves, and holds what comes.
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

func (s *countedSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.PacketConn.ReadFrom(b)
	if s.traffic.holds() {
		<-s.traffic.release
	}
	return n, from, err
}

func (s *countedSocket) SetReadBuffer(n int) error  { return s.socket.SetReadBuffer(n) }
func (s *countedSocket) SetWriteBuffer(n int) error { return s.socket.SetWriteBuffer(n) }
