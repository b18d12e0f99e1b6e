package stream

import (
	"net"
	"runtime"
	"testing"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// pipes serves connections without any buffer: a client that doesn't read blocks
// the server at the first byte.
func pipes(t *testing.T, limits Limits) (s *Server, dial func() *client) {
	t.Helper()
	s, err := New(Config{Limits: limits}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, s) })
	return s, func() *client {
		ours, theirs := net.Pipe()
		go s.ServeConn(theirs, query.DoT)
		return newClient(t, ours)
	}
}

// lent is how many workspaces there are, and how many of them are held by
// connections that may wait for their client.
func (p *workspaces) lent() (exist, held int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all), p.held
}

func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Clients on connections that aren't TCP's own can't make the server hold more
// than it was allowed to; those that read in the end lose nothing; and when they
// are gone, so is the memory.
func TestHeldWorkspacesAreLimited(t *testing.T) {
	const clients = 300
	var empty workspaces
	empty.init(Limits{MaxFrameBytes: 4096})
	for _, counted := range []int{0, 10} {
		s, dial := pipes(t, Limits{
			MaxPendingBytes: counted*empty.eachBytes + 1,
			WriteTimeout:    10 * patience, IdleTimeout: 10 * patience, FrameTimeout: 10 * patience,
		})
		allowed := empty.spare + counted
		before := heapBytes()
		var all []*client
		most := 0
		for n := range clients {
			c := dial()
			c.send(testengine.Frame(testengine.LongQuery(t, n)))
			all = append(all, c)
			exist, _ := s.workspaces.lent()
			most = max(most, exist)
		}
		eventually(t, "the slow readers aren't cut off", func() bool {
			_, held := s.workspaces.lent()
			return s.Counters().SlowReaders == uint64(clients-allowed) && held == allowed
		})
		exist, _ := s.workspaces.lent()
		if most = max(most, exist); most > allowed {
			t.Errorf("%d workspaces, expected at most %d", most, allowed)
		}
		if got, want := s.Counters().PendingBytes, counted*empty.eachBytes; got != want {
			t.Errorf("%d bytes pending, expected %d", got, want)
		}
		grown := int64(heapBytes()) - int64(before)
		t.Logf("%d clients, %d workspaces of %d bytes, %d bytes more in the heap", clients, exist, empty.eachBytes, grown)
		if limit := int64((allowed+1)*empty.eachBytes + clients*(16<<10)); grown > limit {
			t.Errorf("the heap has grown by %d bytes, expected at most %d", grown, limit)
		}

		// There is always room for one that reads, and it costs the oldest.
		good := dial()
		good.exchange(1)
		good.exchange(2)
		eventually(t, "no slow reader is cut off for one that reads", func() bool {
			return s.Counters().SlowReaders == uint64(clients-allowed+1)
		})
		answered := 0
		for n, c := range all {
			if answer, err := c.frame(); err == nil {
				answered++
				if err := testengine.Check(testengine.LongQuery(t, n), answer); err != nil {
					t.Error(err)
				}
				c.exchange(n)
			}
		}
		if answered != allowed-1 {
			t.Errorf("%d clients got their answers in the end, expected %d", answered, allowed-1)
		}

		for _, c := range append(all, good) {
			c.Close()
		}
		eventually(t, "connections stay open", func() bool { return s.Counters().Open == 0 })
		if exist, held := s.workspaces.lent(); exist > empty.spare || held != 0 {
			t.Errorf("%d workspaces, of which %d are held, after all connections have ended", exist, held)
		}
		counters := s.Counters()
		if counters.PendingBytes != 0 {
			t.Errorf("%d bytes pending after all connections have ended", counters.PendingBytes)
		}
		if want := uint64(clients + 2 + answered); counters.Queries != want {
			t.Errorf("%d queries counted, expected %d", counters.Queries, want)
		}
	}
}

// The same over TLS, where the kernel has buffers, too.
func TestTLSSlowReadersAreLimited(t *testing.T) {
	s, dial := serveTLS(t, Limits{MaxPendingBytes: 1, WriteTimeout: 10 * patience, IdleTimeout: 10 * patience})
	const more = 4
	for range s.workspaces.spare + more {
		go dial().greed()
	}
	eventually(t, "the slow readers aren't cut off", func() bool {
		_, held := s.workspaces.lent()
		return s.Counters().SlowReaders >= more && held == s.workspaces.spare
	})
	if exist, _ := s.workspaces.lent(); exist > s.workspaces.spare {
		t.Errorf("%d workspaces, expected at most %d", exist, s.workspaces.spare)
	}
	dial().exchange(1)
}

// What waits for clients of both sorts comes from one budget.
func TestOneBudget(t *testing.T) {
	var p workspaces
	p.init(Limits{MaxFrameBytes: 4096, MaxPendingBytes: 1 << 20})
	holders := make([]conn, p.spare+2)
	for i := range holders {
		p.lend(&holders[i])
	}
	left := 1<<20 - 2*p.eachBytes
	if p.pend(left + 1) {
		t.Errorf("%d bytes are accounted for beside two holders, expected %d at most", left+1, left)
	}
	if !p.pend(left) {
		t.Errorf("%d bytes aren't accounted for, though there is room", left)
	}
	// A further holder has to wait until the bytes are taken, or the oldest is gone.
	ours, theirs := net.Pipe()
	defer ours.Close()
	holders[0].nc = theirs
	lent := make(chan struct{})
	var late conn
	go func() {
		defer close(lent)
		p.lend(&late)
	}()
	if _, err := theirs.Write([]byte{1}); !isTimeout(err) {
		t.Errorf("the oldest holder's write: %v, expected a time-out", err)
	}
	select {
	case <-lent:
		t.Error("a workspace was lent before there was room")
	default:
	}
	p.unpend(left)
	<-lent
	p.takeBack(&late)
	for i := range holders {
		p.takeBack(&holders[i])
	}
	if p.held != 0 || p.pending != 0 || p.holders.oldest != nil || p.holders.newest != nil {
		t.Errorf("%d held, %d pending, after all has come back", p.held, p.pending)
	}
	if len(p.all) != p.spare || len(p.free) != p.spare {
		t.Errorf("%d workspaces exist, %d are free, expected %d", len(p.all), len(p.free), p.spare)
	}
}
