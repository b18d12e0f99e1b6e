package stream

import (
	"runtime"
	"testing"

	"yushan/internal/testengine"
)

// exist is how many workspaces there are, and how many of them are lent.
func (p *workspaces) exist() (all, lent int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all), p.lent
}

// heapBytes is the memory in use, stacks included, after a collection or two:
// the runtime halves a stack at each.
func heapBytes() int64 {
	for range 4 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// Clients that don't read can't make the server hold more than it was allowed to,
// over TLS as over TCP; those that read in the end lose nothing; and when they are
// gone, so is the memory.
func TestPendingMemoryIsLimited(t *testing.T) {
	const clients = 16
	const allowed = 256 << 10
	limits := Limits{MaxPendingBytes: allowed, WriteTimeout: 10 * patience, IdleTimeout: 10 * patience, FrameTimeout: 10 * patience}
	for _, transport := range transports {
		t.Run(transport.String(), func(t *testing.T) {
			s := startOn(t, transport, limits)
			before := heapBytes()
			var all []*client
			for range clients {
				c := slow(t, s)
				all = append(all, c)
				go c.greed()
			}
			eventually(t, "the slow readers aren't cut off", func() bool {
				counters := s.Counters()
				_, lent := s.workspaces.exist()
				return counters.SlowReaders > 0 && counters.SlowReaders+uint64(s.writers()) == clients && lent == 0
			})
			counters := s.Counters()
			if counters.PendingBytes > allowed || counters.PendingBytes < allowed/4 {
				t.Errorf("%d bytes pending of %d", counters.PendingBytes, allowed)
			}
			if exist, _ := s.workspaces.exist(); exist > s.workspaces.spare {
				t.Errorf("%d workspaces, expected at most %d", exist, s.workspaces.spare)
			}
			grown := heapBytes() - before
			t.Logf("%d of %d clients cut off, %d bytes pending, %d more in use", counters.SlowReaders, clients, counters.PendingBytes, grown)
			// The test's own clients take some: TLS has buffers at their side, too.
			if most := int64(allowed + s.workspaces.spare*(s.workspaces.inBytes+readBytes+sealedBytes+writeBytes+64<<10) + clients*(96<<10)); grown > most {
				t.Errorf("%d bytes more in use, expected at most %d", grown, most)
			}
			dial(t, s).exchange(1)
			for _, c := range all {
				c.Close()
			}
			eventually(t, "memory isn't given back", func() bool { return s.Counters().PendingBytes == 0 })
		})
	}
}

// writers is how many connections wait for their clients to take answers.
func (s *Server) writers() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.table.conns {
		if p, _ := c.waits(); p == writing {
			n++
		}
	}
	return n
}

// A record of 16 kB makes crypto/tls keep a buffer, which has to be accounted for.
func TestLongRecordsAreAccountedFor(t *testing.T) {
	const each = 3 * (16 << 10)
	s := startOn(t, dot, Limits{MaxPendingBytes: 3 * (each + 8<<10), IdleTimeout: 10 * patience})
	frame := testengine.Frame(testengine.Query(t, 1))
	var long []byte
	for len(long) < 16<<10-100 {
		long = append(long, frame...)
	}
	for n := range 4 {
		c := dial(t, s)
		c.exchange(1)
		pending := s.Counters().PendingBytes
		c.Write(long)
		if n == 3 {
			c.closed()
			break
		}
		for range len(long) / len(frame) {
			c.receive(testengine.Query(t, 1))
		}
		if more := s.Counters().PendingBytes - pending; more < each-4096 || more > each+(8<<10) {
			t.Errorf("%d bytes accounted for after a record of 16 kB", more)
		}
	}
	if n := s.Counters().SlowReaders; n != 1 {
		t.Errorf("%d connections cut off for their memory, expected 1", n)
	}
}
