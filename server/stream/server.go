package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"yushan/server/crew"
	"yushan/server/limit"
	"yushan/server/listen"
	"yushan/server/query"
)

// Config is what a server needs to know.
type Config struct {
	// Addr is where to listen; port 0 lets the kernel choose.
	Addr netip.AddrPort
	// Transport goes into requests, and names the server in messages: TCP, which
	// the zero value means, too; DoT; or DoH.
	Transport query.Transport
	// TLS is what to shake hands with: certificates, versions, protocols (ALPN).
	// nil: cleartext. Listen makes a copy.
	TLS *tls.Config
	// Handshakes is the budget of handshakes; nil: no limit. A refused client is
	// closed before anything is computed for it.
	Handshakes *limit.Handshakes
	// Preamble, unless nil, reads what comes before everything else, before TLS,
	// and tells who the client is (PROXY protocol); the zero value means whom nc comes
	// from. ahead is what it has read too much, at most 16 KiB. It is called in the
	// connection's goroutine, and must not change nc's deadlines: HandshakeTimeout
	// holds. An error closes the connection.
	Preamble func(nc net.Conn) (client netip.AddrPort, ahead []byte, err error)
	// Session begins the protocol of a connection; nil: messages with their lengths
	// (RFC 1035 §4.2.2). If it returns nil there is nothing to be said, and the
	// connection is closed.
	Session func(Peer) Session
	// SessionBytes is how much Answer may leave unused while it waits for more; 0:
	// 2 + Limits.MaxFrameBytes. A session that needs more is ended.
	SessionBytes int
	Limits       Limits
	// OnPanic, unless nil, is told when the engine has panicked on a query, which
	// is then left unanswered, and its connection closed; or a session or a
	// handshake, with the query that came last or none. It is called by the
	// goroutine that did, before its stack is unwound, so that debug.Stack tells
	// where. It may be called by several at once, must return soon, and keep nothing
	// of query.
	OnPanic func(query []byte, value any)
}

// Server answers queries on connections. Its methods may be called from any
// goroutine.
type Server struct {
	listener   *net.TCPListener
	transport  query.Transport
	tls        *tls.Config
	handshakes *limit.Handshakes
	preamble   func(net.Conn) (netip.AddrPort, []byte, error)
	session    func(Peer) Session
	frames     frames
	keepBytes  int // of what a session can't use yet
	limits     Limits
	engine     *atomic.Pointer[query.Engine]
	onPanic    func(query []byte, value any)

	workspaces workspaces
	events     events
	tick       atomic.Uint64 // the number of sweeps so far
	keepalive  atomic.Uint32 // the idle time-out of the moment, in units of RFC 7828

	crew    crew.Crew      // connections' goroutines
	running sync.WaitGroup // of these, those at work
	sweeper sync.WaitGroup
	stop    chan struct{} // closed when Shutdown begins
	ended   chan struct{} // closed when the last connection has ended after that

	mu        sync.Mutex // guards what follows
	table     table
	idleTicks uint64
	sweeping  bool
	stopping  bool          // connections end when what has arrived is answered
	closed    bool          // no connection is taken any more
	serving   chan struct{} // closed when Serve doesn't accept any more; nil before Serve
}

// Listen takes a TCP address into use. Nothing is accepted before [Server.Serve],
// so that privileges can be given up in between. If another server has the
// address, the error wraps EADDRINUSE.
//
// The engine's pointer must be set before Serve, and may be changed at any time:
// the queries of one read are answered by one engine.
func Listen(cfg Config, engine *atomic.Pointer[query.Engine]) (*Server, error) {
	if cfg.Transport == query.UDP {
		cfg.Transport = query.TCP
	}
	addr := netip.AddrPortFrom(cfg.Addr.Addr().Unmap(), cfg.Addr.Port())
	if !addr.IsValid() {
		return nil, fmt.Errorf("listen on %v: no address given", cfg.Transport)
	}
	s, err := newServer(cfg, engine)
	if err == nil {
		s.listener, err = listenTCP(addr)
	}
	if err != nil {
		return nil, listen.Error(cfg.Transport.String(), addr, err)
	}
	return s, nil
}

func listenTCP(addr netip.AddrPort) (*net.TCPListener, error) {
	network := "tcp4"
	if addr.Addr().Is6() {
		network = "tcp6" // sets IPV6_V6ONLY
	}
	// Idle connections don't live long enough for TCP's own keepalive.
	listening := net.ListenConfig{KeepAlive: -1}
	listening.SetMultipathTCP(false)
	listener, err := listening.Listen(context.Background(), network, addr.String())
	if err != nil {
		return nil, err
	}
	return listener.(*net.TCPListener), nil
}

// newServer makes a server that has no listener yet.
func newServer(cfg Config, engine *atomic.Pointer[query.Engine]) (*Server, error) {
	limits, err := cfg.Limits.withDefaults()
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Transport == query.DoT && cfg.TLS == nil:
		return nil, errors.New("a TLS configuration is missing")
	case cfg.Transport == query.DoH && cfg.Session == nil:
		return nil, errors.New("the sessions' protocol is missing")
	case cfg.SessionBytes < 0 || cfg.SessionBytes > maxSessionBytes:
		return nil, fmt.Errorf("sessions that keep %d bytes: expected 1 to %d, or 0", cfg.SessionBytes, maxSessionBytes)
	}
	s := &Server{
		transport:  cfg.Transport,
		handshakes: cfg.Handshakes,
		preamble:   cfg.Preamble,
		session:    cfg.Session,
		keepBytes:  or(cfg.SessionBytes, 2+limits.MaxFrameBytes),
		limits:     limits,
		engine:     engine,
		onPanic:    cfg.OnPanic,
		stop:       make(chan struct{}),
		ended:      make(chan struct{}),
		table:      table{clients: map[netip.Addr]int{}},
	}
	if cfg.TLS != nil {
		s.tls = cfg.TLS.Clone()
		// Small records at first are of use to browsers; to us they are many writes.
		s.tls.DynamicRecordSizingDisabled = true
	}
	s.frames = frames{maxBytes: limits.MaxFrameBytes, failed: s.failed}
	s.workspaces.init(s.keepBytes, limits.MaxPendingBytes, s.tls != nil)
	s.adapt()
	return s, nil
}

// maxSessionBytes is how much any session may keep unused.
const maxSessionBytes = 1 << 20

// Addr is where the server listens.
func (s *Server) Addr() netip.AddrPort {
	addr := s.listener.Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// Serve accepts connections and answers their queries, until [Server.Shutdown] is
// called and the last connection has ended. It is to be called once.
func (s *Server) Serve() error {
	s.mu.Lock()
	if s.serving != nil {
		s.mu.Unlock()
		return fmt.Errorf("%v server: Serve called twice", s.transport)
	}
	done := make(chan struct{})
	s.serving = done
	stopping := s.stopping
	s.mu.Unlock()

	if !stopping {
		s.accept()
	}
	s.listener.Close()
	close(done)
	<-s.ended
	return nil
}

const (
	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = time.Second
	acceptPoll       = 100 * time.Millisecond
	// backlogMoment is how long Shutdown goes on accepting: connections in the
	// kernel's queue may bring queries that have been received.
	backlogMoment = 10 * time.Millisecond
)

// accept takes connections until Shutdown sets the listener's deadline.
func (s *Server) accept() {
	backoff := acceptBackoffMin
	for {
		nc, err := s.listener.AcceptTCP()
		switch {
		case err == nil:
			backoff = acceptBackoffMin
			s.start(nc)
		case isTimeout(err):
			return
		case errors.Is(err, unix.ECONNABORTED):
			// The client has gone already.
		default:
			// No file descriptors, no memory: others' connections can make room,
			// once it is wanted. The kernel complains before it looks for that.
			s.events.acceptErrors.Add(1)
			s.awaitConnection()
			s.mu.Lock()
			s.evict()
			s.mu.Unlock()
			select {
			case <-s.stop:
			case <-time.After(backoff):
			}
			backoff = min(2*backoff, acceptBackoffMax)
		}
	}
}

// awaitConnection waits until a connection can be accepted, or Shutdown is called.
// It needs a thread for so long; net's listeners can't be asked otherwise.
func (s *Server) awaitConnection() {
	raw, err := s.listener.SyscallConn()
	if err != nil {
		return
	}
	for pending := 0; pending == 0; {
		select {
		case <-s.stop:
			return
		default:
		}
		err = raw.Control(func(fd uintptr) {
			fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			pending, _ = unix.Poll(fds[:], int(acceptPoll.Milliseconds()))
		})
		if err != nil {
			return
		}
		pending = max(pending, 0) // EINTR
	}
}

// start serves a connection in a goroutine of its own, if there is room for it.
func (s *Server) start(nc *net.TCPConn) {
	c, err := s.newConn(nc)
	if err != nil || !s.admit(c) {
		nc.Close()
		return
	}
	s.crew.Go(func() {
		defer s.leave(c)
		c.serve()
	})
}

// Shutdown stops the server: no more connections are accepted, those that are
// open are closed when all queries that have arrived are answered. Then all
// goroutines have ended. If ctx ends first, connections are closed as they are,
// and ctx's error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.stopping {
		s.stopping = true
		close(s.stop)
	}
	serving := s.serving
	for _, c := range s.table.conns {
		c.end(stopping)
	}
	s.mu.Unlock()

	if serving != nil {
		s.listener.SetDeadline(time.Now().Add(backlogMoment))
		<-serving
	} else {
		s.listener.Close()
	}
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		go func() {
			s.running.Wait() // nothing is added any more
			s.crew.Dismiss()
			close(s.ended)
		}()
	}

	var err error
	select {
	case <-s.ended:
	case <-ctx.Done():
		err = ctx.Err()
		s.mu.Lock()
		for _, c := range s.table.conns {
			c.nc.Close()
		}
		s.mu.Unlock()
		<-s.ended
	}
	s.sweeper.Wait()
	return err
}

// Counters returns the totals. They are read while connections go on, so that
// they need not belong to the very same moment.
func (s *Server) Counters() Counters {
	sum := s.workspaces.counters()
	sum.countEngine(s.transport)
	sum.Accepted = s.events.accepted.Load()
	sum.Refused = s.events.refused.Load()
	sum.Evicted = s.events.evicted.Load()
	sum.AcceptErrors = s.events.acceptErrors.Load()
	sum.IdleTimeouts = s.events.byReason[idle].Load()
	sum.FrameTimeouts = s.events.byReason[halfFrame].Load()
	sum.BadFrames = s.events.byReason[badFrame].Load()
	sum.SlowReaders = s.events.byReason[slowReader].Load()
	sum.Handshakes = s.events.handshakes.Load()
	sum.Resumed = s.events.resumed.Load()
	sum.HandshakeFailures = s.events.byReason[noHandshake].Load()
	sum.HandshakeTimeouts = s.events.byReason[slowShaking].Load()
	sum.HandshakesRefused = s.events.byReason[overBudget].Load()
	sum.Panics = s.events.panics.Load()
	s.mu.Lock()
	sum.Open = s.table.open
	s.mu.Unlock()
	return sum
}
