package fakedns

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// each runs a test for each of some transports.
func each(t *testing.T, transports []Transport, test func(t *testing.T, transport Transport)) {
	for _, transport := range transports {
		t.Run(string(transport), func(t *testing.T) { test(t, transport) })
	}
}

var (
	streams = []Transport{TCP, DoT}
)

func TestGoodAnswers(t *testing.T) {
	each(t, Transports, func(t *testing.T, transport Transport) {
		s := Start(t, transport, Good)
		c := mustDial(t, s)
		for i := range 3 {
			asked := query(t, s, uint16(0xab00+i), fmt.Sprintf("q%d.example.", i))
			got, err := c.ask(asked)
			if err != nil {
				t.Fatal(err)
			}
			var m dns.Msg
			if err := m.Unpack(got); err != nil {
				t.Fatalf("%x: %v", got, err)
			}
			name := fmt.Sprintf("q%d.example.", i)
			if !m.Response || !m.Authoritative || m.Rcode != dns.RcodeSuccess || !bytes.Equal(got[:2], asked[:2]) ||
				len(m.Question) != 1 || m.Question[0].Name != name || len(m.Answer)+len(m.Ns)+len(m.Extra) != 0 {
				t.Errorf("got\n%v\nexpected NOERROR and the question", &m)
			}
			eventually(t, "the exchange is there", func() bool { e := s.Exchanges(); return len(e) == i+1 && !e[i].Done.IsZero() })
			e := s.Exchanges()[i]
			if e.Name() != name || e.N != i || !bytes.Equal(e.Message, asked) || e.Transport != transport || !e.From.Addr().IsLoopback() {
				t.Errorf("recorded %+v", e)
			}
			if e.Sent.Before(e.Received) || e.Done.Before(e.Sent) {
				t.Errorf("received %s, sent %s, done %s", e.Received, e.Sent, e.Done)
			}
			if transport != UDP && (e.Conn != 0 || e.OnConn != i || s.Connections() != 1) {
				t.Errorf("query %d on connection %d of %d, expected all on one", e.OnConn, e.Conn, s.Connections())
			}
		}
	})
}

// TestDelays holds what a server says about itself against what a client sees.
func TestDelays(t *testing.T) {
	each(t, Transports, func(t *testing.T, transport Transport) {
		const least = 30 * time.Millisecond
		s := Start(t, transport, Delayed(Uniform(least, 2*least, 1), Good))
		c := mustDial(t, s)
		for i := range 5 {
			before := time.Now()
			if _, err := c.ask(query(t, s, 1, "example.")); err != nil {
				t.Fatal(err)
			}
			took := time.Since(before)
			eventually(t, "the exchange is there", func() bool { return !s.Exchanges()[i].Done.IsZero() })
			e := s.Exchanges()[i]
			if e.Delay() < least || e.Delay() > took {
				t.Errorf("the server says that it took %s, the client %s, expected at least %s", e.Delay(), took, least)
			}
		}
	})
}

func TestSilence(t *testing.T) {
	each(t, Transports, func(t *testing.T, transport Transport) {
		s := Start(t, transport, Silent)
		mustDial(t, s).silent(t, query(t, s, 1, "example."))
		if e := s.Exchanges()[0]; !e.Sent.IsZero() || e.Delay() != 0 {
			t.Errorf("recorded as sent: %+v", e)
		}
	})
}

func TestBadMessages(t *testing.T) {
	each(t, Transports, func(t *testing.T, transport Transport) {
		for name, test := range map[string]struct {
			script Script
			check  func(asked, got []byte) bool
		}{
			"wrong ID":  {WrongID, func(asked, got []byte) bool { return got[0] == ^asked[0] && bytes.Equal(got[4:6], asked[4:6]) }},
			"truncated": {Truncated, func(asked, got []byte) bool { return got[2]&2 != 0 }},
			"short":     {Short(7), func(asked, got []byte) bool { return len(got) == 7 && bytes.HasPrefix(got, asked[:2]) }},
			"garbage": {Garbage, func(asked, got []byte) bool {
				return bytes.HasPrefix(got, asked[:2]) && new(dns.Msg).Unpack(got) != nil
			}},
			"echo": {Echo, func(asked, got []byte) bool { return bytes.Equal(got, asked) }},
			"wrong question": {WrongQuestion, func(asked, got []byte) bool {
				return bytes.HasPrefix(got, asked[:2]) && bytes.Contains(got, []byte("another"))
			}},
			"refused": {RCode(dns.RcodeRefused), func(asked, got []byte) bool { return got[3]&15 == dns.RcodeRefused }},
			"made": {Made(func(q, a *dns.Msg) {
				a.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: 1}, A: net.IPv4(1, 2, 3, 4)}}
			}),
				func(asked, got []byte) bool { return bytes.HasSuffix(got, []byte{1, 2, 3, 4}) }},
		} {
			t.Run(name, func(t *testing.T) {
				s := Start(t, transport, test.script)
				asked := query(t, s, 0x1234, "www.example.")
				got, err := mustDial(t, s).ask(asked)
				if err != nil || !test.check(asked, got) {
					t.Errorf("asked %x, got %x, %v", asked, got, err)
				}
			})
		}
	})
}

func TestTwice(t *testing.T) {
	each(t, []Transport{UDP, TCP, DoT}, func(t *testing.T, transport Transport) {
		s := Start(t, transport, Twice)
		c := mustDial(t, s)
		first, err := c.ask(query(t, s, 7, "example."))
		if err != nil {
			t.Fatal(err)
		}
		if second, err := c.read(); err != nil || !bytes.Equal(first, second) {
			t.Errorf("got %x, %v after %x, expected the same", second, err, first)
		}
	})
}

// TestUnfinished has answers that end before their end.
func TestUnfinished(t *testing.T) {
	each(t, []Transport{TCP, DoT, DoH, DoH1, DoQ, DoH3}, func(t *testing.T, transport Transport) {
		s := Start(t, transport, CutOff)
		if got, err := mustDial(t, s).ask(query(t, s, 1, "example.")); err == nil {
			t.Errorf("got %x, expected an error", got)
		}
	})
}

// TestHangingUp has connections that end without an answer, by FIN and RST.
func TestHangingUp(t *testing.T) {
	each(t, []Transport{TCP, DoT, DoH, DoH1, DoQ, DoH3}, func(t *testing.T, transport Transport) {
		for name, script := range map[string]Script{"in order": HangsUp, "reset": Breaks, "killed": Dies} {
			t.Run(name, func(t *testing.T) {
				s := Start(t, transport, After(1, Good, script))
				config := s.ClientTLS()
				c, err := dialWith(t, s, config)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := c.ask(query(t, s, 1, "example.")); err != nil {
					t.Fatal(err)
				}
				if name == "killed" && (transport == DoQ || transport == DoH3) {
					// Nobody tells the client.
					go c.ask(query(t, s, 2, "example."))
					eventually(t, "the server is dead", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.run.dead.Load() })
					return
				}
				got, err := c.ask(query(t, s, 2, "example."))
				if err == nil {
					t.Errorf("got %x, expected an error", got)
				}
				if transport == TCP && (name == "in order") != (err == io.EOF) {
					t.Errorf("got %v", err)
				}
			})
		}
	})
}

func TestLasting(t *testing.T) {
	each(t, []Transport{TCP, DoT, DoH, DoH1}, func(t *testing.T, transport Transport) {
		s := Start(t, transport, Lasting(2, Good))
		for range 3 {
			c := mustDial(t, s)
			for i := range 2 {
				if _, err := c.ask(query(t, s, uint16(i), "example.")); err != nil {
					t.Fatalf("query %d: %v", i, err)
				}
			}
			if c.conn != nil {
				if m, err := c.read(); err != io.EOF {
					t.Errorf("got %x, %v, expected that the connection is closed", m, err)
				}
			}
		}
		if s.Connections() != 3 {
			t.Errorf("%d connections, expected 3", s.Connections())
		}
	})
}

func TestDripping(t *testing.T) {
	each(t, streams, func(t *testing.T, transport Transport) {
		s := Start(t, transport, Dripping(time.Millisecond, Good))
		asked := query(t, s, 0x1234, "example.")
		got, err := mustDial(t, s).ask(asked)
		if err != nil || !bytes.Equal(got, Answer(asked, 0)) {
			t.Errorf("got %x, %v", got, err)
		}
	})
}

func TestStatus(t *testing.T) {
	each(t, []Transport{DoH, DoH1, DoH3}, func(t *testing.T, transport Transport) {
		s := Start(t, transport, Status(503))
		if got, err := mustDial(t, s).ask(query(t, s, 1, "example.")); err == nil || !strings.HasPrefix(err.Error(), "503") {
			t.Errorf("got %x, %v, expected 503", got, err)
		}
	})
}

func TestKillAndRevive(t *testing.T) {
	each(t, Transports, func(t *testing.T, transport Transport) {
		goroutines := runtime.NumGoroutine()
		s := Start(t, transport, After(2, Good, Delayed(Fixed(time.Hour), Good)))
		c := mustDial(t, s)
		if _, err := c.ask(query(t, s, 1, "example.")); err != nil {
			t.Fatal(err)
		}
		addr := s.Addr
		s.Kill()
		s.Kill()
		c.close()
		s.Revive()
		if s.Addr != addr {
			t.Fatalf("came back at %s, was at %s", s.Addr, addr)
		}
		again := mustDial(t, s)
		if _, err := again.ask(query(t, s, 2, "example.")); err != nil {
			t.Fatal(err)
		}
		// One that is under way when the server dies.
		mustDial(t, s).silent(t, query(t, s, 3, "example."))
		if transport == TCP || transport == DoT {
			if _, err := dial(t, s); err == nil {
				t.Error("connected to a dead server")
			}
		}
		if s.Queries() != 3 {
			t.Errorf("%d queries, expected 3", s.Queries())
		}
		again.close()
		eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	})
}

func TestResumed(t *testing.T) {
	each(t, []Transport{DoT, DoH, DoH1, DoQ, DoH3}, func(t *testing.T, transport Transport) {
		s := Start(t, transport, Good)
		config := s.ClientTLS()
		for range 2 {
			c, err := dialWith(t, s, config)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.ask(query(t, s, 1, "example.")); err != nil {
				t.Fatal(err)
			}
			c.close()
			s.Kill()
			s.Revive()
		}
		e := s.Exchanges()
		if e[0].Resumed || !e[1].Resumed || e[0].Early || e[1].Early != (transport == DoQ || transport == DoH3) {
			t.Errorf("resumed: %v, %v; early: %v, %v", e[0].Resumed, e[1].Resumed, e[0].Early, e[1].Early)
		}
	})
}

func TestDeaf(t *testing.T) {
	each(t, []Transport{TCP, DoT, DoH, DoH1}, func(t *testing.T, transport Transport) {
		s := StartWith(t, transport, Options{Deaf: true}, Good)
		conn, err := net.Dial("tcp", s.Addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var hello []byte
		if transport == TCP {
			hello = framed(query(t, s, 1, "example."))
		} else {
			go tls.Client(conn, s.ClientTLS()).Handshake()
		}
		conn.Write(hello)
		conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err.(net.Error).Timeout() == false {
			t.Errorf("got %d bytes, %v", n, err)
		}
	})
}

func TestStreams(t *testing.T) {
	each(t, []Transport{DoQ}, func(t *testing.T, transport Transport) {
		s := StartWith(t, transport, Options{Streams: 1}, Silent)
		c := mustDial(t, s)
		if _, err := c.quic.OpenStream(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.quic.OpenStream(); err == nil {
			t.Error("two streams, expected one")
		}
	})
}
