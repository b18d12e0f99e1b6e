package overquic

import (
	"context"
	"crypto/tls"
	"sync"
	"time"
)

// tickets is the session cache of one client: the last ticket that its server gave.
type tickets struct {
	mu   sync.Mutex
	last *tls.ClientSessionState
	// none: the server has let a connection go without a new one.
	none  bool
	fresh chan struct{}
}

func newTickets() *tickets { return &tickets{fresh: make(chan struct{}, 1)} }

// Get returns the ticket, whatever the key is: there is but one server.
func (t *tickets) Get(string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last, t.last != nil
}

// Put keeps a ticket; nil forgets it.
func (t *tickets) Put(_ string, state *tls.ClientSessionState) {
	t.mu.Lock()
	t.last = state
	t.mu.Unlock()
	if state != nil {
		select {
		case t.fresh <- struct{}{}:
		default:
		}
	}
}

// await waits for the ticket of a connection, which comes after its handshake: the answer
// to a query in 0-RTT may be faster. A server that has once given none isn't waited
// for any more.
func (t *tickets) await(ctx context.Context, limit time.Duration) {
	if t.none {
		select {
		case <-t.fresh:
		default:
		}
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-t.fresh:
	case <-timer.C:
		t.none = true
	case <-ctx.Done():
	}
}
