package quicport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
	"yushan/server/limit"
)

const (
	patience = time.Minute
	protocol = "test"

	codeNoError, codeLoad = 0x51, 0x52
)

// start runs a port whose connections send each stream back, until the test ends.
func start(t testing.TB, change func(*Config)) *Port {
	t.Helper()
	p := prepare(t, change)
	run(t, p, echo)
	return p
}

func prepare(t testing.TB, change func(*Config)) *Port {
	t.Helper()
	cfg := Config{
		Addr:  netip.MustParseAddrPort("127.0.0.1:0"),
		TLS:   quicload.ServerTLS(t, protocol),
		Codes: Codes{NoError: codeNoError, ExcessiveLoad: codeLoad},
	}
	if change != nil {
		change(&cfg)
	}
	p, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t testing.TB, p *Port, handle func(context.Context, *quic.Conn)) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- p.Serve(handle) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func echo(ctx context.Context, conn *quic.Conn) {
	for {
		stream, err := conn.AcceptStream(ctx)
		if err != nil {
			return
		}
		data, err := io.ReadAll(stream)
		if err != nil {
			continue
		}
		stream.Write(data)
		stream.Close()
	}
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// from is a client's end on such an address.
func from(t testing.TB, address string) *quic.Transport {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(address)})
	if err != nil {
		t.Fatal(err)
	}
	transport := &quic.Transport{Conn: conn}
	t.Cleanup(func() {
		transport.Close()
		conn.Close()
	})
	return transport
}

func dial(t testing.TB, p *Port, client *quic.Transport) (*quic.Conn, error) {
	t.Helper()
	conn, err := client.Dial(within(t), net.UDPAddrFromAddrPort(p.Addr()), quicload.ClientTLS(protocol), nil)
	if err == nil {
		t.Cleanup(func() { conn.CloseWithError(0, "") })
	}
	return conn, err
}

func mustDial(t testing.TB, p *Port, client *quic.Transport) *quic.Conn {
	t.Helper()
	conn, err := dial(t, p, client)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// ask sends a text and expects it back.
func ask(t testing.TB, conn *quic.Conn, text string) {
	t.Helper()
	stream, err := conn.OpenStreamSync(within(t))
	if err != nil {
		t.Fatal(err)
	}
	stream.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(stream, text); err != nil {
		t.Fatal(err)
	}
	stream.Close()
	if got, err := io.ReadAll(stream); err != nil || string(got) != text {
		t.Fatalf("%q comes back as %q, %v", text, got, err)
	}
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func closedWith(t *testing.T, conn *quic.Conn, code quic.ApplicationErrorCode) {
	t.Helper()
	select {
	case <-conn.Context().Done():
	case <-time.After(patience):
		t.Fatalf("the connection is open after %v", patience)
	}
	var closed *quic.ApplicationError
	if err := context.Cause(conn.Context()); !errors.As(err, &closed) || !closed.Remote || closed.ErrorCode != code {
		t.Errorf("the connection ended with %v: expected the server's error %#x", err, code)
	}
}

func refused(t *testing.T, err error) {
	t.Helper()
	var transport *quic.TransportError
	if !errors.As(err, &transport) || transport.ErrorCode != quic.ConnectionRefused {
		t.Errorf("%v: expected the connection to be refused", err)
	}
}

func TestEcho(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"} {
		t.Run(addr, func(t *testing.T) {
			p := start(t, func(c *Config) { c.Addr = netip.MustParseAddrPort(addr) })
			target, client := p.Addr(), "127.0.0.1"
			switch {
			case target.Addr().Is6():
				target, client = netip.AddrPortFrom(netip.MustParseAddr("::1"), target.Port()), "::1"
			case target.Addr().IsUnspecified():
				// The answer must come from there, too.
				target = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.7"), target.Port())
			}
			conn, err := from(t, client).Dial(within(t), net.UDPAddrFromAddrPort(target), quicload.ClientTLS(protocol), nil)
			if err != nil {
				t.Fatal(err)
			}
			ask(t, conn, "short")
			ask(t, conn, strings.Repeat("long", 5000))
			conn.CloseWithError(0, "")
			eventually(t, "the connection to end", func() bool { return p.Counters().Open == 0 })
			c := p.Counters()
			if c.Handshakes != 1 || c.HandshakeFailures != 0 || c.Retries != 0 || c.Refused != 0 || c.SendErrors != 0 {
				t.Errorf("counters %+v: expected one handshake", c)
			}
			if c.BytesIn < 20_000 || c.BytesOut < 20_000 || c.DatagramsIn < 15 || c.DatagramsOut < 17 {
				t.Errorf("counters %+v: 20 kB have gone both ways, in packets of 1200 bytes from here", c)
			}
		})
	}
}

func TestConfigErrors(t *testing.T) {
	addr := netip.MustParseAddrPort("127.0.0.1:0")
	for want, cfg := range map[string]Config{
		"no address":           {TLS: quicload.ServerTLS(t, protocol)},
		"no TLS configuration": {Addr: addr},
		"application protocol": {Addr: addr, TLS: quicload.ServerTLS(t)},
		"connections":          {Addr: addr, TLS: quicload.ServerTLS(t, protocol), Limits: Limits{MaxConns: -1}},
		"windows":              {Addr: addr, TLS: quicload.ServerTLS(t, protocol), Limits: Limits{ConnWindowBytes: 5000}},
	} {
		p, err := Listen(cfg)
		if err == nil {
			p.Shutdown(within(t))
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: expected an error about %s", err, want)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	p := start(t, nil)
	_, err := Listen(Config{Addr: p.Addr(), TLS: quicload.ServerTLS(t, protocol)})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "another server") {
		t.Errorf("%v: expected EADDRINUSE in an operator's words", err)
	}
}

// TestBeforeServe has a client come before Serve: it must wait, not fail.
func TestBeforeServe(t *testing.T) {
	p, err := Listen(Config{Addr: netip.MustParseAddrPort("127.0.0.1:0"), TLS: quicload.ServerTLS(t, protocol)})
	if err != nil {
		t.Fatal(err)
	}
	client := from(t, "127.0.0.1")
	dialled := make(chan error, 1)
	go func() {
		conn, err := dial(t, p, client)
		if err == nil {
			conn.CloseWithError(0, "")
		}
		dialled <- err
	}()
	run(t, p, echo)
	if err := <-dialled; err != nil {
		t.Error(err)
	}
}

func TestShutdown(t *testing.T) {
	p, err := Listen(Config{Addr: netip.MustParseAddrPort("127.0.0.1:0"), TLS: quicload.ServerTLS(t, protocol), Codes: Codes{NoError: codeNoError}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Shutdown(within(t)); err != nil {
		t.Errorf("shutdown before Serve: %v", err)
	}
	if err := p.Serve(echo); err != nil {
		t.Errorf("serve after shutdown: %v", err)
	}

	p = start(t, nil)
	conn := mustDial(t, p, from(t, "127.0.0.1"))
	ask(t, conn, "x")
	if err := p.Shutdown(within(t)); err != nil {
		t.Error(err)
	}
	closedWith(t, conn, codeNoError)
	again, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(p.Addr()))
	if err != nil {
		t.Errorf("the address isn't free: %v", err)
	} else {
		again.Close()
	}
}

// TestShutdownDeadline has a handler that doesn't care.
func TestShutdownDeadline(t *testing.T) {
	p, err := Listen(Config{Addr: netip.MustParseAddrPort("127.0.0.1:0"), TLS: quicload.ServerTLS(t, protocol), Codes: Codes{NoError: codeNoError}})
	if err != nil {
		t.Fatal(err)
	}
	var handling atomic.Bool
	run(t, p, func(_ context.Context, conn *quic.Conn) {
		handling.Store(true)
		<-conn.Context().Done()
	})
	conn := mustDial(t, p, from(t, "127.0.0.1"))
	eventually(t, "the handler", handling.Load)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v, expected %v", err, context.DeadlineExceeded)
	}
	closedWith(t, conn, codeNoError)
}

func TestPerClient(t *testing.T) {
	p := start(t, func(c *Config) { c.Limits.MaxConnsPerClient = 2 })
	greedy := from(t, "127.0.0.2")
	first := mustDial(t, p, greedy)
	mustDial(t, p, greedy)
	_, err := dial(t, p, greedy)
	refused(t, err)
	mustDial(t, p, from(t, "127.0.0.3"))
	first.CloseWithError(0, "")
	eventually(t, "a place", func() bool { return p.Counters().Open == 2 })
	mustDial(t, p, greedy)
	// A ClientHello may take several packets, each of which is refused.
	if c := p.Counters(); c.Refused == 0 || c.Handshakes != 4 {
		t.Errorf("counters %+v: expected four handshakes and a refusal", c)
	}
}

// TestEviction fills the port with silent connections and a busy one.
func TestEviction(t *testing.T) {
	p := start(t, func(c *Config) {
		c.Limits.MaxConns = 4
		c.Limits.MaxHandshakes = 100 // nobody is asked for his address while there is room
	})
	busy := mustDial(t, p, from(t, "127.0.0.2"))
	var silent []*quic.Conn
	for _, address := range []string{"127.0.0.3", "127.0.0.4", "127.0.0.5"} {
		silent = append(silent, mustDial(t, p, from(t, address)))
	}
	late := from(t, "127.0.0.6")
	eventually(t, "somebody to be evicted", func() bool {
		ask(t, busy, "still here")
		_, err := dial(t, p, late)
		return err == nil
	})
	ask(t, busy, "still here")
	c := p.Counters()
	if c.Evicted != 1 || c.Open != 4 || c.Retries == 0 {
		t.Errorf("counters %+v: expected one to be evicted for another, which had to prove its address", c)
	}
	gone := 0
	for _, conn := range silent {
		if conn.Context().Err() != nil {
			closedWith(t, conn, codeLoad)
			gone++
		}
	}
	if gone != 1 {
		t.Errorf("%d silent connections are gone, expected 1", gone)
	}
}

// TestBudget spends the budget: from half of it on, clients prove their addresses;
// when it is spent, they are refused.
func TestBudget(t *testing.T) {
	p := start(t, func(c *Config) { c.Handshakes = limit.NewHandshakes(1) })
	eventually(t, "a Retry, and a refusal", func() bool {
		if conn, err := dial(t, p, from(t, "127.0.0.2")); err == nil {
			ask(t, conn, "x")
		} else {
			refused(t, err)
		}
		c := p.Counters()
		return c.Retries > 0 && c.HandshakesRefused > 0 && c.Handshakes > 0
	})
}
