package h2

import (
	"fmt"

	"yushan/server/doh/exchange"
)

// Limits are what one connection may use. The zero value of each field means its
// default.
type Limits struct {
	// MaxStreams is how many requests may be under way at once: 128
	// (SETTINGS_MAX_CONCURRENT_STREAMS; RFC 9113 §6.5.2 advises at least 100).
	MaxStreams int
	// MaxBodyBytes is the longest content of a request: exchange.MaxBody, which is also
	// the most. A longer one is refused with status 413.
	MaxBodyBytes int
	// MaxHeaderBytes is the largest header section (SETTINGS_MAX_HEADER_LIST_SIZE,
	// counted as RFC 9113 §6.5.2 says): 8192, enough for a query of 4096 bytes in a path; at
	// least 4096. A larger one is refused with status 431, or 414 if it is the path's
	// fault.
	MaxHeaderBytes int
	// MaxHeldBytes is the memory for requests that haven't arrived in full: what one
	// needs that is as long as it may be, and 256 for each stream. A stream that needs more
	// is reset.
	MaxHeldBytes int
	// MaxPendingBytes is how many bytes of responses may wait for the client to open
	// its flow-control windows: 64 KiB. While there are more, requests are refused unanswered;
	// so memory for it is this and one response.
	MaxPendingBytes int
	// Patience is how much a connection may do beside making requests, before it is ended with
	// ENHANCE_YOUR_CALM: 1000. A frame that is none of a request costs 1, a stream that is
	// reset 5; a request that is answered gives 4 back. WINDOW_UPDATE is free once for each KiB
	// sent.
	Patience int
}

const (
	// receiveWindow is the flow-control window of a connection. Since bytes don't stay in
	// it, whether requests are complete or not, it needs no memory.
	receiveWindow = 1 << 20
	// maxContinuations is how many CONTINUATION frames a header block may have. A block
	// that isn't too large never needs more than one.
	maxContinuations = 16
)

// What a connection's patience is used for.
const (
	costFrame   = 1
	costRefused = 2
	costReset   = 5
	creditEach  = 4
)

func (l Limits) withDefaults() (Limits, error) {
	l.MaxStreams = or(l.MaxStreams, 128)
	l.MaxBodyBytes = or(l.MaxBodyBytes, exchange.MaxBody)
	l.MaxHeaderBytes = or(l.MaxHeaderBytes, 8192)
	least := l.MaxBodyBytes + l.MaxHeaderBytes
	l.MaxHeldBytes = or(l.MaxHeldBytes, least+l.MaxStreams*streamBuffer)
	l.MaxPendingBytes = or(l.MaxPendingBytes, 64<<10)
	l.Patience = or(l.Patience, 1000)
	switch {
	case l.MaxStreams < 1 || l.MaxStreams > 1<<16:
		return l, fmt.Errorf("at most %d streams a connection: expected 1 to 65536", l.MaxStreams)
	case l.MaxBodyBytes < 0 || l.MaxBodyBytes > exchange.MaxBody:
		return l, fmt.Errorf("request content of up to %d bytes: expected 1 to %d", l.MaxBodyBytes, exchange.MaxBody)
	case l.MaxHeaderBytes < 4096 || l.MaxHeaderBytes > 1<<20:
		return l, fmt.Errorf("header sections of up to %d bytes: expected 4096 to 1048576", l.MaxHeaderBytes)
	case l.MaxHeldBytes < least:
		return l, fmt.Errorf("at most %d bytes of incomplete requests a connection: expected at least %d, for one", l.MaxHeldBytes, least)
	case l.MaxPendingBytes < 0:
		return l, fmt.Errorf("at most %d pending bytes a connection: expected 1 or more", l.MaxPendingBytes)
	case l.Patience < 100:
		return l, fmt.Errorf("patience of %d: expected 100 or more", l.Patience)
	}
	return l, nil
}

// maxBlockBytes is the longest header block in its coded form.
func (l Limits) maxBlockBytes() int { return max(maxFrameBytes, l.MaxHeaderBytes) }

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
