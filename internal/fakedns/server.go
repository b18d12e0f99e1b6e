package fakedns

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yushan/internal/quicload"
)

// Transport is how a server is reached.
type Transport string

const (
	UDP  Transport = "udp"
	TCP  Transport = "tcp"
	DoT  Transport = "dot"
	DoH  Transport = "doh"  // HTTP/2
	DoH1 Transport = "doh1" // HTTP/1.1
	DoH3 Transport = "doh3" // HTTP/3
	DoQ  Transport = "doq"
)

// Transports are all of them.
var Transports = []Transport{UDP, TCP, DoT, DoH, DoH1, DoH3, DoQ}

// Encrypted tells whether there is TLS.
func (t Transport) Encrypted() bool { return t != UDP && t != TCP }

// protocols are those of ALPN.
func (t Transport) protocols() []string {
	switch t {
	case DoT:
		return []string{"dot"}
	case DoH:
		return []string{"h2"}
	case DoH1:
		return []string{"http/1.1"}
	case DoH3:
		return []string{"h3"}
	case DoQ:
		return []string{"doq"}
	}
	return nil
}

// Options are what a server needs besides its script; the zero value is good.
type Options struct {
	// Addr is where it listens; unless set, on a free port of 127.0.0.1.
	Addr netip.AddrPort
	// Streams bounds how many a client may have open on a connection of HTTP/2 or
	// QUIC; 0: the library's own limit.
	Streams int
	// Deaf is a server to which one can connect, and which then does nothing: no
	// handshake of TLS, no answer, for as long as it lives. It has no meaning on UDP and QUIC.
	Deaf bool
	// TLS, unless nil, changes the configuration.
	TLS func(*tls.Config)
}

// Exchange is a query and what has been done about it.
type Exchange struct {
	Query
	// Sent is right before the last message was given to the kernel (TLS and QUIC: to the
	// library), Done right after; both by the wall clock, and zero if nothing was sent.
	Sent, Done time.Time
}

// Delay is how long the server took, 0 if it has sent nothing.
func (e *Exchange) Delay() time.Duration {
	if e.Sent.IsZero() {
		return 0
	}
	return e.Sent.Sub(e.Received)
}

// Server is a fake DNS server.
type Server struct {
	Addr      netip.AddrPort
	Transport Transport

	t       testing.TB
	options Options
	tls     *tls.Config
	script  Script

	mu        sync.Mutex // guards what follows, and the script
	exchanges []Exchange
	conns     int
	run       *run // nil: it is dead
}

// run is a server's life from Start or Revive to Kill.
type run struct {
	ctx    context.Context
	cancel context.CancelFunc
	ends   func() // ends all that is open
	tasks  sync.WaitGroup
	dead   atomic.Bool
}

// Start runs a server until the end of the test.
func Start(t testing.TB, transport Transport, script Script) *Server {
	t.Helper()
	return StartWith(t, transport, Options{}, script)
}

// StartWith is [Start] with options.
func StartWith(t testing.TB, transport Transport, options Options, script Script) *Server {
	t.Helper()
	s := &Server{t: t, Transport: transport, options: options, script: script, Addr: options.Addr}
	if !s.Addr.IsValid() {
		s.Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	}
	if transport.Encrypted() {
		s.tls = quicload.ServerTLS(t, transport.protocols()...)
		// Given, they are in all clones.
		s.tls.SetSessionTicketKeys([][32]byte{sha256.Sum256(s.tls.Certificates[0].Certificate[0])})
		if options.TLS != nil {
			options.TLS(s.tls)
		}
	}
	s.Revive()
	t.Cleanup(s.Kill)
	return s
}

// Revive starts a server again, at the same address, when it has been killed. Its session
// tickets are good still.
func (s *Server) Revive() {
	s.t.Helper()
	s.Kill() // a script may have begun it
	r := &run{}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	var addr net.Addr
	var err error
	switch s.Transport {
	case UDP:
		addr, err = s.serveUDP(r)
	case TCP, DoT:
		addr, err = s.serveStream(r)
	case DoH, DoH1:
		addr, err = s.serveHTTP(r)
	case DoQ, DoH3:
		addr, err = s.serveQUIC(r)
	default:
		s.t.Fatalf("fakedns has no transport %q", s.Transport)
	}
	if err != nil {
		r.cancel()
		s.t.Fatalf("fake server: %s on %s: %v", s.Transport, s.Addr, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Addr = netip.MustParseAddrPort(addr.String())
	s.run = r
}

// Kill ends the server as a crash does: connections are reset, what has been promised is not
// sent, and nobody listens any more. It returns when nothing is left; on a dead
// server it does nothing.
func (s *Server) Kill() {
	s.mu.Lock()
	r := s.run
	s.run = nil
	s.mu.Unlock()
	if r != nil {
		r.kill()
		r.tasks.Wait()
	}
}

// kill does not wait, so that a script can have it done.
func (r *run) kill() {
	if !r.dead.Swap(true) {
		r.cancel()
		r.ends()
	}
}

// Exchanges are those of all queries that have come until now, in that order.
func (s *Server) Exchanges() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Exchange{}, s.exchanges...)
}

// Queries is how many queries have come.
func (s *Server) Queries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.exchanges)
}

// Connections is how many have been accepted; 0 on UDP. One of TLS counts even if its
// handshake failed.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// ClientTLS is a configuration with which a client reaches the server. It remembers
// sessions, and has no application protocols: clients set their own.
func (s *Server) ClientTLS() *tls.Config { return quicload.ClientTLS() }

// newConn counts a connection.
func (s *Server) newConn() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	return s.conns - 1
}

// ask asks the script about a query.
func (s *Server) ask(q *Query) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.Transport = s.Transport
	q.N = len(s.exchanges)
	s.exchanges = append(s.exchanges, Exchange{Query: *q})
	return s.script(q)
}

// sending measures one.
func (s *Server) sending(q *Query, write func()) {
	before := time.Now().Round(0)
	write()
	after := time.Now().Round(0)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &s.exchanges[q.N]
	e.Sent, e.Done = before, after
}

// later runs what is to be done at a query's Received plus delay: at once if that is now, else
// in a goroutine. It is not done on a dead server.
func (r *run) later(q *Query, delay time.Duration, do func()) {
	wait := time.Until(q.Received.Add(delay))
	if delay == 0 || wait <= 0 {
		do()
		return
	}
	r.tasks.Go(func() {
		if r.sleep(r.ctx, wait) {
			do()
		}
	})
}

// sleep tells whether the time has passed before one of the ends.
func (r *run) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return !r.dead.Load()
	case <-r.ctx.Done():
		return false
	case <-ctx.Done():
		return false
	}
}
