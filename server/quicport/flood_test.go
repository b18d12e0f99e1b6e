package quicport

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
)

// sink is a client's socket that keeps the first datagram and sends none.
type sink struct {
	first  chan []byte
	closed chan struct{}
	once   sync.Once
}

func (s *sink) ReadFrom([]byte) (int, net.Addr, error) {
	<-s.closed
	return 0, nil, net.ErrClosed
}

func (s *sink) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case s.first <- slices.Clone(b):
	default:
	}
	return len(b), nil
}

func (s *sink) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *sink) LocalAddr() net.Addr              { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (s *sink) SetDeadline(time.Time) error      { return nil }
func (s *sink) SetReadDeadline(time.Time) error  { s.Close(); return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }
func (s *sink) SetReadBuffer(int) error          { return nil }
func (s *sink) SetWriteBuffer(int) error         { return nil }

// initial is the first packet of a handshake: a whole ClientHello.
func initial(tb testing.TB) []byte {
	tb.Helper()
	s := &sink{first: make(chan []byte, 1), closed: make(chan struct{})}
	transport := &quic.Transport{Conn: s}
	ctx, cancel := context.WithCancel(context.Background())
	var dialling sync.WaitGroup
	dialling.Go(func() {
		config := quicload.ClientTLS(protocol)
		config.CurvePreferences = []tls.CurveID{tls.X25519} // others need a second packet
		transport.Dial(ctx, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2}, config, nil)
	})
	packet := <-s.first
	cancel()
	dialling.Wait()
	transport.Close()
	return packet
}

// send sends a packet from such an address, at a port of its own.
func send(tb testing.TB, p *Port, source net.IP, packet []byte) {
	tb.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: source})
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.WriteTo(packet, net.UDPAddrFromAddrPort(p.Addr())); err != nil {
		tb.Fatal(err)
	}
}

// TestInitialFlood begins handshakes from many addresses, none of which goes on. They
// must not occupy more than their part, and others must get in.
func TestInitialFlood(t *testing.T) {
	const maxHandshakes = 64
	for name, source := range map[string]func(n int) net.IP{
		"many addresses": func(n int) net.IP { return net.IPv4(127, 1, byte(n>>8), byte(n)) },
		"many ports":     func(int) net.IP { return net.IPv4(127, 0, 0, 9) },
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, func(c *Config) { c.Limits.MaxHandshakes = maxHandshakes })
			limit := maxHandshakes / calmShare
			if name == "many ports" {
				limit = maxHandshakes / clientShare
			}
			const packets = 200
			most := 0
			for n := range packets {
				send(t, p, source(n), initial(t))
				most = max(most, p.Counters().Handshaking)
				if n%50 == 49 {
					// A client at the flooder's own address, too.
					ask(t, mustDial(t, p, from(t, source(n).String())), "let me in")
				}
			}
			eventually(t, "all packets to be handled", func() bool {
				c := p.Counters()
				return c.Handshakes+c.Retries >= packets
			})
			// The honest client's handshake is one more.
			if most > limit+1 {
				t.Errorf("%d handshakes were under way, expected up to %d", most, limit+1)
			}
			c := p.Counters()
			if c.Retries == 0 || c.HandshakesRefused != 0 || c.Refused != 0 {
				t.Errorf("counters %+v: expected addresses to be asked for, and nobody to be refused", c)
			}
		})
	}
}

// TestGarbage sends what is no QUIC, or not much of it.
func TestGarbage(t *testing.T) {
	p := start(t, nil)
	packet := initial(t)
	flipped := slices.Clone(packet)
	flipped[len(flipped)-1] ^= 1
	version := slices.Clone(packet)
	version[4] = 0x99
	garbage := [][]byte{{}, {0}, {0x40}, {0xc0}, packet[:5], packet[:20], packet[:1100], flipped, version, slices.Repeat([]byte{0xff}, 1200), slices.Repeat([]byte{0x40}, 1200)}
	for range 10 {
		for _, g := range garbage {
			send(t, p, net.IPv4(127, 0, 0, 1), g)
		}
	}
	ask(t, mustDial(t, p, from(t, "127.0.0.1")), "still here")
	eventually(t, "all to be read", func() bool { return p.Counters().DatagramsIn > uint64(10*len(garbage)) })
}
