package h2

import "encoding/binary"

// stream is a request that hasn't arrived in full, or whose response hasn't left.
type stream struct {
	older, newer *stream
	id           uint32

	// receiving: the client hasn't ended the stream. responding: a response has been
	// made; what still comes is dropped. When all of it is sent the client is only
	// waited for.
	receiving, responding bool

	sendWindow    int32 // may be negative (RFC 9113 §6.9.2)
	receiveWindow int32

	// The request: values of fields, then its content.
	buf           []byte
	method        string
	ends          [requestFields]int // of the values in buf, in the order of requestValues
	contentLength int64

	// What remains to be sent of the response, how many bytes it was at first, and how
	// many of the response have been sent.
	unsent      []byte
	owned, sent int
}

// streamBytes is the size of a stream, roughly.
const streamBytes = 256

// streamBuffer is how much memory a usual request needs.
const streamBuffer = 256

// requestFields is how many values of fields a request has.
const requestFields = 5

// values are those of h's fields that a request has, in the order of Conn.request.
func (h *head) values() [requestFields][]byte {
	return [requestFields][]byte{h.path, h.contentType, h.contentEncoding, h.forwarded, h.xForwardedFor}
}

// value is the i-th of them.
func (s *stream) value(i int) []byte {
	if i == 0 {
		return s.buf[:s.ends[0]]
	}
	return s.buf[s.ends[i-1]:s.ends[i]]
}

// body is the content that has arrived.
func (s *stream) body() []byte { return s.buf[s.ends[requestFields-1]:] }

// keptBuffer is how long a buffer may be to be kept for the next stream.
const keptBuffer = streamBuffer

// add opens a stream.
func (c *Conn) add(id uint32) *stream {
	s := c.server.streams.Get().(*stream)
	*s = stream{buf: s.buf[:0], id: id, sendWindow: c.peerWindow, receiveWindow: streamWindow, older: c.newest}
	if c.newest != nil {
		c.newest.newer = s
	} else {
		c.oldest = s
	}
	c.newest = s
	c.streams++
	c.held += cap(s.buf)
	return s
}

// drop closes a stream; s is not to be used afterwards.
func (c *Conn) drop(s *stream) {
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		c.oldest = s.newer
	}
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		c.newest = s.older
	}
	c.streams--
	c.held -= cap(s.buf)
	c.pending -= s.owned
	if cap(s.buf) > keptBuffer {
		s.buf = nil
	}
	*s = stream{buf: s.buf}
	c.server.streams.Put(s)
}

// forget gives the memory of a request back.
func (c *Conn) forget(s *stream) {
	c.held -= cap(s.buf)
	s.buf = nil
	c.pending -= s.owned
	s.unsent, s.owned = nil, 0
}

// find returns an open stream, or nil. Clients mostly complete the oldest first.
func (c *Conn) find(id uint32) *stream {
	for s := c.oldest; s != nil; s = s.newer {
		if s.id == id {
			return s
		}
	}
	return nil
}

// keep appends to what a stream holds; fits is false if that is more than the
// connection may hold, and nothing is kept then.
func (c *Conn) keep(s *stream, b []byte) (fits bool) {
	need := len(s.buf) + len(b)
	if more := need - cap(s.buf); more > 0 {
		left := c.server.limits.MaxHeldBytes - c.held
		if more > left {
			return false
		}
		grown := make([]byte, len(s.buf), min(max(need, 2*cap(s.buf), 128), cap(s.buf)+left))
		copy(grown, s.buf)
		c.held += cap(grown) - cap(s.buf)
		s.buf = grown
	}
	s.buf = append(s.buf, b...)
	return true
}

// resetStream ends a stream for an error of the client's (RFC 9113 §5.4.2), or
// because it is refused. s may be nil.
func (c *Conn) resetStream(t *turn, id uint32, s *stream, code Code) *Error {
	c.sendReset(t, id, code)
	if s != nil {
		c.drop(s)
	}
	switch code {
	case RefusedStream:
		c.server.events.refused.Add(1)
		return c.lose(costRefused)
	case NoError:
	default:
		c.server.events.resetByServer.Add(1)
	}
	return c.lose(costReset)
}

// sendReset writes RST_STREAM, and remembers it.
func (c *Conn) sendReset(t *turn, id uint32, code Code) {
	putFrame(t.out[t.n:], 4, frameRSTStream, 0, id)
	binary.BigEndian.PutUint32(t.out[t.n+frameHeaderBytes:], uint32(code))
	t.n += frameHeaderBytes + 4
	c.reset[c.resetAt%uint8(len(c.reset))] = id
	c.resetAt++
}

// wasReset tells whether the server has reset a stream a short while ago.
func (c *Conn) wasReset(id uint32) bool {
	for _, r := range c.reset {
		if r == id {
			return true
		}
	}
	return false
}
