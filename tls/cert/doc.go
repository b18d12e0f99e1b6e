// Package cert has the sources of a listener's certificate: [Files], which are
// read again on demand, and [SelfSigned], for the lab and for opportunistic
// encryption (RFC 9539 §3.2 wants no authentication). A source is asked for its
// certificate at each full handshake, so a change needs no restart, and sessions
// under way don't notice.
//
//	certificate.pem ─┐  read, check      ┌────────┐  Certificate
//	key.pem ─────────┼───────────────►   │ atomic │ ─────────────► handshakes
//	                 │  bad: keep old    │ pointer│  Current
//	clock ───────────┘  (SelfSigned)     └────────┘ ─────────────► TLSA, messages
//
// It imports zone/dname, for names in U-labels, and nothing else of this project.
package cert
