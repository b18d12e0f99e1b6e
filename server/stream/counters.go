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
	SlowReaders   uint64 // answers not taken

	AcceptErrors uint64 // no file descriptors, no memory

	Queries    uint64 // whole frames received
	Responses  uint64 // made; a client that breaks off may not get all of them
	Unanswered uint64 // queries that the engine doesn't answer, or failed on
	Panics     uint64 // of the latter, those on which it failed; each ends its connection
	Batches    uint64 // reads that gave at least one query
	BytesIn    uint64 // of queries, without their lengths
	BytesOut   uint64 // of responses, likewise
}

// traffic is one workspace's part. Who holds the workspace writes it, once a
// read; anyone may read it.
type traffic struct {
	queries, responses, unanswered, panics, batches, bytesIn, bytesOut atomic.Uint64
}

func (t *traffic) addTo(sum *Counters) {
	sum.Queries += t.queries.Load()
	sum.Responses += t.responses.Load()
	sum.Unanswered += t.unanswered.Load()
	sum.Panics += t.panics.Load()
	sum.Batches += t.batches.Load()
	sum.BytesIn += t.bytesIn.Load()
	sum.BytesOut += t.bytesOut.Load()
}

// events are counted where connections begin and end.
type events struct {
	accepted, refused, evicted, acceptErrors atomic.Uint64
	byReason                                 [reasons]atomic.Uint64
}
