// Package quicload is what tests and benchmarks of QUIC listeners share: a
// certificate, a client's configuration, DNS over QUIC queries (RFC 9250), and a
// load of them.
package quicload
