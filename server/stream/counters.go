package stream

import (
	"sync/atomic"

	"yushan/server/query"
)

// Counters are the totals of a server since it was made, but Open and
// PendingBytes, which are numbers of the moment.
type Counters struct {
	Open         int // connections
	PendingBytes int // memory that slow readers hold, of Limits.MaxPendingBytes

	Accepted uint64 // connections, those refused not counted
	Refused  uint64 // connections: too many of the client, or too many and none waiting
	Evicted  uint64 // waiting connections closed to make room

	IdleTimeouts  uint64 // connections closed, by reason; the rest was closed by clients
	FrameTimeouts uint64 // half a query, then nothing
	BadFrames     uint64 // a length that makes no sense
	SlowReaders   uint64 // answers not taken, or more memory needed than there is

	Handshakes        uint64 // that were completed
	Resumed           uint64 // of these, those that resumed a session (RFC 8446 §2.2)
	HandshakeFailures uint64 // no TLS, or nothing in common; a bad preamble, too
	HandshakeTimeouts uint64 // not completed in time
	HandshakesRefused uint64 // beyond the budget

	AcceptErrors uint64 // no file descriptors, no memory

	Queries    uint64 // given to the engine
	Responses  uint64 // made; a client that breaks off may not get all of them
	Unanswered uint64 // queries that the engine doesn't answer, or failed on
	Panics     uint64 // of the engine, a session or the handshake; each ends its connection
	Batches    uint64 // reads that gave at least one query
	BytesIn    uint64 // of queries, without their lengths
	BytesOut   uint64 // of responses, likewise
	// Engine is what the engine has counted; the figures above are taken from it.
	Engine query.Counters
}

// countEngine takes over what the engine has counted.
func (c *Counters) countEngine(transport query.Transport) {
	c.Queries = c.Engine.Queries[transport]
	for _, n := range c.Engine.Rcodes {
		c.Responses += n
	}
	c.Unanswered = c.Queries - min(c.Responses, c.Queries) // not of the very same moment
	c.BytesIn, c.BytesOut = c.Engine.BytesIn, c.Engine.BytesOut
}

// events are counted where connections begin and end.
type events struct {
	accepted, refused, evicted, acceptErrors atomic.Uint64
	handshakes, resumed, panics              atomic.Uint64
	byReason                                 [reasons]atomic.Uint64
}
