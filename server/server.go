package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"yushan/server/config"
	"yushan/server/query"
	"yushan/zone"
	"yushan/zone/dname"
)

// Options are what a server needs beside its configuration.
type Options struct {
	Log      *zap.Logger
	Level    *zap.AtomicLevel // follows log.level at reload; nil: it doesn't
	Zones    []*zone.Zone     // served beside those of the configuration
	Progress Progress         // of the start; nil: none
	Loaded   func()           // called when Progress ends, before the zones are logged; nil: none
}

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	log    *zap.Logger
	level  *zap.AtomicLevel
	static []*zone.Zone
	// Listeners' buffers are made for answers of the size that was configured at
	// the start.
	maxUDPBytes int

	engine  atomic.Pointer[query.Engine] // in service
	serving sync.WaitGroup               // the goroutines of open
	failed  chan error                   // a listener that ended by itself
	panics  *panicLog
	started time.Time

	mu     sync.Mutex // guards all below, through a whole reload
	cfg    *config.Config
	zones  map[string]*Loaded // of cfg, by name; those that are in service
	open   map[endpoint]listener
	totals totals // of listeners that are closed
}

// Start binds all addresses, gives root up, loads all zones and begins to
// answer. It does all of that or nothing: an error lists everything that is in
// the way. ctx ends the start only.
func Start(ctx context.Context, cfg *config.Config, opts Options) (*Server, error) {
	s := &Server{
		log:         opts.Log,
		panics:      newPanicLog(opts.Log),
		level:       opts.Level,
		static:      opts.Zones,
		failed:      make(chan error, 1),
		maxUDPBytes: cfg.UDP.MaxBytes,
		started:     time.Now(),
		open:        map[endpoint]listener{},
	}
	opened, err := s.listenAll(cfg)
	if err != nil {
		return nil, err
	}
	warnAboutDescriptors(cfg, s.log)
	if err := s.finishStart(ctx, cfg, opts); err != nil {
		// Not ctx, which a signal may have ended: there is nothing to answer.
		s.closeAll(context.Background(), opened)
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for e, l := range opened {
		s.serve(e, l)
	}
	return s, nil
}

// warnAboutDescriptors tells when the process may have fewer file descriptors
// than connections. (The Go runtime has raised the soft limit to the hard one.)
func warnAboutDescriptors(cfg *config.Config, log *zap.Logger) {
	const others = 64
	need := uint64(len(cfg.TCPListen())*cfg.TCP.Limits.MaxConns + others)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil && limit.Cur < need {
		log.Warn("tcp.max-connections may need more file descriptors than the process can have: lower it, or raise the limit (ulimit -n, LimitNOFILE=)",
			zap.Uint64("need", need), zap.Uint64("limit", limit.Cur))
	}
}

func (s *Server) finishStart(ctx context.Context, cfg *config.Config, opts Options) error {
	ids, err := cfg.IDs()
	if err != nil {
		return err
	}
	if err := dropPrivileges(ids, s.log); err != nil {
		return err
	}
	if len(cfg.Zones)+len(s.static) == 0 {
		s.log.Warn("no zones are configured: every query will be refused")
	}
	loaded, err := loadZones(ctx, cfg, nil, opts.Progress)
	if opts.Loaded != nil {
		opts.Loaded()
	}
	if err != nil {
		return fmt.Errorf("loading zones: %w", err)
	}
	var errs []error
	for _, l := range loaded {
		if err := l.Failure(); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, l := range loaded {
		logZone(s.log, l)
	}
	s.putInService(cfg, loaded)
	return nil
}

// putInService makes cfg and its zones, all of them loaded, what is answered from
// now on: with one store, so that no query sees some old and some new zones.
func (s *Server) putInService(cfg *config.Config, loaded []*Loaded) {
	byName := make(map[string]*Loaded, len(loaded))
	zones := append([]*zone.Zone(nil), s.static...)
	for _, l := range loaded {
		byName[string(l.Name)] = l
		zones = append(zones, l.Zone)
	}
	s.engine.Store(query.New(zone.NewSet(zones...), query.Options{
		MaxUDPBytes: min(cfg.UDP.MaxBytes, s.maxUDPBytes),
		Identity:    cfg.Identity,
		Version:     cfg.Version,
	}))
	s.cfg, s.zones = cfg, byName
	// What was read to build the zones, and the zones that they replace, would
	// else stay in the heap until it grows by as much again.
	debug.FreeOSMemory()
}

// Reload puts cfg and the files it names into service. An error says why
// nothing was changed; a zone that doesn't load is no error: it is logged, and its
// last good version stays in service.
func (s *Server) Reload(ctx context.Context, cfg *config.Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	start := time.Now()
	opened, err := s.listenAll(cfg)
	if err != nil {
		return err
	}
	loaded, err := loadZones(ctx, cfg, s.zones, nil)
	if err != nil {
		s.closeAll(context.Background(), opened)
		return fmt.Errorf("loading zones: %w", err)
	}
	kept, counts := s.lastKnownGood(loaded)
	s.warnAboutRestart(cfg)
	if s.level != nil {
		if err := s.level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
			s.log.Warn("log level stays as it is", zap.Error(err))
		}
	}
	s.putInService(cfg, kept)
	for e, l := range opened {
		s.log.Info("listening", zap.Stringer("on", e))
		s.serve(e, l)
	}
	drain, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	s.closeAll(drain, s.dropped(cfg))
	s.log.Info("reloaded", zap.Int("zones", len(s.zones)), zap.Int("unchanged", counts.unchanged), zap.Int("failed", counts.failed),
		zap.Duration("took", time.Since(start)))
	return nil
}

// reloadCounts are how many zones a reload found as they were, and how many it
// could not load.
type reloadCounts struct{ unchanged, failed int }

// lastKnownGood replaces each zone that could not be loaded by its version in
// service, and leaves it out if there is none.
func (s *Server) lastKnownGood(loaded []*Loaded) (kept []*Loaded, counts reloadCounts) {
	now := map[string]bool{}
	for _, l := range loaded {
		now[string(l.Name)] = true
		old := s.zones[string(l.Name)]
		if l == old {
			s.log.Debug("zone unchanged", zoneField(l.Name))
			counts.unchanged++
			kept = append(kept, l)
			continue
		}
		logZone(s.log, l)
		if l.Zone != nil {
			kept = append(kept, l)
			continue
		}
		counts.failed++
		why := zap.Error(l.Err)
		if l.Err == nil {
			why = zap.Int("errors", l.Report.Errors)
		}
		if old == nil {
			s.log.Error("zone is NOT served: it could not be loaded", zoneField(l.Name), zap.String("file", l.File), why)
			continue
		}
		s.log.Error("zone KEEPS ITS OLD VERSION in service: the new one could not be loaded", zoneField(l.Name),
			zap.String("file", l.File), zap.Uint32("serial", old.Zone.Serial()), why)
		// Without its files it will be read again whatever happens to them.
		kept = append(kept, &Loaded{Name: old.Name, File: old.File, Zone: old.Zone, Report: old.Report, files: newFiles()})
	}
	for name, old := range s.zones {
		if !now[name] {
			s.log.Info("zone removed", zoneField(old.Name))
		}
	}
	return kept, counts
}

// warnAboutRestart names changes that a running process cannot follow.
func (s *Server) warnAboutRestart(cfg *config.Config) {
	later := func(key string, changed bool) {
		if changed {
			s.log.Warn("this change needs a restart", zap.String("key", key))
		}
	}
	later("udp.workers", cfg.UDP.Workers != s.cfg.UDP.Workers)
	later("udp.max-bytes", cfg.UDP.MaxBytes > s.maxUDPBytes)
	later("tcp", cfg.TCP.Limits != s.cfg.TCP.Limits)
	later("user", cfg.User != s.cfg.User || cfg.Group != s.cfg.Group)
	later("log.format", cfg.Log.Format != s.cfg.Log.Format)
}

// dropped takes the listeners that cfg doesn't ask for out of s.open.
func (s *Server) dropped(cfg *config.Config) map[endpoint]listener {
	wanted := map[endpoint]bool{}
	for _, e := range endpoints(cfg) {
		wanted[e] = true
	}
	out := map[endpoint]listener{}
	for e, l := range s.open {
		if !wanted[e] {
			s.log.Info("no longer listening", zap.Stringer("on", e))
			out[e] = l
			delete(s.open, e)
		}
	}
	return out
}

// Shutdown stops to receive, answers what has been received, and returns when
// that is done or ctx ends.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeAll(ctx, s.open)
	clear(s.open)
	s.serving.Wait()
	s.panics.logging.Wait()
	s.log.Info("stopped", append(s.totals.fields(), zap.Duration("up", time.Since(s.started)))...)
}

// Zones returns the zones in service, for messages: "台灣. (xn--kpry57d.)".
func (s *Server) Zones() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, z := range s.static {
		names = append(names, dname.Display(z.Origin()))
	}
	for _, z := range s.cfg.Zones {
		if s.zones[string(z.Name)] != nil {
			names = append(names, dname.Display(z.Name))
		}
	}
	return names
}
