// Package sign signs whole zones in memory (RFC 4034, 4035, 5155).
//
//	records ─► plan: sort, find cuts and occluded names, make the chain
//	             │
//	             ├─► worker ─┐   each takes a batch of owner names and
//	             ├─► worker ─┼─► returns their records, RRSIGs, NSECs
//	             └─► worker ─┘
//	                         ▼
//	           canonical order: a slice (Zone), a sequence (Stream), a file (WriteFile)
//
// It serves the lab, whose zones are signed with fresh keys when it starts, the
// tests, and the command "yushan sign". It keeps no state and rolls no keys:
// signing again means calling it again, and what an earlier run left in the
// records (RRSIG, NSEC, NSEC3, NSEC3PARAM, ZONEMD) is dropped first.
//
//	key, err := sign.GenerateKey("tw.", dns.ECDSAP256SHA256, true)
//	…
//	signed, err := sign.Zone(ctx, "tw.", records, sign.Options{
//		Keys:   []*sign.Key{key},
//		Denial: sign.NSEC3,
//		OptOut: true,
//	})
//
// What gets a signature is what the zone is authoritative for (RFC 4035 §2.2):
// not the NS RRset of a delegation, not glue, nothing below a DNAME. Names are
// given to the package as miekg/dns holds them, with A-labels.
//
// # Memory
//
// The plan takes about 60 bytes for each record and 25 for each NSEC3 beside
// the records themselves. [Stream] holds the signatures of only some hundreds of
// names for each worker at a time; [Zone] holds all of them, which is about
// 220 bytes for each record that signing adds.
package sign
