// Package doh answers DNS queries over HTTPS (RFC 8484), by HTTP/1.1, 2 and 3.
//
//	TCP ──► server/stream ─► session ─┬─ "h2" ────────► server/doh/h2 ──┐
//	        TLS, limits      ALPN, or │                                 ├─► Handler ─► query.Engine
//	                         preface  └─ "http/1.1" ─► net/http ─► web ─┤
//	UDP ──► server/quicport ───────────── "h3" ──────► http3 ─────► web ┘
//	        QUIC, limits
//
// A [Handler] has the rules, the same for all: what is at which path, how it is
// asked, how long a response may be kept. It sees a request as server/doh/exchange
// has it, and knows nothing of connections. [TCP] and [QUIC] are the servers. The
// package imports server/query, what carries bytes (server/stream, server/quicport),
// and its own parts below it; never tls or server/config.
//
// # What is answered how
//
//	200  whatever the engine answers to a query, be it REFUSED or FORMERR; transfers
//	     are refused by the engine (RFC 8484 §4.2.1)
//	400  GET without the parameter "dns", with two, with one that isn't base64url or is
//	     padded; a message that isn't a query, is cut short, or has something behind it
//	404  other paths
//	405  other methods than GET, HEAD and POST, with Allow
//	408  content that doesn't come in time, by HTTP/1.1 and 3
//	413  content of more than 65,535 bytes
//	414  a target longer than Resources.TargetBytes
//	415  POST of anything but application/dns-message, parameters aside, or with a coding
//	431  header fields larger than Limits.HeaderBytes
//	503  too many long requests at once
//
// Accept doesn't matter: a client must be prepared for application/dns-message
// whatever it says (RFC 8484 §4.1). Age is never sent: all responses are fresh, and
// it would mean that they are not (RFC 9111 §5.1). Alt-Svc (RFC 7838) goes with each
// response of HTTP/1.1, and with the first of a connection by HTTP/2. Access from
// pages of other origins isn't granted. For Cache-Control see freshness.
//
// Requests may come with 0-RTT, where QUIC permits it: to answer one twice, should
// somebody replay it (RFC 8470), changes nothing.
//
// # The client's address
//
// It is the connection's, unless a proxy tells another one that is configured as
// trusted: in the header of the PROXY protocol, version 2, which then each connection must
// begin with; or in Forwarded or X-Forwarded-For. See proxies. Nobody else's fields
// are looked at.
//
// # Time and memory
//
// By HTTP/2, the limits of server/stream and server/doh/h2 hold. A connection of
// HTTP/1.1 or a request of HTTP/3 costs the libraries some 20 KiB; Limits.MaxHTTP1 and
// QUICConfig.MaxRequests bound their number, RequestTimeout their time, and no more than
// 64 at once have content of more than 4 KiB.
//
// # Hot and cold
//
// Hot, for HTTP/2: session.go, resource.go, target.go, fields.go, freshness.go,
// message.go; for POST and GET they take nothing from the heap. The libraries of the
// other versions allocate for each request; web.go, pool.go, http1.go and quic.go don't
// pretend to be better. forwarded.go and proxy.go are cold.
package doh
