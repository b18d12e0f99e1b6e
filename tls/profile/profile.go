package profile

import (
	"crypto/tls"

	"yushan/tls/cert"
	"yushan/tls/ticket"
)

// ALPN identifiers, as IANA registers them.
const (
	DoT   = "dot" // for RFC 7858
	DoQ   = "doq" // RFC 9250 §4.1
	HTTP2 = "h2"
	HTTP1 = "http/1.1"
	HTTP3 = "h3"
)

// suites are TLS 1.2's with forward secrecy and authenticated encryption: what
// RFC 9325 §4.2 recommends, and all that HTTP/2 permits (RFC 9113 §9.2.2) which
// Go has. TLS 1.3's cannot be chosen, all are good.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// curves are the key exchanges: one that quantum computers won't break, where the client has it,
// and the two cheap ones that everybody has.
var curves = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256}

// New returns the configuration of a listener that speaks protocols, the preferred one
// first: TLS 1.3 and 1.2, without renegotiation, which Go's servers don't have.
// QUIC takes TLS 1.3 out of it. tickets may be nil: then Go makes
// keys, for this listener alone. The caller may change the result.
func New(source cert.Source, tickets *ticket.Keys, protocols ...string) *tls.Config {
	c := &tls.Config{
		MinVersion:       tls.VersionTLS12,
		CipherSuites:     append([]uint16(nil), suites...),
		CurvePreferences: append([]tls.CurveID(nil), curves...),
		NextProtos:       append([]string(nil), protocols...),
		GetCertificate:   source.Certificate,
	}
	if tickets != nil {
		tickets.Configure(c)
	}
	return c
}
