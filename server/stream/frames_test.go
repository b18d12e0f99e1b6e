package stream

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// onBoth runs a test over TCP and over TLS: RFC 7858 §3.3 has the framing, and so
// the loop, from TCP.
func onBoth(t *testing.T, run func(*testing.T, query.Transport)) {
	for _, transport := range transports {
		t.Run(transport.String(), func(t *testing.T) { run(t, transport) })
	}
}

// RFC 7766 §6.2.1.1: a client may send as many queries as it likes before it
// reads. In one write they are answered in few.
func TestPipelining(t *testing.T) { onBoth(t, pipelining) }

func pipelining(t *testing.T, transport query.Transport) {
	const queries = 1000
	s := startOn(t, transport, Limits{})
	c := dial(t, s)
	var all []byte
	for n := range queries {
		all = append(all, testengine.Frame(testengine.Query(t, n))...)
	}
	c.send(all)
	waiting := map[uint16]bool{}
	for n := range queries {
		waiting[uint16(n)] = true
	}
	for len(waiting) > 0 {
		answer, err := c.frame()
		if err != nil {
			t.Fatalf("%d answers missing: %v", len(waiting), err)
		}
		id := binary.BigEndian.Uint16(answer)
		if !waiting[id] {
			t.Fatalf("answer %d came twice", id)
		}
		if err := testengine.Check(testengine.Query(t, int(id)), answer); err != nil {
			t.Fatal(err)
		}
		delete(waiting, id)
	}
	counters := s.Counters()
	if counters.Queries != queries || counters.Responses != queries {
		t.Errorf("counters %+v: expected %d queries and responses", counters, queries)
	}
	if counters.Batches > queries/10 {
		t.Errorf("%d reads for %d queries: answers aren't coalesced", counters.Batches, queries)
	}
}

// Frames may be cut anywhere.
func TestEverySplit(t *testing.T) { onBoth(t, everySplit) }

func everySplit(t *testing.T, transport query.Transport) {
	s := startOn(t, transport, Limits{FrameTimeout: patience, IdleTimeout: patience})
	c := dial(t, s)
	first, second := testengine.Query(t, 1), testengine.Query(t, 2)
	both := append(testengine.Frame(first), testengine.Frame(second)...)
	for at := 1; at < len(both); at++ {
		queries := s.Counters().Queries
		c.send(both[:at])
		// Whole frames of the first part are answered before the rest is there.
		if at >= len(first)+2 {
			c.receive(first)
		} else {
			time.Sleep(time.Millisecond) // gives it the chance to be read alone
		}
		c.send(both[at:])
		if at < len(first)+2 {
			c.receive(first)
		}
		c.receive(second)
		if n := s.Counters().Queries - queries; n != 2 {
			t.Fatalf("split at %d: %d queries counted", at, n)
		}
	}
}

func TestByteByByte(t *testing.T) { onBoth(t, byteByByte) }

func byteByByte(t *testing.T, transport query.Transport) {
	s := startOn(t, transport, Limits{FrameTimeout: patience, IdleTimeout: patience})
	c := dial(t, s)
	for n := range 3 {
		query := testengine.Query(t, n)
		for _, b := range testengine.Frame(query) {
			c.send([]byte{b})
			time.Sleep(100 * time.Microsecond)
		}
		c.receive(query)
	}
}

func TestHalfFrameThenClose(t *testing.T) { onBoth(t, halfFrameThenClose) }

func halfFrameThenClose(t *testing.T, transport query.Transport) {
	s := startOn(t, transport, Limits{})
	for _, half := range [][]byte{{0}, {0, 40}, testengine.Frame(testengine.Query(t, 1))[:20]} {
		c := dial(t, s)
		whole := testengine.Query(t, 7)
		c.send(append(testengine.Frame(whole), half...))
		c.receive(whole)
		c.Close()
	}
	eventually(t, "connections stay open", func() bool { return s.Counters().Open == 0 })
	dial(t, s).exchange(2)
}

// A client that has said all (FIN) still gets its answers.
func TestHalfClosedByClient(t *testing.T) { onBoth(t, halfClosedByClient) }

func halfClosedByClient(t *testing.T, transport query.Transport) {
	s := startOn(t, transport, Limits{})
	c := dial(t, s)
	query := testengine.Query(t, 1)
	c.send(testengine.Frame(query))
	c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	c.receive(query)
	c.closed()
}

// What precedes a bad length is answered, then the connection is closed.
func TestBadFrames(t *testing.T) { onBoth(t, badFrames) }

func badFrames(t *testing.T, transport query.Transport) {
	for _, bad := range [][]byte{{0, 0}, {0, 11}, {0x10, 0x01}, {0xff, 0xff}} {
		s := startOn(t, transport, Limits{MaxFrameBytes: 4096})
		c := dial(t, s)
		query := testengine.Query(t, 1)
		c.send(slices.Concat(testengine.Frame(query), bad, testengine.Frame(query)))
		c.receive(query)
		c.closed()
		eventually(t, "the bad frame isn't counted", func() bool { return s.Counters().BadFrames == 1 })
	}
}

// The greatest length that is allowed is read as a whole.
func TestLongQuery(t *testing.T) { onBoth(t, longQuery) }

func longQuery(t *testing.T, transport query.Transport) {
	for _, limit := range []int{512, 4096, 65535} {
		s := startOn(t, transport, Limits{MaxFrameBytes: limit})
		c := dial(t, s)
		m := testengine.NewQuery(1)
		m.SetEdns0(1232, false)
		short := testengine.Pack(t, m)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_PADDING{Padding: make([]byte, limit-len(short)-4)})
		long := testengine.Pack(t, m)
		if len(long) != limit {
			t.Fatalf("the test's query has %d bytes, expected %d", len(long), limit)
		}
		c.send(testengine.Frame(long))
		answer, err := c.frame()
		if err != nil {
			t.Fatalf("%d bytes: %v", limit, err)
		}
		if string(answer[:2]) != string(long[:2]) {
			t.Errorf("answer %x to query %x", answer[:2], long[:2])
		}
		c.exchange(2)
	}
}

// Messages that get no answer don't end the connection, nor hold others back.
func TestUnansweredMessages(t *testing.T) { onBoth(t, unansweredMessages) }

func unansweredMessages(t *testing.T, transport query.Transport) {
	s := startOn(t, transport, Limits{})
	c := dial(t, s)
	response := testengine.Query(t, 1)
	response[2] |= 0x80
	query := testengine.Query(t, 2)
	c.send(slices.Concat(testengine.Frame(response), testengine.Frame(query), testengine.Frame(response)))
	c.receive(query)
	c.exchange(3)
	if counters := s.Counters(); counters.Unanswered != 2 || counters.Responses != 2 {
		t.Errorf("counters %+v: expected 2 responses, 2 messages unanswered", counters)
	}
}

// Answers that are together longer than the write buffer.
func TestManyLongAnswers(t *testing.T) { onBoth(t, manyLongAnswers) }

func manyLongAnswers(t *testing.T, transport query.Transport) {
	const queries = 400 // 8 MB
	s := startOn(t, transport, Limits{})
	c := dial(t, s)
	var all []byte
	for n := range queries {
		all = append(all, testengine.Frame(testengine.LongQuery(t, n))...)
	}
	c.send(all)
	for n := range queries {
		if answer := c.receive(testengine.LongQuery(t, n)); len(answer) < 20_000 {
			t.Fatalf("answer %d has %d bytes", n, len(answer))
		}
	}
	eventually(t, "pending bytes remain accounted for", func() bool { return s.Counters().PendingBytes == 0 })
}

// Whatever a client sends, and however it arrives: the same frames are answered, in
// their order, and the first bad one ends it.
func FuzzFrames(f *testing.F) {
	good := testengine.Frame(testengine.Query(f, 1))
	f.Add(slices.Concat(good, good), uint16(7))
	f.Add(slices.Concat(good, []byte{0, 0}, good), uint16(1))
	f.Add(slices.Concat(good, []byte{0xff, 0xff}), uint16(100))
	f.Add(testengine.Frame(make([]byte, 600)), uint16(500))
	engine := testengine.New(f).Load()
	const maxBytes = 512
	protocol := &frames{maxBytes: maxBytes, failed: func(*Work, any) {}}
	out := make([]byte, writeBytes)
	w := &Work{Engine: engine, Worker: query.NewWorker(), Req: query.Request{Transport: query.TCP}, left: -1}
	f.Fuzz(func(t *testing.T, data []byte, step uint16) {
		var want []byte
		var wantErr error
		for rest := data; len(rest) >= 2; {
			length := int(binary.BigEndian.Uint16(rest))
			if length < minFrameBytes || length > maxBytes {
				wantErr = errBadFrame
				break
			}
			if len(rest) < 2+length {
				break
			}
			if n := w.Answer(rest[2:2+length], out); n > 0 {
				want = append(want, testengine.Frame(out[:n])...)
			}
			rest = rest[2+length:]
		}
		var got, rest []byte
		var err error
		for chunk := range slices.Chunk(data, int(step)+1) {
			rest = append(rest, chunk...)
			for more := true; more && err == nil; {
				var used, wrote int
				used, wrote, more, err = protocol.Answer(w, rest, out)
				rest = rest[used:]
				got = append(got, out[:wrote]...)
			}
			if err != nil {
				break
			}
		}
		if err != wantErr || string(got) != string(want) {
			t.Errorf("in pieces of %d: error %v, answers %x; expected error %v, answers %x", int(step)+1, err, got, wantErr, want)
		}
	})
}
