package stream

import (
	"net/netip"
	"time"
)

// table is the connections of a server. Its owner's mutex guards it.
type table struct {
	conns   []*conn // all whose goroutines run; conn.slot is the index
	open    int     // those that count: not evicted
	clients map[netip.Addr]int
	cursor  int // where the next search for a victim begins
}

// clientKey is what counts as one client: whoever has an IPv6 address usually has
// its whole /64.
func clientKey(client netip.Addr) netip.Addr {
	if client.Is6() {
		prefix, _ := client.Prefix(64) // 64 bits is always valid
		return prefix.Addr()
	}
	return client
}

func (t *table) add(c *conn) {
	c.slot = len(t.conns)
	t.conns = append(t.conns, c)
	t.open++
	if c.identified {
		t.clients[clientKey(c.client.Addr())]++
	}
}

func (t *table) remove(c *conn) {
	last := t.conns[len(t.conns)-1]
	last.slot = c.slot
	t.conns[c.slot] = last
	t.conns[len(t.conns)-1] = nil
	t.conns = t.conns[:len(t.conns)-1]
	if reason(c.cut.Load()) != evicted {
		t.uncount(c)
	}
}

// uncount makes room for another connection while c is still ending.
func (t *table) uncount(c *conn) {
	t.open--
	if !c.identified {
		return
	}
	key := clientKey(c.client.Addr())
	if t.clients[key]--; t.clients[key] <= 0 {
		delete(t.clients, key)
	}
}

// looked is how many connections are looked at for the one that has waited longest.
// To look at all would make an attacker's connections expensive for us only.
const looked = 32

// victim is a connection that can make room for another, or nil.
func (t *table) victim() *conn {
	var oldest *conn
	var oldestSince uint64
	for range min(looked, len(t.conns)) {
		t.cursor++
		if t.cursor >= len(t.conns) {
			t.cursor = 0
		}
		c := t.conns[t.cursor]
		p, since := c.waits()
		if p == writing || reason(c.cut.Load()) != none {
			continue
		}
		if oldest == nil || since < oldestSince {
			oldest, oldestSince = c, since
		}
	}
	return oldest
}

// evict makes room for a connection. It reports false if none can be evicted.
func (s *Server) evict() bool {
	c := s.table.victim()
	if c == nil {
		return false
	}
	c.end(evicted)
	if reason(c.cut.Load()) == evicted {
		s.table.uncount(c)
		s.events.evicted.Add(1)
	}
	return true
}

// admit takes a connection into the table, if limits permit, and sees to it that
// the sweep runs. Its goroutine must call leave.
func (s *Server) admit(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || c.identified && s.table.clients[clientKey(c.client.Addr())] >= s.limits.MaxConnsPerClient ||
		s.table.open >= s.limits.MaxConns && !s.evict() {
		s.events.refused.Add(1)
		return false
	}
	s.events.accepted.Add(1)
	s.table.add(c)
	s.running.Add(1)
	s.adapt()
	if s.stopping {
		c.end(stopping)
	}
	if !s.sweeping {
		s.sweeping = true
		s.sweeper.Go(s.sweep)
	}
	return true
}

// identify counts c as one of client's, as the preamble told it; the zero value
// means the address it comes from. It reports false if client has as many as it
// may.
func (s *Server) identify(c *conn, client netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if client.IsValid() {
		c.client = netip.AddrPortFrom(client.Addr().Unmap().WithZone(""), client.Port())
	}
	if reason(c.cut.Load()) == evicted {
		return true // it isn't counted at all any more
	}
	key := clientKey(c.client.Addr())
	if s.table.clients[key] >= s.limits.MaxConnsPerClient {
		s.events.refused.Add(1)
		return false
	}
	c.identified = true
	s.table.clients[key]++
	return true
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	s.table.remove(c)
	s.adapt()
	s.mu.Unlock()
	s.running.Done()
}

// adapt sets the idle time-out that fits the number of connections.
func (s *Server) adapt() {
	timeout := s.limits.idleTimeout(s.table.open)
	s.idleTicks = s.ticks(timeout)
	s.keepalive.Store(uint32(keepaliveUnits(timeout)))
}

// ticks is how many ticks a wait must have seen, to be surely as long as the
// time-out: it may have begun at a tick's end.
func (s *Server) ticks(timeout time.Duration) uint64 {
	tick := s.limits.tick()
	return uint64((timeout+tick-1)/tick) + 1
}

// sweep ends connections that have waited too long, until there is none.
func (s *Server) sweep() {
	ticker := time.NewTicker(s.limits.tick())
	defer ticker.Stop()
	frame, write := s.ticks(s.limits.FrameTimeout), s.ticks(s.limits.WriteTimeout)
	shake := s.ticks(s.limits.HandshakeTimeout)
	for {
		select {
		case <-ticker.C:
		case <-s.ended:
			return
		}
		now := s.tick.Add(1)
		s.mu.Lock()
		if len(s.table.conns) == 0 {
			s.sweeping = false
			s.mu.Unlock()
			return
		}
		for _, c := range s.table.conns {
			p, since := c.waits()
			switch age := now - since; {
			case p == waiting && age > s.idleTicks:
				c.end(idle)
			case p == inFrame && age > frame:
				c.end(halfFrame)
			case p == shaking && age > shake:
				c.end(slowShaking)
			case p == writing && age > write:
				c.end(slowReader)
			}
		}
		s.mu.Unlock()
	}
}
