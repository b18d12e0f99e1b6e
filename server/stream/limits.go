package stream

import (
	"fmt"
	"time"
)

// Limits are what connections may use. The zero value of each field means its
// default.
type Limits struct {
	// MaxConns is how many connections may be open at once: 10,000. Each needs a
	// file descriptor.
	MaxConns int
	// MaxConnsPerClient is how many of them one IPv4 address, or IPv6 /64, may
	// have: a quarter of MaxConns.
	MaxConnsPerClient int
	// MaxQueries is how many queries a connection may bring: no limit. Then it is
	// closed.
	MaxQueries int
	// MaxFrameBytes is the longest query: 4096. No query that makes sense is longer.
	MaxFrameBytes int
	// MaxPendingBytes is how much memory answers may use that slow readers don't
	// take, and what TLS clients make the server keep, in all: 64 MiB. Then the one
	// that needs more is cut off at once.
	MaxPendingBytes int
	// IdleTimeout is how long a connection may wait between queries: 10 s (RFC 7766
	// §6.2.3 asks for a few seconds; Knot's default is the same).
	IdleTimeout time.Duration
	// FrameTimeout is how long a frame may take from its first byte to its last: 3 s,
	// time for a lost segment to be sent again twice.
	FrameTimeout time.Duration
	// HandshakeTimeout is how long it may take from accepting a connection to the
	// end of its handshake: 3 s.
	HandshakeTimeout time.Duration
	// WriteTimeout is how long the answers of one read may take to be written: 10 s.
	// Most fit into the kernel's buffer at once.
	WriteTimeout time.Duration
}

func (l Limits) withDefaults() (Limits, error) {
	l.MaxConns = or(l.MaxConns, 10_000)
	l.MaxConnsPerClient = or(l.MaxConnsPerClient, max(1, l.MaxConns/4))
	l.MaxFrameBytes = or(l.MaxFrameBytes, 4096)
	l.MaxPendingBytes = or(l.MaxPendingBytes, 64<<20)
	l.IdleTimeout = or(l.IdleTimeout, 10*time.Second)
	l.FrameTimeout = or(l.FrameTimeout, 3*time.Second)
	l.HandshakeTimeout = or(l.HandshakeTimeout, 3*time.Second)
	l.WriteTimeout = or(l.WriteTimeout, 10*time.Second)
	switch {
	case l.MaxConns < 1:
		return l, fmt.Errorf("at most %d connections: expected 1 or more", l.MaxConns)
	case l.MaxConnsPerClient < 1:
		return l, fmt.Errorf("at most %d connections per client: expected 1 or more", l.MaxConnsPerClient)
	case l.MaxQueries < 0:
		return l, fmt.Errorf("at most %d queries per connection: expected 1 or more, or 0 for no limit", l.MaxQueries)
	case l.MaxFrameBytes < 512 || l.MaxFrameBytes > maxMessageBytes:
		return l, fmt.Errorf("frames of up to %d bytes: expected 512 to %d", l.MaxFrameBytes, maxMessageBytes)
	case l.MaxPendingBytes < 0:
		return l, fmt.Errorf("at most %d pending bytes: expected 1 or more", l.MaxPendingBytes)
	case min(l.IdleTimeout, l.FrameTimeout, l.HandshakeTimeout, l.WriteTimeout) < time.Millisecond:
		return l, fmt.Errorf("time-outs of %v idle, %v a frame, %v a handshake, %v a write: expected at least 1ms each",
			l.IdleTimeout, l.FrameTimeout, l.HandshakeTimeout, l.WriteTimeout)
	}
	return l, nil
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// tick is the time between two sweeps.
func (l Limits) tick() time.Duration {
	shortest := min(l.IdleTimeout, l.FrameTimeout, l.HandshakeTimeout, l.WriteTimeout)
	return min(max(shortest/4, time.Millisecond), 250*time.Millisecond)
}

// idleTimeout is the one for so many open connections; see "Limits" in the
// package's documentation, and RFC 7766 §6.2.3.
func (l Limits) idleTimeout(open int) time.Duration {
	calm := l.MaxConns - l.MaxConns/4
	if open <= calm {
		return l.IdleTimeout
	}
	crowded := float64(min(open, l.MaxConns)-calm) / float64(l.MaxConns-calm)
	return l.IdleTimeout - time.Duration(crowded*0.9*float64(l.IdleTimeout))
}

// keepaliveUnits is a time-out as RFC 7828 §3.1 counts it. It is never 0, which
// would ask the client to close at once.
func keepaliveUnits(timeout time.Duration) uint16 {
	return uint16(min(max(timeout/(100*time.Millisecond), 1), 65535))
}
