package server

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"yushan/server/config"
)

// drainTime bounds how long a listener that is closed waits for slow clients.
const drainTime = 10 * time.Second

// Run starts a server and keeps it until SIGTERM, SIGINT or the end of ctx, when
// it answers what is in flight and stops; a second signal stops it at once.
// SIGHUP makes it call reread and [Server.Reload]; with a nil reread it is
// ignored. ready is called once it serves; it may be nil.
func Run(ctx context.Context, cfg *config.Config, opts Options, reread func() (*config.Config, error), ready func(*Server)) error {
	// Before the start: a signal while zones are loaded must not kill.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(stop)

	running, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan os.Signal, 1)
	go func() { // a signal ends the start or a reload, too
		select {
		case sig := <-stop:
			stopped <- sig
			cancel()
		case <-running.Done():
		}
	}()

	s, err := Start(running, cfg, opts)
	if err != nil {
		if running.Err() != nil && ctx.Err() == nil {
			opts.Log.Info("stopped while starting")
			return nil
		}
		return err
	}
	tell := func(state string) {
		if err := notify(state); err != nil {
			opts.Log.Warn("service manager", zap.Error(err))
		}
	}
	opts.Log.Info("serving", zap.Strings("on", s.Listening()), zap.Int("zones", len(s.Zones())), zap.Int("pid", os.Getpid()))
	tell(notifyReady)
	if ready != nil {
		ready(s)
	}
	for {
		select {
		case <-hup:
			if reread == nil {
				continue
			}
			tell(notifyReloading())
			s.reread(running, reread)
			tell(notifyReady)
			continue
		case err = <-s.failed:
			opts.Log.Error("stopping", zap.Error(err))
		case <-running.Done():
		}
		break
	}
	select {
	case sig := <-stopped:
		opts.Log.Info("stopping", zap.Stringer("signal", sig))
	default:
	}
	tell(notifyStopping)
	drain, atOnce := context.WithTimeout(context.Background(), drainTime)
	defer atOnce()
	go func() {
		select {
		case <-stop:
			atOnce()
		case <-drain.Done():
		}
	}()
	s.Shutdown(drain)
	return err
}

// reread carries out a SIGHUP, and logs what stands in the way.
func (s *Server) reread(ctx context.Context, reread func() (*config.Config, error)) {
	s.log.Info("reloading")
	cfg, err := reread()
	if err == nil {
		err = s.Reload(ctx, cfg)
	}
	if err == nil || ctx.Err() != nil { // the latter: stopping
		return
	}
	for line := range strings.Lines(err.Error()) {
		s.log.Error("reload: " + strings.TrimSuffix(line, "\n"))
	}
	s.log.Error("reload REFUSED: nothing was changed, the old configuration and zones stay in service")
}
