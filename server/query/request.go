package query

import "net/netip"

// Transport is how a query reached the server. It decides how large an answer
// may be, and which EDNS options make sense.
type Transport uint8

// The transports a query can arrive by.
const (
	UDP Transport = iota // RFC 1035 §4.2.1; answers may have to be truncated
	TCP                  // RFC 7766
	DoT                  // RFC 7858
	DoH                  // RFC 8484
	DoQ                  // RFC 9250
	transports
)

func (t Transport) String() string {
	return [...]string{"UDP", "TCP", "DoT", "DoH", "DoQ"}[t]
}

// encrypted tells whether nobody but the client reads the answer; then its length
// is worth hiding.
func (t Transport) encrypted() bool { return t == DoT || t == DoH || t == DoQ }

// hasTimeout tells whether the transport is a connection whose idle time-out
// clients learn by EDNS (RFC 7828). HTTP and QUIC have their own ways, and QUIC
// forbids this one (RFC 9250 §5.5.2).
func (t Transport) hasTimeout() bool { return t == TCP || t == DoT }

// Request is one query as a frontend received it.
type Request struct {
	Wire      []byte         // the message, without TCP's length; not kept and not changed
	Client    netip.AddrPort // where it came from
	Transport Transport
	// KeepaliveUnits is the idle time-out to offer, in units of 100 ms, when the
	// client sends the option of RFC 7828; 0 offers none. Used on TCP and DoT.
	KeepaliveUnits uint16
}
