package udp

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"yushan/internal/testengine"
)

// patience is how long a test waits for what must happen. It decides only how
// soon a failure is told.
const patience = 20 * time.Second

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// start serves cfg's address (default: 127.0.0.1, free port) for the test's time.
func start(t testing.TB, cfg Config) *Server {
	t.Helper()
	if !cfg.Addr.IsValid() {
		cfg.Addr = netip.MustParseAddrPort("127.0.0.1:0")
	}
	s, err := Listen(cfg, testengine.New(t))
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
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func dial(t testing.TB, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func exchange(t testing.TB, conn *net.UDPConn, query []byte) []byte {
	t.Helper()
	if _, err := conn.Write(query); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatalf("no answer from %s: %v", conn.RemoteAddr(), err)
	}
	if err := testengine.Check(query, buf[:n]); err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func TestAnswersOverBothFamilies(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0"} {
		s := start(t, Config{Addr: netip.MustParseAddrPort(addr)})
		exchange(t, dial(t, s.Addr()), testengine.Query(t, 1))
	}
}

// Many clients, each with a window of queries under way: all are answered, each
// to its own socket, whatever worker's socket the kernel chose.
func TestBurst(t *testing.T) {
	const clients, queries, window = 20, 500, 32
	s := start(t, Config{Workers: 4})
	var wg sync.WaitGroup
	for c := range clients {
		conn := dial(t, s.Addr())
		wg.Go(func() {
			buf := make([]byte, 4096)
			waiting := map[uint16][]byte{}
			for next := 0; next < queries || len(waiting) > 0; {
				for len(waiting) < window && next < queries {
					q := testengine.Query(t, c*queries+next)
					waiting[binary.BigEndian.Uint16(q)] = q
					next++
					if _, err := conn.Write(q); err != nil {
						t.Error(err)
						return
					}
				}
				n, err := conn.Read(buf)
				if err != nil {
					t.Errorf("client %d: %d answers missing: %v", c, len(waiting), err)
					return
				}
				id := binary.BigEndian.Uint16(buf)
				q, ok := waiting[id]
				if !ok {
					t.Errorf("client %d: answer with ID %d, which isn't waited for", c, id)
					return
				}
				if err := testengine.Check(q, buf[:n]); err != nil {
					t.Error(err)
					return
				}
				delete(waiting, id)
			}
		})
	}
	wg.Wait()
	c := settled(t, s, clients*queries)
	if c.Queries != clients*queries || c.Responses != c.Queries || c.QueueDrops != 0 {
		t.Errorf("counters %+v: expected %d queries, all answered", c, clients*queries)
	}
	busy := 0
	for _, w := range s.workers {
		if w.counters.queries.Load() > 0 {
			busy++
		}
	}
	if busy < 2 {
		t.Errorf("%d of %d workers had something to do", busy, len(s.workers))
	}
}

// settled waits until that many queries are accounted for: a client can see its
// answer a little before the worker counts it.
func settled(t testing.TB, s *Server, queries uint64) Counters {
	t.Helper()
	var c Counters
	eventually(t, "the counters don't add up", func() bool {
		c = s.Counters()
		return c.Queries >= queries && c.Queries == c.Responses+c.Unanswered+c.SendErrors
	})
	return c
}

func eventually(t testing.TB, failure string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(failure)
		}
	}
}

// A connected client sees only answers that come from the address it asked.
func TestWildcardAnswersFromTheAddressAsked(t *testing.T) {
	s := start(t, Config{Addr: netip.MustParseAddrPort("0.0.0.0:0")})
	for _, ip := range []string{"127.0.0.1", "127.0.0.2", "127.9.8.7"} {
		exchange(t, dial(t, netip.AddrPortFrom(netip.MustParseAddr(ip), s.Addr().Port())), testengine.Query(t, 1))
	}
	s = start(t, Config{Addr: netip.MustParseAddrPort("[::]:0")})
	exchange(t, dial(t, netip.AddrPortFrom(netip.IPv6Loopback(), s.Addr().Port())), testengine.Query(t, 1))
}

func TestWildcardIPv6LeavesIPv4Alone(t *testing.T) {
	six := start(t, Config{Addr: netip.MustParseAddrPort("[::]:0")})
	four := start(t, Config{Addr: netip.AddrPortFrom(netip.IPv4Unspecified(), six.Addr().Port())})
	exchange(t, dial(t, netip.AddrPortFrom(netip.IPv6Loopback(), six.Addr().Port())), testengine.Query(t, 1))
	exchange(t, dial(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), four.Addr().Port())), testengine.Query(t, 2))
	if six, four := settled(t, six, 1).Queries, settled(t, four, 1).Queries; six != 1 || four != 1 {
		t.Errorf("%d queries over IPv6, %d over IPv4: expected 1 each", six, four)
	}
}

func TestJunkGetsNoAnswerAndDoesNoHarm(t *testing.T) {
	s := start(t, Config{Workers: 1})
	conn := dial(t, s.Addr())
	response := testengine.Query(t, 7)
	response[2] |= 0x80
	long := append(testengine.Query(t, 8), make([]byte, maxQueryBytes)...)
	for _, junk := range [][]byte{{}, {1}, response, long} {
		if _, err := conn.Write(junk); err != nil {
			t.Fatal(err)
		}
	}
	// The next thing to come back is the answer to a proper query.
	exchange(t, conn, testengine.Query(t, 9))
	if c := settled(t, s, 5); c.Queries != 5 || c.Unanswered != 4 || c.Responses != 1 {
		t.Errorf("counters %+v: expected 5 queries, 4 of them unanswered", c)
	}
}

// Nothing is answered before Serve; what came earlier isn't lost.
func TestListenAloneAnswersNothing(t *testing.T) {
	s, err := Listen(Config{Addr: netip.MustParseAddrPort("127.0.0.1:0")}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, s.Addr())
	if _, err := conn.Write(testengine.Query(t, 1)); err != nil {
		t.Fatal(err)
	}
	if c := s.Counters(); c.Queries != 0 {
		t.Errorf("counters %+v before Serve", c)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	buf := make([]byte, 512)
	if _, err := conn.Read(buf); err != nil {
		t.Errorf("the query sent before Serve: %v", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestShutdownBeforeServe(t *testing.T) {
	s, err := Listen(Config{Addr: netip.MustParseAddrPort("127.0.0.1:0")}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if err := s.Serve(); err != nil {
		t.Error(err)
	}
	if err := s.Serve(); err == nil {
		t.Error("Serve can be called twice")
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0"} {
		first := start(t, Config{Addr: netip.MustParseAddrPort(addr), Workers: 2})
		second, err := Listen(Config{Addr: first.Addr(), Workers: 2}, testengine.New(t))
		if err == nil {
			second.Shutdown(context.Background())
			t.Errorf("%s: a second server could listen", first.Addr())
			continue
		}
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), first.Addr().String()) {
			t.Errorf("error %q: expected one that names %s and wraps EADDRINUSE", err, first.Addr())
		}
		if err.Error() != "listen on UDP "+first.Addr().String()+": address already in use: another server is running on this port" {
			t.Errorf("error %q isn't clear", err)
		}
	}
}

// Servers that start at the same moment: one of them gets the port.
func TestRaceForOnePort(t *testing.T) {
	free := start(t, Config{})
	addr := free.Addr()
	free.Shutdown(context.Background())
	var winners atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			s, err := Listen(Config{Addr: addr, Workers: 3}, testengine.New(t))
			if err != nil {
				return
			}
			winners.Add(1)
			t.Cleanup(func() { s.Shutdown(context.Background()) })
		})
	}
	wg.Wait()
	if n := winners.Load(); n != 1 {
		t.Errorf("%d servers listen on %s", n, addr)
	}
}

func TestBadConfigIsExplained(t *testing.T) {
	for _, tt := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "no address given"},
		{Config{Addr: netip.MustParseAddrPort("127.0.0.1:0"), Workers: -1}, "expected 1 to 1024"},
		{Config{Addr: netip.MustParseAddrPort("127.0.0.1:0"), MaxBytes: 100}, "expected 512 to 65507"},
		{Config{Addr: netip.MustParseAddrPort("192.0.2.1:0")}, "this machine has no such address"},
	} {
		s, err := Listen(tt.cfg, testengine.New(t))
		if err == nil {
			s.Shutdown(context.Background())
			t.Errorf("%+v: no error, expected %q", tt.cfg, tt.want)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %q, expected %q", tt.cfg, err, tt.want)
		}
	}
}
