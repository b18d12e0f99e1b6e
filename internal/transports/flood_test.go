package transports

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
)

// sources are where floods come from: to the server, as many clients.
var sources = []netip.Addr{
	netip.AddrFrom4([4]byte{127, 0, 0, 10}),
	netip.AddrFrom4([4]byte{127, 0, 0, 11}),
	netip.AddrFrom4([4]byte{127, 0, 0, 12}),
	netip.AddrFrom4([4]byte{127, 0, 0, 13}),
}

// another is a client beside them.
var another = netip.AddrFrom4([4]byte{127, 0, 0, 20})

// flood is senders that go on until stop is called, each no faster than pace permits.
type flood struct {
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newFlood(t *testing.T) *flood {
	f := &flood{}
	f.ctx, f.cancel = context.WithCancel(deadline(t))
	t.Cleanup(f.stop)
	return f
}

func (f *flood) stop() {
	f.cancel()
	f.running.Wait()
}

// pace is the least time between two attempts of a sender.
const pace = 2 * time.Millisecond

// run calls attempt again and again.
func (f *flood) run(attempt func()) {
	f.running.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for f.ctx.Err() == nil {
			attempt()
			select {
			case <-tick.C:
			case <-f.ctx.Done():
			}
		}
	})
}

// TestHandshakeFlood begins handshakes all the time, on all transports and from several
// addresses. Those beyond the budgets are refused, and whoever is connected, or comes by UDP,
// doesn't notice.
func TestHandshakeFlood(t *testing.T) {
	b := newBounded(t, limits{conns: 100, pending: 1 << 20, handshakes: 8})
	before := openAll(t, b.server)
	before.expect(t, readCertificate(t, b.dir))

	f := newFlood(t)
	var shut, retried, refused atomic.Int64
	hello := clientHello(t)
	initials := firstPackets(t, 200)
	for _, from := range sources {
		for _, to := range []netip.AddrPort{b.tls, b.web} {
			f.run(func() { // the first message alone, for which the server has to compute a key and a signature
				if answered, err := sayHello(f.ctx, from, to, hello); err == nil && !answered {
					shut.Add(1)
				}
			})
			sock, sent := listenUDP(t, from), 0
			f.run(func() { // the same by QUIC, from an address that may be forged
				for range 5 {
					sock.WriteToUDPAddrPort(initials[sent%len(initials)], to)
					sent++
				}
				retried.Add(countRetries(sock))
			})
		}
		transport := &quic.Transport{Conn: listenUDP(t, from)}
		t.Cleanup(func() { transport.Close() })
		f.run(func() { // and all of it, by a client that proves its address
			conn, err := transport.Dial(f.ctx, net.UDPAddrFromAddrPort(b.tls), quicload.ClientTLS("doq"), nil)
			var transportError *quic.TransportError
			if errors.As(err, &transportError) && transportError.ErrorCode == quic.ConnectionRefused {
				refused.Add(1)
			}
			if err == nil {
				conn.CloseWithError(0, "")
			}
		})
	}
	b.answersUDP(t)
	before.expect(t, readCertificate(t, b.dir))
	const enough = 100
	eventually(t, "refusals", func() bool { return shut.Load() >= enough && retried.Load() >= enough && refused.Load() >= 10 })
	f.stop()
	b.answersUDP(t)
	before.expect(t, readCertificate(t, b.dir))
	b.checkMemory(t)
	totals := b.Stop()
	for transport, counts := range map[string][]string{
		"DoT":          {"handshakes_refused"},
		"DoH":          {"handshakes_refused"},
		"DoQ":          {"handshakes_refused", "retries"},
		"DoH (HTTP/3)": {"retries"},
	} {
		for _, count := range counts {
			if totals[transport][count] == 0 {
				t.Errorf("%s: %v: no %s", transport, totals[transport], count)
			}
		}
	}
	t.Logf("%d connections closed, %d times Retry, %d handshakes refused: %v", shut.Load(), retried.Load(), refused.Load(), totals)
	expectAllUDP(t, totals)
}

// clientHello is the first message of a client of TLS.
func clientHello(t *testing.T) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		tls.Client(ours, &tls.Config{InsecureSkipVerify: true}).Handshake()
	}()
	buf := make([]byte, 16<<10)
	n, err := theirs.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	<-done
	return buf[:n]
}

// sayHello sends such a message and reports whether anything came back before the connection
// was closed. An error says nothing about the server.
func sayHello(ctx context.Context, from netip.Addr, to netip.AddrPort, hello []byte) (answered bool, err error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return false, err
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetLinger(0) // no port stays occupied
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn.Write(hello)
	_, err = conn.Read(make([]byte, 1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, err
	}
	return err == nil, nil
}

func listenUDP(t *testing.T, at netip.Addr) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// countRetries looks at what has come back.
func countRetries(conn *net.UDPConn) (n int64) {
	buf := make([]byte, 2048)
	conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	for {
		got, err := conn.Read(buf)
		if err != nil {
			return n
		}
		const longHeader, retry = 0xc0, 0x30
		if got > 0 && buf[0]&0xf0 == longHeader|retry {
			n++
		}
	}
}

// firstPackets are the first packets of so many connections by QUIC.
func firstPackets(t *testing.T, n int) (packets [][]byte) {
	t.Helper()
	drain := listenUDP(t, another)
	config := quicload.ClientTLS("doq")
	config.CurvePreferences = []tls.CurveID{tls.X25519} // others need a second packet
	transport := &quic.Transport{Conn: listenUDP(t, another)}
	defer transport.Close()
	buf := make([]byte, 2048)
	for range n {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			transport.Dial(ctx, drain.LocalAddr(), config, nil)
		}()
		got, err := drain.Read(buf)
		cancel()
		<-done
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, append([]byte(nil), buf[:got]...))
	}
	return packets
}

// TestConnectionsUpToTheLimit occupies all places with connections that are silent, and then with
// such as don't read what they have asked for.
func TestConnectionsUpToTheLimit(t *testing.T) {
	b := newBounded(t, limits{conns: 100, pending: 1 << 20, handshakes: 10_000})
	var occupied sync.WaitGroup
	for _, from := range sources {
		occupied.Go(func() { b.occupy(t, from) })
	}
	occupied.Wait()
	if t.Failed() {
		return
	}
	b.answersUDP(t)

	// No source may have one more, and a new client gets a place all the same.
	for _, to := range []netip.AddrPort{b.tls, b.web} {
		conn, err := dialFrom(t, sources[0], to, clientTLS(b.authority))
		if err == nil {
			t.Errorf("%s: %s has one connection more than it may have", to, conn.LocalAddr())
		}
	}
	newcomer := openAll(t, b.server)
	newcomer.expect(t, readCertificate(t, b.dir))

	var cut sync.WaitGroup
	for range 6 {
		cut.Go(func() { b.askAndNotRead(t, b.tls, frame(questions[12].wire(t))) })
		request := fmt.Sprintf("GET /dns-query?dns=%s HTTP/1.1\r\nHost: %s\r\n\r\n", base64.RawURLEncoding.EncodeToString(questions[12].wire(t)), host)
		cut.Go(func() { b.askAndNotRead(t, b.web, []byte(request)) })
	}
	b.answersUDP(t)
	newcomer.expect(t, readCertificate(t, b.dir))
	cut.Wait() // all of them are cut off
	b.answersUDP(t)
	b.checkMemory(t)
	totals := b.Stop()
	for transport, counts := range map[string][]string{
		"DoT":          {"refused", "evicted", "slow_readers"},
		"DoH":          {"refused", "evicted", "slow_readers"},
		"DoQ":          {"evicted"},
		"DoH (HTTP/3)": {"evicted"},
	} {
		for _, count := range counts {
			if totals[transport][count] == 0 {
				t.Errorf("%s: %v: no %s", transport, totals[transport], count)
			}
		}
	}
	t.Log(totals)
	expectAllUDP(t, totals)
}

// occupy opens as many connections on each transport as one client may have.
func (b *bounded) occupy(t *testing.T, from netip.Addr) {
	shared := &quic.Transport{Conn: listenUDP(t, from)}
	t.Cleanup(func() { shared.Close() })
	doq, h3 := clientTLS(b.authority, "doq"), clientTLS(b.authority, "h3")
	for range b.limits.perClient() {
		for _, to := range []netip.AddrPort{b.tls, b.web} {
			if _, err := dialFrom(t, from, to, clientTLS(b.authority)); err != nil {
				t.Errorf("from %s to %s: %v", from, to, err)
				return
			}
		}
		for to, config := range map[netip.AddrPort]*tls.Config{b.tls: doq, b.web: h3} {
			conn, err := shared.Dial(deadline(t), net.UDPAddrFromAddrPort(to), config, &quic.Config{MaxIdleTimeout: time.Hour})
			if err != nil {
				t.Errorf("from %s to %s by QUIC: %v", from, to, err)
				return
			}
			t.Cleanup(func() { conn.CloseWithError(0, "") })
		}
	}
}

// dialFrom opens a connection from an address and completes its handshake.
func dialFrom(t *testing.T, from netip.Addr, to netip.AddrPort, config *tls.Config) (*tls.Conn, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}, Config: config}
	conn, err := d.DialContext(deadline(t), "tcp", to.String())
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*tls.Conn), nil
}

// askAndNotRead sends a query again and again, until the server has had enough of it.
func (b *bounded) askAndNotRead(t *testing.T, to netip.AddrPort, query []byte) {
	conn, err := dialFrom(t, another, to, clientTLS(b.authority))
	if err != nil {
		t.Error(err)
		return
	}
	var batch []byte
	for len(batch) < 8<<10 {
		batch = append(batch, query...)
	}
	conn.SetDeadline(time.Now().Add(patience))
	for err == nil {
		_, err = conn.Write(batch)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s does not cut off a client that does not read", to)
	}
}
