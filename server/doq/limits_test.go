package doq

import (
	"bytes"
	"context"
	"io"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
	"yushan/internal/testengine"
	"yushan/server/query"
)

// TestUnfinishedFlood sends one byte on each of many streams.
func TestUnfinishedFlood(t *testing.T) {
	s := serve(t, func(c *Config) { c.Limits.MaxUnfinished = 20 })
	honest := dial(t, s)
	var few []*quic.Stream
	for range alwaysUnfinished {
		stream := open(t, honest)
		if _, err := stream.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		few = append(few, stream)
	}
	flooder := dial(t, s)
	for range 40 {
		stream, err := flooder.OpenStreamSync(deadline(t))
		if err != nil {
			break
		}
		stream.Write([]byte{0})
	}
	closedWith(t, flooder, excessiveLoad)
	eventually(t, "the flooder's streams to end", func() bool { return s.Counters().Unfinished <= alwaysUnfinished })
	for n, stream := range few {
		q := doqQuery(t, n)
		if _, err := stream.Write(frame(q)[1:]); err != nil {
			t.Fatal(err)
		}
		stream.Close()
		answer, err := quicload.Answer(stream)
		if err == nil {
			err = testengine.Check(q, answer)
		}
		if err != nil {
			t.Errorf("stream %d of the connection with few: %v", n, err)
		}
	}
	if c := s.Counters(); c.Overloads != 1 {
		t.Errorf("counters %+v: expected one overload", c)
	}
}

// sluggish is a client's configuration that lets the server send one byte a stream.
var sluggish = &quic.Config{InitialStreamReceiveWindow: 1, MaxStreamReceiveWindow: 1}

func askLong(t *testing.T, conn *quic.Conn) *quic.Stream {
	t.Helper()
	stream := open(t, conn)
	if _, err := stream.Write(frame(longQuery(t))); err != nil {
		t.Fatal(err)
	}
	stream.Close()
	return stream
}

func TestSlowReader(t *testing.T) {
	s := serve(t, func(c *Config) { c.Limits.WriteTimeout = 50 * time.Millisecond })
	conn := dialConfig(t, s, sluggish)
	askLong(t, conn)
	closedWith(t, conn, excessiveLoad)
	eventually(t, "memory to be free", func() bool { return s.Counters().PendingBytes == 0 })
	if c := s.Counters(); c.SlowReaders != 1 {
		t.Errorf("counters %+v: expected one slow reader", c)
	}
}

// TestPendingBudget lets slow readers fill the budget for long answers: those that
// have held their part for longest must go.
func TestPendingBudget(t *testing.T) {
	const budget = 100_000 // five answers
	s := serve(t, func(c *Config) { c.Limits.MaxPendingBytes = budget })
	var conns []*quic.Conn
	for n := range 10 {
		conn := dialConfig(t, s, sluggish)
		conns = append(conns, conn)
		askLong(t, conn)
		eventually(t, "its answer", func() bool { return s.Counters().Queries == uint64(n+1) })
	}
	closedWith(t, conns[0], excessiveLoad)
	eventually(t, "memory to be within the budget", func() bool { return s.Counters().PendingBytes <= budget })
	if err := conns[9].Context().Err(); err != nil {
		t.Errorf("the last connection was closed, too: %v", context.Cause(conns[9].Context()))
	}
	// A client that reads is answered all the same.
	var m dns.Msg
	if err := m.Unpack(ask(t, dial(t, s), longQuery(t))); err != nil || len(m.Answer) != 100 {
		t.Errorf("long.tw. TXT: %d records, %v: expected 100", len(m.Answer), err)
	}
}

// TestNeverReads has many short answers wait for a client that takes none: this
// needs no goroutine, and no more than a packet's memory a stream.
func TestNeverReads(t *testing.T) {
	const streams = 60
	s := serve(t, func(c *Config) { c.Port.Limits.MaxStreams = streams })
	conn := dialConfig(t, s, sluggish)
	for n := range streams + creditLag {
		stream := open(t, conn)
		if _, err := stream.Write(frame(doqQuery(t, n))); err != nil {
			t.Fatal(err)
		}
		stream.Close()
	}
	eventually(t, "all queries to be answered", func() bool { return s.Counters().Responses == streams+creditLag })
	if stream, err := conn.OpenStream(); err == nil {
		t.Errorf("stream %d is permitted, though no answer has been taken", stream.StreamID())
	}
	if c := s.Counters(); c.PendingBytes != 0 || c.Unfinished != 0 {
		t.Errorf("counters %+v: expected nothing to be pending", c)
	}
	ask(t, dial(t, s), doqQuery(t, 1))
}

// TestIdle has one connection that asks, and one that doesn't, in all of the idle
// time-out.
func TestIdle(t *testing.T) {
	s := serve(t, nil)
	busy, idle := dial(t, s), dial(t, s)
	ask(t, idle, doqQuery(t, 1))
	for range 2 * (sweeps + 2) {
		ask(t, busy, doqQuery(t, 1))
		s.look()
	}
	closedWith(t, idle, noError)
	ask(t, busy, doqQuery(t, 1))
	if c := s.Counters(); c.IdleTimeouts != 1 {
		t.Errorf("%d idle time-outs counted, expected 1", c.IdleTimeouts)
	}
}

// An engine without zones panics when it looks for one, and answers what needs
// none. The former must cost its query only.
func TestPanicCostsItsQueryOnly(t *testing.T) {
	var engine atomic.Pointer[query.Engine]
	engine.Store(query.New(nil, query.Options{Version: "x"}))
	bad := doqQuery(t, 1)
	version := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	version.Id = 0
	version.Question[0].Qclass = dns.ClassCHAOS
	good := testengine.Pack(t, version)

	var told atomic.Int32
	s := serveEngine(t, &engine, func(c *Config) {
		c.OnPanic = func(query []byte, value any) {
			told.Add(1)
			if !bytes.Equal(query, bad) {
				t.Errorf("panic on %x, expected on %x", query, bad)
			}
			if stack := string(debug.Stack()); value == nil || !strings.Contains(stack, "query.(*Engine).Answer") {
				t.Errorf("value %v, the stack doesn't tell where it was:\n%s", value, stack)
			}
		}
	})
	conn := dial(t, s)
	const rounds = 30
	for range rounds {
		stream := open(t, conn)
		if _, err := stream.Write(frame(bad)); err != nil {
			t.Fatal(err)
		}
		stream.Close()
		resetWith(t, stream, internalError)
		ask(t, conn, good)
	}
	if c := s.Counters(); told.Load() != rounds || c.Panics != rounds || c.Unanswered != rounds || c.Responses != rounds || c.Engine.Queries[query.DoQ] != 2*rounds {
		t.Errorf("%d panics told, counters %+v: expected %d", told.Load(), c, rounds)
	}
}

func TestShutdownAnswersWhatHasArrived(t *testing.T) {
	s := serve(t, nil)
	conn := dial(t, s)
	const queries = 50
	var streams []*quic.Stream
	for n := range queries {
		stream := open(t, conn)
		message := doqQuery(t, n)
		if n%10 == 0 {
			message = longQuery(t)
		}
		if _, err := stream.Write(frame(message)); err != nil {
			t.Fatal(err)
		}
		stream.Close()
		streams = append(streams, stream)
	}
	half := open(t, conn)
	if _, err := half.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all queries", func() bool { c := s.Counters(); return c.Queries == queries && c.Unfinished == 1 })
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(deadline(t)) }()
	for n, stream := range streams {
		if _, err := quicload.Answer(stream); err != nil {
			t.Errorf("query %d: %v", n, err)
		}
	}
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	closedWith(t, conn, noError)
	if _, err := io.ReadAll(half); err == nil {
		t.Errorf("half a query was answered")
	}
}

// TestShutdownDeadline has an answer that nobody takes wait when the time is up.
func TestShutdownDeadline(t *testing.T) {
	s := serve(t, nil)
	conn := dialConfig(t, s, sluggish)
	askLong(t, conn)
	eventually(t, "the query", func() bool { return s.Counters().PendingBytes > 0 })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Errorf("shutdown: %v, expected %v", err, context.DeadlineExceeded)
	}
	closedWith(t, conn, noError)
}
