// Package ticket makes session tickets (RFC 8446 §4.6.1, RFC 5077) with keys that
// need no agreement between servers: all nodes that share a secret derive the same
// key for the same span of time, so a client that comes back to another anycast node resumes its
// session there, with 0-RTT over QUIC. Keys for QUIC's tokens and stateless resets are derived likewise.
//
//	secret ──HKDF──► root ──HKDF(period − 2)──► key, opens
//	                      ──HKDF(period − 1)──► key, opens
//	clock ──► period      ──HKDF(period    )──► key, opens and seals
//	                      ──HKDF(period + 1)──► key, opens: another node's clock is ahead
//
// A ticket is
//
//	0        8                  32
//	┌────────┬──────────────────┬─────────────────────────┬──────────┐
//	│ key's  │ nonce, random    │ session, encrypted      │ tag (16) │
//	│ name   │                  │                         │          │
//	└────────┴──────────────────┴─────────────────────────┴──────────┘
//
// encrypted by XChaCha20-Poly1305, whose nonce is long enough for nodes that know
// nothing of each other. A ticket with another key's name costs a comparison.
//
// # What the secret protects
//
// Who has the secret can read 0-RTT data and TLS 1.2 sessions whose packets he
// recorded, and pose as the server to a client that resumes. TLS 1.3's other
// traffic stays secret, since each session has its own key exchange. Rotation
// bounds how long a ticket is good for, not that: so replace the secret now and then. [Keys.Reload]
// goes over to the new one without losing sessions.
//
// It imports nothing of this project.
package ticket
