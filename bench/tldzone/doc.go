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
// companies by popularity, which falls with the rank (Zipf): the largest has a fourteenth
// of all delegations, the ten thousand smallest have a twentieth together. The largest
// gives each customer two of its 40 name servers, as anycast providers do. Every fourth
// company has its name servers below a delegation of the zone itself. Three in twenty
// delegations have name servers of their own below them, with glue, two in twenty one of
// their own and one elsewhere.
//
// Two in five names are below a second-level category such as com, one in twenty is
// Chinese, as an A-label. Most labels have 6 to 14 letters; they come in no order.
// Addresses are of the ranges for documentation and benchmarks, name servers elsewhere
// are below example.
//
// [Zone.WriteSigned] signs by package zone/sign; that apart, this package imports
// nothing of yushan.
package tldzone
