package udp

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"yushan/bench/measure"
	"yushan/bench/query"
)

// arrival is what a message that has come turns out to be.
type arrival struct {
	answer measure.Answer // of odd ones only class and time
	nonce  uint64
	index  uint32
	fits   bool
	late   bool // its query was still under way, and is given up
	odd    measure.Oddity
}

// receive reads what has come. empty tells that nothing is left.
func (s *sender) receive() (empty bool, err error) {
	n := poll(s.epoll, s.events[:])
	empty = n < len(s.events)
	for _, event := range s.events[:n] {
		c := &s.clients[event.Fd]
		count, errno := s.in.receive(c.fd)
		switch errno {
		case 0:
			s.arrived(c, count)
			empty = empty && count < batchLen
		case unix.EAGAIN:
		case unix.EBADF, unix.ENOTSOCK, unix.EFAULT, unix.EINVAL:
			return false, os.NewSyscallError("recvmmsg", errno)
		default:
			// The fate of a query, most often; there may be answers behind it.
			s.fault(errno)
			empty = false
		}
		if event.Events&unix.EPOLLERR != 0 && s.sources != nil {
			s.readErrors(c)
		}
	}
	return empty, nil
}

// arrived handles the n messages of one read.
func (s *sender) arrived(c *client, n int) {
	now := s.clock.now()
	for i := range n {
		s.match(c, i, now)
	}
	recorder := s.work.Recorder
	recorder.Lock()
	for i := range s.arrivals[:n] {
		a := &s.arrivals[i]
		if a.fits {
			recorder.Answered(&a.answer)
			continue
		}
		recorder.Odd(a.odd, a.answer.Class, a.answer.Received)
		if a.late {
			recorder.Lost(a.answer.Class, a.answer.Due)
		}
	}
	recorder.Unlock()
	if s.work.Judge == nil {
		return
	}
	for i := range s.arrivals[:n] {
		if a := &s.arrivals[i]; a.fits {
			s.work.Judge(a.index, a.nonce, s.in.message(i))
		}
	}
}

// match finds the query that message i answers, and ends it if it is in time.
func (s *sender) match(c *client, i int, now int64) {
	wire := s.in.message(i)
	stamp, to := s.in.control(i)
	a := &s.arrivals[i]
	*a = arrival{answer: measure.Answer{Received: s.clock.arrival(stamp, 0, now)}}
	switch {
	case s.sources != nil && !s.target.is(s.in.from(i)):
		a.odd = measure.Unexpected
		return
	case len(wire) < 2:
		a.odd = measure.Malformed
		return
	}
	number, slot := c.table.find(binary.BigEndian.Uint16(wire))
	if slot == nil {
		a.odd = measure.Unexpected
		return
	}
	a.nonce, a.index = slot.nonce, slot.index
	a.answer.Class = s.work.Queries.Class(slot.index)
	switch slot.state {
	case answered:
		a.odd = measure.Duplicate
		return
	case lost:
		a.odd = measure.Late
		slot.state = answered // another one is its duplicate
		return
	}
	switch s.work.Queries.Check(slot.index, slot.nonce, wire) {
	case query.Malformed:
		a.odd = measure.Malformed
		return
	case query.Mismatched:
		a.odd = measure.Mismatched
		return
	}
	s.underWay--
	s.noID = false
	a.answer.Due, a.answer.Sent = slot.due, slot.sent
	a.answer.Received = s.clock.arrival(stamp, slot.due, now)
	if a.answer.Received >= slot.due+s.timeout {
		a.late, a.odd = true, measure.Late
		c.table.end(number, answered)
		return
	}
	a.fits = true
	a.answer.RCode = wire[3] & 15
	a.answer.Truncated = wire[2]&2 != 0
	a.answer.Bytes = len(wire)
	c.table.end(number, answered)
	if s.work.Queries.Cookies() {
		s.learn(c, to, wire)
	}
}

// learn keeps the server's cookie for the client that an answer is for.
func (s *sender) learn(c *client, to, answer []byte) {
	if s.sources == nil {
		c.cookie = learn(c.cookie, answer)
		return
	}
	var address [16]byte
	copy(address[len(address)-len(to):], to)
	s.jar.learn(address, answer)
}
