package stream

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// patience is how long a test waits for what must happen. It decides only how
// soon a failure is told.
const patience = 20 * time.Second

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// start serves a free port of 127.0.0.1 for the test's time.
func start(t testing.TB, limits Limits) *Server {
	t.Helper()
	s, err := Listen(Config{Addr: loopback, Limits: limits}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	return s
}

// serve serves until the test ends.
func serve(t testing.TB, s *Server) {
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		shutdown(t, s)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func shutdown(t testing.TB, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// client is a connection as a resolver has it.
type client struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, s *Server) *client {
	t.Helper()
	return dialFrom(t, s, "")
}

// dialFrom has the client's address chosen.
func dialFrom(t testing.TB, s *Server, ip string) *client {
	t.Helper()
	var dialer net.Dialer
	if ip != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(ip)}
	}
	conn, err := dialer.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, secureFor(s, conn))
}

// secureFor puts TLS above conn if the server wants it.
func secureFor(s *Server, conn net.Conn) net.Conn {
	if s.tls == nil {
		return conn
	}
	return tls.Client(conn, clientTLS())
}

func newClient(t testing.TB, conn net.Conn) *client {
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &client{t: t, Conn: conn, in: bufio.NewReader(conn)}
}

// socket is what is below TLS.
func (c *client) socket() *net.TCPConn {
	nc := c.Conn
	if above, ok := nc.(*tls.Conn); ok {
		nc = above.NetConn()
	}
	return nc.(*net.TCPConn)
}

func (c *client) send(bytes []byte) {
	c.t.Helper()
	if _, err := c.Write(bytes); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads one answer and checks that it belongs to the query.
func (c *client) receive(query []byte) []byte {
	c.t.Helper()
	answer, err := c.frame()
	if err != nil {
		c.t.Fatalf("no answer to %x: %v", query[:2], err)
	}
	if err := testengine.Check(query, answer); err != nil {
		c.t.Fatal(err)
	}
	return answer
}

func (c *client) frame() ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(c.in, length[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(c.in, frame)
	return frame, err
}

func (c *client) exchange(n int) {
	c.t.Helper()
	q := testengine.Query(c.t, n)
	c.send(testengine.Frame(q))
	c.receive(q)
}

// closed fails the test unless the server has ended the connection, and sent
// nothing more.
func (c *client) closed() {
	c.t.Helper()
	frame, err := c.frame()
	if err == nil {
		c.t.Fatalf("expected the connection to be closed, got %x", frame)
	}
	if isTimeout(err) {
		c.t.Fatalf("expected the connection to be closed: %v", err)
	}
}

func eventually(t testing.TB, failure string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(failure)
		}
	}
}

func TestAnswersOverBothFamilies(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0", "[::ffff:127.0.0.1]:0"} {
		s, err := Listen(Config{Addr: netip.MustParseAddrPort(addr)}, testengine.New(t))
		if err != nil {
			t.Fatal(err)
		}
		serve(t, s)
		c := dial(t, s)
		for n := range 3 {
			c.exchange(n)
		}
	}
}

func TestSecondServerIsRefused(t *testing.T) { onBoth(t, secondServerIsRefused) }

func secondServerIsRefused(t *testing.T, transport query.Transport) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0"} {
		cfg := Config{Addr: netip.MustParseAddrPort(addr), Transport: transport, TLS: serverTLS(t)}
		first, err := Listen(cfg, testengine.New(t))
		if err != nil {
			t.Fatal(err)
		}
		serve(t, first)
		cfg.Addr = first.Addr()
		second, err := Listen(cfg, testengine.New(t))
		if err == nil {
			shutdown(t, second)
			t.Errorf("%s: a second server could listen", first.Addr())
			continue
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%q doesn't wrap EADDRINUSE", err)
		}
		if want := "listen on " + transport.String() + " " + first.Addr().String() + ": address already in use: another server is running on this port"; err.Error() != want {
			t.Errorf("error %q, expected %q", err, want)
		}
	}
}

func TestWildcardIPv6LeavesIPv4Alone(t *testing.T) {
	six, err := Listen(Config{Addr: netip.MustParseAddrPort("[::]:0")}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, six)
	four, err := Listen(Config{Addr: netip.AddrPortFrom(netip.IPv4Unspecified(), six.Addr().Port())}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, four)
	dial(t, four).exchange(1)
	if six, four := six.Counters().Accepted, four.Counters().Accepted; six != 0 || four != 1 {
		t.Errorf("%d connections accepted by the IPv6 server, %d by the IPv4 server: expected 0 and 1", six, four)
	}
}

func TestBadConfigIsExplained(t *testing.T) {
	for _, tt := range []struct {
		addr   netip.AddrPort
		limits Limits
		want   string
	}{
		{netip.AddrPort{}, Limits{}, "no address given"},
		{loopback, Limits{MaxConns: -1}, "expected 1 or more"},
		{loopback, Limits{MaxConnsPerClient: -1}, "expected 1 or more"},
		{loopback, Limits{MaxQueries: -1}, "0 for no limit"},
		{loopback, Limits{MaxFrameBytes: 100_000}, "expected 512 to 65535"},
		{loopback, Limits{IdleTimeout: 1}, "at least 1ms"},
		{netip.MustParseAddrPort("192.0.2.1:0"), Limits{}, "this machine has no such address"},
	} {
		s, err := Listen(Config{Addr: tt.addr, Limits: tt.limits}, testengine.New(t))
		if err == nil {
			shutdown(t, s)
			t.Errorf("%+v: no error, expected %q", tt, tt.want)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %q, expected %q", tt, err, tt.want)
		}
	}
	for transport, want := range map[query.Transport]string{
		query.DoT: "listen on DoT 127.0.0.1:0: a TLS configuration is missing",
		query.DoH: "listen on DoH 127.0.0.1:0: the sessions' protocol is missing",
	} {
		if _, err := Listen(Config{Addr: loopback, Transport: transport}, testengine.New(t)); err == nil || err.Error() != want {
			t.Errorf("%v: error %v, expected %q", transport, err, want)
		}
	}
}
