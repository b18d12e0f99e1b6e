package overquic

import (
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/quic-go/quic-go"

	"yushan/bench/measure"
	"yushan/bench/query"
)

// place has one query at a time. Its goroutine starts when it is first used.
type place struct {
	client  *client
	started bool
	// wake says that it has got a query.
	wake chan struct{}

	// Set by who gives it the query, read by its goroutine.
	query   task
	has     bool         // a query; guarded by worker.mu
	session *session     // nil: the query gets a connection of its own
	stream  *quic.Stream // has been opened; nil: not yet

	message, frame, answer []byte

	mu       sync.Mutex
	open     *quic.Stream // on which the query is under way; nil: none
	deadline int64
}

// The room for an answer at first, the most that is kept for the next one, and the most
// that a stream may have.
const (
	usualAnswer   = 1500
	keptAnswer    = 16 << 10
	longestAnswer = 1 << 17
)

// maxCookie is the room for a server's cookie (RFC 7873 §4).
const maxCookie = 32

// errRejected: the server has not read the query, and lets it be sent on another connection
// (RFC 9114 §5.2).
var errRejected = errors.New("the server has not processed the request")

func (p *place) run() {
	c := p.client
	for range p.wake {
		for again := true; again; {
			if p.session == nil {
				p.visit()
			} else {
				p.ask()
			}
			again = c.free(p)
		}
	}
}

// ask sends the query on the session.
func (p *place) ask() {
	s := p.session
	stream, err := p.stream, error(nil)
	p.stream = nil
	if stream == nil {
		stream, err = s.conn.OpenStream()
	}
	switch {
	case err == nil:
		err = p.exchange(stream, s)
		switch {
		case err == nil:
		case errors.Is(err, errRejected):
			p.client.giveBack(p)
		case !p.query.told:
			s.end(err)
			p.client.giveBack(p)
		default:
			s.end(err)
			p.client.drop(p.query)
		}
	case errors.As(err, new(*quic.StreamLimitReachedError)):
		waits := s.starve()
		p.client.giveBack(p)
		if !waits {
			return
		}
		if stream, err = s.conn.OpenStreamSync(p.client.ctx); err == nil {
			s.fed(stream)
		}
	default:
		s.retire()
		p.client.giveBack(p)
	}
}

// exchange sends the query and waits for its end, which is recorded. An error is that of
// the connection, and leaves the query without an end.
func (p *place) exchange(stream *quic.Stream, s *session) error {
	c, q := p.client, &p.query
	p.mu.Lock()
	p.open, p.deadline = stream, q.due+c.timeout
	p.mu.Unlock()
	defer p.forget()
	n := p.compose()
	err := stream.TryWriteAll(p.frame)
	if errors.Is(err, quic.ErrWouldBlock) {
		_, err = stream.Write(p.frame)
	}
	// A server may have enough of a request before it is whole. What comes of it is
	// known when its answer is read.
	if err != nil && !errors.As(err, new(*quic.StreamError)) {
		return err
	}
	stream.Close()
	sent := c.Now()
	if s != nil {
		s.sent(sent)
	}
	if !q.told {
		q.told = true
		c.Recorder.Lock()
		c.Recorder.Sent(q.class, q.due, q.taken, n)
		c.Recorder.Unlock()
	}
	return p.receive(stream, sent, s)
}

// compose makes the bytes of the stream, and returns the message's length.
func (p *place) compose() int {
	c, q := p.client, &p.query
	room := c.Queries.Length(q.index) + maxCookie
	if cap(p.message) < room {
		p.message = make([]byte, room)
	}
	var cookie []byte
	if c.Queries.Cookies() {
		c.mu.Lock()
		cookie = c.cookie
		c.mu.Unlock()
	}
	// RFC 9250 §4.2.1 wants the ID 0, RFC 8484 §4.1 recommends it.
	n := c.Queries.Put(p.message[:cap(p.message)], q.index, 0, q.nonce, cookie)
	p.frame = c.codec.request(p.frame[:0], p.message[:n])
	return n
}

// forget ends the time in which the query may be given up.
func (p *place) forget() {
	p.mu.Lock()
	p.open = nil
	p.mu.Unlock()
}

// giveUp ends a query whose time is over.
func (p *place) giveUp(now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil || now < p.deadline {
		return
	}
	code := p.client.codec.cancelled()
	p.open.CancelRead(code)
	p.open.CancelWrite(code)
	p.open = nil
}

// failed judges what a stream has failed with. nil: it is the end of the query.
func (p *place) failed(stream *quic.Stream, err error, s *session) error {
	var reset *quic.StreamError
	onStream := errors.As(err, &reset)
	switch {
	case s != nil && s.rejects(stream.StreamID(), reset):
		s.retire()
		return errRejected
	case !onStream:
		return err
	case reset.Remote:
		p.client.fault(plain(err))
	case s != nil && s.silent():
		s.end(errSilent)
	}
	p.client.drop(p.query)
	return nil
}

// receive waits for the answer and the end of the stream.
func (p *place) receive(stream *quic.Stream, sent int64, s *session) error {
	if cap(p.answer) == 0 || cap(p.answer) > keptAnswer {
		p.answer = make([]byte, 0, usualAnswer)
	}
	read := p.answer[:0]
	defer func() { p.answer = read }()
	c := p.client
	whole := 0 // how much of the stream is the answer, once it is
	for {
		if len(read) == cap(read) {
			read = slices.Grow(read, cap(read))
		}
		n, err := stream.Read(read[len(read):cap(read)])
		read = read[:len(read)+n]
		if whole == 0 {
			var message []byte
			var wrong error
			message, whole, wrong = c.codec.answer(read, err == io.EOF)
			if len(read) > longestAnswer {
				wrong = errMalformed
			}
			if wrong != nil {
				p.refuse(wrong)
				stream.CancelRead(c.codec.cancelled())
				return nil
			}
			if whole > 0 {
				p.take(message, sent, s)
			}
		}
		switch {
		case err == nil && len(read) > longestAnswer:
			stream.CancelRead(c.codec.cancelled())
			return nil
		case err == nil:
		case whole == 0:
			return p.failed(stream, err, s)
		case err == io.EOF && len(read) > whole:
			c.odd(measure.Duplicate, p.query.class)
			return nil
		case errors.As(err, new(*quic.StreamError)):
			c.fault(errNoEnd)
			return nil
		default:
			return nil
		}
	}
}

// refuse counts what came instead of an answer.
func (p *place) refuse(why error) {
	c := p.client
	var status statusError
	if errors.As(why, &status) {
		c.odd(measure.Status, p.query.class)
		c.fault(why)
	} else {
		c.odd(measure.Malformed, p.query.class)
	}
	c.drop(p.query)
}

// take records an answer. One that doesn't fit leaves its query without any: nothing more
// comes on its stream.
func (p *place) take(message []byte, sent int64, s *session) {
	c, q := p.client, &p.query
	received := c.Now()
	verdict := c.Queries.Check(q.index, q.nonce, message)
	odd := measure.Mismatched
	switch {
	case received > q.due+c.timeout:
		odd = measure.Late
	case verdict == query.Malformed:
		odd = measure.Malformed
	case verdict == query.Mismatched:
	case message[0] != 0 || message[1] != 0:
		odd = measure.Unexpected
	default:
		p.record(message, sent, received, s)
		return
	}
	c.odd(odd, q.class)
	c.drop(*q)
}

func (p *place) record(message []byte, sent, received int64, s *session) {
	c, q := p.client, &p.query
	if s != nil {
		s.answered.Store(received)
	}
	answer := measure.Answer{
		Class:     q.class,
		RCode:     message[3] & 0x0f,
		Truncated: message[2]&0x02 != 0,
		Bytes:     len(message),
		Due:       q.due,
		Sent:      sent,
		Received:  received,
	}
	c.Recorder.Lock()
	c.Recorder.Answered(&answer)
	c.Recorder.Unlock()
	if c.Queries.Cookies() {
		if cookie := query.ServerCookie(message); cookie != nil {
			c.learn(cookie)
		}
	}
	if c.Judge != nil {
		c.Judge(q.index, q.nonce, message)
	}
}
