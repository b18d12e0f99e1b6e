package overquic

import (
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// session is a connection that persists.
type session struct {
	client *client
	conn   *quic.Conn
	// answered is when the last answer came; 0: none has.
	answered atomic.Int64
	// asked is when the first query after that was sent.
	asked atomic.Int64

	// Guarded by worker.mu.
	busy    int  // places with a query on it
	retired bool // it takes no more queries
	broken  bool // it has been counted as such
	// starved: the server lets no more streams in. One place waits for the next.
	starved bool
	waits   int          // how often it has been
	spare   *quic.Stream // has been opened, and is the next to be used
	// goneFrom is the first stream whose query the server has not read and will not,
	// as it has said (RFC 9114 §5.2).
	goneFrom quic.StreamID
}

// creditTime is how long a server that has nothing to do may take to let the next query
// in, beside some round trips: twice the 25 ms by which acknowledgements are delayed (RFC
// 9000 §18.2), and something more. One that doesn't never will: Knot 3.5 ends connections
// that way.
const creditTime = 60 * time.Millisecond

// connect opens the client's next connection.
func (c *client) connect() (*session, error) {
	began := time.Now()
	conn, err := c.socket.transport.Dial(c.ctx, c.server, c.tls, c.quic)
	if err != nil {
		return nil, err
	}
	s := &session{client: c, conn: conn, goneFrom: noStream}
	if err := c.codec.setUp(conn); err != nil {
		s.close()
		return nil, err
	}
	c.opened(time.Since(began), conn.ConnectionState().TLS.DidResume)
	c.tasks.Go(func() { c.codec.listen(s) })
	c.tasks.Go(func() {
		select {
		case <-conn.Context().Done():
			s.retire()
		case <-c.ctx.Done():
			s.close()
		}
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected = true
	if conn.Context().Err() == nil {
		c.session = s
	}
	if c.open() {
		c.ready.push(c)
	}
	c.dispatch(nil)
	return s, nil
}

func (w *worker) opened(handshake time.Duration, resumed bool) {
	w.Recorder.Lock()
	w.Recorder.Opened(handshake, resumed)
	w.Recorder.Unlock()
}

const noStream = quic.StreamID(1<<62 - 1)

// retire lets no more queries go to the connection, which ends with its last one.
func (s *session) retire() {
	s.client.mu.Lock()
	first := !s.retired
	s.retired = true
	if s.client.session == s {
		s.client.session = nil
	}
	unused := s.busy == 0
	s.client.mu.Unlock()
	if first {
		select {
		case s.client.news <- struct{}{}:
		default:
		}
	}
	if unused {
		s.close()
	}
}

// close ends the connection. It does nothing for none.
func (s *session) close() {
	if s != nil {
		s.conn.CloseWithError(s.client.codec.noError(), "")
	}
}

// rejects tells whether the server has said that it doesn't read a stream, by going away
// before it or by its reset, if it has come.
func (s *session) rejects(stream quic.StreamID, reset *quic.StreamError) bool {
	if reset != nil {
		return reset.Remote && s.client.codec.rejected(reset.ErrorCode)
	}
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	return stream >= s.goneFrom
}

// sent takes note of a query.
func (s *session) sent(at int64) {
	if s.asked.Load() <= s.answered.Load() {
		s.asked.Store(at)
	}
}

// silent tells, when a query is given up, whether the connection is, too: nothing has come
// on it for as long as any query may wait. A server that has started anew can be known in
// no other way.
func (s *session) silent() bool {
	asked := s.asked.Load()
	return asked > s.answered.Load() && s.client.Now()-asked >= s.client.timeout
}

// goAway is told by the server that it reads no stream from this one on.
func (s *session) goAway(from quic.StreamID) {
	s.client.mu.Lock()
	s.goneFrom = min(s.goneFrom, from)
	s.client.mu.Unlock()
	s.retire()
}

// starve is called for a place that got no stream: some place has to wait for one, and
// all queries meanwhile go elsewhere. It tells whether this place is it.
func (s *session) starve() (waits bool) {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	if s.starved || s.retired {
		return false
	}
	s.starved = true
	s.waits++
	return true
}

// hope bounds how long a server without a query of this connection lets it wait for the
// next stream. The lock must be held.
func (s *session) hope() {
	if !s.starved || s.busy > 0 || s.retired {
		return
	}
	waits := s.waits
	limit := creditTime + 4*s.conn.ConnectionStats().SmoothedRTT
	time.AfterFunc(limit, func() {
		s.client.mu.Lock()
		usedUp := s.starved && s.waits == waits
		s.client.mu.Unlock()
		if usedUp {
			s.retire()
		}
	})
}

// fed ends the wait for a stream.
func (s *session) fed(stream *quic.Stream) {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	s.starved = false
	s.spare = stream
}

// end takes note of an error that has ended the connection with a query under way.
func (s *session) end(err error) {
	s.retire()
	c := s.client
	c.mu.Lock()
	told := s.broken
	s.broken = true
	c.mu.Unlock()
	if !told {
		c.broken(err)
	}
}
