package stream

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// lines is a protocol for tests: a line is answered by itself in capitals;
// "more:N" by N bytes; "owe", "paid" begin and end something that the client owes;
// "bye" ends the connection, "fail" panics, "take" takes over, and "ask:N" asks the
// engine.
type lines struct {
	t      testing.TB
	peer   Peer
	owes   uint64
	long   int // bytes of a long answer that are still to come
	closed chan struct{}
}

var errBye = errors.New("the client said bye")

func (l *lines) Answer(w *Work, in, out []byte) (used, wrote int, more bool, err error) {
	if len(out) < 2*65537 {
		l.t.Errorf("room for %d bytes, expected two messages", len(out))
	}
	if w.Req.Client != l.peer.Client || w.Req.Transport != query.DoH {
		l.t.Errorf("request of %v by %v, the peer is %v", w.Req.Client, w.Req.Transport, l.peer.Client)
	}
	for {
		if l.long > 0 {
			n := min(l.long, len(out)-wrote)
			clear(out[wrote : wrote+n])
			wrote += n
			if l.long -= n; l.long > 0 {
				return used, wrote, true, nil
			}
		}
		end := bytes.IndexByte(in[used:], '\n')
		if end < 0 {
			return used, wrote, false, nil
		}
		line := string(in[used : used+end])
		if line == "take" {
			return used, wrote, false, ErrTakeOver
		}
		used += end + 1
		switch command, rest, _ := strings.Cut(line, ":"); command {
		case "more":
			fmt.Sscan(rest, &l.long)
			continue
		case "owe":
			l.owes++
		case "paid":
			l.owes = 0
		case "fail":
			panic("as told")
		case "ask":
			var n int
			fmt.Sscan(rest, &n)
			wrote += w.Answer(testengine.Query(l.t, n), out[wrote:])
			continue
		}
		wrote += copy(out[wrote:], strings.ToUpper(line)+"\n")
		if line == "bye" {
			return used, wrote, false, errBye
		}
	}
}

func (l *lines) Owes() uint64 { return l.owes }

func (l *lines) Close(out []byte) int { return copy(out, "farewell\n") }

// TakeOver echoes until the client has gone.
func (l *lines) TakeOver(nc net.Conn) {
	defer close(l.closed)
	nc.SetDeadline(time.Now().Add(time.Hour))
	io.Copy(nc, nc)
}

// startLines serves the protocol, over TLS and in cleartext.
func startLines(t *testing.T, cfg Config, run func(t *testing.T, s *Server)) {
	cfg.Transport = query.DoH
	for _, config := range []string{"cleartext", "TLS"} {
		cfg.TLS = nil
		if config == "TLS" {
			cfg.TLS = serverTLS(t)
		}
		cfg.Session = func(p Peer) Session {
			if (p.TLS != nil) != (config == "TLS") || p.TLS != nil && p.TLS.NegotiatedProtocol != "dot" {
				t.Errorf("%s: peer %+v", config, p)
			}
			return &lines{t: t, peer: p, closed: make(chan struct{})}
		}
		t.Run(config, func(t *testing.T) { run(t, startWith(t, cfg)) })
	}
}

func (c *client) line() string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("after %q: %v", line, err)
	}
	return line
}

func (c *client) expect(line string) {
	c.t.Helper()
	if got := c.line(); got != line+"\n" {
		c.t.Fatalf("got %q, expected %q", got, line)
	}
}

func (c *client) rest() string {
	c.t.Helper()
	all, err := io.ReadAll(c.in)
	if err != nil {
		c.t.Fatalf("after %q: %v", all, err)
	}
	return string(all)
}

// TestNoSession closes connections once the client is known.
func TestNoSession(t *testing.T) {
	for name, config := range map[string]*tls.Config{"cleartext": nil, "TLS": serverTLS(t)} {
		t.Run(name, func(t *testing.T) {
			s := startWith(t, Config{Transport: query.DoH, TLS: config, Session: func(Peer) Session { return nil }})
			if rest := dial(t, s).rest(); rest != "" {
				t.Errorf("got %q, expected nothing", rest)
			}
			eventually(t, "the connection is still open", func() bool { return s.Counters().Open == 0 })
		})
	}
}

func TestSession(t *testing.T) {
	startLines(t, Config{}, func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.send([]byte("hel"))
		c.send([]byte("lo\nworld\n"))
		c.expect("HELLO")
		c.expect("WORLD")
		// An answer of several buffers, and something behind it.
		c.send([]byte("more:1000000\nagain\n"))
		if _, err := io.ReadFull(c.in, make([]byte, 1_000_000)); err != nil {
			t.Fatal(err)
		}
		c.expect("AGAIN")
		c.send([]byte("ask:7\n"))
		answer := make([]byte, 512)
		n, err := c.in.Read(answer)
		if err != nil {
			t.Fatal(err)
		}
		if err := testengine.Check(testengine.Query(t, 7), answer[:n]); err != nil {
			t.Error(err)
		}
		c.send([]byte("bye\nnot any more\n"))
		if got := c.rest(); got != "BYE\n" {
			t.Errorf("at the end: %q", got)
		}
		if counters := s.Counters(); counters.Queries != 1 || counters.Responses != 1 {
			t.Errorf("counters %+v: expected one query and response", counters)
		}
	})
}

// What the client owes has its time, however busy it is otherwise.
func TestSessionFrameTimeout(t *testing.T) {
	startLines(t, Config{Limits: Limits{FrameTimeout: 200 * time.Millisecond, IdleTimeout: 10 * patience}}, func(t *testing.T, s *Server) {
		quiet := dial(t, s)
		quiet.send([]byte("owe\n"))
		quiet.expect("OWE")
		busy := dial(t, s)
		busy.send([]byte("owe\n"))
		busy.expect("OWE")
		ended := make(chan string)
		go func() {
			for {
				if _, err := busy.Write([]byte("x\n")); err != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		go func() {
			last := ""
			for {
				line, err := busy.in.ReadString('\n')
				if err != nil {
					ended <- last
					return
				}
				last = line
			}
		}()
		if got := quiet.rest(); got != "farewell\n" {
			t.Errorf("the quiet client got %q, expected a farewell", got)
		}
		<-ended
		// Who goes on to owe something else isn't late.
		paying := dial(t, s)
		for range 100 {
			paying.send([]byte("owe\n"))
			paying.expect("OWE")
			time.Sleep(5 * time.Millisecond)
		}
		eventually(t, "time-outs aren't counted", func() bool { return s.Counters().FrameTimeouts == 2 })
	})
}

func TestSessionOwesTooMuch(t *testing.T) {
	startLines(t, Config{SessionBytes: 1000}, func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.send(bytes.Repeat([]byte("x"), 1000))
		c.send([]byte("\n"))
		c.line()
		c.send(bytes.Repeat([]byte("x"), 1001))
		if got := c.rest(); got != "" {
			t.Errorf("got %q", got)
		}
		eventually(t, "it isn't counted", func() bool { return s.Counters().BadFrames == 1 })
	})
}

func TestSessionPanics(t *testing.T) {
	startLines(t, Config{}, func(t *testing.T, s *Server) {
		other, c := dial(t, s), dial(t, s)
		c.send([]byte("fail\n"))
		if got := c.rest(); got != "" {
			t.Errorf("got %q", got)
		}
		other.send([]byte("still here\n"))
		other.expect("STILL HERE")
		if n := s.Counters().Panics; n != 1 {
			t.Errorf("%d panics counted", n)
		}
	})
}

func TestSessionFarewell(t *testing.T) {
	startLines(t, Config{Limits: Limits{MaxQueries: 2, IdleTimeout: 10 * patience}}, func(t *testing.T, s *Server) {
		enough, open := dial(t, s), dial(t, s)
		enough.send([]byte("ask:1\nask:2\n"))
		if got := enough.rest(); !strings.HasSuffix(got, "farewell\n") {
			t.Errorf("at the end of its queries a client got %q", got)
		}
		open.send([]byte("hello\n"))
		open.expect("HELLO")
		shutdown(t, s)
		if got := open.rest(); got != "farewell\n" {
			t.Errorf("at shutdown a client got %q", got)
		}
	})
}

func TestTakeOver(t *testing.T) {
	startLines(t, Config{Limits: Limits{IdleTimeout: 10 * patience}}, func(t *testing.T, s *Server) {
		c, other := dial(t, s), dial(t, s)
		for _, c := range []*client{c, other} {
			c.send([]byte("hello\ntake\nthis\n"))
			c.expect("HELLO")
			c.expect("take")
			c.expect("this")
			c.send([]byte("and that\n"))
			c.expect("and that")
		}
		if n := s.Counters().Open; n != 2 {
			t.Errorf("%d connections open, expected 2", n)
		}
		c.Close()
		eventually(t, "it stays open", func() bool { return s.Counters().Open == 1 })
		shutdown(t, s) // although it has set a deadline of an hour
		if got := other.rest(); got != "" {
			t.Errorf("at shutdown a client got %q", got)
		}
	})
}

// A session that does its own I/O can be idle, and slow to read, and evicted.
func TestTakenTimeouts(t *testing.T) {
	startLines(t, Config{Limits: Limits{IdleTimeout: 300 * time.Millisecond, WriteTimeout: 10 * patience}}, func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.send([]byte("take\n"))
		c.expect("take")
		if got := c.rest(); got != "" {
			t.Errorf("an idle client got %q", got)
		}
		eventually(t, "no idle time-out", func() bool { return s.Counters().IdleTimeouts == 1 })
	})
	startLines(t, Config{Limits: Limits{WriteTimeout: 300 * time.Millisecond, IdleTimeout: 10 * patience}}, func(t *testing.T, s *Server) {
		c := slow(t, s)
		c.send([]byte("take\n"))
		go c.greed()
		eventually(t, "no write time-out", func() bool { return s.Counters().SlowReaders == 1 })
	})
	startLines(t, Config{Limits: Limits{MaxConns: 1, IdleTimeout: 10 * patience}}, func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.send([]byte("take\n"))
		c.expect("take")
		// Who writes isn't made to give room, and its answer may come before its write has ended.
		eventually(t, "it doesn't end its write", func() bool { return s.writers() == 0 })
		other := dialFrom(t, s, "127.0.0.2")
		other.send([]byte("hello\n"))
		other.expect("HELLO")
		if got := c.rest(); got != "" {
			t.Errorf("who made room got %q", got)
		}
	})
}

// The preamble's client is the one that counts and that the engine is told of.
func TestPreamble(t *testing.T) {
	preamble := func(nc net.Conn) (client netip.AddrPort, ahead []byte, err error) {
		in := bufio.NewReader(nc)
		line, err := in.ReadString('\n')
		if err != nil {
			return client, nil, err
		}
		if line != "local\n" {
			if client, err = netip.ParseAddrPort(strings.TrimSpace(line)); err != nil {
				return client, nil, err
			}
		}
		ahead, _ = in.Peek(in.Buffered())
		return client, ahead, nil
	}
	limits := Limits{MaxConnsPerClient: 1, HandshakeTimeout: 500 * time.Millisecond, IdleTimeout: 10 * patience}
	for _, transport := range transports {
		t.Run(transport.String(), func(t *testing.T) {
			s := startWith(t, Config{Transport: transport, Preamble: preamble, Limits: limits})
			through := func(first string) *client {
				t.Helper()
				conn, err := net.Dial("tcp", s.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				conn = &withPreamble{Conn: conn, first: []byte(first)}
				return newClient(t, secureFor(s, conn))
			}
			one := through("192.0.2.1:1000\n")
			one.exchange(1)
			through("192.0.2.2:1000\n").exchange(2)
			through("local\n").exchange(3)
			eventually(t, "counted wrongly", func() bool { return s.Counters().Open == 3 })
			second := through("[::ffff:192.0.2.1]:1001\n")
			second.Write(testengine.Frame(testengine.Query(t, 1)))
			second.closed()
			one.exchange(4)
			one.Close()
			eventually(t, "the first connection stays open", func() bool { return s.Counters().Open == 2 })
			through("192.0.2.1:1002\n").exchange(5)

			bad := through("nonsense\n")
			bad.Write(testengine.Frame(testengine.Query(t, 1)))
			bad.closed()
			conn, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			newClient(t, conn).closed() // says nothing
			if counters := s.Counters(); counters.Refused != 1 || counters.HandshakeFailures != 1 || counters.HandshakeTimeouts != 1 {
				t.Errorf("counters %+v: expected one connection refused, one preamble bad, one late", counters)
			}
		})
	}
}

// withPreamble sends it together with what is sent first.
type withPreamble struct {
	net.Conn
	first []byte
}

func (w *withPreamble) Write(p []byte) (int, error) {
	if len(w.first) == 0 {
		return w.Conn.Write(p)
	}
	_, err := w.Conn.Write(append(w.first, p...))
	w.first = nil
	return len(p), err
}
