// Package zone holds DNS zones in memory: built from records, never changed
// afterwards, looked up without locks or garbage.
//
//	master files ─ master.Read ─┐            construction
//	miekg/dns records ──────────┴─► Builder ─── build.go ──┐  assembly
//	                               builder.go              ├─ assemble.go ─► Zone
//	an earlier Zone ─► Edit ─────────────────── revision ──┘  check.go       zone.go
//	       │          edit.go                  revision.go       └─► Report
//	       │             ▲                 consequences.go
//	       └── master ── difference            naming.go
//	          reload.go  difference.go
//
// What was asked for is decided while building, so that answering is copying:
// each RRset lies in an arena as the bytes of an answer, and each zone cut as
// the authority and additional sections of its referral (layout.go draws them,
// encode.go writes them). A radix tree whose keys sort canonically leads from
// a name to its node; beside it stand a tree of the names that zone cuts hide,
// and one of NSEC3 hashes. Nothing in there is a Go pointer: the garbage
// collector has as little to do for ten million delegations as for ten.
//
// A [Builder] sorts and packs each batch of records as it comes, into a strand
// (pack.go, strand.go); strands are about half of the size of the zone that comes of
// them, whatever the order of the records. NS RRsets that many delegations share
// stand there, and become a referral, only once (hosting.go). Then segments, which
// are ranges of owners (divide.go), are made by all cores: each merges its share of
// the strands (gather.go), places owner by owner, and makes its part of the trees
// (worker.go), which are joined in order (build.go). Addresses of name servers in other
// segments have been collected before (siblings.go).
//
// A [Zone] is immutable. [Zone.Edit] makes a new one that shares with the old
// all that did not change: it places the owners that have changes anew, by the
// code that building uses, so that both come to the same. [Reload] reads the
// files of a zone against an earlier version, and makes an edit of what
// differs. [Zone.Compact] leaves the garbage of edits behind. [Zone.Records] reads
// everything back (decode.go, records.go). A [Set] is the zones in service at
// one moment; who swaps sets is the server's business.
//
// [Zone.Snapshot] gives a zone's memory as bytes and [Restore] makes the zone of
// them again (snapshot.go), which package image keeps in files; verify.go tells
// whether memory that came from outside holds a zone.
//
// The package may import its own parts (arena, radix, dname, master) and
// miekg/dns; hot are zone.go, together.go, layout.go, nsec3.go and set.go, the rest runs when
// zones are loaded or changed.
package zone
