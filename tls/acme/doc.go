// Package acme gets certificates from a CA by ACME (RFC 8555), and renews them in
// time. The work is certmagic's; this package gives it what an authoritative name
// server on several nodes needs:
//
//	            ┌── storage: account, keys, certificates, locks ──┐ shared by all nodes
//	CA ◄─ order ┤                                                 │
//	 │          └─ Manager ─► Challenges.Present ─► every node    └─► Manager of another node
//	 │                │                               │
//	 └─ TXT question, HTTP request or TLS handshake, to any node
//
// All nodes may start at once with the same names: the first one to get the lock
// in storage orders, and the others take from storage what it has got.
//
// # Which challenge
//
// DNS-01 (RFC 8555 §8.4) needs no port and is the only one for wildcards: the
// server answers it itself, out of [Options].Challenges, which must have reached
// all nodes when Present returns. With HTTP-01 (§8.3) and TLS-ALPN-01 (RFC 8737)
// the answer is read from storage by whichever node the CA comes to. They need
// listeners on ports 80 or 443 of the names: this package opens none, it has
// [Manager.HTTPHandler] and [Manager.Protocols] for those of the server.
//
// # Keys
//
// Each name has a certificate and a key of its own (ECDSA P-256). With
// [Options].ReuseKeys a renewal keeps the key, so that a TLSA record for it stays
// true. Otherwise the record of the next key would have to be published before
// the renewal (RFC 7671 §8.1), and nobody knows that key yet.
//
// The package imports certmagic, acmez, zone/dname, and nothing of server.
package acme
