// Package stream answers DNS queries over byte streams: TCP (RFC 7766, 9210), and
// whatever else gives a net.Conn and RFC 1035 §4.2.2's two-byte length, as DNS
// over TLS does (RFC 7858).
//
// # The way of a query
//
//	read what is there ──► all whole frames ──query.Engine.Answer──► one buffer ──► one write
//
// Each connection has one goroutine. It answers all whole frames of a read and
// writes the answers together, so that a client that pipelines (RFC 7766
// §6.2.1.1) costs two system calls for hundreds of queries. Queries are answered in
// the order of their arrival: each is answered at once from memory, none ever
// waits for something, so there is nothing that another could overtake. A client must
// not rely on that order (RFC 7766 §7).
//
// # Memory
//
// A connection that waits holds no buffer. Buffers and scratch of a query are in a
// workspace, taken when the socket is found readable, and given back before the
// next wait; there are about as many as cores. Half a frame is kept in a slice of
// its own size. So is what a slow reader doesn't take; that is limited in all
// ([Limits].MaxPendingBytes). Steady state allocates nothing.
//
// That holds for *net.TCPConn. On any other net.Conn nobody can wait without a
// buffer: there, 256 bytes are kept for it, and a slow reader holds a workspace of
// 180 kB. All but a few of these count as pending bytes, too; when these are used
// up, the connection that has held one for longest is cut off.
//
// So, whatever clients do, the server's memory for them is at most MaxPendingBytes,
// the workspaces that don't count (three times 16, or three times four a core), and
// for each connection its goroutine and MaxFrameBytes. See workspace.go, holders.go.
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
//	idle            IdleTimeout after the last answer; closed (RFC 7766 §6.2.3)
//	half a frame    FrameTimeout after its first byte; closed
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
// Hot: conn.go, io.go, workspace.go. Cold: server.go, table.go, limits.go, holders.go.
package stream
