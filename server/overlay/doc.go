// Package overlay holds the records that a server publishes for itself beside
// its zones: the TXT records by which an ACME CA sees that it controls a name
// (RFC 8555 §8.4). No zone and no serial changes for them.
//
// For each host that is to get a certificate there is a tiny zone of its own,
// unsigned, with apex _acme-challenge.<host>. It has an SOA and NS records that
// are made up here, and whatever TXT records are presented, at the apex or below:
//
//	tls/acme ─► Siblings ─┬─► Overlay.Present ─────────────► Zone ◄─ server/query
//	                      └─► UPDATE + TSIG, TCP ─┐           ▲
//	another node's Siblings ─► server/query ─► Overlay.Update ┘
//
// With several nodes on one anycast address the CA asks whichever is nearest to
// it, from several places in the world. So [Siblings] tells all of them by DNS
// UPDATE (RFC 2136), signed by TSIG (RFC 8945), and returns when each node that
// can be reached has confirmed with a signed response.
//
// # What the engine asks
//
// Three calls are on a query's way. They take no memory and no lock, and answer
// at once on a nil *Overlay:
//
//	z := o.Zone(name, starts)         // nil: no apex at or above name
//	rdata, exists := z.TXT(name)      // at a name at or below z.Apex()
//	z.Apex(), z.SOA(), z.NS()         // wire format, RDATA without compression
//
// exists without rdata is the apex, or an empty non-terminal: NODATA. The apex
// always exists and also has z.SOA() and z.NS(). Every other name that does not
// exist is NXDOMAIN; there are no wildcards and no cuts. All records, negative
// answers included, have [TTLSeconds]. An overlay zone goes before any configured
// zone above it, except for DS at its apex, which is the parent's.
//
// A message with opcode UPDATE for which o.IsUpdate(wire) is true is answered by
// o.Update(wire, dst), which is cold.
//
// What is returned must not be changed. It stays as it was when a later update
// replaces it, so that an answer may be written from it at leisure.
//
// # Signed parents
//
// If the zone above is signed, a validating CA takes these unsigned answers for
// forged, unless the zone delegates _acme-challenge.<host> to this server without
// a DS record: an insecure delegation (RFC 4035 §5.2).
//
// # Who may change records
//
// Whoever has one of the keys. An update that was overheard can be sent again
// for five minutes, until its time of signing is too long ago (RFC 8945 §5.2.3):
// it can put back a challenge that is of no use any more, or take one away that
// was being taken away anyhow.
//
// # Bounds
//
// Records expire an [Options].Lifetime after they were last presented, so that
// what a crashed node or a lost update leaves behind goes away, and there are
// never more than [Options].MaxRecords.
//
// Only overlay.go and zone.go are on a query's way; all else is cold, and may use
// miekg/dns. Of yushan the package imports zone/dname alone.
package overlay
