// Package tldzone makes synthetic zones of a country-code top level domain, of
// any size, and query files to go with them: for benchmarks, and for tests
// that need a zone larger than one would write. The same numbers give the same
// zone, byte by byte.
//
// The mix is that of a registry: three in four delegations point to one of a
// few hundred hosting companies, the large ones much more often than the small
// ones; the others have name servers of their own, with glue. One in twenty
// names is a Chinese label.
//
// It imports nothing of yushan.
package tldzone
