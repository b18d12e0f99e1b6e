package doq

import (
	"fmt"
	"time"
)

// Limits are what queries may use, besides the port's limits for connections. The
// zero value of each field means its default.
type Limits struct {
	// MaxQueryBytes is the longest query: 4096. No query that makes sense is longer.
	MaxQueryBytes int
	// MaxUnfinished is how many streams may wait for the rest of a query, in all:
	// 5,000, of about 8 kB each. Four of a connection are always permitted.
	MaxUnfinished int
	// MaxPendingBytes is how much memory answers that are longer than a packet may use
	// until clients take them, in all: 64 MiB. Then connections that have kept one
	// for longest are closed.
	MaxPendingBytes int
	// QueryTimeout is how long a query may take from its first byte to its FIN: 3 s,
	// time for a lost packet to be sent again twice.
	QueryTimeout time.Duration
	// WriteTimeout is how long a client may take to receive an answer that is longer
	// than a packet: 10 s.
	WriteTimeout time.Duration
}

func (l Limits) withDefaults() (Limits, error) {
	l.MaxQueryBytes = or(l.MaxQueryBytes, 4096)
	l.MaxUnfinished = or(l.MaxUnfinished, 5_000)
	l.MaxPendingBytes = or(l.MaxPendingBytes, 64<<20)
	l.QueryTimeout = or(l.QueryTimeout, 3*time.Second)
	l.WriteTimeout = or(l.WriteTimeout, 10*time.Second)
	switch {
	case l.MaxQueryBytes < 512 || l.MaxQueryBytes > maxMessageBytes:
		return l, fmt.Errorf("queries of up to %d bytes: expected 512 to %d", l.MaxQueryBytes, maxMessageBytes)
	case l.MaxUnfinished < 1:
		return l, fmt.Errorf("at most %d unfinished queries: expected 1 or more", l.MaxUnfinished)
	case l.MaxPendingBytes < 1:
		return l, fmt.Errorf("at most %d pending bytes: expected 1 or more", l.MaxPendingBytes)
	case l.QueryTimeout < time.Millisecond, l.WriteTimeout < time.Millisecond:
		return l, fmt.Errorf("time-outs of %v a query, %v an answer: expected at least 1ms each", l.QueryTimeout, l.WriteTimeout)
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
