package quicport

import (
	"context"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	glance = 50 * time.Millisecond // between two looks at a connection that is drained
	// glances is how many times nothing is sent until nothing is owed. It is also the time
	// that the client's program has to read what has arrived: some libraries, quic-go for
	// one, forget that when the connection is closed.
	glances = 10
	// lively is after how long a client that goes on talking is taken to have got what it
	// asked before: acknowledgements come with what it says. It grows with the round trip.
	lively    = 500 * time.Millisecond
	livelyRTT = 8
	maxDrain  = 5 * time.Second
)

// Drain goes on with a connection whose port was told to stop, until its client has got what
// it is owed: closing a connection drops what isn't sent, or got lost. accept waits for one
// stream and cares for it, as long as its context lasts; owes reports whether something that
// was asked has yet to be answered.
//
// quic-go doesn't tell whether all is acknowledged. But as long as something isn't, it sends again,
// at intervals that it doubles each time (RFC 9002 §6.2.1): so all is when nothing was sent
// for three times the last interval. A client that goes on asking is left after some round
// trips; one that closes ends the wait. After maxDrain no stream is accepted any more, so that
// nobody can go on owing: what was asked before has its own time-outs.
func Drain(conn *quic.Conn, accept func(context.Context) error, owes func() bool) {
	began := time.Now()
	before := conn.ConnectionStats()
	for quiet, enough := 0, glances; ; quiet++ {
		if time.Since(began) >= maxDrain {
			accept = refuse
		}
		taken := acceptFor(conn, pause(before.SmoothedRTT), accept)
		if conn.Context().Err() != nil {
			return
		}
		stats := conn.ConnectionStats()
		talks := stats.PacketsReceived != before.PacketsReceived
		if stats.PacketsSent != before.PacketsSent || taken {
			quiet, enough = 0, max(enough, 3*(quiet+1))
		}
		before = stats
		if owes() {
			continue
		}
		passed := time.Since(began)
		switch {
		case quiet >= enough, passed >= maxDrain:
			return
		case talks && passed >= max(lively, livelyRTT*stats.SmoothedRTT) && (!taken || passed >= 2*lively):
			return
		}
	}
}

// refuse accepts no stream.
func refuse(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// pause is the time between two looks. What the round trip is, the client decides: one that
// acknowledges nothing for a minute has one of a minute.
func pause(roundTrip time.Duration) time.Duration {
	return min(max(glance, roundTrip), maxDrain/glances)
}

// acceptFor takes streams for a while. It reports whether there was one.
func acceptFor(conn *quic.Conn, while time.Duration, accept func(context.Context) error) (taken bool) {
	ctx, cancel := context.WithTimeout(conn.Context(), while)
	defer cancel()
	for accept(ctx) == nil {
		taken = true
		if ctx.Err() != nil {
			return taken
		}
	}
	// What has closed the stream supply may have left the connection open.
	<-ctx.Done()
	return taken
}
