package doq

import (
	"sync/atomic"

	"yushan/server/query"
	"yushan/server/quicport"
)

// Counters are the totals of a server since it was made, but Unfinished and
// PendingBytes, which are numbers of the moment.
type Counters struct {
	Port   quicport.Counters // connections, handshakes, datagrams
	Engine query.Counters    // what the engine has done for this server

	Unfinished   int // streams whose query is waited for
	PendingBytes int // memory that long answers hold, of Limits.MaxPendingBytes

	Queries    uint64 // whole, and given to the engine
	Responses  uint64 // made; a client that breaks off may not get all of them
	Unanswered uint64 // queries that the engine doesn't answer, or failed on
	Panics     uint64 // of the latter, those on which it failed
	TooEarly   uint64 // queries refused because they came as 0-RTT data; among Responses, not Queries
	Oversize   uint64 // queries refused because they are too long
	Cancelled  uint64 // streams that the client reset, or stopped, before the answer
	BytesIn    uint64 // of queries, without their lengths
	BytesOut   uint64 // of responses, likewise

	// Connections closed by the server, by reason.
	ProtocolErrors uint64
	QueryTimeouts  uint64 // among ProtocolErrors: no FIN in time
	SlowReaders    uint64 // long answers not taken
	Overloads      uint64 // too many unfinished or cancelled queries
	IdleTimeouts   uint64 // no query, though the client was heard of
}

// events are counted where something goes wrong.
type events struct {
	oversize, cancelled, protocolErrors, queryTimeouts, slowReaders, overloads, idleTimeouts atomic.Uint64
}

// Counters returns the totals. They are read while connections go on, so that
// they need not belong to the very same moment.
func (s *Server) Counters() Counters {
	sum := Counters{
		Port:           s.port.Counters(),
		Unfinished:     int(s.unfinished.Load()),
		PendingBytes:   s.pending.size(),
		Oversize:       s.events.oversize.Load(),
		Cancelled:      s.events.cancelled.Load(),
		ProtocolErrors: s.events.protocolErrors.Load(),
		QueryTimeouts:  s.events.queryTimeouts.Load(),
		SlowReaders:    s.events.slowReaders.Load(),
		Overloads:      s.events.overloads.Load(),
		IdleTimeouts:   s.events.idleTimeouts.Load(),
	}
	for _, w := range s.workspaces.all {
		sum.Queries += w.queries.Load()
		sum.Unanswered += w.unanswered.Load()
		sum.Panics += w.panics.Load()
		sum.TooEarly += w.tooEarly.Load()
		sum.BytesIn += w.bytesIn.Load()
		sum.BytesOut += w.bytesOut.Load()
		sum.Engine.Add(w.query.Load().Published())
	}
	sum.Responses = sum.Queries - sum.Unanswered + sum.TooEarly
	return sum
}
