package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"yushan/server/config"
	"yushan/server/doh/lookup"
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
	Page     *lookup.Page     // instead of the usual lookup page, where the configuration wants one
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

	differenceFrom int // records

	images         *images
	collector      collector
	handshakes     handshakes
	page           *lookup.Page
	background     sync.WaitGroup // what isn't on a query's way
	stopBackground context.CancelFunc

	mu          sync.Mutex // guards all below, through a whole reload
	cfg         *config.Config
	credentials *credentials
	zones       map[string]*Loaded // of cfg, by name; those that are in service
	open        map[config.Endpoint]listener
	totals      totals // of listeners that are closed
}

// Start binds all addresses, gives root up, loads all zones and begins to
// answer. It does all of that or nothing: an error lists everything that is in
// the way. ctx ends the start only.
func Start(ctx context.Context, cfg *config.Config, opts Options) (*Server, error) {
	s := &Server{
		log:            opts.Log,
		panics:         newPanicLog(opts.Log),
		level:          opts.Level,
		static:         opts.Zones,
		failed:         make(chan error, 1),
		maxUDPBytes:    cfg.UDP.MaxBytes,
		started:        time.Now(),
		open:           map[config.Endpoint]listener{},
		handshakes:     newHandshakes(cfg),
		differenceFrom: differenceFrom,
		page:           opts.Page,
	}
	var err error
	if s.page == nil && cfg.DoH.LookupPage {
		if s.page, err = lookup.New(lookup.Options{DNSPath: cfg.DoH.Path}); err != nil {
			return nil, err
		}
	}
	if s.credentials, err = newCredentials(cfg, s.log); err != nil {
		return nil, err
	}
	opened, err := s.listenAll(cfg)
	if err != nil {
		s.credentials.acme.stop()
		return nil, err
	}
	warnAboutDescriptors(cfg, s.log)
	background, stop := context.WithCancel(context.Background())
	s.stopBackground = stop
	s.images = newImages(cfg, s.log, func(z *zone.Zone) { s.background.Go(func() { s.readAgain(background, z) }) })
	s.images.prepare(cfg)
	if err := s.finishStart(ctx, cfg, opts); err != nil {
		stop()
		s.images.close(context.Background())
		// Not ctx, which a signal may have ended: there is nothing to answer.
		s.closeAll(context.Background(), opened)
		s.credentials.acme.stop()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for e, l := range opened {
		s.serve(e, l)
	}
	s.images.begin()
	s.background.Go(func() { s.watchCredentials(background) })
	s.background.Go(func() { s.collector.watch(background) })
	if err := s.credentials.acme.start(background); err != nil {
		s.log.Error("no certificates are ordered", zap.Error(err))
	}
	return s, nil
}

// warnAboutDescriptors tells when the process may have fewer file descriptors
// than connections. (The Go runtime has raised the soft limit to the hard one.)
func warnAboutDescriptors(cfg *config.Config, log *zap.Logger) {
	const others = 64
	need := uint64(len(cfg.TCPListen())*cfg.TCP.Limits.MaxConns + len(cfg.DoT.Listen)*cfg.DoT.Limits.MaxConns +
		(len(cfg.DoH.Listen)+len(cfg.DoH.Cleartext.Listen))*cfg.DoH.Limits.MaxConns + others)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil && limit.Cur < need {
		log.Warn("max-connections of tcp, dot and doh may need more file descriptors than the process can have: lower it, or raise the limit (ulimit -n, LimitNOFILE=)",
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
	loaded, err := loadZones(ctx, cfg, nil, 0, s.images, opts.Progress)
	if opts.Loaded != nil {
		opts.Loaded()
	}
	if err != nil {
		return fmt.Errorf("loading zones: %w", err)
	}
	var errs []error
	for _, l := range loaded {
		if err := l.Failure(); err != nil {
			logImage(s.log, l)
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
	s.answerFrom(cfg, zones)
	s.credentials.acme.warnAboutSigned(zones, s.log)
	s.images.keepOnly(cfg.Zones)
	garbage := s.zones != nil
	for _, l := range loaded {
		old := s.zones[string(l.Name)]
		s.images.save(l, old)
		if l != old {
			s.images.verify(l)
		}
		garbage = garbage || !l.asImage()
	}
	s.cfg, s.zones = cfg, byName
	if garbage {
		// What was read to build the zones, and the zones that they replace, would
		// else stay in the heap until it grows by as much again.
		debug.FreeOSMemory()
	}
}

// answerFrom makes zones what is answered from.
func (s *Server) answerFrom(cfg *config.Config, zones []*zone.Zone) {
	s.engine.Store(query.New(zone.NewSet(zones...), query.Options{
		MaxUDPBytes: min(cfg.UDP.MaxBytes, s.maxUDPBytes),
		Identity:    cfg.Identity,
		Version:     cfg.Version,
		Overlay:     s.credentials.acme.challenges(),
	}))
}

// Reload puts cfg and the files it names into service. An error says why
// nothing was changed; a zone that doesn't load is no error: it is logged, and its
// last good version stays in service.
func (s *Server) Reload(ctx context.Context, cfg *config.Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reload(ctx, cfg)
}

// reload is Reload with s.mu held.
func (s *Server) reload(ctx context.Context, cfg *config.Config) error {
	start := time.Now()
	s.credentials.reread()
	certificates, err := s.credentials.open(cfg)
	if err != nil {
		return err
	}
	opened, err := s.listenAll(cfg)
	if err != nil {
		return err
	}
	loaded, err := loadZones(ctx, cfg, s.zones, s.differenceFrom, s.images, nil)
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
	s.credentials.show(cfg, certificates)
	s.putInService(cfg, kept)
	for _, e := range slices.SortedFunc(maps.Keys(opened), config.Endpoint.Compare) {
		s.log.Info("listening", zap.Stringer("on", e))
		s.serve(e, opened[e])
	}
	drain, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	s.closeAll(drain, s.dropped(cfg))
	s.log.Info("reloaded", zap.Int("zones", len(s.zones)), zap.Int("unchanged", counts.unchanged), zap.Int("failed", counts.failed),
		zap.Duration("took", time.Since(start)))
	return nil
}

// readAgain reads the master file of a zone whose image was damaged.
func (s *Server) readAgain(ctx context.Context, damaged *zone.Zone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.zones[string(damaged.Origin())]; l != nil {
		l.damaged = true
	}
	if err := s.reload(ctx, s.cfg); err != nil && ctx.Err() == nil {
		s.log.Error("reload", zap.Error(err))
	}
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
		if old != nil && l.Zone == old.Zone {
			s.log.Info("zone unchanged: its files were read again and say the same", zoneField(l.Name),
				zap.Uint32("serial", l.Zone.Serial()), zap.Duration("took", l.Took))
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
		if old == nil {
			s.log.Error("zone is NOT served: it could not be loaded", zoneField(l.Name), zap.String("file", l.File), l.why())
			continue
		}
		s.log.Error("zone KEEPS ITS OLD VERSION in service: the new one could not be loaded", zoneField(l.Name),
			zap.String("file", l.File), zap.Uint32("serial", old.Zone.Serial()), l.why())
		current := old.Zone
		if wasteful(current.Stats()) { // changes that were given up are garbage in its memory
			current = current.Compact()
		}
		// Without its files it will be read again whatever happens to them.
		kept = append(kept, &Loaded{Name: old.Name, File: old.File, Zone: current, Report: old.Report, files: newFiles(), damaged: old.damaged})
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
	later("dot", cfg.DoT.Limits != s.cfg.DoT.Limits || cfg.DoT.Handshakes != s.cfg.DoT.Handshakes)
	later("doh", cfg.DoH.Limits != s.cfg.DoH.Limits || cfg.DoH.Handshakes != s.cfg.DoH.Handshakes ||
		cfg.DoH.Path != s.cfg.DoH.Path || cfg.DoH.LookupPage != s.cfg.DoH.LookupPage)
	later("doh.http3", cfg.DoH.HTTP3 != s.cfg.DoH.HTTP3)
	later("doh.cleartext", cfg.DoH.Cleartext.ProxyProtocol != s.cfg.DoH.Cleartext.ProxyProtocol ||
		!slices.Equal(cfg.DoH.Cleartext.TrustedProxies, s.cfg.DoH.Cleartext.TrustedProxies))
	later("doq", cfg.DoQ.Limits != s.cfg.DoQ.Limits || cfg.DoQ.Queries != s.cfg.DoQ.Queries ||
		cfg.DoQ.ZeroRTT != s.cfg.DoQ.ZeroRTT || cfg.DoQ.Handshakes != s.cfg.DoQ.Handshakes)
	later("acme", !cfg.ACME.Same(s.cfg.ACME))
	later("tickets", cfg.Tickets != s.cfg.Tickets)
	later("storage", cfg.Storage != s.cfg.Storage)
	later("user", cfg.User != s.cfg.User || cfg.Group != s.cfg.Group)
	later("log.format", cfg.Log.Format != s.cfg.Log.Format)
}

// dropped takes the listeners that cfg doesn't ask for out of s.open.
func (s *Server) dropped(cfg *config.Config) map[config.Endpoint]listener {
	wanted := map[config.Endpoint]bool{}
	for _, e := range cfg.Endpoints() {
		wanted[e] = true
	}
	out := map[config.Endpoint]listener{}
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
	s.stopBackground()
	s.images.close(ctx)
	s.background.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	// An order may take longer to end than there is time for: to take a challenge back
	// from a sibling that is down, for one.
	orders := make(chan struct{})
	if o := s.credentials.acme; o == nil {
		close(orders)
	} else {
		go func() {
			defer close(orders)
			o.stop()
		}()
	}
	s.closeAll(ctx, s.open)
	clear(s.open)
	s.serving.Wait()
	select {
	case <-orders:
	case <-ctx.Done():
	}
	select {
	case <-orders:
	default:
		s.log.Warn("stopped while a certificate was being ordered")
	}
	s.panics.logging.Wait()
	s.totals.log(s.log)
	s.log.Info("stopped", zap.Duration("up", time.Since(s.started)))
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

// Certificate returns the certificate that a transport shows, nil if there is
// none yet. It must not be changed.
func (s *Server) Certificate(transport query.Transport) *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if source := s.credentials.shown[transport].source.Load(); source != nil {
		return (*source).Current()
	}
	return nil
}
