package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"yushan/bench/measure"
	"yushan/bench/pace"
	"yushan/bench/query"
)

// Transport carries queries and answers.
type Transport uint8

const (
	UDP  Transport = iota
	TCP            // RFC 7766
	DoT            // RFC 7858
	DoH            // HTTP/2, RFC 8484
	DoH1           // HTTP/1.1
	DoH3           // HTTP/3
	DoQ            // RFC 9250
)

var transports = [...]string{"udp", "tcp", "dot", "doh", "doh1", "doh3", "doq"}

func (t Transport) String() string { return transports[t] }

// UnmarshalText accepts the names that String returns, and h2 and h3.
func (t *Transport) UnmarshalText(text []byte) error {
	for i, name := range transports {
		if strings.EqualFold(string(text), name) {
			*t = Transport(i)
			return nil
		}
	}
	switch strings.ToLower(string(text)) {
	case "h2", "doh2":
		*t = DoH
	case "h3":
		*t = DoH3
	default:
		return fmt.Errorf("transport %q: expected one of %s", text, strings.Join(transports[:], ", "))
	}
	return nil
}

// Encrypted tells whether there is TLS.
func (t Transport) Encrypted() bool { return t >= DoT }

// HTTP tells whether queries are HTTP requests.
func (t Transport) HTTP() bool { return t == DoH || t == DoH1 || t == DoH3 }

// QUIC tells whether it runs on QUIC.
func (t Transport) QUIC() bool { return t == DoH3 || t == DoQ }

// Port is the one that the transport's servers have by default.
func (t Transport) Port() uint16 {
	switch t {
	case UDP, TCP:
		return 53
	case DoT, DoQ:
		return 853
	}
	return 443
}

// Handshake is when connections are opened, and how.
type Handshake uint8

const (
	Persistent Handshake = iota // once
	Full                        // for each query, by clients that have never been there
	Resumed                     // for each query, by clients with a session ticket
	Early                       // likewise, with the query in 0-RTT
)

var handshakes = [...]string{"persistent", "full", "resumed", "0-rtt"}

func (h Handshake) String() string { return handshakes[h] }

// UnmarshalText accepts the names that String returns.
func (h *Handshake) UnmarshalText(text []byte) error {
	for i, name := range handshakes {
		if strings.EqualFold(string(text), name) {
			*h = Handshake(i)
			return nil
		}
	}
	return fmt.Errorf("handshake %q: expected one of %s", text, strings.Join(handshakes[:], ", "))
}

// Options are common to all workers of a run.
type Options struct {
	Server    netip.AddrPort
	Transport Transport
	Handshake Handshake
	// Clients are sockets (UDP) or connections of one worker, at least 1. With a
	// connection for each query it is how many may be open at once.
	Clients int
	// Depth is how many queries may be under way on one connection, or streams on
	// it; at least 1. It has no meaning on UDP.
	Depth int
	// Concurrency is how many queries one worker has under way in a closed loop;
	// 0 in an open one.
	Concurrency int
	// Timeout is how long after its intended time a query is given up.
	Timeout time.Duration
	// Sources are where queries come from, by turns over all of their addresses;
	// none: what the system chooses.
	Sources []netip.Prefix
	// TLS is the client's part of encrypted transports, without application
	// protocols; each client takes a clone.
	TLS *tls.Config
	// Path and Get are of HTTP: "/dns-query", and GET instead of POST. Authority is the
	// name of the server there.
	Path      string
	Get       bool
	Authority string
}

// Validate says which options don't go together.
func (o *Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Clients < 1 {
		bad("%d clients: expected 1 or more", o.Clients)
	}
	if o.Transport != UDP && o.Depth < 1 {
		bad("depth %d: expected 1 or more", o.Depth)
	}
	if o.Timeout <= 0 {
		bad("timeout %s: expected more than 0", o.Timeout)
	}
	switch {
	case o.Handshake == Persistent:
	case o.Transport == UDP:
		bad("UDP has no handshake: %q can't be asked for", o.Handshake)
	case o.Handshake != Full && o.Transport == TCP:
		bad("TCP has no sessions: handshakes can't be %q", o.Handshake)
	case o.Handshake == Early && !o.Transport.QUIC():
		bad("0-RTT needs doq or doh3: Go's TLS has none over TCP")
	case o.Depth > 1:
		bad("depth %d with a connection for each query: expected 1", o.Depth)
	}
	if o.Transport == DoH1 && o.Depth > 1 {
		bad("depth %d: HTTP/1.1 has one request at a time", o.Depth)
	}
	if o.Transport.Encrypted() && o.TLS == nil {
		bad("%s needs a TLS configuration", o.Transport)
	}
	for _, p := range o.Sources {
		if p.Addr().Unmap().Is4() != o.Server.Addr().Unmap().Is4() {
			bad("source %s and server %s are of different address families", p, o.Server.Addr())
		}
	}
	return errors.Join(errs...)
}

// Work is what one worker does. All but Options and Queries is its own.
type Work struct {
	Worker, Workers int
	Options         *Options
	Queries         *query.Set
	Cursor          *query.Cursor
	Schedule        *pace.Schedule
	Recorder        *measure.Recorder
	// Began is what all times of Schedule and Recorder count from.
	Began time.Time
	// Stop is set when nothing more shall be sent; what is under way gets its time. The
	// context of Run ends all at once.
	Stop *atomic.Bool
	// Judge, unless nil, is given each answer that fits its query. It keeps nothing of
	// it, may be called by several goroutines at once, and may take its time.
	Judge func(index uint32, nonce uint64, answer []byte)
}

// Now is nanoseconds since the run began.
func (w *Work) Now() int64 { return int64(time.Since(w.Began)) }
