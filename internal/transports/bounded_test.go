package transports

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"yushan/internal/peer"
)

// released is the server as users have it: what it needs under the race detector would say
// nothing.
var released = sync.OnceValues(func() (string, error) { return peer.BuildReleased(shared) })

// bounded is a server with small limits.
type bounded struct {
	*server
	limits limits
	before int64 // bytes of memory when it had nothing to do
}

func newBounded(t *testing.T, l limits) *bounded {
	t.Helper()
	program, err := released()
	if err != nil {
		t.Fatal(err)
	}
	at, a := newSite(t, node1), newAuthority(t)
	a.issue(time.Now().Add(time.Hour), host, labPage).write(t, at.dir)
	s := &server{peer.StartYushan(t, program, at.dir, at.config(l.lines()...)), at, a}
	checkAsked(t, exchange(t, s.dns, false, asked.wire(t))[0])
	return &bounded{s, l, s.ResidentBytes()}
}

// limits are those of a configuration that matter for memory.
type limits struct {
	conns      int // of DoT, of DoH, of HTTP/3 and of DoQ
	pending    int // bytes, likewise
	handshakes int // a second, likewise
}

func (l limits) perClient() int { return l.conns / len(sources) }

func (l limits) lines() []string {
	common := fmt.Sprintf("max-connections: %d, max-connections-per-client: %d, max-handshakes-per-second: %d, idle-timeout: 1h, handshake-timeout: 1h",
		l.conns, l.perClient(), l.handshakes)
	pending := fmt.Sprintf("max-pending-bytes: %d, query-timeout: 1h, write-timeout: 2s", l.pending)
	return []string{
		fmt.Sprintf("dot: {%s, %s}", common, pending),
		fmt.Sprintf("doh: {%s, %s, http3: {%s}}", common, pending, common),
		fmt.Sprintf("doq: {%s, %s}", common, pending),
	}
}

// bytes is what clients can make the server need, by the documentation of server/stream and
// server/quicport: of the heap twice as much may be in use before the collector is done.
func (l limits) bytes() int64 {
	const (
		stack      = 8 << 10
		ofTLS      = 24 << 10
		query      = 4096      // max-query-bytes
		ofHTTP1    = 32 << 10  // net/http's buffers and goroutines
		ofQUIC     = 60 << 10  // a silent connection
		workspaces = 16        // on a machine with up to four cores
		workspace  = 256 << 10 // what is read, and written, and both encrypted
		socket     = 2 << 20   // queues and batches of QUIC
	)
	stream := l.conns*(stack+ofTLS+query) + l.pending + workspaces*workspace
	overQUIC := l.conns*(ofQUIC+query) + l.pending + socket
	return int64(2 * (2*stream + l.conns*ofHTTP1 + 2*overQUIC))
}

// checkMemory compares the most memory that the server has had in use with what it may need.
func (b *bounded) checkMemory(t *testing.T) {
	t.Helper()
	grown := b.PeakBytes() - b.before
	t.Logf("memory: %d kB idle, at most %d kB more, of %d kB", b.before>>10, grown>>10, b.limits.bytes()>>10)
	if grown > b.limits.bytes() {
		t.Errorf("the server's memory has grown by %d kB, expected at most %d kB", grown>>10, b.limits.bytes()>>10)
	}
}

// udpQueries is how many queries by UDP must be answered meanwhile.
const udpQueries = 4000

// answersUDP asks so many questions by UDP, a few at a time, each of which must be answered.
func (b *bounded) answersUDP(t *testing.T) {
	t.Helper()
	wires := make([][]byte, udpQueries)
	for i := range wires {
		wires[i] = asked.wire(t)
	}
	for _, answer := range exchange(t, b.dns, false, wires...) {
		if err := asked.check(answer); err != nil {
			t.Fatal(err)
		}
	}
}

func expectAllUDP(t *testing.T, totals peer.Totals) {
	t.Helper()
	if c := totals["UDP"]; c["queries"] != c["responses"] || c["queue_drops"] != 0 {
		t.Errorf("UDP: %v: expected a response to each query", c)
	}
}
