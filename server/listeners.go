package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"yushan/server/config"
	"yushan/server/doh"
	"yushan/server/doq"
	"yushan/server/limit"
	"yushan/server/query"
	"yushan/server/quicport"
	"yushan/server/stream"
	"yushan/server/udp"
	"yushan/tls/profile"
)

// A listener is one address of one transport.
type listener interface {
	Serve() error                   // until Shutdown, then nil
	Shutdown(context.Context) error // answers what has been received, then closes
}

// listen binds one address, without serving on it yet.
func (s *Server) listen(e config.Endpoint, cfg *config.Config) (listener, error) {
	switch {
	case e.HTTP3:
		return open(doh.ListenQUIC(s.http3Config(e, cfg), &s.engine))
	case e.Transport == query.UDP:
		return open(udp.Listen(udp.Config{
			Addr:     e.Addr,
			Workers:  cfg.UDP.Workers,
			MaxBytes: s.maxUDPBytes,
			OnPanic:  s.panics.on(e.Transport),
		}, &s.engine))
	case e.Transport == query.TCP:
		return open(stream.Listen(stream.Config{
			Addr:    e.Addr,
			Limits:  cfg.TCP.Limits,
			OnPanic: s.panics.on(e.Transport),
		}, &s.engine))
	case e.Transport == query.DoT:
		return open(stream.Listen(stream.Config{
			Addr:       e.Addr,
			Transport:  e.Transport,
			TLS:        s.credentials.tls(e.Transport, profile.DoT),
			Handshakes: s.handshakes.dot,
			Limits:     cfg.DoT.Limits,
			OnPanic:    s.panics.on(e.Transport),
		}, &s.engine))
	case e.Transport == query.DoQ:
		return open(doq.Listen(doq.Config{
			Port:    s.portConfig(e, cfg.DoQ.Limits, cfg.DoQ.ZeroRTT, s.handshakes.doq, profile.DoQ),
			Limits:  cfg.DoQ.Queries,
			OnPanic: s.panics.on(e.Transport),
		}, &s.engine))
	}
	return open(doh.ListenTCP(s.dohConfig(e, cfg), &s.engine))
}

// open keeps a nil pointer of a certain type from becoming a listener.
func open[L listener](l L, err error) (listener, error) {
	if err != nil {
		return nil, err
	}
	return l, nil
}

// portConfig is that of a listener of QUIC.
func (s *Server) portConfig(e config.Endpoint, limits quicport.Limits, zeroRTT bool, handshakes *limit.Handshakes, protocol string) quicport.Config {
	token, reset := s.credentials.tickets.QUICTokenKey(), s.credentials.tickets.QUICResetKey()
	return quicport.Config{
		Addr:       e.Addr,
		TLS:        s.credentials.tls(e.Transport, protocol),
		TokenKey:   &token,
		ResetKey:   &reset,
		Limits:     limits,
		Handshakes: handshakes,
		ZeroRTT:    zeroRTT,
	}
}

// http3Config is that of a listener of HTTP/3.
func (s *Server) http3Config(e config.Endpoint, cfg *config.Config) doh.QUICConfig {
	return doh.QUICConfig{
		Resources: s.resources(cfg),
		Limits:    httpLimits(cfg),
		Port:      s.portConfig(e, cfg.DoH.HTTP3.Limits, cfg.DoH.HTTP3.ZeroRTT, s.handshakes.http3, profile.HTTP3),
		OnPanic:   s.panics.on(e.Transport),
	}
}

// dohConfig is that of a listener of HTTP/2 and HTTP/1.1.
func (s *Server) dohConfig(e config.Endpoint, cfg *config.Config) doh.TCPConfig {
	c := doh.TCPConfig{
		Resources: s.resources(cfg),
		Addr:      e.Addr,
		Conns:     cfg.DoH.Limits,
		Limits:    httpLimits(cfg),
		OnPanic:   s.panics.on(e.Transport),
	}
	if e.Cleartext {
		c.ProxyProtocol = cfg.DoH.Cleartext.ProxyProtocol
		c.TrustedProxies = cfg.DoH.Cleartext.TrustedProxies
		return c
	}
	c.TLS = s.credentials.tls(e.Transport, append([]string{profile.HTTP2, profile.HTTP1}, s.credentials.acme.protocols()...)...)
	c.Handshakes = s.handshakes.doh
	if cfg.DoH.HTTP3.On {
		c.AltSvc = fmt.Sprintf(`h3=":%d"`, e.Addr.Port())
	}
	return c
}

// httpLimits are those of requests that libraries read; HTTP/2's are those of its
// connection.
func httpLimits(cfg *config.Config) doh.Limits {
	return doh.Limits{RequestTimeout: cfg.DoH.Limits.FrameTimeout}
}

// resources is what there is under which path.
func (s *Server) resources(cfg *config.Config) doh.Resources {
	r := doh.Resources{Path: cfg.DoH.Path}
	if cfg.DoH.LookupPage {
		r.Page = s.page
	}
	return r
}

// handshakes are the budgets of the encrypted transports, of which each has one
// for all of its addresses.
type handshakes struct{ dot, doh, http3, doq *limit.Handshakes }

func newHandshakes(cfg *config.Config) handshakes {
	return handshakes{
		dot:   limit.NewHandshakes(cfg.DoT.Handshakes),
		doh:   limit.NewHandshakes(cfg.DoH.Handshakes),
		http3: limit.NewHandshakes(cfg.DoH.HTTP3.Handshakes),
		doq:   limit.NewHandshakes(cfg.DoQ.Handshakes),
	}
}

// listenAll binds all endpoints that are not open, or none of them. The error
// names each one that could not be bound.
func (s *Server) listenAll(cfg *config.Config) (map[config.Endpoint]listener, error) {
	opened := map[config.Endpoint]listener{}
	var errs []error
	for _, e := range cfg.Endpoints() {
		if s.open[e] != nil {
			continue
		}
		l, err := s.listen(e, cfg)
		if err != nil {
			if e.HTTP3 || e.Transport == query.DoQ { // whose port knows no more than that it is UDP
				err = fmt.Errorf("%s: %w", e.Kind(), err)
			}
			errs = append(errs, err)
			continue
		}
		opened[e] = l
	}
	if len(errs) > 0 {
		s.closeAll(context.Background(), opened)
		return nil, errors.Join(errs...)
	}
	return opened, nil
}

// serve starts to answer on l. Its end before Shutdown is fatal to the server.
func (s *Server) serve(e config.Endpoint, l listener) {
	s.open[e] = l
	s.serving.Add(1)
	go func() {
		defer s.serving.Done()
		if err := l.Serve(); err != nil {
			select {
			case s.failed <- fmt.Errorf("serving %v: %w", e, err):
			default: // one failure is enough to stop
			}
		}
	}()
}

// closeAll shuts listeners down, side by side.
func (s *Server) closeAll(ctx context.Context, ls map[config.Endpoint]listener) {
	done := make(chan struct{})
	for e, l := range ls {
		go func() {
			if err := l.Shutdown(ctx); err != nil {
				s.log.Warn("listener closed before all was answered", zap.Stringer("listener", e), zap.Error(err))
			}
			done <- struct{}{}
		}()
	}
	for range ls {
		<-done
	}
	for _, e := range slices.SortedFunc(maps.Keys(ls), config.Endpoint.Compare) {
		s.totals.add(e, ls[e])
	}
}

// Listening returns what the server listens on.
func (s *Server) Listening() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, e := range slices.SortedFunc(maps.Keys(s.open), config.Endpoint.Compare) {
		out = append(out, e.String())
	}
	return out
}
