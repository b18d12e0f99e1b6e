package h2

import (
	"net/http"
	"strconv"

	"yushan/server/doh/exchange"
	"yushan/server/doh/h2/hpack"
)

const (
	// maxResponseBlock is the longest header block of a response. Handlers' fields
	// are few and short.
	maxResponseBlock = 2048
	// bodyOffset is where in what is left of out the handler puts a body. It is behind
	// its place in the frames that will hold it, however these are laid out.
	bodyOffset = frameHeaderBytes + maxResponseBlock + (exchange.MaxBody/maxFrameBytes+1)*frameHeaderBytes
	// responseRoom is how much may have to be sent because of a frame that completes
	// a request: an answer, and before and behind it what controlRoom is for.
	responseRoom = 2*controlRoom + bodyOffset + exchange.MaxBody
)

// answer asks the handler for the response to t.req, and sends as much of it as
// windows allow. s is nil if the stream isn't open so far. receiving tells that the
// client hasn't ended it: it is an early response (RFC 9113 §8.1).
func (c *Conn) answer(t *turn, id uint32, s *stream, receiving bool) *Error {
	if c.pending >= c.server.limits.MaxPendingBytes {
		return c.resetStream(t, id, s, RefusedStream)
	}
	at := t.n + bodyOffset
	t.res.Reset(t.out[at : at+exchange.MaxBody : at+exchange.MaxBody])
	t.handler.Handle(&t.req, &t.res)
	c.lastAnswered = max(c.lastAnswered, id)
	if t.req.Refused == 0 {
		c.gain()
	}
	return c.respond(t, id, s, receiving, t.req.Method == http.MethodHead)
}

// respond sends t.res.
func (c *Conn) respond(t *turn, id uint32, s *stream, receiving, head bool) *Error {
	c.lastAnswered = max(c.lastAnswered, id)
	res := &t.res
	if res.Status < 200 || res.Status > 599 || fieldBytes(res) > maxResponseBlock-512 {
		res.Reset(nil)
		res.Status = http.StatusInternalServerError
	}
	body := res.Body
	block := c.responseBlock(t, res)
	if head {
		body = nil
	}
	flags := uint8(0)
	if len(body) == 0 {
		flags = flagEndStream
	}
	t.headers(id, block, flags)
	window := c.peerWindow
	if s != nil {
		window = s.sendWindow
	}
	sent := c.data(t, id, body, window)
	if sent == len(body) {
		c.ended(id, s, receiving)
		return nil
	}
	if s == nil {
		s = c.add(id)
	}
	c.forget(s)
	s.receiving, s.responding = receiving, true
	s.sendWindow -= int32(sent)
	s.sent = sent
	s.unsent = append(make([]byte, 0, len(body)-sent), body[sent:]...)
	s.owned = len(s.unsent)
	c.pending += s.owned
	return nil
}

// ended is called when a response has been sent in full. The client may still be
// sending; it had better not be told to stop, but stop by itself when it has read the
// response: curl, for one, takes RST_STREAM for a failure whatever it says. So what
// comes is dropped, up to the stream's window; see onLate.
func (c *Conn) ended(id uint32, s *stream, receiving bool) {
	switch {
	case !receiving:
		if s != nil {
			c.drop(s)
		}
		return
	case s == nil:
		s = c.add(id)
	}
	s.receiving, s.responding = true, true
	c.forget(s)
}

// onLate drops content that comes after the response was made.
func (c *Conn) onLate(t *turn, s *stream, ends bool) *Error {
	s.receiving = !ends
	if len(s.unsent) == 0 {
		switch {
		case ends:
			c.drop(s)
		case s.receiveWindow < maxFrameBytes:
			// RFC 9113 §8.1: the client hasn't noticed, or doesn't mean to.
			return c.resetStream(t, s.id, s, NoError)
		}
	}
	return c.lose(costFrame)
}

// flush sends what windows and room allow of the responses that wait.
func (c *Conn) flush(t *turn) {
	t.full = false
	for s := c.oldest; s != nil; {
		next := s.newer
		if len(s.unsent) > 0 {
			sent := c.data(t, s.id, s.unsent, s.sendWindow)
			s.sendWindow -= int32(sent)
			s.unsent = s.unsent[sent:]
			s.sent += sent
			if len(s.unsent) == 0 {
				c.ended(s.id, s, s.receiving)
			}
		}
		s = next
	}
}

// responseBlock codes the header section of a response.
func (c *Conn) responseBlock(t *turn, res *exchange.Response) []byte {
	e := &c.encoder
	b := e.AppendStart(t.block[:0])
	switch res.Status {
	case http.StatusOK:
		b = hpack.AppendIndexed(b, hpack.Status)
	case http.StatusBadRequest:
		b = hpack.AppendIndexed(b, hpack.Status400)
	case http.StatusNotFound:
		b = hpack.AppendIndexed(b, hpack.Status404)
	default:
		b = hpack.AppendLiteral(b, hpack.Status, strconv.AppendInt(t.digits[:0], int64(res.Status), 10))
	}
	if res.ContentType != "" {
		b = e.AppendConstant(b, "content-type", res.ContentType)
	}
	if res.Status != http.StatusNoContent { // RFC 9110 §8.6
		b = hpack.AppendLiteral(b, hpack.ContentLength, strconv.AppendInt(t.digits[:0], int64(len(res.Body)), 10))
	}
	if value := res.AppendCacheControl(t.digits[:0]); len(value) > 0 {
		b = hpack.AppendLiteral(b, hpack.CacheControl, value)
	}
	for _, f := range res.Fields {
		b = e.AppendConstant(b, f.Name, f.Value)
	}
	if t.date == nil {
		t.date = c.server.dateValue()
	}
	return hpack.AppendLiteral(b, hpack.Date, t.date)
}

// fieldBytes is at least what a response's own fields need.
func fieldBytes(res *exchange.Response) int {
	n := len(res.ContentType)
	for _, f := range res.Fields {
		n += len(f.Name) + len(f.Value) + 8
	}
	return n
}

// headers appends HEADERS.
func (t *turn) headers(id uint32, block []byte, flags uint8) {
	putFrame(t.out[t.n:], len(block), frameHeaders, flagEndHeaders|flags, id)
	t.n += frameHeaderBytes + copy(t.out[t.n+frameHeaderBytes:], block)
}

// data appends as much of body as the stream's window, the connection's and the
// room allow, in DATA frames, the last with END_STREAM if it is all. body may lie in t.out,
// behind where it goes to. An empty body appends nothing.
func (c *Conn) data(t *turn, id uint32, body []byte, window int32) (sent int) {
	allowed := min(len(body), int(window), int(c.sendWindow))
	for sent < allowed {
		n := min(allowed-sent, maxFrameBytes, t.room()-controlRoom-frameHeaderBytes)
		if n <= 0 {
			t.full = true
			break
		}
		copy(t.out[t.n+frameHeaderBytes:], body[sent:sent+n])
		sent += n
		c.updates = min(c.updates+int32(n>>10), int32(c.server.limits.Patience))
		flags := uint8(0)
		if sent == len(body) {
			flags = flagEndStream
		}
		putFrame(t.out[t.n:], n, frameData, flags, id)
		t.n += frameHeaderBytes + n
	}
	c.sendWindow -= int32(sent)
	return sent
}
