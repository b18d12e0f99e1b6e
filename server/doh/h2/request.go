package h2

import (
	"net/http"

	"yushan/server/doh/exchange"
)

// streamWindow is the flow-control window of a stream: the longest content fits,
// and some more, which shows that it is too long. Only padding has to be given back.
const streamWindow = exchange.MaxBody + maxFrameBytes

var (
	errHeadersStream  = &Error{ProtocolError, "HEADERS for a stream that a client can't open"}
	errHeadersOld     = &Error{ProtocolError, "HEADERS for a stream older than another one"}
	errHeadersClosed  = &Error{StreamClosed, "HEADERS for a stream that has ended"}
	errHeadersPadding = &Error{ProtocolError, "HEADERS with more padding than there is room for"}
	errHeadersSize    = &Error{FrameSizeError, "HEADERS too short for their flags"}
	errBlockFrames    = &Error{EnhanceYourCalm, "header block in too many frames"}
	errBlockBytes     = &Error{EnhanceYourCalm, "header block is too long"}
	errCompression    = &Error{CompressionError, "header block is not properly coded"}
	errDataStream     = &Error{ProtocolError, "DATA without a stream"}
	errDataIdle       = &Error{ProtocolError, "DATA for a stream that was never opened"}
	errDataPadding    = &Error{ProtocolError, "DATA with more padding than there is room for"}
)

// onHeaders begins a header block (RFC 9113 §6.2).
func (c *Conn) onHeaders(t *turn, f frame) *Error {
	if f.stream%2 == 0 {
		return errHeadersStream // 0, or one that a server would open
	}
	if f.stream > c.lastStream {
		c.lastStream = f.stream
	} else if c.find(f.stream) == nil && !c.wasReset(f.stream) {
		if f.stream == c.lastStream {
			return errHeadersClosed
		}
		return errHeadersOld // or closed: the server doesn't remember
	}
	if !f.unpad() {
		return errHeadersPadding
	}
	if f.has(flagPriority) {
		if len(f.payload) < 5 {
			return errHeadersSize
		}
		f.payload = f.payload[5:] // RFC 9113 §5.3.2: ignored
	}
	if f.has(flagEndHeaders) {
		return c.onBlock(t, f.stream, f.has(flagEndStream), f.payload)
	}
	c.blockStream, c.blockEnds, c.continuations = f.stream, f.has(flagEndStream), 0
	c.block = append(c.block[:0], f.payload...)
	return nil
}

// onContinuation goes on with it (RFC 9113 §6.10).
func (c *Conn) onContinuation(t *turn, f frame) *Error {
	if c.blockStream == 0 {
		return errContinuation
	}
	c.continuations++
	if c.continuations > maxContinuations {
		return errBlockFrames
	}
	if len(c.block)+len(f.payload) > c.server.limits.maxBlockBytes() {
		return errBlockBytes
	}
	c.block = append(c.block, f.payload...)
	if f.has(flagEndHeaders) {
		id, block := c.blockStream, c.block
		c.block, c.blockStream = nil, 0
		if err := c.onBlock(t, id, c.blockEnds, block); err != nil {
			return err
		}
	}
	return c.lose(costFrame)
}

// onBlock reads a complete header block: whatever becomes of it, the decoder must
// have seen it (RFC 9113 §4.3).
func (c *Conn) onBlock(t *turn, id uint32, endStream bool, block []byte) *Error {
	h := &t.head
	r := c.decoder.Read(block, t.scratch)
	if h.read(&r, t.arena, c.server.limits.MaxHeaderBytes) != nil {
		return errCompression
	}
	if c.wasReset(id) {
		return c.lose(costFrame)
	}
	if s := c.find(id); s != nil {
		return c.onTrailers(t, s, endStream)
	}
	h.checkRequest(endStream)
	switch {
	case c.streams >= c.server.limits.MaxStreams:
		return c.resetStream(t, id, nil, RefusedStream) // RFC 9113 §5.1.2
	case h.malformed:
		return c.resetStream(t, id, nil, ProtocolError) // RFC 9113 §8.1.1
	case h.large && h.longPath:
		return c.refuse(t, id, !endStream, http.StatusRequestURITooLong)
	case h.large:
		return c.refuse(t, id, !endStream, http.StatusRequestHeaderFieldsTooLarge)
	case h.method == "CONNECT":
		// The client would keep the stream open. A server that is no proxy needn't know
		// the method (RFC 9110 §9.3.6).
		t.res.Reset(nil)
		t.res.Status = http.StatusNotImplemented
		return c.respond(t, id, nil, !endStream, false)
	case h.contentLength > int64(c.server.limits.MaxBodyBytes):
		return c.refuse(t, id, !endStream, http.StatusRequestEntityTooLarge)
	case endStream:
		c.request(t, h.method, h.values(), nil, 0)
		return c.answer(t, id, nil, false)
	}
	s := c.add(id)
	s.receiving, s.method, s.contentLength = true, h.method, h.contentLength
	for i, value := range h.values() {
		if !c.keep(s, value) {
			return c.resetStream(t, id, s, EnhanceYourCalm)
		}
		s.ends[i] = len(s.buf)
	}
	if h.expectContinue {
		// RFC 9110 §10.1.1. ":status: 100", and no more.
		block := c.encoder.AppendStart(t.block[:0])
		block = append(block, "\x08\x03100"...)
		t.headers(id, block, 0)
	}
	return nil
}

// onTrailers ends a request whose content has ended (RFC 9113 §8.1). What they
// say is ignored (RFC 9110 §6.5.1).
func (c *Conn) onTrailers(t *turn, s *stream, endStream bool) *Error {
	switch {
	case !s.receiving:
		return c.resetStream(t, s.id, s, StreamClosed)
	case !endStream, t.head.malformed, t.head.pseudo:
		return c.resetStream(t, s.id, s, ProtocolError)
	case s.responding:
		return c.onLate(t, s, true)
	}
	return c.complete(t, s, nil)
}

// onData receives content (RFC 9113 §6.1).
func (c *Conn) onData(t *turn, f frame) *Error {
	switch {
	case f.stream == 0:
		return errDataStream
	case f.stream > c.lastStream, f.stream%2 == 0:
		return errDataIdle
	}
	length := len(f.payload) // RFC 9113 §6.9.1: padding and all
	// The connection's window is opened again before it can be used up.
	if c.received += uint32(length); c.received >= receiveWindow/2 {
		t.windowUpdate(0, int(c.received))
		c.received = 0
	}
	if !f.unpad() {
		return errDataPadding
	}
	s, ends := c.find(f.stream), f.has(flagEndStream)
	switch {
	case s == nil && c.wasReset(f.stream):
		return c.lose(costFrame)
	case s == nil, !s.receiving:
		return c.resetStream(t, f.stream, s, StreamClosed)
	case length > int(s.receiveWindow):
		return c.resetStream(t, s.id, s, FlowControlError)
	}
	s.receiveWindow -= int32(length)
	if s.responding {
		return c.onLate(t, s, ends)
	}
	have := len(s.body()) + len(f.payload)
	switch {
	case s.contentLength >= 0 && int64(have) > s.contentLength:
		return c.resetStream(t, s.id, s, ProtocolError) // RFC 9113 §8.1.1
	case have > c.server.limits.MaxBodyBytes:
		s.receiving = !ends
		return c.tooLong(t, s)
	case ends:
		return c.complete(t, s, f.payload)
	case !c.keep(s, f.payload):
		return c.resetStream(t, s.id, s, EnhanceYourCalm)
	}
	if padding := length - len(f.payload); padding > 0 {
		t.windowUpdate(s.id, padding)
		s.receiveWindow += int32(padding)
	}
	if len(f.payload) < smallData {
		return c.lose(costFrame)
	}
	return nil
}

// smallData is the length of a DATA frame in the midst of content below which it
// costs patience: a client of good faith has no reason to send many.
const smallData = 1024

// complete answers a request that has arrived in full, the last of its content being
// last.
func (c *Conn) complete(t *turn, s *stream, last []byte) *Error {
	body := s.body()
	if s.contentLength >= 0 && int64(len(body)+len(last)) != s.contentLength {
		return c.resetStream(t, s.id, s, ProtocolError) // RFC 9113 §8.1.1
	}
	if len(body) == 0 {
		body = last
	} else {
		if !c.keep(s, last) {
			return c.resetStream(t, s.id, s, EnhanceYourCalm)
		}
		body = s.body()
	}
	s.receiving = false
	var values [requestFields][]byte
	for i := range values {
		values[i] = s.value(i)
	}
	c.request(t, s.method, values, body, 0)
	return c.answer(t, s.id, s, false)
}

// tooLong refuses a request whose content is longer than it may be.
func (c *Conn) tooLong(t *turn, s *stream) *Error {
	c.request(t, s.method, [requestFields][]byte{s.value(0)}, nil, http.StatusRequestEntityTooLarge)
	return c.answer(t, s.id, s, s.receiving)
}

// refuse lets the handler refuse the request of t.head.
func (c *Conn) refuse(t *turn, id uint32, receiving bool, status int) *Error {
	c.request(t, t.head.method, t.head.values(), nil, status)
	return c.answer(t, id, nil, receiving)
}

// request fills t.req. The values are those of head.values.
func (c *Conn) request(t *turn, method string, values [requestFields][]byte, body []byte, refused int) {
	t.req = exchange.Request{
		Method:          method,
		Path:            values[0],
		ContentType:     values[1],
		ContentEncoding: values[2],
		Forwarded:       values[3],
		XForwardedFor:   values[4],
		Body:            body,
		Refused:         refused,
	}
}
