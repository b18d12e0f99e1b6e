package doh

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"yushan/server/crew"
	"yushan/server/listen"
	"yushan/server/query"
	"yushan/server/quicport"
)

// QUICConfig is what a server of HTTP/3 needs to know.
type QUICConfig struct {
	Resources
	// Port is where and how connections are accepted. Its Codes are set by the
	// server; its TLS should offer the protocol "h3" only.
	Port   quicport.Config
	Limits Limits
	// MaxRequests is how many requests may be under way at once, on all connections:
	// 2,000. Each takes some 20 KiB. A client may repeat one that is rejected.
	MaxRequests int
	// OnPanic is as in [stream.Config].
	OnPanic func(query []byte, value any)
}

// QUIC answers queries by HTTP/3 (RFC 9114). Its methods may be called from any
// goroutine.
type QUIC struct {
	port        *quicport.Port
	library     http3.Server
	timeout     time.Duration
	maxRequests int64
	requests    atomic.Int64
	rejected    atomic.Uint64
	crew        crew.Crew // requests' goroutines
	pool        *pool
	tallies     tallies
}

// http3Streams are those that each client opens: control, and two of QPACK
// (RFC 9114 §6.2.1, RFC 9204 §4.2); one more may be a reserved type (§6.2.3).
const http3Streams = 4

// ListenQUIC takes a UDP address into use. Nothing is answered before [QUIC.Serve].
// If another server has the address, the error wraps EADDRINUSE.
//
// The engine's pointer must be set before Serve, and may be changed at any time.
func ListenQUIC(cfg QUICConfig, engine *atomic.Pointer[query.Engine]) (*QUIC, error) {
	s, err := newQUIC(cfg, engine)
	if err != nil {
		return nil, listen.Error("UDP", cfg.Port.Addr, err)
	}
	cfg.Port.Codes = quicport.Codes{
		NoError:       quic.ApplicationErrorCode(http3.ErrCodeNoError),
		ExcessiveLoad: quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad),
	}
	cfg.Port.Limits.MaxUniStreams = or(cfg.Port.Limits.MaxUniStreams, http3Streams)
	// A stream's window holds the frames of a request that has come, but isn't read.
	cfg.Port.Limits.StreamWindowBytes = or(cfg.Port.Limits.StreamWindowBytes, 16<<10)
	if s.port, err = quicport.Listen(cfg.Port); err != nil {
		return nil, err
	}
	return s, nil
}

func newQUIC(cfg QUICConfig, engine *atomic.Pointer[query.Engine]) (*QUIC, error) {
	handler, err := NewHandler(cfg.Resources)
	if err != nil {
		return nil, err
	}
	limits, err := cfg.Limits.withDefaults(handler.targetBytes)
	if err != nil {
		return nil, err
	}
	s := &QUIC{
		timeout:     limits.RequestTimeout,
		maxRequests: int64(or(cfg.MaxRequests, 2000)),
		pool:        newPool(engine),
	}
	if s.maxRequests < 1 {
		return nil, fmt.Errorf("at most %d requests at once: expected 1 or more", s.maxRequests)
	}
	s.library = http3.Server{
		Handler: &web{
			handler: handler,
			pool:    s.pool,
			onPanic: cfg.OnPanic,
			timeout: limits.RequestTimeout,
			long:    make(chan struct{}, maxLong),
		},
		MaxHeaderBytes: limits.HeaderBytes,
		ConnContext: func(ctx context.Context, qc *quic.Conn) context.Context {
			return (&visitor{client: clientOf(qc), tally: s.tallies.take()}).in(ctx)
		},
	}
	return s, nil
}

// clientOf is whom a connection comes from.
func clientOf(qc *quic.Conn) netip.AddrPort {
	if addr, ok := qc.RemoteAddr().(*net.UDPAddr); ok {
		at := addr.AddrPort()
		return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
	}
	return netip.AddrPort{}
}

// Addr is where the server listens.
func (s *QUIC) Addr() netip.AddrPort { return s.port.Addr() }

// Serve accepts connections and answers their queries, until [QUIC.Shutdown] is called
// and the last connection has ended. It is to be called once. An error means that
// the socket broke.
func (s *QUIC) Serve() error {
	defer s.crew.Dismiss()
	return s.port.Serve(s.serve)
}

// Shutdown ends all connections when what they have asked is answered, and those
// that take too long when ctx ends.
func (s *QUIC) Shutdown(ctx context.Context) error { return s.port.Shutdown(ctx) }

// serve is called in a goroutine of each connection.
func (s *QUIC) serve(ctx context.Context, qc *quic.Conn) {
	raw, err := s.library.NewRawServerConn(qc)
	if err != nil {
		return // it has gone already
	}
	var control sync.WaitGroup
	control.Go(func() {
		for {
			stream, err := qc.AcceptUniStream(qc.Context())
			if err != nil {
				return
			}
			control.Go(func() { raw.HandleUnidirectionalStream(stream) })
		}
	})
	requests := requests{server: s, qc: qc, raw: raw}
	for err == nil {
		err = requests.next(ctx)
	}
	if requests.asked && ctx.Err() != nil && qc.Context().Err() == nil {
		quicport.Drain(qc, requests.next, requests.owes)
	}
	requests.running.Wait()
	raw.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	control.Wait()
}

// requests are those of one connection.
type requests struct {
	server  *QUIC
	qc      *quic.Conn
	raw     *http3.RawServerConn
	asked   bool
	open    atomic.Int32
	running sync.WaitGroup // as many
}

// next waits for a request, and has a goroutine care for it.
func (r *requests) next(ctx context.Context) error {
	stream, err := r.qc.AcceptStream(ctx)
	if err != nil {
		return err
	}
	r.asked = true
	s := r.server
	if s.requests.Add(1) > s.maxRequests {
		s.requests.Add(-1)
		s.reject(stream)
		return nil
	}
	// The library doesn't limit how long a header section may take.
	stream.SetReadDeadline(time.Now().Add(s.timeout))
	r.open.Add(1)
	r.running.Add(1)
	s.crew.Go(func() {
		defer r.end()
		r.raw.HandleRequestStream(stream)
	})
	return nil
}

func (r *requests) end() {
	r.server.requests.Add(-1)
	r.open.Add(-1)
	r.running.Done()
}

// owes reports whether a request is under way.
func (r *requests) owes() bool { return r.open.Load() > 0 }

// reject tells that nothing was done for a request, so that it can be repeated
// (RFC 9114 §8.1).
func (s *QUIC) reject(stream *quic.Stream) {
	s.rejected.Add(1)
	stream.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
	stream.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
}

// QUICCounters are the totals of a [QUIC].
type QUICCounters struct {
	Port     quicport.Counters
	HTTP3    Requests
	Rejected uint64         // requests above MaxRequests
	Queries  query.Counters // what the engine did
}

// Counters returns the totals. They are read while connections go on, so that they
// need not belong to the very same moment.
func (s *QUIC) Counters() QUICCounters {
	return QUICCounters{
		Port:     s.port.Counters(),
		HTTP3:    s.tallies.sum(),
		Rejected: s.rejected.Load(),
		Queries:  s.pool.counters(),
	}
}
