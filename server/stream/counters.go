package stream

import "sync/atomic"

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

	Queries    uint64 // whole frames received
	Responses  uint64 // made; a client that breaks off may not get all of them
	Unanswered uint64 // queries that the engine doesn't answer, or failed on
	Panics     uint64 // of the engine, a session or the handshake; each ends its connection
	Batches    uint64 // reads that gave at least one query
	BytesIn    uint64 // of queries, without their lengths
	BytesOut   uint64 // of responses, likewise
}

// traffic is one workspace's part of the work. Who holds the workspace writes it, once a
// read; anyone may read it.
type traffic struct {
	queries, responses, unanswered, batches, bytesIn, bytesOut atomic.Uint64
}

// add counts what a batch came to.
func (t *traffic) add(batch *tally) {
	if batch.queries == 0 {
		return
	}
	t.batches.Add(1)
	t.queries.Add(batch.queries)
	t.bytesIn.Add(batch.bytesIn)
	t.responses.Add(batch.responses)
	t.bytesOut.Add(batch.bytesOut)
	if batch.queries > batch.responses {
		t.unanswered.Add(batch.queries - batch.responses)
	}
}

func (t *traffic) addTo(sum *Counters) {
	sum.Queries += t.queries.Load()
	sum.Responses += t.responses.Load()
	sum.Unanswered += t.unanswered.Load()
	sum.Batches += t.batches.Load()
	sum.BytesIn += t.bytesIn.Load()
	sum.BytesOut += t.bytesOut.Load()
}

// events are counted where connections begin and end.
type events struct {
	accepted, refused, evicted, acceptErrors atomic.Uint64
	handshakes, resumed, panics              atomic.Uint64
	byReason                                 [reasons]atomic.Uint64
}
