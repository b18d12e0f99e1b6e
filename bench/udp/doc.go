// Package udp sends queries over UDP (RFC 1035 §4.2.1) on Linux.
//
//	Schedule ─► fill ─► batch of ≤ 64 ──sendmmsg──► socket of a client
//	Cursor ─────┘ │        └► Recorder.Sent              │
//	              ▼                                      ▼
//	            table: ID ─► query ◄─ match ◄──recvmmsg── batch of ≤ 64
//	              │                     └► Recorder.Answered, Odd; Judge
//	              └► expire ─► Recorder.Lost
//
// [Run] is one worker: a thread that sends what is due, reads what has come, gives up what
// has taken too long, and sleeps when there is nothing to do. It has some sockets, which
// the server takes for as many clients, and uses them by turns, a batch each. All on the
// way of a query is this thread's own, so there is no lock but the recorder's, once a
// batch, and no allocation. Hot files: send.go, receive.go, table.go and the two batches,
// incoming_unsafe.go and outgoing_unsafe.go. Cold: sender.go, end.go, fault.go, socket.go.
//
// # True times
//
// A query that is due is sent as soon as the thread is there, however many there are, and
// whatever the server does. What is late counts as lag, and in the query's latency.
// In a batch each query is taken to have gone out when its turn was: the first when the
// system call began, the last almost at its end.
//
// The kernel stamps answers as they come from the network (SO_TIMESTAMPNS). So it makes
// no difference when they are read, and the thread need not wake up for them: it
// sleeps until the next query is due. The stamps are of the wall clock; [clock]
// turns them into the run's monotonic time.
//
// A sleeping thread comes back late, by 5 µs on one machine and by 50 on another, which
// would be in every latency at low rates. How late is learned, and sleeps are shortened by
// so much.
//
// # Blocking and the Go scheduler
//
// Sending, receiving and short sleeps are raw system calls, of which the scheduler knows
// nothing: they end within 0.1 ms, and no P is lost and waited for on the way. Longer
// sleeps are announced. With fewer processors for Go than there are workers, workers
// wait for each other; see GOMAXPROCS.
//
// # Clients and sources
//
// Without sources sockets are connected: the kernel lets in what comes from the server
// alone, and tells of ICMP messages that the server's port is closed. With sources each
// message names its own (IP_PKTINFO, IPV6_PKTINFO), sockets are not connected, ICMP
// messages are asked for (IP_RECVERR), and the sender of each answer is compared with
// the server.
//
// The package may import bench/load and what that imports.
package udp
