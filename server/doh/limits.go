package doh

import (
	"fmt"
	"time"
)

// Limits are what requests may use. The zero value of each field means its default.
type Limits struct {
	// HeaderBytes is the longest header section, request line or pseudo-header
	// fields included: 8192. 5120 to 131072, and 1024 more than Resources.TargetBytes
	// at least.
	HeaderBytes int
	// MaxHTTP1 is how many connections of HTTP/1.1 may be open at once, of all that
	// are: 1,000. Each takes some 20 KiB, as long as it is open.
	MaxHTTP1 int
	// RequestTimeout is how long a request may take to arrive, and its response to be
	// taken: 5 s. On HTTP/2, the limits of streams hold instead.
	RequestTimeout time.Duration
}

func (l Limits) withDefaults(targetBytes int) (Limits, error) {
	l.HeaderBytes = or(l.HeaderBytes, max(8192, targetBytes+1024))
	l.MaxHTTP1 = or(l.MaxHTTP1, 1000)
	l.RequestTimeout = or(l.RequestTimeout, 5*time.Second)
	switch {
	case l.HeaderBytes < 5120 || l.HeaderBytes > 128<<10 || l.HeaderBytes < targetBytes+1024:
		return l, fmt.Errorf("header sections of up to %d bytes: expected 5120 to 131072, and 1024 more than the longest target", l.HeaderBytes)
	case l.MaxHTTP1 < 1:
		return l, fmt.Errorf("at most %d connections of HTTP/1.1: expected 1 or more", l.MaxHTTP1)
	case l.RequestTimeout < time.Millisecond:
		return l, fmt.Errorf("a time-out of %v a request: expected at least 1ms", l.RequestTimeout)
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
