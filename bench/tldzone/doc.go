// Package tldzone makes synthetic zones of a country-code top level domain, of
// any size, and queries to go with them: for benchmarks, and for tests
// that need a zone larger than one would write. The same [Zone] gives the same
// bytes, signatures included, on every machine.
//
//	                         ┌─► chunk ─┐
//	Zone ─► index 0 … n-1 ───┼─► chunk ─┼─► master file ─► (signed) RRSIG, NSEC3, DNSKEY
//	                         └─► chunk ─┘
//
// Each delegation follows from the seed and its index alone, so that chunks of them
// are made by all cores at once, and nothing is kept: a zone of 20 million takes
// no more memory than a small one. A larger zone of the same seed begins with the
// names of the smaller one.
//
// # The mix
//
// It is that of a registry. Three in four delegations point to one of 20,000 hosting
// companies, of which the largest has a fourteenth of them and the ten thousand smallest
// share as much: popularity falls with the rank (Zipf). The largest gives each customer two of its 40 name servers, as
// anycast providers do. Every fourth company has its name servers below a
// delegation of the zone itself. Three in twenty delegations have name servers of their own
// below them, with glue, one in ten one of its own and one elsewhere. Two in five
// names are below a second-level category such as com. One in twenty is Chinese, as an A-label. Names are
// 4 to 20 letters, in no order; addresses are of the ranges for documentation and
// benchmarks, name servers elsewhere are below example.
//
// [Zone.WriteSigned] signs by package zone/sign; that apart, this package imports
// nothing of yushan.
package tldzone
