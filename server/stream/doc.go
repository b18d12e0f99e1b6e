// Package stream answers DNS queries over byte streams: TCP (RFC 7766, 9210) and
// DNS over TLS (RFC 7858) by itself; and for DNS over HTTPS it has the connections,
// their TLS and their limits, while a [Session] has the protocol.
//
// # The way of a query
//
//	read what is there ──► Session.Answer: all whole messages ──► one buffer ──► one write
//	        └ TLS: open ┘        └ query.Engine.Answer ┘               └ TLS: seal ┘
//
// Each connection has one goroutine. It answers all whole messages of a read and
// writes the answers together, so that a client that pipelines (RFC 7766
// §6.2.1.1) costs two system calls for hundreds of queries. Queries are answered in
// the order of their arrival: each is answered at once from memory, none ever
// waits for something, so there is nothing that another could overtake. A client must
// not rely on that order (RFC 7766 §7).
//
// A session is bytes in, bytes out: frames.go is the one of RFC 1035 §4.2.2's
// two-byte length. One that wants to do its own I/O takes the connection over
// ([ErrTakeOver]).
//
// # Before the first query
//
//	accept ─► table (MaxConns, MaxConnsPerClient) ─► Preamble ─► first byte ─► Handshakes budget ─► TLS ─► Session
//
// A connection is counted from accept on, and has HandshakeTimeout for all of that. Of
// one that sends nothing there is a goroutine and nothing else; the budget is asked
// when the first byte has come and may be TLS's.
//
// # Memory
//
// A connection that waits holds no buffer. Buffers and scratch of a query are in a
// workspace, taken when the socket is found readable, and given back before the
// next wait; there are about as many as cores. Half a frame is kept in a slice of
// its own size. So is what a slow reader doesn't take; that is limited in all
// ([Limits].MaxPendingBytes).
//
// With TLS it is the same: below crypto/tls is no socket that could wait, but what
// was read from it ([secure]). crypto/tls itself keeps its keys, and a buffer for
// the longest record that the client has sent, which it never lets go of; what is
// beyond 16 kB counts as pending, too.
//
// So, whatever clients do, the server's memory for them is at most MaxPendingBytes,
// the workspaces (16, or four a core, of 180 kB, with TLS 260 kB), and for each
// connection its goroutine, MaxFrameBytes (SessionBytes), and with TLS what crypto/tls
// needs and those 16 kB. An idle one measures 5 kB, with TLS 11 kB. Sessions that
// take over are on their own.
//
// # Time
//
// No query reads a clock or sets a deadline. A connection notes the present tick
// when it begins to wait, and one goroutine (the sweep) looks at all connections
// every tick and cuts those that have waited too long. A tick is a quarter of the
// shortest time-out, at most 250 ms. Ticks are counted, not measured: on a machine that stood
// still, nobody's time has passed. Time-outs last up to two ticks longer than
// configured, never less.
//
// # Who is cut off
//
//	handshake       HandshakeTimeout after accept; closed. Beyond the budget, or no TLS: at once
//	idle            IdleTimeout after the last answer; closed (RFC 7766 §6.2.3)
//	half a frame    FrameTimeout after its first byte, or that of its TLS record, or
//	                of what the session says it is owed; closed
//	slow reader     WriteTimeout after the write that didn't end, or when its
//	                memory is needed; reset
//	bad frame       shorter than a DNS header, or longer than MaxFrameBytes;
//	                closed when the frames before it are answered, since where
//	                the next one starts can't be trusted
//	engine failed   it panicked on a query; closed when the queries before it are
//	                answered. The process goes on; see [Config].OnPanic
//	too many        see below
//
// Messages that the engine doesn't answer (responses, for one) are ignored.
//
// # Limits
//
// One client (an IPv4 address, an IPv6 /64) may hold MaxConnsPerClient
// connections; one more is closed when it is accepted. With MaxConns open in all,
// a new one takes the place of the one that has waited longest, among 32 that are
// looked at. Writers aren't touched. From three quarters of MaxConns on, the idle
// time-out shrinks evenly down to a tenth, for all connections, those included
// that were told a longer one; the keepalive option (RFC 7828) offers what is left
// of it. When the process has no file descriptors left, accepting pauses, and
// waiting connections make room likewise.
//
// # Hot and cold
//
// Hot: conn.go, frames.go, io.go, records.go, secure.go, workspace.go. Cold:
// server.go, begin.go, end.go, taken.go, table.go, limits.go. The package imports
// server/query, server/limit, server/listen and server/crew; a *tls.Config is given to it.
package stream
