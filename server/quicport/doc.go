// Package quicport is a UDP port on which QUIC (RFC 9000) is spoken: what DNS over
// QUIC and HTTP/3 have in common. It opens the socket, decides who may connect,
// keeps count, and hands each connection to a protocol's handler in a goroutine
// of its own. It knows nothing of DNS, and imports of yushan only what names and
// limits listeners.
//
//	socket ─► quic.Transport ─► admission ─► handshake ─► handler(ctx, *quic.Conn)
//	              ▲                 │ too many: refused
//	              └──── Retry ◄─────┘ many, and address unproven
//
// # Who is let in
//
// A handshake costs the server about a hundred times what it costs the client, and
// the first packet proves nothing: its source address may be forged. So, from the
// moment that handshakes are scarce (half of the budget of [limit.Handshakes] is
// spent, a quarter of MaxHandshakes are under way, or a sixteenth from that client's
// network), a client has to prove its address first: Retry (RFC 9000 §8.1.2)
// costs us one packet and keeps nothing. A forger of addresses can thus occupy a
// quarter of MaxHandshakes, and nobody's share of anything. Clients with a token
// of an earlier connection (RFC 9000 §8.1.3) have proven theirs.
//
// Those with a proven address are limited by MaxHandshakes, MaxConns, and
// MaxConnsPerClient (one IPv4 address or IPv6 /64). When MaxConns is reached, a new
// connection takes the place of the one among 32 that has been silent for longest.
// From three quarters of MaxConns on, new connections get a shorter idle time-out.
//
// Retry costs us some 25 µs, too. So no more than MaxOpeningPackets a second of those that
// open connections get as far: the others are dropped by the socket, which costs little more than
// to receive them. Connections that are established don't notice.
//
// # Memory
//
// A silent connection costs some 60 kB. One that does its worst adds MaxStreams
// streams of 4 kB, whose answers it doesn't acknowledge, and 12 bytes for each of
// ConnWindowBytes, by packets of which one byte in a hundred is missing. So that not
// all can, new connections get fewer streams the more are open.
//
// The library's own queues are fixed: 1024 packets that belong to no connection
// yet, 256 of each connection, and so are the socket's batches (500 kB).
//
// # System calls
//
// quic-go would send each connection's packets with a system call each, from a
// goroutine each. Here, one goroutine sends what all of them have to send; while it waits
// for a processor, more comes together. See socket.go, and batch_unsafe.go for its memory.
//
// # Packet sizes
//
// No packet is longer than 1200 bytes, which every path that QUIC can use must
// carry (RFC 9000 §14.1). There is no path MTU discovery: answers are short, so
// probes would cost more than they bring, and nothing depends on ICMP reaching the right
// node of an anycast group.
//
// # Stopping
//
// [Port.Shutdown] first sees to it that all that has arrived is read: it sends the socket a
// datagram, and waits for it to come out. Handlers then see the end of their context; they
// finish what has arrived, may stay until the client has got its answers, see [Drain], and
// return, and the port closes the connection. All of this waits for events rather than for a time, so
// that a busy machine loses no more than a quiet one.
package quicport
