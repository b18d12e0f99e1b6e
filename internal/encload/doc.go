// Package encload loads a server with queries on encrypted transports, and with
// handshakes: what dnsperf can't do, for bench/compare.sh.
//
// [Load.Run] keeps some connections open and some queries under way on each
// (persistent connections), or opens connection after connection for one query
// each ([Full], [Resumed]). Either way the next query is sent when an answer has
// come: a slow server is asked less, and none is overrun.
//
// It measures nothing but what has been answered: a benchmark reads the server's
// own CPU time before and after.
//
// Clients speak TLS 1.3 and offer X25519 as the only group, so that all servers do
// the same arithmetic, whether they know ML-KEM or not.
package encload
