package udp

import "time"

// overrun is how long after their time queries are given up although there are messages left
// to read: somebody may send them faster than they can be read, and for ever.
const overrun = int64(time.Second)

// expires tells whether queries are to be given up. What had come by now has been read if
// nothing is left; until then an answer may be there that came in time.
func (s *sender) expires(now int64, empty bool) bool {
	return empty && now >= s.expiry || s.expiry < never-overrun && now >= s.expiry+overrun
}

// expire gives up the queries whose time is over.
func (s *sender) expire(now int64) {
	s.lose(now - s.timeout)
}

// lose gives up queries under way that were due at a time or before.
func (s *sender) lose(until int64) {
	w := s.work
	w.Recorder.Lock()
	defer w.Recorder.Unlock()
	s.expiry = never
	for i := range s.clients {
		t := &s.clients[i].table
		for t.oldest != none {
			slot := &t.slots[t.oldest]
			if slot.due > until {
				s.expiry = min(s.expiry, slot.due+s.timeout)
				break
			}
			w.Recorder.Lost(w.Queries.Class(slot.index), slot.due)
			t.end(t.oldest, lost)
			s.underWay--
			s.noID = false
		}
	}
}

// backlog is how late a query must be, when a run is stopped, to count as one that should have
// been sent.
const backlog = int64(10 * time.Millisecond)

// stop takes no more queries. Those that should have been sent are given up; what has just
// become due is no part of the run.
func (s *sender) stop(now int64) {
	s.stopped = true
	for s.out.sent < s.out.ready {
		s.unsent(0)
	}
	if s.closed {
		return
	}
	for due, more := s.work.Schedule.Peek(); more && due <= now-backlog; due, more = s.work.Schedule.Peek() {
		s.giveUp(now - backlog)
	}
}

// abort ends everything at once.
func (s *sender) abort(now int64) {
	if !s.stopped {
		s.stop(now)
	}
	s.lose(never)
	s.countDrops()
}
