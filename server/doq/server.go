package doq

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/server/listen"
	"yushan/server/query"
	"yushan/server/quicport"
)

// Error codes of connections and streams (RFC 9250 §4.3).
const (
	noError          = 0x0
	internalError    = 0x1
	protocolError    = 0x2
	requestCancelled = 0x3
	excessiveLoad    = 0x4
	unspecifiedError = 0x5
)

// connWindowBytes is room for a hundred padded queries (RFC 8467 §4.1).
const connWindowBytes = 16 << 10

// Config is what a server needs to know.
type Config struct {
	// Port is where and how connections are accepted. Its Codes are set by the
	// server; its TLS should offer the protocol "doq" only.
	Port   quicport.Config
	Limits Limits
	// OnPanic, unless nil, is told when the engine has panicked on a query, which
	// is then left unanswered: its stream is reset. It is called by the goroutine
	// that did, before its stack is unwound, so that debug.Stack tells where. It may
	// be called by several at once, must return soon, and keep nothing of query.
	OnPanic func(query []byte, value any)
}

// Server answers queries on QUIC connections. Its methods may be called from any
// goroutine.
type Server struct {
	port    *quicport.Port
	limits  Limits
	idle    time.Duration
	engine  *atomic.Pointer[query.Engine]
	onPanic func(query []byte, value any)

	workspaces workspaces
	pending    pending
	unfinished atomic.Int64
	events     events

	mu    sync.Mutex // guards what follows
	conns map[*conn]struct{}
	count int // of connections so far
}

// Listen takes a UDP address into use. Nothing is answered before [Server.Serve],
// so that privileges can be given up in between. If another server has the
// address, the error wraps EADDRINUSE.
//
// The engine's pointer must be set before Serve, and may be changed at any time:
// each query is answered by one engine.
func Listen(cfg Config, engine *atomic.Pointer[query.Engine]) (*Server, error) {
	limits, err := cfg.Limits.withDefaults()
	if err != nil {
		return nil, listen.Error("UDP", cfg.Port.Addr, err)
	}
	cfg.Port.Codes = quicport.Codes{NoError: noError, ExcessiveLoad: excessiveLoad}
	cfg.Port.HoldCredit = creditLag
	if l := &cfg.Port.Limits; l.ConnWindowBytes == 0 {
		l.ConnWindowBytes = max(connWindowBytes, l.StreamWindowBytes)
	}
	port, err := quicport.Listen(cfg.Port)
	if err != nil {
		return nil, err
	}
	s := &Server{
		port:    port,
		limits:  limits,
		idle:    port.IdleTimeout(),
		engine:  engine,
		onPanic: cfg.OnPanic,
		conns:   map[*conn]struct{}{},
	}
	s.workspaces.init(limits.MaxQueryBytes)
	return s, nil
}

// Addr is where the server listens, with the port chosen by the kernel if the
// configuration left it open.
func (s *Server) Addr() netip.AddrPort { return s.port.Addr() }

// Serve accepts connections and answers their queries, until [Server.Shutdown] is
// called and the last connection has ended. It is to be called once. An error
// means that the socket broke.
func (s *Server) Serve() error {
	stop := make(chan struct{})
	var sweeper sync.WaitGroup
	sweeper.Go(func() { s.sweep(stop) })
	err := s.port.Serve(s.serve)
	close(stop)
	sweeper.Wait()
	return err
}

// Shutdown stops the server: no more connections are accepted, those that are
// open are closed when the queries that have arrived are answered. Then all
// goroutines have ended. If ctx ends first, connections are closed as they are,
// and ctx's error is returned.
func (s *Server) Shutdown(ctx context.Context) error { return s.port.Shutdown(ctx) }

// serve is called in a goroutine of each connection.
func (s *Server) serve(ctx context.Context, qc *quic.Conn) {
	c := &conn{server: s, qc: qc, client: clientOf(qc)}
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.count++
	c.hint = s.count
	s.mu.Unlock()

	if err := c.loop(ctx); errors.Is(err, context.Canceled) && !s.isSilent(c) {
		quicport.Drain(qc, c.next, c.owes)
	}
	c.qc.CloseWithError(noError, "") // readers would wait for what is answered no more
	c.streams.Wait()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// sweeps is how often connections are looked at within the idle time-out.
const sweeps = 4

// sweep closes connections that bring no queries, time after time.
func (s *Server) sweep(stop chan struct{}) {
	ticker := time.NewTicker(max(s.idle/sweeps, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		s.look()
	}
}

// isSilent reports whether a connection has asked nothing for a while.
func (s *Server) isSilent(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.silent > 0 && c.activity.Load() == c.seen
}

// look is one sweep.
func (s *Server) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if activity := c.activity.Load(); activity != c.seen || c.reading.Load()+c.writing.Load() > 0 {
			c.seen, c.silent = activity, 0
			continue
		}
		if c.silent++; c.silent == sweeps+1 {
			c.close(noError, &s.events.idleTimeouts)
		}
	}
}
