package stream

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"yushan/bench/measure"
	"yushan/bench/query"
)

// handle is called when the socket can be read or written.
func (p *place) handle(events uint32) {
	switch p.state {
	case connecting:
		p.connected()
	case shaking, failing:
		p.readHandshake()
	case open:
		if events&unix.EPOLLOUT != 0 {
			p.flush()
		}
		if p.state == open && events&^unix.EPOLLOUT != 0 {
			p.read()
		}
	}
}

// readHandshake hands what has come to the goroutine of the handshake.
func (p *place) readHandshake() {
	n, err := unix.Read(p.fd, p.w.received)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return
	case err == nil && n > 0:
		p.link.give(p.w.received[:n])
		return
	case err == nil:
		err = io.EOF
	}
	p.link.fail(err)
	p.w.poller.remove(p.fd)
}

// read takes what has come.
func (p *place) read() {
	w := p.w
	n, err := unix.Read(p.fd, w.received)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return
	case err != nil:
		p.broken(reason("receive", err))
		return
	case n == 0:
		p.ended()
		return
	}
	w.now = w.Now()
	if p.tls == nil {
		p.take(w.received[:n])
		return
	}
	p.link.in = w.received[:n]
	p.decrypt()
}

// decrypt takes what TLS makes of what has come.
func (p *place) decrypt() {
	w := p.w
	for {
		n, err := p.tls.Read(w.plain)
		if n > 0 {
			p.take(w.plain[:n])
			if p.state != open {
				return
			}
		}
		switch {
		case err == nil:
			continue
		case err == errNothing:
			if len(p.link.out) > 0 {
				w.touch(p) // an alert, or a key update
			}
		case errors.Is(err, io.EOF):
			p.ended()
		default:
			p.broken(reason("receive", err))
		}
		return
	}
}

// take lets the codec have what has come, with what it has left over before.
func (p *place) take(received []byte) {
	kept := len(p.unread) > 0
	if kept {
		p.unread = append(p.unread, received...)
		received = p.unread
	}
	used, err := p.codec.take(received)
	if err != nil {
		p.broken(err)
		return
	}
	if !kept || used > 0 {
		p.unread = append(p.unread[:0], received[used:]...)
	}
	p.after()
}

// ended is called when the server has ended its side.
func (p *place) ended() {
	p.codec.eof()
	p.broken(errEnded)
}

// flush writes what there is, as far as the socket takes it.
func (p *place) flush() {
	if p.state != open {
		return
	}
	output := &p.requests
	if p.tls != nil {
		for left := p.requests; len(left) > 0; {
			n := p.codec.record(left)
			if _, err := p.tls.Write(left[:n]); err != nil {
				p.broken(reason("send", err))
				return
			}
			left = left[n:]
		}
		p.requests = p.requests[:0]
		output = &p.link.out
	}
	if len(*output) == 0 {
		return
	}
	n, err := unix.Write(p.fd, *output)
	if err != nil {
		n = 0
	}
	*output = append((*output)[:0], (*output)[n:]...)
	switch {
	case err == nil, errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
	default:
		// Answers may have come before the server ended the connection.
		if p.read(); p.state == open {
			p.broken(reason("send", err))
		}
		return
	}
	events := uint32(unix.EPOLLIN)
	if p.blocked = len(*output) > 0; p.blocked {
		events |= unix.EPOLLOUT
	}
	switch err := p.watch(events); {
	case err != nil:
		p.broken(err)
	case len(*output) > maxOutput:
		p.broken(errFlood)
	default:
		p.w.offer(p)
	}
}

// answer takes a message that has the number of a query. last: there will be no other
// one for it.
func (p *place) answer(s *slot, message []byte, last bool) {
	w := p.w
	if s.due+w.timeout < w.now {
		w.batch.oddity(measure.Late, s.class, w.now)
		p.lose(s)
		return
	}
	switch w.Queries.Check(s.index, s.nonce, message) {
	case query.Fits:
		p.fits(s, message)
		return
	case query.Malformed:
		w.batch.oddity(measure.Malformed, s.class, w.now)
	case query.Mismatched:
		w.batch.oddity(measure.Mismatched, s.class, w.now)
	}
	if last {
		p.lose(s)
	}
}

// fits ends a query with its answer.
func (p *place) fits(s *slot, message []byte) {
	w := p.w
	p.useful = true
	p.table.end(s, answered)
	w.open--
	w.batch.answers = append(w.batch.answers, measure.Answer{
		Class:     s.class,
		RCode:     message[3] & 15,
		Truncated: message[2]&2 != 0,
		Bytes:     len(message),
		Due:       s.due, Sent: s.sent, Received: w.now,
	})
	if w.Queries.Cookies() {
		if cookie := query.ServerCookie(message); cookie != nil {
			p.cookie = append(p.cookie[:0], cookie...)
		}
	}
	if w.Judge != nil {
		w.Judge(s.index, s.nonce, message)
	}
}

// strange counts a message that belongs to no query under way.
func (p *place) strange(s *slot, belongs bool) {
	switch {
	case belongs && s.state == answered:
		p.w.batch.oddity(measure.Duplicate, s.class, p.w.now)
	case belongs && s.state == givenUp:
		p.w.batch.oddity(measure.Late, s.class, p.w.now)
	default:
		p.w.batch.oddity(measure.Unexpected, 0, p.w.now)
	}
}
