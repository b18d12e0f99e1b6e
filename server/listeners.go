package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"go.uber.org/zap"

	"yushan/server/config"
	"yushan/server/query"
	"yushan/server/stream"
	"yushan/server/udp"
)

// A listener is one address of one transport.
type listener interface {
	Serve() error                   // until Shutdown, then nil
	Shutdown(context.Context) error // answers what has been received, then closes
}

// endpoint names a listener. A reload keeps those that stay the same.
type endpoint struct {
	transport query.Transport
	addr      netip.AddrPort
}

func (e endpoint) String() string { return e.transport.String() + " " + e.addr.String() }

// endpoints returns what the configuration asks to listen on, in its order.
func endpoints(cfg *config.Config) (es []endpoint) {
	for _, a := range cfg.UDPListen() {
		es = append(es, endpoint{query.UDP, a})
	}
	for _, a := range cfg.TCPListen() {
		es = append(es, endpoint{query.TCP, a})
	}
	return es
}

// listen binds one address, without serving on it yet.
func (s *Server) listen(e endpoint, cfg *config.Config) (l listener, err error) {
	switch e.transport {
	case query.UDP:
		l, err = udp.Listen(udp.Config{
			Addr:     e.addr,
			Workers:  cfg.UDP.Workers,
			MaxBytes: s.maxUDPBytes,
			OnPanic:  s.panics.on(e.transport),
		}, &s.engine)
	case query.TCP:
		l, err = stream.Listen(stream.Config{
			Addr:    e.addr,
			Limits:  cfg.TCP.Limits,
			OnPanic: s.panics.on(e.transport),
		}, &s.engine)
	default:
		err = errors.New("no such transport")
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// listenAll binds all endpoints that are not open, or none of them. The error
// names each one that could not be bound.
func (s *Server) listenAll(cfg *config.Config) (map[endpoint]listener, error) {
	opened := map[endpoint]listener{}
	var errs []error
	for _, e := range endpoints(cfg) {
		if s.open[e] != nil {
			continue
		}
		l, err := s.listen(e, cfg)
		if err != nil {
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
func (s *Server) serve(e endpoint, l listener) {
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
func (s *Server) closeAll(ctx context.Context, ls map[endpoint]listener) {
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
	for _, l := range ls {
		s.totals.add(l)
	}
}

// Listening returns what the server listens on.
func (s *Server) Listening() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for e := range s.open {
		out = append(out, e.String())
	}
	slices.Sort(out)
	return out
}
