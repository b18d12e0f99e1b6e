// Package tlsa says how clients can know a server's key without a CA: as TLSA
// records (DANE, RFC 6698 and 7671), and as a pin (RFC 7858 §4.2).
//
// Records are DANE-EE, SPKI, SHA2-256 ("3 1 1"), which RFC 7671 §5.1 recommends: they name the
// server's key and nothing else, so they outlive a certificate that is renewed with the same
// key, and neither names nor dates in the certificate count. Other selectors and matching types are there
// for those who must match what exists.
//
// # Where records are
//
//	_853._tcp.ns1.example.   DoT
//	_443._tcp.ns1.example.   DoH over HTTP/2 and HTTP/1.1
//	_853._udp.ns1.example.   DoQ         RFC 6698 §3 as it stands: QUIC is UDP
//	_443._udp.ns1.example.   HTTP/3
//	_853._quic.ns1.example.  DoQ         draft-ietf-dnsop-svcb-dane gives QUIC
//	_443._quic.ns1.example.  HTTP/3      a label of its own
//
// The host name is the one in NS or SVCB records (RFC 7671 §7), and the zone must be signed.
//
// # A new key, next key first
//
// A published record must never be without a key that matches it, caches included
// (RFC 7671 §8.1):
//
//  1. Make the next key, and tell the server where it is (cert.FilesOptions.NextKey): its public half is enough.
//  2. Publish the records of both keys, which [Records] gives.
//  3. Wait until all secondaries have them, and the old RRset's TTL is over.
//  4. Get a certificate for the next key, and put both in place of the old ones.
//  5. Publish the records of the new key alone, or start again at 1. Sessions that were begun with the old key
//     go on.
//
// With ACME a key that is kept over renewals (acme.Options.ReuseKeys) needs no such steps. A self-signed
// certificate's key is lost when the server stops, so records for it are of use
// in a lab alone.
//
// It imports zone/dname and miekg/dns.
package tlsa
