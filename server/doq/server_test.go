package doq

import (
	"context"
	"errors"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"

	"yushan/internal/peer"
	"yushan/internal/quicload"
	"yushan/internal/testengine"
	"yushan/server/query"
	"yushan/server/quicport"
)

const patience = time.Minute

// serve runs a server on a port of the loopback interface until the test ends.
func serve(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	return serveEngine(t, testengine.New(t), change)
}

func serveEngine(t testing.TB, engine *atomic.Pointer[query.Engine], change func(*Config)) *Server {
	t.Helper()
	cfg := Config{Port: quicport.Config{Addr: netip.MustParseAddrPort("127.0.0.1:0"), TLS: quicload.ServerTLS(t, "doq")}}
	if change != nil {
		change(&cfg)
	}
	s, err := Listen(cfg, engine)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

// dial opens a connection that is closed when the test ends.
func dial(t testing.TB, s *Server) *quic.Conn {
	t.Helper()
	return dialConfig(t, s, nil)
}

func dialConfig(t testing.TB, s *Server, cfg *quic.Config) *quic.Conn {
	t.Helper()
	conn, err := quic.DialAddr(deadline(t), s.Addr().String(), quicload.ClientTLS("doq"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseWithError(noError, "") })
	return conn
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// open opens a stream.
func open(t testing.TB, conn *quic.Conn) *quic.Stream {
	t.Helper()
	stream, err := conn.OpenStreamSync(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	stream.SetReadDeadline(time.Now().Add(patience))
	return stream
}

// ask sends a query and returns the answer.
func ask(t testing.TB, conn *quic.Conn, message []byte) []byte {
	t.Helper()
	answer, err := quicload.Ask(open(t, conn), message)
	if err != nil {
		t.Fatalf("query %x: %v", message, err)
	}
	return answer
}

// doqQuery is testengine's query with the ID that RFC 9250 §4.2.1 asks for.
func doqQuery(t testing.TB, n int) []byte {
	wire := testengine.Query(t, n)
	wire[0], wire[1] = 0, 0
	return wire
}

func longQuery(t testing.TB) []byte { return testengine.LongQuery(t, 0) }

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func TestAnswers(t *testing.T) {
	s := serve(t, nil)
	conn := dial(t, s)
	for n := range 10 {
		q := doqQuery(t, n)
		if err := testengine.Check(q, ask(t, conn, q)); err != nil {
			t.Error(err)
		}
	}
	var m dns.Msg
	if err := m.Unpack(ask(t, conn, longQuery(t))); err != nil || len(m.Answer) != 100 {
		t.Errorf("long.tw. TXT: %d records, %v: expected 100", len(m.Answer), err)
	}
	c := s.Counters()
	if c.Queries != 11 || c.Responses != 11 || c.Port.Handshakes != 1 || c.Port.HandshakeFailures != 0 {
		t.Errorf("counters %+v: expected 11 queries on one connection", c)
	}
}

func TestManyConnections(t *testing.T) {
	s := serve(t, nil)
	const total = 1000
	load := quicload.Load{
		Addr: s.Addr().String(), Protocol: "doq", Conns: 8, Streams: 25, Total: total,
		Query: func(n int) []byte { return doqQuery(t, n) },
		Check: func(n int, answer []byte) error { return testengine.Check(doqQuery(t, n), answer) },
	}
	if err := load.Run(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if c := s.Counters(); c.Queries != total || c.ProtocolErrors+c.Overloads+c.Cancelled != 0 {
		t.Errorf("counters %+v: expected %d queries and no trouble", c, total)
	}
}

func TestKdig(t *testing.T) {
	kdig := peer.Tool(t, "kdig", "knot-dnsutils")
	s := serve(t, nil)
	for _, question := range [][]string{{"www.d7.tw", "A"}, {"long.tw", "TXT"}} {
		args := append([]string{"@127.0.0.1", "-p", strconv.Itoa(int(s.Addr().Port())), "+quic", "+norec", "+dnssec", "+padding"}, question...)
		out, err := exec.CommandContext(deadline(t), kdig, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "status: NOERROR") || !strings.Contains(string(out), "QUIC session") {
			t.Errorf("kdig %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	s := serve(t, nil)
	_, err := Listen(Config{Port: quicport.Config{Addr: s.Addr(), TLS: quicload.ServerTLS(t, "doq")}}, testengine.New(t))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second listener on %v: %v: expected EADDRINUSE", s.Addr(), err)
	}
}
