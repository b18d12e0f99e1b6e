package quicport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/server/limit"
)

// Config is what a port needs to know. Addr and TLS must be given.
type Config struct {
	// Addr is where to listen. Port 0 lets the kernel choose; a wildcard address
	// serves all addresses of its own family.
	Addr netip.AddrPort
	// TLS holds the certificate and the application protocols. It isn't changed.
	TLS *tls.Config
	// TokenKey protects the tokens that prove a client's address; nil: a random one.
	// ResetKey makes the stateless resets that end connections of an earlier process;
	// nil: there are none. Nodes that share an address share both.
	TokenKey, ResetKey *[32]byte
	Limits             Limits
	// Handshakes is the budget that each handshake is taken from. nil: none.
	Handshakes *limit.Handshakes
	// ZeroRTT accepts data that resumed clients send with their first packet, which
	// anybody can replay (RFC 9001 §9.2). Handlers get such a connection before its
	// handshake is complete, and see to what they do until then.
	ZeroRTT bool
	// HoldCredit, unless 0, leaves it to the handler to give the credit for streams
	// back, by quic.Stream.ReleaseStreamCredit, and is how many finished streams it may
	// keep back: clients may open that many more.
	HoldCredit int
	// Codes are the application protocol's error codes that the port uses.
	Codes Codes
}

// Codes are application error codes (RFC 9000 §20.2).
type Codes struct {
	NoError       quic.ApplicationErrorCode // the server stops
	ExcessiveLoad quic.ApplicationErrorCode // another connection needs the place
}

// Limits are what clients may use. The zero value of each field means its default.
type Limits struct {
	// MaxConns is how many connections may be open at once, handshakes under way
	// included: 2,000. Each costs some 60 kB, and more while it is used, see "Memory".
	MaxConns int
	// MaxConnsPerClient is how many of them one IPv4 address, or IPv6 /64, may have:
	// a quarter of MaxConns.
	MaxConnsPerClient int
	// MaxHandshakes is how many handshakes may be under way at once: 512, but no
	// more than MaxConns.
	MaxHandshakes int
	// MaxOpeningPackets is how many packets of handshakes are looked at in a second:
	// 5,000, which is enough for several hundred handshakes. The others are dropped
	// when they are received, which costs next to nothing.
	MaxOpeningPackets int
	// MaxStreams is how many bidirectional streams a client may have open at once:
	// 100. From an eighth of MaxConns on, new connections get less.
	MaxStreams int
	// MaxUniStreams is how many unidirectional ones: none. HTTP/3 needs some.
	MaxUniStreams int
	// StreamWindowBytes is how much data a stream may hold that isn't read: 8 KiB.
	StreamWindowBytes int
	// ConnWindowBytes is how much all streams of a connection may: 32 KiB, but no
	// less than StreamWindowBytes.
	ConnWindowBytes int
	// HandshakeTimeout is how long a handshake may take: 4 s, time for a lost packet
	// to be sent again twice.
	HandshakeTimeout time.Duration
	// IdleTimeout is how long a connection may be silent: 10 s. Below 5 s some
	// clients would not keep to it.
	IdleTimeout time.Duration
}

func (l Limits) withDefaults() (Limits, error) {
	l.MaxConns = or(l.MaxConns, 2_000)
	l.MaxConnsPerClient = or(l.MaxConnsPerClient, max(1, l.MaxConns/4))
	l.MaxHandshakes = or(l.MaxHandshakes, min(512, l.MaxConns))
	l.MaxOpeningPackets = or(l.MaxOpeningPackets, 5_000)
	l.MaxStreams = or(l.MaxStreams, 100)
	l.StreamWindowBytes = or(l.StreamWindowBytes, 8<<10)
	l.ConnWindowBytes = or(l.ConnWindowBytes, max(32<<10, l.StreamWindowBytes))
	l.HandshakeTimeout = or(l.HandshakeTimeout, 4*time.Second)
	l.IdleTimeout = or(l.IdleTimeout, 10*time.Second)
	switch {
	case l.MaxConns < 1:
		return l, fmt.Errorf("at most %d connections: expected 1 or more", l.MaxConns)
	case l.MaxConnsPerClient < 1:
		return l, fmt.Errorf("at most %d connections per client: expected 1 or more", l.MaxConnsPerClient)
	case l.MaxHandshakes < 1:
		return l, fmt.Errorf("at most %d handshakes at once: expected 1 or more", l.MaxHandshakes)
	case l.MaxOpeningPackets < 1:
		return l, fmt.Errorf("at most %d packets of handshakes a second: expected 1 or more", l.MaxOpeningPackets)
	case l.MaxStreams < 1 || l.MaxStreams > 1<<16:
		return l, fmt.Errorf("at most %d streams: expected 1 to 65536", l.MaxStreams)
	case l.MaxUniStreams < 0 || l.MaxUniStreams > 1<<16:
		return l, fmt.Errorf("at most %d unidirectional streams: expected 0 to 65536", l.MaxUniStreams)
	case l.StreamWindowBytes < 1<<10 || l.StreamWindowBytes > 1<<30:
		return l, fmt.Errorf("windows of %d bytes a stream: expected 1 KiB to 1 GiB", l.StreamWindowBytes)
	case l.ConnWindowBytes < l.StreamWindowBytes || l.ConnWindowBytes > 1<<30:
		return l, fmt.Errorf("windows of %d bytes a connection: expected %d (a stream's) to 1 GiB", l.ConnWindowBytes, l.StreamWindowBytes)
	case l.HandshakeTimeout < time.Millisecond, l.IdleTimeout < time.Millisecond:
		return l, fmt.Errorf("time-outs of %v a handshake, %v idle: expected at least 1ms each", l.HandshakeTimeout, l.IdleTimeout)
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

// calm is how many connections may be open before places get short.
func (l Limits) calm() int { return l.MaxConns - l.MaxConns/4 }

// idleTimeout is the one for a connection that begins when so many are open.
func (l Limits) idleTimeout(open int) time.Duration {
	calm := l.calm()
	if open <= calm {
		return l.IdleTimeout
	}
	crowded := float64(min(open, l.MaxConns)-calm) / float64(l.MaxConns-calm)
	return l.IdleTimeout - time.Duration(crowded*0.9*float64(l.IdleTimeout))
}

// minStreams is how many streams a connection may have, however many others there
// are, unless MaxStreams is smaller.
const minStreams = 16

// streams is how many streams a connection may have that begins when so many are
// open: the connections up to an eighth of MaxConns could have MaxStreams each, and
// all others together some twice as many.
func (l Limits) streams(open int) int {
	full := max(1, l.MaxConns/8)
	if open <= full {
		return l.MaxStreams
	}
	return max(l.MaxStreams*full/open, min(minStreams, l.MaxStreams))
}

// packetBytes is the longest packet that is sent; see "Packet sizes".
const packetBytes = 1200

func (c *Config) validate() error {
	if !c.Addr.IsValid() {
		return errors.New("no address given")
	}
	if c.TLS == nil {
		return errors.New("no TLS configuration given")
	}
	if len(c.TLS.NextProtos) == 0 {
		return errors.New("the TLS configuration names no application protocol, which QUIC requires")
	}
	return nil
}

// quicConfig is the library's configuration for a connection that begins when so
// many are open.
func (c *Config) quicConfig(open int) *quic.Config {
	return &quic.Config{
		Versions: []quic.Version{quic.Version1, quic.Version2},
		// A handshake fails after twice this time, or after this time of silence.
		HandshakeIdleTimeout:           c.Limits.HandshakeTimeout / 2,
		MaxIdleTimeout:                 c.Limits.idleTimeout(open),
		InitialStreamReceiveWindow:     uint64(c.Limits.StreamWindowBytes),
		MaxStreamReceiveWindow:         uint64(c.Limits.StreamWindowBytes),
		InitialConnectionReceiveWindow: uint64(c.Limits.ConnWindowBytes),
		MaxConnectionReceiveWindow:     uint64(c.Limits.ConnWindowBytes),
		MaxIncomingStreams:             int64(c.Limits.streams(open) + c.HoldCredit),
		MaxIncomingUniStreams:          int64(or(c.Limits.MaxUniStreams, -1)), // the library's 0 is its default
		InitialPacketSize:              packetBytes,
		DisablePathMTUDiscovery:        true,
		Allow0RTT:                      c.ZeroRTT,
		RequireStreamCreditRelease:     c.HoldCredit > 0,
	}
}
