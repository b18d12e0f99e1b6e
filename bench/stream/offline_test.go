package stream

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"crypto/tls"

	"golang.org/x/net/http2"

	"yushan/bench/load"
	"yushan/bench/measure"
	"yushan/bench/pace"
)

// offline is an open connection without a socket: what a codec does can be seen.
func offline(t testing.TB, transport load.Transport, depth int) *place {
	t.Helper()
	set := textQueriesCached(t)
	w, err := newWorker(&load.Work{
		Workers: 1,
		Options: &load.Options{
			Server: netip.MustParseAddrPort("127.0.0.1:9"), Transport: transport, TLS: new(tls.Config),
			Clients: 1, Depth: depth, Timeout: time.Hour, Path: "/dns-query", Authority: "localhost",
		},
		Queries:  set,
		Cursor:   set.Cursor(0, 1),
		Schedule: pace.Plan{Duration: time.Hour}.Schedule(0, 1),
		Recorder: measure.NewRecorder(measure.Shape{Classes: len(set.Classes), Duration: time.Second, Interval: time.Second}),
		Began:    time.Now(),
		Stop:     new(atomic.Bool),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.poller.close)
	p := w.places[0]
	p.state = open
	p.codec.start()
	return p
}

// send lets the place ask n queries.
func (p *place) send(n int) {
	for range n {
		index := p.w.Cursor.Next()
		p.w.open++
		p.ask(flight{index: index, class: p.w.Queries.Class(index)})
	}
}

// answers are what a server would send for messages of frames.
func framedAnswers(requests []byte) []byte {
	for at := 0; at < len(requests); {
		requests[at+2+2] |= 0x80
		at += 2 + int(binary.BigEndian.Uint16(requests[at:]))
	}
	return requests
}

// h2Answers are HEADERS and DATA for each request.
func h2Answers(dst, requests []byte) []byte {
	for at := 0; at < len(requests); {
		length := int(requests[at])<<16 | int(requests[at+1])<<8 | int(requests[at+2])
		if http2.FrameType(requests[at+3]) == http2.FrameData {
			stream := binary.BigEndian.Uint32(requests[at+5:])
			dst = append(appendFrame(dst, http2.FrameHeaders, http2.FlagHeadersEndHeaders, stream, 1), status200)
			start := len(dst) + frameHead
			dst = append(dst, requests[at:at+frameHead+length]...)
			dst[start+2] |= 0x80
		}
		at += frameHead + length
	}
	return dst
}

// Nothing is allocated for a query, from being asked to being recorded.
func TestNoAllocations(t *testing.T) {
	for _, transport := range []load.Transport{load.TCP, load.DoH, load.DoH1} {
		depth := 100
		if transport == load.DoH1 {
			depth = 1
		}
		p := offline(t, transport, depth)
		var answers []byte
		turn := func() {
			p.requests = p.requests[:0]
			p.send(depth)
			switch transport {
			case load.TCP:
				answers = framedAnswers(p.requests)
			case load.DoH:
				answers = h2Answers(answers[:0], p.requests)
			case load.DoH1:
				_, message, _ := bytes.Cut(p.requests, []byte("\r\n\r\n"))
				answers = append(answers[:0], "HTTP/1.1 200 OK\r\nContent-Length: "...)
				answers = strconv.AppendInt(answers, int64(len(message)), 10)
				answers = append(append(answers, "\r\n\r\n"...), message...)
				answers[len(answers)-len(message)+2] |= 0x80
			}
			p.take(answers)
			p.w.batch.record(p.w.Recorder)
			p.w.dirty, p.dirty = p.w.dirty[:0], false
			if p.w.open != 0 || p.state != open {
				t.Fatalf("%s: %d queries open: expected none", transport, p.w.open)
			}
			if c, ok := p.codec.(*h2); ok {
				c.window = firstWindow
				c.maxStreams = lastStream
			}
		}
		for range 50 {
			turn()
		}
		perTurn := testing.AllocsPerRun(100, turn)
		if perTurn > 0 {
			t.Errorf("%s: %.2f allocations for %d queries: expected none", transport, perTurn, depth)
		}
	}
}

// checkAccounts checks that each query is in one place.
func (p *place) checkAccounts(t *testing.T, asked int) {
	t.Helper()
	b := &p.w.batch
	if sum := p.table.inUse + len(b.answers) + len(b.lost) + p.w.waiting.len(); sum != asked {
		t.Errorf("%d under way, %d answered, %d lost, %d waiting: expected %d in all", p.table.inUse, len(b.answers), len(b.lost), p.w.waiting.len(), asked)
	}
}

// renew makes the connection as it was at first.
func (p *place) renew() {
	w := p.w
	p.table.reset()
	p.state, p.draining, p.useful = open, false, false
	p.requests, p.unread = p.requests[:0], p.unread[:0]
	w.waiting, w.open, w.batch = ring[flight]{}, 0, batch{}
	w.dirty, p.dirty = w.dirty[:0], false
	p.codec.start()
}

// feed gives a codec bytes in two parts, and checks what is true whatever they are.
func (p *place) feed(t *testing.T, from []byte, split uint16) {
	t.Helper()
	asked := p.table.inUse
	at := min(int(split), len(from))
	var kept []byte
	for _, part := range [][]byte{from[:at], from[at:]} {
		kept = append(kept, part...)
		used, err := p.codec.take(kept)
		if used < 0 || used > len(kept) {
			t.Fatalf("%d bytes used of %d", used, len(kept))
		}
		if err != nil {
			break
		}
		kept = kept[used:]
		p.unread = kept
		if again, err := p.codec.take(kept); err == nil && again != 0 {
			t.Fatalf("%d more bytes used of what was left", again)
		}
	}
	p.codec.eof()
	p.checkAccounts(t, asked)
	p.table.each(p.lose)
	p.checkAccounts(t, asked)
}

func FuzzFrames(f *testing.F) {
	p := offline(f, load.TCP, 10)
	p.send(3)
	f.Add(framedAnswers(p.requests), uint16(40))
	f.Add([]byte{0, 0, 0, 1, 9, 0, 2, 0, 1}, uint16(1))
	f.Fuzz(func(t *testing.T, from []byte, split uint16) {
		p.renew()
		p.send(5)
		p.feed(t, from, split)
	})
}

func FuzzHTTP1(f *testing.F) {
	p := offline(f, load.DoH1, 1)
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00"), uint16(20))
	f.Add([]byte("HTTP/1.1 103 \r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n"), uint16(50))
	f.Add([]byte("HTTP/1.0 500 no\r\n\r\nbody until the end"), uint16(60))
	f.Fuzz(func(t *testing.T, from []byte, split uint16) {
		p.renew()
		p.send(1)
		p.feed(t, from, split)
	})
}

func FuzzHTTP2(f *testing.F) {
	p := offline(f, load.DoH, 10)
	p.requests = nil
	p.send(3)
	good := h2Answers(nil, p.requests)
	f.Add(good, uint16(10))
	settings := appendSetting(appendFrame(nil, http2.FrameSettings, 0, 0, 12), http2.SettingInitialWindowSize, 3)
	settings = appendSetting(settings, http2.SettingHeaderTableSize, 50)
	f.Add(append(settings, good...), uint16(100))
	f.Add(appendUint32(appendUint32(appendFrame(nil, http2.FrameGoAway, 0, 0, 8), 3), 0), uint16(9))
	f.Add(appendUint32(appendFrame(nil, http2.FrameRSTStream, 0, 3, 4), uint32(http2.ErrCodeRefusedStream)), uint16(9))
	f.Add(append(appendFrame(nil, http2.FrameHeaders, 0, 1, 1), append([]byte{status200}, append(appendFrame(nil, http2.FrameContinuation, 5, 1, 1), 0x88)...)...), uint16(9))
	f.Add(append(appendFrame(nil, http2.FrameData, http2.FlagDataPadded, 1, 3), 1, 'x', 0), uint16(2))
	f.Fuzz(func(t *testing.T, from []byte, split uint16) {
		p.renew()
		p.send(5)
		p.feed(t, from, split)
		if out := len(p.requests); out > 4096+20*len(from) {
			t.Errorf("%d bytes of replies to %d", out, len(from))
		}
	})
}

// The table finds answered and given up queries again until their place is used.
func TestTable(t *testing.T) {
	table := newTable(2)
	if len(table.slots) != 8 {
		t.Fatalf("%d slots: expected 8", len(table.slots))
	}
	stuck := table.add(flight{due: 5})
	for i := range 100 {
		s := table.add(flight{due: int64(10 + i)})
		if s == stuck || s.number%8 == stuck.number {
			t.Fatalf("query %d has the slot of one under way", i)
		}
		table.end(s, answered)
	}
	if table.inUse != 1 || stuck.number != 0 {
		t.Errorf("%d in use, number %d: expected 1, and 0", table.inUse, stuck.number)
	}
	calls := 0
	table.expired(4, func(*slot) { calls++ })
	table.expired(5, func(s *slot) { calls++; table.end(s, givenUp) })
	table.expired(1000, func(*slot) { calls++ })
	if calls != 1 || table.inUse != 0 {
		t.Errorf("%d expired: expected 1", calls)
	}
}

// With as many queries under way as there may be, an ID still leads to its query.
func TestTableOfAllIDs(t *testing.T) {
	table := newTable(maxDepth)
	for range 3 * maxSlots {
		s := table.add(flight{})
		if found := &table.slots[table.position(uint32(uint16(s.number)))]; found != s {
			t.Fatalf("query %d has a slot that ID %d doesn't lead to", s.number, uint16(s.number))
		}
		table.end(s, answered)
	}
}

func TestRing(t *testing.T) {
	var r ring[int]
	for i := range 1000 {
		r.pushBack(i)
		if i%3 == 0 {
			r.pushFront(r.popFront())
		}
		if i%2 == 1 {
			if got := r.popFront(); got != i/2 {
				t.Fatalf("%d: expected %d", got, i/2)
			}
		}
	}
	if r.len() != 500 || *r.front() != 500 {
		t.Errorf("%d items, the first %d: expected 500 and 500", r.len(), *r.front())
	}
}
