// Package transfer times zone transfers: AXFR (RFC 5936) over TCP and over TLS (RFC
// 9103), with TSIG (RFC 8945) or without.
//
//	Run ─┬─► one transfer: connect ─► query ─► messages: walk, TSIG ─┐
//	     ├─► …                                                     ├─► Result ─► text, JSON
//	     └─► as many at once as asked for                          ┘
//
// What is timed is the server. So records are counted but not made into objects, which
// would take the client longer than a good server needs to send them; and the
// time is measured in which the client waited for bytes, so that it can say when it was itself
// what took long.
//
// TSIG is verified here over the stream: a server signs every message, or, an older one, one of up to
// 100, and the messages between belong to the next signature (RFC 8945 §5.3.1).
//
// Of yushan it imports bench/procstat, bench/report/units and zone/dname.
package transfer
