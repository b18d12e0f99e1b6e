package udp

import (
	"sync/atomic"

	"yushan/server/query"
)

// Counters are the totals of a server since it was made. Queries = Responses +
// Unanswered + SendErrors, once nothing is in flight.
type Counters struct {
	Queries    uint64 // datagrams received, whatever was in them
	Responses  uint64 // handed to the kernel for sending
	Unanswered uint64 // junk, source port 0, longer than any sensible query, or Panics
	Panics     uint64 // queries on which the engine failed
	SendErrors uint64 // answers that the kernel would not send
	// ReceiveErrors counts failed reads. It isn't zero only if something is wrong
	// with the machine.
	ReceiveErrors uint64
	Batches       uint64 // reads that gave at least one query
	BytesIn       uint64 // of queries, without IP and UDP headers
	BytesOut      uint64 // of responses, likewise
	// QueueDrops counts queries that never reached a worker, because the receive
	// buffer was full: the machine is too slow, or the buffer too small.
	QueueDrops uint64
	// Engine is what the engine has counted: the same queries, those excepted that
	// it was not asked, by what they were answered.
	Engine query.Counters
}

// counters are a worker's own. It alone writes them, once a batch; anyone may
// read them.
type counters struct {
	queries, responses, unanswered, panics    atomic.Uint64
	sendErrors                                atomic.Uint64
	receiveErrors, batches, bytesIn, bytesOut atomic.Uint64
}

func (c *counters) addTo(sum *Counters) {
	sum.Queries += c.queries.Load()
	sum.Responses += c.responses.Load()
	sum.Unanswered += c.unanswered.Load()
	sum.Panics += c.panics.Load()
	sum.SendErrors += c.sendErrors.Load()
	sum.ReceiveErrors += c.receiveErrors.Load()
	sum.Batches += c.batches.Load()
	sum.BytesIn += c.bytesIn.Load()
	sum.BytesOut += c.bytesOut.Load()
}
