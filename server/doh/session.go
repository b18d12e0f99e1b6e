package doh

import (
	"net"

	"yushan/server/doh/exchange"
	"yushan/server/doh/h2"
	"yushan/server/stream"
)

// preface begins a connection of HTTP/2 (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// validation is the protocol by which an ACME CA asks for a certificate, in the
// handshake, and for nothing behind it (RFC 8737 §4).
const validation = "acme-tls/1"

// session is a connection over TCP. It speaks HTTP/2, or hands over to HTTP/1.1: as
// ALPN says, or in cleartext, where a client of HTTP/2 must know that the server
// speaks it (RFC 9113 §3.3), as the first bytes say.
type session struct {
	server *TCP
	visitor
	http2   *h2.Conn     // nil until it is known to be one
	work    *stream.Work // during Answer
	altSvc  []exchange.Field
	http1   bool // known to be one
	secure  bool // over TLS
	greeted bool // HTTP/2's preface has come
}

func (s *TCP) newSession(peer stream.Peer) stream.Session {
	c := &session{server: s, visitor: visitor{client: peer.Client}, altSvc: s.altSvc}
	switch c.secure = peer.TLS != nil; {
	case !c.secure:
	case peer.TLS.NegotiatedProtocol == "h2":
		c.begin2()
	case peer.TLS.NegotiatedProtocol == validation:
		return nil
	default:
		c.http1 = true
	}
	return c
}

func (c *session) begin2() {
	c.tally = c.server.tallies2.take()
	c.http2 = c.server.http2.NewConn()
}

// Answer is [stream.Session]'s.
func (c *session) Answer(w *stream.Work, in, out []byte) (used, wrote int, more bool, err error) {
	if c.http2 == nil {
		n := min(len(in), len(preface))
		switch {
		case c.http1 || string(in[:n]) != preface[:n]:
			c.http1 = true
			return 0, 0, false, stream.ErrTakeOver
		case n < len(preface):
			return 0, 0, false, nil
		}
		c.begin2()
	}
	given := in
	if c.secure {
		given = in[:oneRequest(in, !c.greeted)]
	}
	c.work = w
	used, wrote, more, err = c.http2.Answer(c, given, out)
	c.work = nil
	c.greeted = c.greeted || used >= len(preface)
	more = more || used == len(given) && used < len(in)
	return used, wrote, more, err
}

// oneRequest is how much of in, which begins with a frame, or with the preface
// and a frame, there is until a request ends: until a frame has END_STREAM (RFC 9113
// §6.1, §6.2). Each response is to get a TLS record of its own, for some clients take no
// more than one message from a record, and lose others; dnsperf 2.10 does.
func oneRequest(in []byte, prefaced bool) int {
	const headerBytes, data, headers, endStream = 9, 0, 1, 1
	at := 0
	if prefaced {
		at = len(preface)
	}
	for at+headerBytes <= len(in) {
		length := int(in[at])<<16 | int(in[at+1])<<8 | int(in[at+2])
		kind, flags := in[at+3], in[at+4]
		at += headerBytes + length
		if (kind == data || kind == headers) && flags&endStream != 0 {
			break
		}
	}
	return min(at, len(in))
}

// Handle answers a request of HTTP/2.
func (c *session) Handle(req *exchange.Request, res *exchange.Response) {
	c.work.Req.Client = c.server.proxies.clientOf(c.client, req)
	c.server.handler.Answer(c.work, req, res)
	// A client that knows keeps it in mind (RFC 7838 §3.1): once is enough.
	if c.altSvc != nil && res.Fields == nil {
		res.Fields, c.altSvc = c.altSvc, nil
	}
	c.tally.add(req, res)
}

// Owes is [stream.Session]'s.
func (c *session) Owes() uint64 {
	if c.http2 == nil {
		return 0
	}
	return c.http2.Owes()
}

// Close is [stream.Session]'s.
func (c *session) Close(out []byte) (wrote int) {
	if c.http2 == nil {
		return 0
	}
	return c.http2.Close(out)
}

// TakeOver is [stream.Taker]'s.
func (c *session) TakeOver(nc net.Conn) {
	c.tally = c.server.tallies1.take()
	c.server.http1.use(nc, &c.visitor)
}
