// Package zonefile holds what a master file says, plainly: the names of a zone and
// their RRsets, and where a name lies in it.
//
//	zone/master ──► builder ──► Zone ──► Lookup: cut, DNAME, wildcard, node or nothing
//	  (records)     (shards)        └──► Nodes, Node, RRset: what there is
//
// Queries are drawn from it (bench/query), and answers are held against it
// (bench/verify). It shares no code with the store that yushan answers from, so that
// a mistake there is not repeated here. A zone of a million delegations takes
// about 150 bytes for each.
//
// Names and the names in RDATA are kept in lower case: what is compared with them has
// to be put into that form first ([AppendCanonical]). A [Zone] isn't changed once it
// has been read, and any goroutine may use it.
//
// The package may import zone/master and zone/dname.
package zonefile
