package overlay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"yushan/zone/dname"
)

// DefaultTimeout is how long one sibling may take unless configured otherwise,
// with all tries.
const DefaultTimeout = 10 * time.Second

// SiblingsOptions say who the other nodes are.
type SiblingsOptions struct {
	// Addresses are where the other nodes take updates by TCP: addresses of their
	// own, not the anycast address. The node's own may be among them, so that all
	// nodes can have the same list.
	Addresses []netip.AddrPort
	// Key signs the updates. The other nodes must have it among [Options].Keys.
	Key Key
	// Timeout is how long one sibling may take, with all tries; 0 means DefaultTimeout.
	Timeout time.Duration
	// Log is told which siblings could not be reached; nil: nobody is.
	Log *zap.Logger
}

// Siblings are the nodes that answer at the same address as this one, and so must
// know the same challenges. Its methods may be called by any goroutine.
type Siblings struct {
	own       *Overlay
	addresses []netip.AddrPort
	key       Key
	timeout   time.Duration
	log       *zap.Logger
}

// NewSiblings returns the siblings of the node whose overlay is own.
func NewSiblings(own *Overlay, opts SiblingsOptions) (*Siblings, error) {
	s := &Siblings{own: own, addresses: slices.Clone(opts.Addresses), timeout: opts.Timeout, log: opts.Log}
	if s.timeout <= 0 {
		s.timeout = DefaultTimeout
	}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	for _, a := range s.addresses {
		if !a.IsValid() || a.Port() == 0 || a.Addr().IsUnspecified() {
			return nil, fmt.Errorf("sibling %q: not an address with a port", a)
		}
	}
	if len(s.addresses) == 0 {
		return s, nil // needs no key
	}
	key, err := opts.Key.check()
	if err != nil {
		return nil, err
	}
	s.key = key
	return s, nil
}

// Present publishes a TXT record with one string here and on every sibling, and
// returns when all have confirmed it. A sibling that cannot be reached is logged
// and left out. One that refuses, or whose confirmation is not signed, makes it
// fail; then the record is taken back everywhere.
func (s *Siblings) Present(ctx context.Context, name, value string) error {
	if err := s.own.Present(name, value); err != nil {
		return err
	}
	err := s.tell(ctx, add, name, value)
	if err == nil {
		return nil
	}
	// Cancelling an order is no reason to leave its challenge behind.
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	if errBack := s.Remove(back, name, value); errBack != nil {
		s.log.Warn("challenge record not taken back everywhere: it will expire", zap.String("name", name), zap.Error(errBack))
	}
	return err
}

// Remove takes the record away here and on every sibling. Errors are as with
// [Siblings.Present], but all nodes are told whatever happens.
func (s *Siblings) Remove(ctx context.Context, name, value string) error {
	return errors.Join(s.own.Remove(name, value), s.tell(ctx, remove, name, value))
}

// tell sends an update to all siblings at once.
func (s *Siblings) tell(ctx context.Context, how action, name, value string) error {
	owner, err := dname.ParseFQDN(name)
	if err != nil {
		return fmt.Errorf("challenge %q: %w", name, err)
	}
	dname.Lower(owner)
	z := s.own.find(owner)
	if z == nil {
		return fmt.Errorf("challenge %q: %w", name, ErrNotOurs)
	}
	u := update{apex: z.apex, owner: owner, action: how, value: value, key: s.key}
	errs := make([]error, len(s.addresses))
	var wg sync.WaitGroup
	for i, sibling := range s.addresses {
		wg.Go(func() { errs[i] = s.tellOne(ctx, sibling, u, name) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Between tries with one sibling there is a pause, which doubles.
const (
	tries      = 4
	firstPause = 100 * time.Millisecond
)

// tellOne returns nil if the sibling has confirmed, or could not be reached.
func (s *Siblings) tellOne(ctx context.Context, sibling netip.AddrPort, u update, name string) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	pause := firstPause
	for try := 1; ; try++ {
		err := u.send(limited, sibling, s.timeout/2)
		var refused *RefusedError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refused) && !refused.Temporary():
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("sibling %s: %w", sibling, context.Cause(ctx))
		}
		if try < tries && limited.Err() == nil {
			select {
			case <-limited.Done():
			case <-time.After(pause):
			}
			pause *= 2
			continue
		}
		if refused != nil {
			return err
		}
		s.log.Warn("sibling cannot be reached: the challenge goes on without it",
			zap.Stringer("sibling", sibling), zap.String("name", name), zap.Int("tries", try), zap.Error(err))
		return nil
	}
}
