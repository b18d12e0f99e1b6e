package limit

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Handshakes is a budget of TLS or QUIC handshakes: the only thing that costs a
// server much more than its client, and that anybody can ask for. One budget
// belongs to one transport, so that a flood on one leaves the others theirs.
//
// A nil *Handshakes permits everything. Its methods may be called from any
// goroutine, take no memory, and never wait.
type Handshakes struct {
	perSecond, perClient float64
	now                  func() time.Duration // since the budget was made
	seed                 maphash.Seed

	mu      sync.Mutex
	all     bucket
	clients [clientBuckets]bucket
}

// clientBuckets is how many clients are told apart: those whose addresses hash
// alike share a budget. It bounds the memory (16 bytes each) whoever comes.
const clientBuckets = 4096

// clientShare is the part of the budget that one client can use up.
const clientShare = 4

// bucket holds what may be spent at once, at most the budget of one second.
type bucket struct {
	spent float64 // of what fits into it
	at    time.Duration
}

// NewHandshakes returns a budget of so many handshakes a second, at least 1; one
// IPv4 address, or IPv6 /64, gets no more than a quarter of it. What was not used
// in the last second may be used in this one.
func NewHandshakes(perSecond int) *Handshakes {
	return newHandshakes(perSecond, time.Now)
}

func newHandshakes(perSecond int, now func() time.Time) *Handshakes {
	perSecond = max(perSecond, 1)
	began := now()
	return &Handshakes{
		perSecond: float64(perSecond),
		perClient: max(float64(perSecond)/clientShare, 1),
		now:       func() time.Duration { return now().Sub(began) },
		seed:      maphash.MakeSeed(),
	}
}

// Take asks for one handshake with client. If it is refused, nothing is taken.
func (h *Handshakes) Take(client netip.Addr) bool {
	if h == nil {
		return true
	}
	client = client.Unmap().WithZone("")
	if client.Is6() {
		prefix, _ := client.Prefix(64) // 64 bits is always valid
		client = prefix.Addr()
	}
	own := &h.clients[maphash.Comparable(h.seed, client)%clientBuckets]
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	own.refill(now, h.perClient)
	h.all.refill(now, h.perSecond)
	if own.spent+1 > h.perClient || h.all.spent+1 > h.perSecond {
		return false
	}
	own.spent++
	h.all.spent++
	return true
}

// Scarce reports whether more than half of the budget is used up: the time to ask
// clients for a proof of their address (RFC 9000 §8.1.2).
func (h *Handshakes) Scarce() bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all.refill(h.now(), h.perSecond)
	return h.all.spent > h.perSecond/2
}

func (b *bucket) refill(now time.Duration, perSecond float64) {
	b.spent = max(0, b.spent-(now-b.at).Seconds()*perSecond)
	b.at = now
}
