// Package udp answers DNS queries over UDP (RFC 1035 §4.2.1) on Linux.
//
// # The way of a query
//
//	socket ──recvmmsg──► batch of ≤ 64 ──query.Engine.Answer──► batch ──sendmmsg──► socket
//
// Each [Server] serves one address. It opens one socket a worker there, and the
// kernel spreads the clients over them (SO_REUSEPORT). A worker is one goroutine
// locked to its thread; it shares nothing with the others, so the hot path has
// no lock. It has no allocation either, and no clock and no log: what happens is
// counted. Hot files: worker.go, batch_unsafe.go. Cold: server.go, socket.go.
//
// # Blocking and the Go scheduler
//
// A thread in a raw system call keeps its P, and a garbage collection has to wait
// for each P. So a call that may block must announce itself to the scheduler
// (unix.Syscall6), which hands the P on after some microseconds when other
// goroutines need it; that costs little, but some of it at every call. A worker
// therefore asks first for what is queued already (MSG_DONTWAIT, RawSyscall6:
// it ends within microseconds whatever happens), and only an empty queue makes
// it wait with an announced call. Under load the scheduler isn't involved at all.
// The longest raw call is sendmmsg of 64 answers, about 0.1 ms on the loopback
// interface, where the sender does the receiver's work too: this bounds what the
// frontend adds to a stop of the world.
//
// # Addresses
//
// With a wildcard bind, a query's destination address becomes its answer's source
// (IP_PKTINFO, IPV6_RECVPKTINFO): a client, and an anycast node more so, must
// not see another one. The interface isn't fixed, so routing may be asymmetric;
// only link-local sources need theirs. A wildcard IPv6 bind doesn't take IPv4.
//
// # Fragmentation
//
// Path MTU information can be forged by anyone who can send an ICMP message, and
// fragments can be replaced by forged ones. IP_PMTUDISC_OMIT ignores the former;
// answers of at most 1232 bytes avoid the latter (RFC 9715).
//
// # One server a port
//
// SO_REUSEPORT would let a second server of the same user take half of the
// queries away without a word. So the first socket of an address is bound without
// it, which fails if anyone else is there, and gets it afterwards to let its
// own siblings in. Nobody else slips in between, since the first socket is never
// closed.
//
// # Failure of the engine
//
// A panic of the engine costs its query, not the process: the worker leaves it
// unanswered, takes fresh scratch memory and goes on with the batch. It is prepared
// for that once a batch, not once a query. See [Config].OnPanic.
//
// # Stopping
//
// See [Server.Shutdown]: each query that the kernel has queued is answered.
package udp
