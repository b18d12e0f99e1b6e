package overquic

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/bench/load"
	"yushan/bench/pace"
)

// A server that has less room than depth asks for is asked more slowly, and nothing is
// lost or counted twice.
func TestStreamLimit(t *testing.T) {
	server := serveDoQ(t, quic.Config{MaxIncomingStreams: 2}, usual)
	for _, plan := range []pace.Plan{limited(300), {Rate: 1000, RateAtEnd: 1000, Duration: 300 * time.Millisecond}} {
		run := test{options: options(server.addr, load.DoQ), plan: plan}
		answered(t, run.run(t), 300)
	}
}

// A connection on which a server lets no more streams in, as Knot does, is replaced.
func TestUsedUp(t *testing.T) {
	server := serveDoQ(t, quic.Config{MaxIncomingStreams: 7}, nil)
	server.stingy.Store(true)
	run := test{options: options(server.addr, load.DoQ), plan: limited(100)}
	run.options.Clients, run.options.Depth = 2, 3
	r := run.run(t)
	answered(t, r, 100)
	if c := r.Connections; c.Opened < 100/7 || c.Broken+c.Failed > 0 {
		t.Errorf("%+v: expected a new connection after 7 queries each", *c)
	}
}

// stint answers a query without reading its end, so that there is never credit for
// another stream.
func stint(stream *quic.Stream) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(stream, head); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(head))
	if _, err := io.ReadFull(stream, query[:len(query)-1]); err != nil {
		return
	}
	// The last byte isn't read: it is the class's, IN.
	query[len(query)-1] = 1
	usual(stream, query, 0)
}

// Concurrency bounds what is under way in a closed loop.
func TestConcurrency(t *testing.T) {
	arrived, gate := make(chan struct{}, 100), make(chan struct{})
	server := serveDoQ(t, quic.Config{}, func(stream *quic.Stream, query []byte, _ int64) {
		arrived <- struct{}{}
		<-gate
		usual(stream, query, 0)
	})
	run := test{options: options(server.addr, load.DoQ), plan: limited(20)}
	run.options.Concurrency = 4
	done := make(chan struct{})
	go func() {
		defer close(done)
		answered(t, run.run(t), 20)
	}()
	for range 4 {
		<-arrived
	}
	for range 16 {
		select {
		case <-arrived:
			t.Error("5 queries under way: expected 4")
		default:
		}
		gate <- struct{}{}
		<-arrived
	}
	close(gate)
	<-done
}

func TestSources(t *testing.T) {
	for _, handshake := range []load.Handshake{load.Persistent, load.Full} {
		all := make(chan struct{}) // clients are there
		var arrived atomic.Int64
		server := serveDoQ(t, quic.Config{}, func(stream *quic.Stream, query []byte, _ int64) {
			if arrived.Add(1) == 6 {
				close(all)
			}
			<-all
			usual(stream, query, 0)
		})
		run := test{options: options(server.addr, load.DoQ), plan: limited(12), workers: 2}
		run.options.Sources = prefixes("127.1.2.0/30", "127.9.9.9/32")
		run.options.Handshake, run.options.Depth = handshake, 1
		answered(t, run.run(t), 12)
		server.mu.Lock()
		got := fmt.Sprint(server.sources)
		if handshake != load.Persistent { // how often a client's turn comes, the answers decide
			got = fmt.Sprint(slices.SortedFunc(maps.Keys(server.sources), netip.Addr.Compare))
		}
		server.mu.Unlock()
		want := "map[127.1.2.1:2 127.1.2.2:1 127.9.9.9:3]"
		if handshake != load.Persistent {
			want = "[127.1.2.1 127.1.2.2 127.9.9.9]"
		}
		if got != want {
			t.Errorf("%s: connections from %s: expected %s", handshake, got, want)
		}
	}
	run := test{options: options(netip.MustParseAddrPort("127.0.0.1:53"), load.DoQ), plan: limited(12)}
	run.options.Sources = prefixes("192.0.2.0/24")
	if _, err := run.start(t.Context(), t); err == nil || err.Error() != "source 192.0.2.1: bind: cannot assign requested address" {
		t.Errorf("%v: expected that the source can't be bound", err)
	}
}
