// Package doq answers DNS queries over dedicated QUIC connections (RFC 9250).
//
// # The way of a query
//
//	stream ─accepted─► whole query? ──yes──► query.Engine.Answer ─► stream, FIN
//	                        │ no                    ▲          │ longer than a packet
//	                        └──► a goroutine waits ─┘          └──► a goroutine writes
//
// Each connection has one goroutine, which answers queries where their streams are
// accepted. Nearly all have arrived whole by then, in one packet with their FIN.
// The rest is waited for by a goroutine a stream, and so is the room for
// answers that one packet can't hold. [quicport.Port] cares for the connections.
//
// Memory for the work on a query is borrowed for that time only, from a few
// workspaces that all connections share.
//
// # What ends a connection
//
// DOQ_PROTOCOL_ERROR, as RFC 9250 §4.3.3 says, of which nothing is answered:
//
//   - a message ID that isn't 0 (§4.2.1), or a message that is a response
//   - FIN before the message's end, or bytes after it: a second query, for one
//   - a message shorter than a DNS header
//   - the edns-tcp-keepalive option (§5.5.2)
//   - no FIN for [Limits].QueryTimeout, whether the message is whole or not. No query
//     is answered before its FIN, as §4.2 permits
//
// A client that opens a unidirectional stream meets QUIC's own STREAM_LIMIT_ERROR:
// the transport parameter initial_max_streams_uni is 0, so that no client that
// keeps to RFC 9000 §4.6 gets as far as to break RFC 9250's rule, and nobody has to
// wait for those who don't.
//
// DOQ_EXCESSIVE_LOAD: a client doesn't take long answers in time, or its turn has come when
// all pending answers together need more than MaxPendingBytes; it begins more queries than it
// finishes when there are more than MaxUnfinished in all; or it cancels more queries than it lets be
// answered (§4.3.1).
//
// DOQ_NO_ERROR: there was no query for the idle time-out, though other packets may
// have kept the connection up (§5.5.1); or the server stops.
//
// # What ends a stream only
//
// Answers end with FIN. DOQ_INTERNAL_ERROR: the engine failed. DOQ_REQUEST_CANCELLED:
// the client reset its stream. DOQ_UNSPECIFIED_ERROR: the query is longer than
// MaxQueryBytes; nobody needs such queries, but they break no rule.
//
// # 0-RTT
//
// Early data can be replayed. Only opcodes QUERY and NOTIFY are answered before the
// handshake is complete; others get REFUSED with the extended error Too Early
// (RFC 9250 §4.5).
//
// # Memory
//
// Besides what [quicport] describes: queries that aren't complete, and answers
// that are longer than a packet and wait for their clients, need a goroutine and
// their bytes each. Both are limited in all, see [Limits].
//
// # Credit for streams
//
// A client may open another stream for each that is finished; quic-go sends it the
// news as soon as the client has acknowledged an answer, with a packet of its own. Here credit
// is given back a few streams later, together with an answer. That saves half of the packets where
// clients ask one thing at a time.
//
// # Hot and cold
//
// Hot: conn.go, message.go, workspace.go. Cold: server.go, slow.go, pending.go.
package doq
