package quicport

import "sync/atomic"

// Counters are the totals of a port since it was made, but Open and Handshaking,
// which are numbers of the moment.
type Counters struct {
	Open        int // connections, handshakes under way included
	Handshaking int

	Handshakes        uint64 // begun
	HandshakeFailures uint64 // of these: given up, or went wrong
	Resumed           uint64 // of these: continued an earlier TLS session
	EarlyData         uint64 // of these: 0-RTT data was accepted
	Retries           uint64 // clients asked to prove their address first
	HandshakesRefused uint64 // packets that began one over the budget, or when too many were under way
	Refused           uint64 // packets that began a connection too many, of the client or in all
	OpeningDropped    uint64 // packets of handshakes over Limits.MaxOpeningPackets
	Evicted           uint64 // silent connections closed to make room

	DatagramsIn, DatagramsOut uint64
	BytesIn, BytesOut         uint64 // of datagrams' payload
	SendErrors                uint64 // datagrams that the kernel didn't take
}

// events are counted where connections begin and end.
type events struct {
	handshakes, failures, resumed, earlyData, retries, overBudget, refused, evicted atomic.Uint64
}

func (e *events) addTo(sum *Counters) {
	sum.Handshakes = e.handshakes.Load()
	sum.HandshakeFailures = e.failures.Load()
	sum.Resumed = e.resumed.Load()
	sum.EarlyData = e.earlyData.Load()
	sum.Retries = e.retries.Load()
	sum.HandshakesRefused = e.overBudget.Load()
	sum.Refused = e.refused.Load()
	sum.Evicted = e.evicted.Load()
}
