package contender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	sampleEvery = 25 * time.Millisecond // of memory while a zone is reloaded
	quietFor    = time.Second
	quietShare  = 0.03 // of a processor
	// sameShare is how much a quiet server's memory may still change.
	sameShare = 0.005
)

// Settle waits until the server has nothing to do and its memory doesn't change any more,
// at most so long, and returns its proportional set size in bytes.
func (p *Process) Settle(ctx context.Context, limit time.Duration) (bytes uint64, err error) {
	last, err := p.observer.Measure()
	if err != nil {
		return 0, err
	}
	for began := time.Now(); ; {
		if err := sleep(ctx, min(quietFor, limit)); err != nil {
			return 0, err
		}
		now, err := p.observer.Measure()
		if err != nil {
			return 0, err
		}
		used := float64(now.CPU-last.CPU) / float64(min(quietFor, limit))
		change := float64(now.MemoryBytes)/float64(max(last.MemoryBytes, 1)) - 1
		if used < quietShare && change < sameShare && change > -sameShare || time.Since(began) >= limit {
			return now.MemoryBytes, nil
		}
		last = now
	}
}

// AwaitCompiled waits until the server has made of the zone what it starts from next time,
// and is quiet again.
func (p *Process) AwaitCompiled(ctx context.Context, limit time.Duration) error {
	for began := time.Now(); !upToDate(p.compiled, p.Setup.Zone); {
		if time.Since(began) > limit {
			return fmt.Errorf("there is no %s of the zone after %s", filepath.Base(p.compiled), limit)
		}
		if err := sleep(ctx, sampleEvery); err != nil {
			return err
		}
	}
	_, err := p.Settle(ctx, limit)
	return err
}

// upToDate tells whether a file is there and not older than the one that it is made of.
func upToDate(made, of string) bool {
	a, errA := os.Stat(made)
	b, errB := os.Stat(of)
	return errA == nil && errB == nil && !a.ModTime().Before(b.ModTime())
}

// Reloading is what a reload took.
type Reloading struct {
	PeakBytes, AfterBytes uint64
	Took                  time.Duration // until the new zone was in service
	CPU                   time.Duration // until all was quiet again
}

// WatchReload has the zone read again, and watches the server's memory until the zone with
// the new serial is in service and the server quiet again, or patience ends.
func (p *Process) WatchReload(ctx context.Context, serial uint32, patience time.Duration) (r Reloading, err error) {
	ask, err := newAsker(p.Setup.Ports.DNS)
	if err != nil {
		return r, err
	}
	defer ask.close()
	before, err := p.Usage()
	if err != nil {
		return r, err
	}
	began := time.Now()
	p.Reload()
	var since time.Time // it has been quiet
	quiet := before
	for {
		measured := time.Now()
		now, err := p.observer.Measure()
		if err != nil {
			return r, err
		}
		cost := time.Since(measured)
		r.PeakBytes = max(r.PeakBytes, now.MemoryBytes)
		switch {
		case r.Took == 0:
			if a, err := ask.ask(sampleEvery); err == nil && a.authoritative && a.serial == serial {
				r.Took, since, quiet = time.Since(began), time.Now(), now
			}
		case time.Since(since) >= quietFor:
			if float64(now.CPU-quiet.CPU) < quietShare*float64(time.Since(since)) || time.Since(began) > r.Took+patience {
				r.AfterBytes, r.CPU = now.MemoryBytes, now.CPU-before.CPU
				return r, nil
			}
			since, quiet = time.Now(), now
		}
		if time.Since(began) > startLimit {
			return r, fmt.Errorf("reload: the zone with serial %d is not in service after %s", serial, startLimit)
		}
		if p.Ended() {
			return r, errors.New("reload: the server ended")
		}
		// The kernel looks at every page for it, meanwhile the server gets none.
		if err := sleep(ctx, max(sampleEvery, 5*cost)); err != nil {
			return r, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
