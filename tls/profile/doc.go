// Package profile has what all of this server's listeners have in common in TLS:
// versions, cipher suites, key exchanges, and the way to certificate and tickets.
//
// A protocol's listener names its ALPN identifiers. A client that offers none of them
// is refused with the alert no_application_protocol (RFC 7301 §3.2); over TCP, one that offers
// no ALPN at all is accepted, as RFC 7858 clients may be that old. QUIC
// always needs it (RFC 9001 §8.1).
//
// It imports tls/cert and tls/ticket.
package profile
