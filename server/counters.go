package server

import (
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"yushan/server/config"
	"yushan/server/doh"
	"yushan/server/doq"
	"yushan/server/query"
	"yushan/server/quicport"
	"yushan/server/stream"
	"yushan/server/udp"
)

// totals sum up what listeners have counted, separately for each transport: for
// the lines in the log that end a server's life.
type totals struct {
	transports []transportTotals // in the order in which they were first closed
}

type transportTotals struct {
	transport string
	figures   []figure
}

// figure is one count. Those that are zero are left out of the log, unless they
// always have something to say.
type figure struct {
	name   string
	value  uint64
	always bool
}

func (t *totals) add(e config.Endpoint, l listener) {
	name := e.Kind()
	i := slices.IndexFunc(t.transports, func(have transportTotals) bool { return have.transport == name })
	if i < 0 {
		i = len(t.transports)
		t.transports = append(t.transports, transportTotals{transport: name})
	}
	sum := &t.transports[i]
	for _, c := range figures(l) {
		j := slices.IndexFunc(sum.figures, func(have figure) bool { return have.name == c.name })
		if j < 0 {
			sum.figures = append(sum.figures, c)
		} else {
			sum.figures[j].value += c.value
		}
	}
}

// of returns one figure of one transport.
func (t *totals) of(transport, name string) (value uint64) {
	for _, have := range t.transports {
		for _, c := range have.figures {
			if have.transport == transport && c.name == name {
				value += c.value
			}
		}
	}
	return value
}

// log writes a line for each transport that had anything to do.
func (t *totals) log(log *zap.Logger) {
	for _, have := range t.transports {
		fields := []zap.Field{zap.String("transport", have.transport)}
		for _, c := range have.figures {
			if c.value > 0 || c.always {
				fields = append(fields, zap.Uint64(c.name, c.value))
			}
		}
		log.Info("served", fields...)
	}
}

// figures are the counts of a listener, the important ones first.
func figures(l listener) []figure {
	switch l := l.(type) {
	case *udp.Server:
		c := l.Counters()
		return append(queries(c.Queries, c.Responses, c.BytesIn, c.BytesOut, c.Panics), figure{"queue_drops", c.QueueDrops, true})
	case *stream.Server:
		c := l.Counters()
		return append(queries(c.Queries, c.Responses, c.BytesIn, c.BytesOut, c.Panics), connections(c)...)
	case *doq.Server:
		c := l.Counters()
		return slices.Concat(queries(c.Queries, c.Responses, c.BytesIn, c.BytesOut, c.Panics), port(c.Port), []figure{
			{"too_early", c.TooEarly, false}, {"cancelled", c.Cancelled, false}, {"protocol_errors", c.ProtocolErrors, false},
			{"slow_readers", c.SlowReaders, false}, {"overloads", c.Overloads, false}})
	case *doh.TCP:
		c := l.Counters()
		asked := []figure{{"queries", c.Conns.Queries + c.Queries1.Queries[query.DoH], true}}
		return slices.Concat(asked, requests("http2", c.HTTP2), requests("http1", c.HTTP1), connections(c.Conns), []figure{
			{"streams_reset", c.Errors.StreamsReset, false}, {"stream_errors", c.Errors.StreamErrors, false},
			{"streams_refused", c.Errors.StreamsRefused, false}, {"http2_errors", c.Errors.Errors, false}, {"http1_refused", c.HTTP1Refused, false}, {"panics", c.Conns.Panics, false}})
	case *doh.QUIC:
		c := l.Counters()
		asked := []figure{{"queries", c.Queries.Queries[query.DoH], true}}
		return slices.Concat(asked, requests("http3", c.HTTP3), port(c.Port), []figure{{"requests_rejected", c.Rejected, false}})
	}
	return nil
}

func queries(queries, responses, bytesIn, bytesOut, panics uint64) []figure {
	return []figure{{"queries", queries, true}, {"responses", responses, true},
		{"bytes_in", bytesIn, false}, {"bytes_out", bytesOut, false}, {"panics", panics, false}}
}

// connections are those of TCP, with their handshakes if they are encrypted.
func connections(c stream.Counters) []figure {
	return []figure{
		{"connections", c.Accepted, true}, {"refused", c.Refused, false}, {"evicted", c.Evicted, false},
		{"slow_readers", c.SlowReaders, false}, {"bad_frames", c.BadFrames, false},
		{"handshakes", c.Handshakes, false}, {"resumed", c.Resumed, false}, {"handshake_failures", c.HandshakeFailures, false},
		{"handshake_timeouts", c.HandshakeTimeouts, false}, {"handshakes_refused", c.HandshakesRefused, false},
	}
}

// port is what QUIC has counted.
func port(c quicport.Counters) []figure {
	return []figure{
		{"handshakes", c.Handshakes, true}, {"resumed", c.Resumed, false}, {"zero_rtt", c.EarlyData, false},
		{"handshake_failures", c.HandshakeFailures, false}, {"handshakes_refused", c.HandshakesRefused, false},
		{"retries", c.Retries, false}, {"refused", c.Refused, false}, {"evicted", c.Evicted, false},
		{"datagrams_in", c.DatagramsIn, false}, {"datagrams_out", c.DatagramsOut, false},
	}
}

// requests are those of one version of HTTP, by status.
func requests(version string, r doh.Requests) []figure {
	figures := []figure{
		{version + "_requests", r.Total(), true}, {version + "_bytes_in", r.BytesIn, false}, {version + "_bytes_out", r.BytesOut, false},
	}
	for status, n := range r.Status {
		figures = append(figures, figure{fmt.Sprintf("%s_%d", version, status), n, false})
	}
	slices.SortFunc(figures[3:], func(a, b figure) int { return strings.Compare(a.name, b.name) })
	return figures
}
