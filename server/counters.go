package server

import (
	"go.uber.org/zap"

	"yushan/server/stream"
	"yushan/server/udp"
)

// totals sum up what listeners have counted, for the line in the log that ends
// a server's life.
type totals struct {
	queries, responses, queueDrops uint64 // of UDP
	connections, refused           uint64 // of TCP
	tcpQueries, tcpResponses       uint64
	panics                         uint64 // of both
}

func (t *totals) add(l listener) {
	switch l := l.(type) {
	case *udp.Server:
		c := l.Counters()
		t.queries += c.Queries
		t.responses += c.Responses
		t.queueDrops += c.QueueDrops
		t.panics += c.Panics
	case *stream.Server:
		c := l.Counters()
		t.connections += c.Accepted
		t.refused += c.Refused
		t.tcpQueries += c.Queries
		t.tcpResponses += c.Responses
		t.panics += c.Panics
	}
}

func (t *totals) fields() []zap.Field {
	return []zap.Field{
		zap.Uint64("udp_queries", t.queries),
		zap.Uint64("udp_responses", t.responses),
		zap.Uint64("udp_queue_drops", t.queueDrops),
		zap.Uint64("tcp_connections", t.connections),
		zap.Uint64("tcp_refused", t.refused),
		zap.Uint64("tcp_queries", t.tcpQueries),
		zap.Uint64("tcp_responses", t.tcpResponses),
		zap.Uint64("panics", t.panics),
	}
}
