package doq

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
	"yushan/internal/testengine"
)

// relay passes datagrams between one client and a server, of the server's only
// from begin on.
type relay struct {
	front, back *net.UDPConn
	open        context.Context
	begin       context.CancelFunc // ends open
	running     sync.WaitGroup
}

func newRelay(t *testing.T, server netip.AddrPort) *relay {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{front: front, back: back}
	r.open, r.begin = context.WithCancel(context.Background())
	clients := make(chan netip.AddrPort, 1)
	r.running.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, client, err := front.ReadFromUDPAddrPort(buf)
			if err != nil {
				close(clients)
				return
			}
			select {
			case clients <- client:
			default:
			}
			back.Write(buf[:n])
		}
	})
	r.running.Go(func() {
		<-r.open.Done()
		client, ok := <-clients
		if !ok {
			return
		}
		buf := make([]byte, 2048)
		for {
			n, err := back.Read(buf)
			if err != nil {
				return
			}
			front.WriteToUDPAddrPort(buf[:n], client)
		}
	})
	t.Cleanup(func() {
		front.Close()
		back.Close()
		r.begin()
		r.running.Wait()
	})
	return r
}

// TestZeroRTT resumes, at one node, the session that another one gave, and sends
// queries with the first packet. The nodes share nothing but keys. Their answers are held
// back until the queries have arrived, so that these are early data for sure.
func TestZeroRTT(t *testing.T) {
	var ticketKey, tokenKey [32]byte
	rand.Read(ticketKey[:])
	rand.Read(tokenKey[:])
	config := quicload.ServerTLS(t, "doq")
	node := func(address string) *Server {
		return serve(t, func(c *Config) {
			c.Port.Addr = netip.MustParseAddrPort(address)
			c.Port.TLS = config.Clone()
			c.Port.TLS.SetSessionTicketKeys([][32]byte{ticketKey})
			c.Port.TokenKey = &tokenKey
			c.Port.ZeroRTT = true
		})
	}
	first, second := node("127.0.0.1:0"), node("127.0.0.2:0")

	client := quicload.ClientTLS("doq")
	tickets := &countingCache{ClientSessionCache: client.ClientSessionCache}
	client.ClientSessionCache = tickets
	conn, err := quic.DialAddr(deadline(t), first.Addr().String(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, conn, doqQuery(t, 1))
	eventually(t, "a ticket", func() bool { return tickets.count() > 0 })
	conn.CloseWithError(noError, "")

	r := newRelay(t, second.Addr())
	ctx := deadline(t)
	conn, err = quic.DialAddrEarly(ctx, r.front.LocalAddr().String(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(noError, "")
	query, update := open(t, conn), open(t, conn)
	change := new(dns.Msg).SetUpdate("tw.")
	change.Id = 0
	change.SetEdns0(1232, false)
	for stream, message := range map[*quic.Stream][]byte{query: doqQuery(t, 5), update: testengine.Pack(t, change)} {
		if _, err := stream.Write(frame(message)); err != nil {
			t.Fatal(err)
		}
		stream.Close()
	}
	eventually(t, "the early queries", func() bool { c := second.Counters(); return c.Queries == 1 && c.TooEarly == 1 })
	r.begin()

	answer, err := quicload.Answer(query)
	if err == nil {
		err = testengine.Check(doqQuery(t, 5), answer)
	}
	if err != nil {
		t.Errorf("early query: %v", err)
	}
	answer, err = quicload.Answer(update)
	var m dns.Msg
	if err == nil {
		err = m.Unpack(answer)
	}
	if err != nil || m.Rcode != dns.RcodeRefused {
		t.Errorf("early update: %v, %v: expected REFUSED", err, &m)
	}
	select {
	case <-conn.HandshakeComplete():
	case <-ctx.Done():
		t.Fatal("the handshake doesn't end")
	}
	// Now the same is no longer too early: tw. is no zone that could be updated.
	if err := m.Unpack(ask(t, conn, testengine.Pack(t, change))); err != nil || m.Rcode == dns.RcodeRefused {
		t.Errorf("update after the handshake: %v, %v: expected another answer than REFUSED", err, &m)
	}
	if !conn.ConnectionState().Used0RTT || !conn.ConnectionState().TLS.DidResume {
		t.Errorf("the server accepted no early data")
	}
	eventually(t, "the handshake to be counted", func() bool {
		c := second.Counters().Port
		return c.Handshakes == 1 && c.Resumed == 1 && c.EarlyData == 1 && c.Handshaking == 0 && c.HandshakeFailures == 0
	})
}

// TestNoZeroRTT offers early data to a server that doesn't want any.
func TestNoZeroRTT(t *testing.T) {
	s := serve(t, nil)
	client := quicload.ClientTLS("doq")
	tickets := &countingCache{ClientSessionCache: client.ClientSessionCache}
	client.ClientSessionCache = tickets
	for round := range 2 {
		conn, err := quic.DialAddrEarly(deadline(t), s.Addr().String(), client, nil)
		if err != nil {
			t.Fatal(err)
		}
		ask(t, conn, doqQuery(t, 1))
		if conn.ConnectionState().Used0RTT {
			t.Errorf("connection %d used 0-RTT", round)
		}
		eventually(t, "a ticket", func() bool { return tickets.count() > round })
		conn.CloseWithError(noError, "")
	}
	if c := s.Counters().Port; c.Resumed != 1 || c.EarlyData != 0 {
		t.Errorf("counters %+v: expected one session to be resumed, without early data", c)
	}
}

// countingCache counts the tickets that a client gets.
type countingCache struct {
	tls.ClientSessionCache
	mu  sync.Mutex
	got int
}

func (c *countingCache) Put(key string, state *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, state)
	if state != nil {
		c.mu.Lock()
		c.got++
		c.mu.Unlock()
	}
}

func (c *countingCache) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got
}
