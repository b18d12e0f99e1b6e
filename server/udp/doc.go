// Package udp answers DNS queries over UDP (RFC 1035 §4.2.1) on Linux.
//
// # The way of a query
//
//	socket ──recvmmsg──► batch of ≤ 64 ──Engine.ReadAhead──► lookups ──Engine.AnswerAhead──► batch ──sendmmsg──► socket
//
// Each [Server] serves one address. It opens one socket a worker there, and the
// kernel spreads the clients over them (SO_REUSEPORT). A worker is one goroutine
// locked to its thread; it shares nothing with the others, so the hot path has
// no lock. It has no allocation either, and no clock and no log: what happens is
// counted. Hot files: worker.go, batch_unsafe.go. Cold: server.go, socket.go.
//
// # Waiting and the Go scheduler
//
// A system call that may block is announced to Go's scheduler as a rule
// (unix.Syscall6): when the call lasts, the runtime's monitor takes the thread's P
// away for other goroutines, and the thread has to get one again afterwards. At a
// query each 50 µs that is most of what a query costs: the monitor looks every 20 µs,
// and wakes, and is woken, all the time. So a worker waits for the next query in a
// raw call, with its P in hand, as a C program would, and nothing but the kernel is
// involved. Only when nothing has come for 4 ms it announces that it waits.
//
// Nobody has to do without the P: while a server serves, GOMAXPROCS is higher by its
// workers (processors.go), so that goroutines which are not workers have as many
// as without it, and the kernel divides the machine between them and the workers.
//
// Nor does a stop of the world wait for a query: who needs the thread to stop sends it
// a signal (asynchronous preemption), again each 100 µs until it has; and on a
// socket with a time-out that ends the call with EINTR. With GODEBUG=asyncpreemptoff=1
// it waits for those 4 ms at most. Sending never blocks; the longest such call,
// sendmmsg of 64 answers, takes about 0.1 ms on the loopback interface, where the
// sender does the receiver's work too.
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
// unanswered, takes fresh scratch memory and goes on with the batch, whose other
// queries it then has answered one by one. It is prepared for that once a batch, not
// once a query. See [Config].OnPanic.
//
// # Stopping
//
// See [Server.Shutdown]: each query that the kernel has queued is answered.
package udp
