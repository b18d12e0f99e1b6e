// Package stream sends queries over TCP (RFC 7766), TLS (RFC 7858), and HTTP/2 and
// HTTP/1.1 (RFC 8484).
//
//	Schedule ─► waiting queries ─► place (a connection) ─► codec ─► TLS ─► socket
//	                                 │ table: what is under way        │
//	Recorder, Judge ◄── worker ◄─────┴──────── codec ◄──── TLS ◄───────┘
//
// A worker is one thread with an epoll instance of its own. It waits until a query is
// due or something has come, writes all that is due on a connection at once, and
// reads all that has come. Nothing in it blocks: a server that stops reading holds up
// its own connections only, and the queries that find no place wait without moving
// the schedule. Handshakes, which are long and full of arithmetic, run beside it in
// goroutines of their own.
//
// What differs between the transports is a codec: how a query is framed, and how
// answers are found in what has come. TLS is crypto/tls over a connection that never
// touches a socket (see link).
//
// The package imports bench/load, what that imports, and golang.org/x/net/http2.
package stream
