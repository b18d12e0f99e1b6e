package doh

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"yushan/server/doh/exchange"
	"yushan/server/doh/h2"
	"yushan/server/limit"
	"yushan/server/listen"
	"yushan/server/query"
	"yushan/server/stream"
)

// TCPConfig is what a server of HTTP/2 and HTTP/1.1 needs to know.
type TCPConfig struct {
	Resources
	// Addr is where to listen; port 0 lets the kernel choose.
	Addr netip.AddrPort
	// TLS is what to shake hands with. Its protocols should be "h2" and "http/1.1".
	// nil: cleartext.
	TLS *tls.Config
	// Handshakes is the budget of handshakes; nil: no limit.
	Handshakes *limit.Handshakes
	// Conns are limits of connections; MaxFrameBytes means nothing. In cleartext without
	// the PROXY protocol the default of MaxConnsPerClient is MaxConns: all may be one proxy's.
	Conns  stream.Limits
	Limits Limits
	// AltSvc is what is said of other services (RFC 7838 §3), as `h3=":443"`;
	// "": nothing.
	AltSvc string
	// ProxyProtocol expects each connection to come from one of TrustedProxies, and to
	// begin with the header of the PROXY protocol, version 2.
	ProxyProtocol bool
	// TrustedProxies are believed what they say of the client's address: by the PROXY
	// protocol if that is expected, by Forwarded or X-Forwarded-For else. Such a proxy
	// must remove or extend what clients have sent in these fields.
	TrustedProxies []netip.Prefix
	// OnPanic is as in [stream.Config].
	OnPanic func(query []byte, value any)
}

// TCP answers queries by HTTP/2 and HTTP/1.1. Its methods may be called from any
// goroutine.
type TCP struct {
	stream             *stream.Server
	handler            *Handler
	http1              *http1
	http2              *h2.Server
	pool               *pool
	proxies            proxies // believed in their fields
	altSvc             []exchange.Field
	tallies1, tallies2 tallies
}

// http2Unused is the longest frame, with its header: what a connection may wait for.
const http2Unused = 9 + 16384

// ListenTCP takes the address into use. Nothing is accepted before [TCP.Serve]. If
// another server has the address, the error wraps EADDRINUSE.
//
// The engine's pointer must be set before Serve, and may be changed at any time.
func ListenTCP(cfg TCPConfig, engine *atomic.Pointer[query.Engine]) (*TCP, error) {
	s, conns, err := newTCP(cfg, engine)
	if err != nil {
		return nil, listen.Error(query.DoH.String(), cfg.Addr, err)
	}
	if s.stream, err = stream.Listen(conns, engine); err != nil {
		return nil, err
	}
	return s, nil
}

func newTCP(cfg TCPConfig, engine *atomic.Pointer[query.Engine]) (*TCP, stream.Config, error) {
	conns := stream.Config{
		Addr:         cfg.Addr,
		Transport:    query.DoH,
		TLS:          cfg.TLS,
		Handshakes:   cfg.Handshakes,
		Limits:       cfg.Conns,
		SessionBytes: http2Unused,
		OnPanic:      cfg.OnPanic,
	}
	if cfg.TLS == nil && !cfg.ProxyProtocol && conns.Limits.MaxConnsPerClient == 0 {
		conns.Limits.MaxConnsPerClient = max(conns.Limits.MaxConns, 10_000)
	}
	handler, err := NewHandler(cfg.Resources)
	if err != nil {
		return nil, conns, err
	}
	limits, err := cfg.Limits.withDefaults(handler.targetBytes)
	if err != nil {
		return nil, conns, err
	}
	s := &TCP{handler: handler, pool: newPool(engine)}
	if s.http2, err = h2.New(h2.Limits{MaxHeaderBytes: limits.HeaderBytes}); err != nil {
		return nil, conns, err
	}
	if cfg.AltSvc != "" {
		s.altSvc = []exchange.Field{{Name: "alt-svc", Value: cfg.AltSvc}}
	}
	trusted := proxies(cfg.TrustedProxies)
	switch {
	case !cfg.ProxyProtocol:
		s.proxies = trusted
	case len(trusted) == 0:
		return nil, conns, errors.New("the PROXY protocol is expected, but no proxy is trusted")
	default:
		conns.Preamble = trusted.preamble
	}
	s.http1 = newHTTP1(&web{
		handler: handler,
		pool:    s.pool,
		proxies: s.proxies,
		altSvc:  s.altSvc,
		onPanic: cfg.OnPanic,
		long:    make(chan struct{}, maxLong),
	}, limits, or(cfg.Conns.IdleTimeout, 10*time.Second), net.TCPAddrFromAddrPort(cfg.Addr))
	conns.Session = s.newSession
	return s, conns, nil
}

// Addr is where the server listens.
func (s *TCP) Addr() netip.AddrPort { return s.stream.Addr() }

// Serve accepts connections and answers their queries, until [TCP.Shutdown] is called
// and the last connection has ended. It is to be called once.
func (s *TCP) Serve() error {
	s.http1.serve()
	defer s.http1.close()
	return s.stream.Serve()
}

// Shutdown ends all connections when what they have asked is answered, and those
// that take too long when ctx ends.
func (s *TCP) Shutdown(ctx context.Context) error { return s.stream.Shutdown(ctx) }

// TCPCounters are the totals of a [TCP].
type TCPCounters struct {
	Conns        stream.Counters // their queries are those of HTTP/2
	HTTP1, HTTP2 Requests
	Errors       h2.Counters
	HTTP1Refused uint64         // connections above Limits.MaxHTTP1
	Queries1     query.Counters // what the engine did for HTTP/1.1
}

// Counters returns the totals. They are read while connections go on, so that they
// need not belong to the very same moment.
func (s *TCP) Counters() TCPCounters {
	return TCPCounters{
		Conns:        s.stream.Counters(),
		HTTP1:        s.tallies1.sum(),
		HTTP2:        s.tallies2.sum(),
		Errors:       s.http2.Counters(),
		HTTP1Refused: s.http1.refused.Load(),
		Queries1:     s.pool.counters(),
	}
}
