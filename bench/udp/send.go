package udp

import (
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// overdueAtOnce bounds how many queries are given up before the answers have
	// their turn.
	overdueAtOnce = 4096
	// pause is how long a closed loop waits after a query that could not be sent: its
	// schedule doesn't.
	pause = int64(10 * time.Millisecond)
)

var errNoID = errors.New("queries waited for an ID to spare: more clients are needed for so many queries under way")

// outQuery is a query in a batch that is going to be sent.
type outQuery struct {
	due    int64
	nonce  uint64
	index  uint32
	number uint16 // of its slot
	class  uint8
}

// send sends up to a batch of the queries that are due.
func (s *sender) send(now int64) {
	if s.out.sent == s.out.ready && !s.stopped {
		if !s.closed {
			s.giveUp(now - s.timeout)
		}
		s.fill(now)
	}
	if s.out.sent < s.out.ready {
		s.transmit(now)
	}
}

// next returns when there will be something to send: never, as long as no answer comes
// and no query is given up. done tells that there will be nothing any more.
func (s *sender) next(now int64) (at int64, done bool) {
	if s.out.sent < s.out.ready {
		return now + retry, false
	}
	due, more := s.peek(now)
	switch {
	case !more:
		return never, true
	case s.closed && (s.noID || s.underWay >= s.work.Options.Concurrency):
		return never, false
	case s.closed:
		return s.pauseEnd, false
	case s.noID:
		return due + s.timeout, false // to be given up
	default:
		return due, false
	}
}

// peek returns when the next query is due, and whether there is one.
func (s *sender) peek(now int64) (due int64, more bool) {
	schedule := s.work.Schedule
	if s.stopped || s.closed && now >= schedule.End() {
		return never, false
	}
	return schedule.Peek()
}

// fill makes a batch of what is due, for the client whose turn it is.
func (s *sender) fill(now int64) {
	s.out.reset()
	room := batchLen
	if s.closed {
		if now < s.pauseEnd {
			return
		}
		room = min(room, s.work.Options.Concurrency-s.underWay)
	}
	for s.out.ready < room {
		due, more := s.peek(now)
		switch {
		case !more || due > now:
			return
		case s.out.ready > 0 && s.from.table.full():
			return
		case s.out.ready == 0 && !s.nextClient():
			s.noID = true
			if !s.toldNoID {
				s.toldNoID = true
				s.work.Recorder.Lock()
				s.work.Recorder.Fault(errNoID)
				s.work.Recorder.Unlock()
			}
			return
		}
		s.work.Schedule.Take()
		s.put(due)
	}
}

// put adds the next query to the batch.
func (s *sender) put(due int64) {
	w, q := s.work, &s.queries[s.out.ready]
	number, id := s.from.table.take()
	*q = outQuery{due: due, nonce: rand.Uint64(), index: w.Cursor.Next(), number: number}
	q.class = w.Queries.Class(q.index)
	cookie := s.from.cookie
	if s.sources != nil {
		cookie = s.fromNextSource()
	}
	s.out.add(w.Queries.Put(s.out.room(), q.index, id, q.nonce, cookie))
}

// nextClient makes the next client with an ID to spare the one to send. It reports
// false if there is none.
func (s *sender) nextClient() bool {
	for range s.clients {
		s.from = &s.clients[s.turn]
		if s.turn++; s.turn == len(s.clients) {
			s.turn = 0
		}
		if !s.from.table.full() {
			return true
		}
	}
	return false
}

// fromNextSource gives the message that is added next its source, and returns the
// cookie that belongs to that.
func (s *sender) fromNextSource() []byte {
	source := s.sources.next()
	if s.target.addr.Addr().Is4() {
		s.out.from(source[12:])
	} else {
		s.out.from(source[:])
	}
	if s.jar == nil {
		return nil
	}
	return s.jar[source]
}

// transmit sends the batch. Some of it is left if the send buffer is full.
func (s *sender) transmit(now int64) {
	var told unix.Errno
	for s.out.sent < s.out.ready {
		before := s.work.Now()
		n, errno := s.out.send(s.from.fd)
		switch {
		case errno == 0:
			s.sent(n, before, s.work.Now())
			if told != 0 {
				s.fault(told)
				told = 0
			}
		case errno == unix.EINTR:
		case errno == unix.EAGAIN || errno == unix.ENOBUFS:
			if s.closed || s.queries[s.out.sent].due > now-s.timeout {
				return
			}
			s.unsent(0)
		case told == 0:
			told = errno // the fate of an earlier query, unless it happens again
		default:
			s.unsent(errno)
			told = 0
			s.pauseEnd = now + pause
		}
	}
}

// sent puts n queries under way that went out one after the other in that time. Each of
// them has taken its part of it.
func (s *sender) sent(n int, began, ended int64) {
	step := (ended - began) / int64(n)
	first := s.out.sent - n
	recorder := s.work.Recorder
	recorder.Lock()
	for i := range n {
		q := &s.queries[first+i]
		at := began + step*int64(i)
		if s.closed {
			q.due = at
		}
		slot := &s.from.table.slots[q.number]
		slot.due, slot.sent, slot.nonce, slot.index = q.due, at, q.nonce, q.index
		s.from.table.begin(q.number)
		recorder.Sent(q.class, q.due, at, s.out.bytes(first+i))
	}
	recorder.Unlock()
	s.underWay += n
	s.expiry = min(s.expiry, s.queries[first].due+s.timeout)
}

// unsent gives the batch's next query up, because of errno if that isn't 0.
func (s *sender) unsent(errno unix.Errno) {
	q := &s.queries[s.out.sent]
	s.from.table.release(q.number)
	s.out.sent++
	s.work.Recorder.Lock()
	defer s.work.Recorder.Unlock()
	s.work.Recorder.Unsent(q.class, q.due)
	if errno != 0 {
		s.work.Recorder.Fault(faultOf(errno))
	}
}

// giveUp gives up queries that were due at a time or before, and have not been taken.
func (s *sender) giveUp(until int64) {
	w := s.work
	if due, more := w.Schedule.Peek(); !more || due > until {
		return
	}
	w.Recorder.Lock()
	defer w.Recorder.Unlock()
	for range overdueAtOnce {
		due, more := w.Schedule.Peek()
		if !more || due > until {
			return
		}
		w.Schedule.Take()
		w.Recorder.Unsent(w.Queries.Class(w.Cursor.Next()), due)
	}
}
