package stream

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"yushan/internal/testengine"
	"yushan/server/limit"
)

// RFC 7858 asks for no protocol by name (ALPN); RFC 8310 came before "dot" was
// registered. Whoever names another one is refused (RFC 7301 §3.2).
func TestALPN(t *testing.T) {
	s := startOn(t, dot, Limits{})
	for _, tt := range []struct {
		protocols []string
		ok        bool
	}{{nil, true}, {[]string{"dot"}, true}, {[]string{"h2", "dot"}, true}, {[]string{"h2"}, false}, {[]string{"DOT"}, false}} {
		config := clientTLS()
		config.NextProtos = tt.protocols
		conn, err := tls.Dial("tcp", s.Addr().String(), config)
		if (err == nil) != tt.ok {
			t.Errorf("%q: error %v", tt.protocols, err)
		}
		if err == nil {
			newClient(t, conn).exchange(1)
		} else if !strings.Contains(err.Error(), "no application protocol") {
			t.Errorf("%q: error %q, expected the alert no_application_protocol", tt.protocols, err)
		}
	}
	eventually(t, "failures aren't counted", func() bool { return s.Counters().HandshakeFailures == 2 })
	if n := s.Counters().Handshakes; n != 3 {
		t.Errorf("%d handshakes counted, expected 3", n)
	}
}

// Old versions get an alert that says so.
func TestOldVersions(t *testing.T) {
	s := startOn(t, dot, Limits{})
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		config := clientTLS()
		config.MinVersion, config.MaxVersion = version, version
		if _, err := tls.Dial("tcp", s.Addr().String(), config); err == nil || !strings.Contains(err.Error(), "protocol version") {
			t.Errorf("%s: error %v, expected the alert protocol_version", tls.VersionName(version), err)
		}
	}
}

// RFC 8446 §2.2: sessions can be resumed, which is counted.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := startOn(t, dot, Limits{})
		config := clientTLS()
		config.MaxVersion = version
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		for n := range 3 {
			conn, err := tls.Dial("tcp", s.Addr().String(), config)
			if err != nil {
				t.Fatal(err)
			}
			c := newClient(t, conn)
			c.exchange(n)
			if conn.ConnectionState().DidResume != (n > 0) {
				t.Errorf("%s, connection %d: resumed %v", tls.VersionName(version), n, n == 0)
			}
			c.Close()
		}
		if counters := s.Counters(); counters.Handshakes != 3 || counters.Resumed != 2 {
			t.Errorf("%s: counters %+v: expected 3 handshakes, 2 resumed", tls.VersionName(version), counters)
		}
	}
}

// What isn't TLS costs its connection at once, and nothing of the budget if the
// first byte tells.
func TestNoTLS(t *testing.T) {
	const budget = 4 // of which a client has a quarter
	for _, tt := range []struct {
		name, bytes string
		free        bool // of the budget
	}{
		{"HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", true},
		{"DNS over TCP", string(testengine.Frame(testengine.Query(t, 1))), true},
		{"SSLv2", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80", true},
		{"an alert", "\x15\x03\x01\x00\x02\x02\x28", true},
		{"zeros", strings.Repeat("\x00", 5000), true},
		{"a record that is too long", "\x16\x03\x01\xff\xff" + strings.Repeat("x", 1000), false},
		{"a version that can't be", "\x16\x99\x01\x00\x40" + strings.Repeat("x", 64), false},
		{"a hello of nonsense", "\x16\x03\x01\x00\x40\x01\x00\x00\x3c" + strings.Repeat("x", 60), false},
		{"an endless hello", "\x16\x03\x01\x40\x00\x01\xff\xff\xff" + strings.Repeat("x", 20_000), false},
		{"many records without progress", strings.Repeat("\x16\x03\x01\x00\x01\x01", 4), false},
	} {
		s := startWith(t, Config{Transport: dot, Handshakes: limit.NewHandshakes(budget), Limits: Limits{HandshakeTimeout: patience}})
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, conn)
		c.Write([]byte(tt.bytes))
		c.Conn.(*net.TCPConn).CloseWrite()
		if answer, err := io.ReadAll(c.Conn); len(answer) > 7 || isTimeout(err) {
			t.Errorf("%s: got %x, error %v", tt.name, answer, err)
		}
		eventually(t, tt.name+" isn't counted", func() bool {
			counters := s.Counters()
			return counters.HandshakeFailures == 1 && counters.Open == 0
		})
		if !tt.free {
			continue
		}
		if err := handshake(s); err != nil {
			t.Errorf("%s was taken from the budget: %v", tt.name, err)
		}
	}
}

// handshake shakes hands and goes.
func handshake(s *Server) error {
	conn, err := tls.Dial("tcp", s.Addr().String(), clientTLS())
	if err != nil {
		return err
	}
	return conn.Close()
}

// Nobody gets more memory for a hello than a hello needs.
func TestEndlessHello(t *testing.T) {
	s := startOn(t, dot, Limits{HandshakeTimeout: patience})
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	// A message of 64 kB less one byte is the longest that crypto/tls waits for.
	c.Write([]byte("\x16\x03\x01\x00\x04\x01\x00\xff\xff"))
	for range 100_000 {
		if _, err := c.Write([]byte("\x16\x03\x01\x00\x01x")); err != nil {
			break
		}
	}
	c.closed()
	eventually(t, "it isn't counted, or its memory not given back", func() bool {
		counters := s.Counters()
		return counters.HandshakeFailures == 1 && counters.PendingBytes == 0
	})
}

func TestHandshakeMemoryIsLimited(t *testing.T) {
	s := startOn(t, dot, Limits{HandshakeTimeout: patience, MaxPendingBytes: 100_000})
	var all []*client
	for range 3 {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, conn)
		c.Write([]byte("\x16\x03\x01\x40\x00\x01\x00\xff\x00" + strings.Repeat("x", 16_000))) // nearly a record
		all = append(all, c)
	}
	eventually(t, "all of them have memory", func() bool { return s.Counters().HandshakeFailures == 1 })
	if n := s.Counters().PendingBytes; n < 90_000 || n > 100_000 {
		t.Errorf("%d bytes accounted for, expected two records' buffers, 3×16 kB each", n)
	}
	if err := handshake(s); err != nil {
		t.Errorf("a client with a usual hello: %v", err)
	}
	for _, c := range all {
		c.Close()
	}
	eventually(t, "memory isn't given back", func() bool { return s.Counters().PendingBytes == 0 })
}

// Slowloris: the handshake has its time, however its bytes are dripping in. The
// clients meanwhile don't hold others up.
func TestHandshakeTimeout(t *testing.T) {
	s := startOn(t, dot, Limits{HandshakeTimeout: 300 * time.Millisecond, IdleTimeout: 10 * patience, FrameTimeout: 10 * patience})
	hello := clientHello(t)
	var all []*client
	stop := make(chan struct{})
	for n := range 30 {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, conn)
		all = append(all, c)
		switch n % 3 {
		case 0: // says nothing
		case 1: // half a hello
			c.Write(hello[:len(hello)/2])
		case 2: // never ends it
			go func() {
				for i := range len(hello) - 1 {
					if _, err := c.Write(hello[i : i+1]); err != nil {
						return
					}
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
					}
				}
			}()
		}
	}
	dial(t, s).exchange(1)
	for _, c := range all {
		c.closed()
	}
	close(stop)
	eventually(t, "time-outs aren't counted", func() bool { return s.Counters().HandshakeTimeouts == 30 })
	dial(t, s).exchange(2)
}

// clientHello is what a client sends first.
func clientHello(t *testing.T) []byte {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go tls.Client(theirs, clientTLS()).Handshake()
	ours.SetReadDeadline(time.Now().Add(patience))
	hello := make([]byte, 4096)
	n, err := ours.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	return hello[:n]
}

// Beyond its budget a client is closed before anything is computed for it. TCP has
// nothing to do with that.
func TestHandshakeBudget(t *testing.T) {
	tcp := start(t, Limits{})
	s := startWith(t, Config{Transport: dot, Handshakes: limit.NewHandshakes(4)})
	served, refused := 0, 0
	for range 50 {
		switch err := handshake(s); {
		case err == nil:
			served++
		case errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset"):
			refused++
		default:
			t.Error(err)
		}
		dial(t, tcp).exchange(1)
	}
	if served == 0 || refused == 0 {
		t.Errorf("%d handshakes, %d refused, of a budget of one a second", served, refused)
	}
	eventually(t, "refusals aren't counted", func() bool {
		counters := s.Counters()
		return counters.HandshakesRefused == uint64(refused) && counters.Handshakes == uint64(served)
	})
}

// A flood of connections to one port leaves others theirs, within limits.
func TestHandshakeFlood(t *testing.T) {
	const flood = 300
	tcp := start(t, Limits{})
	s := startOn(t, dot, Limits{MaxConns: 20, MaxConnsPerClient: flood, HandshakeTimeout: patience})
	hello := clientHello(t)
	for range flood {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		newClient(t, conn).Write(hello[:100])
		dial(t, tcp).exchange(1)
	}
	eventually(t, "not all but 20 had to make room", func() bool {
		counters := s.Counters()
		return counters.Accepted == flood && counters.Evicted == flood-20 && counters.Open == 20
	})
	dialFrom(t, s, "127.0.0.2").exchange(1)
}

// A query may come with the last bytes of the handshake, and in pieces.
func TestQueryWithHandshake(t *testing.T) {
	s := startOn(t, dot, Limits{})
	for n := range 20 {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		late := &withheld{Conn: conn}
		secure := tls.Client(late, clientTLS())
		c := newClient(t, secure)
		late.after = 1 // the hello goes at once, what follows waits
		if err := secure.Handshake(); err != nil {
			t.Fatal(err)
		}
		query := testengine.Query(t, n)
		frame := testengine.Frame(query)
		c.send(frame[:n+1])
		late.flush()
		c.send(frame[n+1:])
		late.flush()
		c.receive(query)
	}
}

// withheld keeps what is written after some writes until it is flushed.
type withheld struct {
	net.Conn
	after int
	kept  bytes.Buffer
}

func (w *withheld) Write(p []byte) (int, error) {
	if w.after > 0 {
		w.after--
		return w.Conn.Write(p)
	}
	return w.kept.Write(p)
}

func (w *withheld) flush() {
	w.Conn.Write(w.kept.Bytes())
	w.kept.Reset()
}
