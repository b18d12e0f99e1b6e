package stream

import (
	"encoding/binary"
	"errors"
	"math"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Sizes of HTTP/2 (RFC 9113).
const (
	frameHead    = 9
	firstWindow  = 65535    // of streams and connections, until something else is said
	frameBytes   = 16 << 10 // the largest frame that either side may send unasked
	streamWindow = 1 << 20  // what we let the server send on one stream
	connWindow   = 16 << 20 // and on the connection
	maxWindow    = math.MaxInt32
	maxBlock     = 64 << 10 // of header fields in one response
	lastStream   = 1<<31 - 1
)

// h2 is the client's side of HTTP/2. The n-th query has stream 2n+1.
type h2 struct {
	p       *place
	encoder fieldEncoder
	decoder *hpack.Decoder
	status  int        // of the header fields that are being decoded
	streams []h2Stream // beside the table's slots

	settled    bool // the server's SETTINGS have come
	maxStreams uint32
	maxFrame   int
	window     int64 // what the server lets us send on the connection
	newWindow  int64 // and on a new stream
	stalled    []stalled
	received   int // bytes of DATA that the server's window doesn't have back yet

	block     []byte // header fields whose last part has not come
	blockOf   uint32 // their stream; 0: none
	blockEnds bool   // the stream ends with them
	buffers   [][]byte
}

// h2Stream is what a slot's query has got so far.
type h2Stream struct {
	status int
	body   []byte // of several frames; nil: none yet
}

// stalled is the rest of a request that a stream's window has no room for.
type stalled struct {
	number uint32
	window int64
	rest   []byte
}

func newHTTP2(p *place) codec {
	c := &h2{p: p, streams: make([]h2Stream, len(p.table.slots))}
	c.encoder.init(p.w.Options)
	return c
}

func (c *h2) start() {
	c.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == ":status" {
			c.status = parseThreeDigits(f.Value)
		}
	})
	c.decoder.SetMaxStringLength(maxBlock)
	c.encoder.reset()
	clear(c.streams)
	c.settled, c.maxStreams, c.maxFrame = false, 1, frameBytes
	c.window, c.newWindow = firstWindow, firstWindow
	c.stalled, c.received = c.stalled[:0], 0
	c.block, c.blockOf = c.block[:0], 0

	out := append(c.p.requests, http2.ClientPreface...)
	out = appendFrame(out, http2.FrameSettings, 0, 0, 2*6)
	out = appendSetting(out, http2.SettingEnablePush, 0)
	out = appendSetting(out, http2.SettingInitialWindowSize, streamWindow)
	c.p.requests = appendUint32(appendFrame(out, http2.FrameWindowUpdate, 0, 0, 4), connWindow-firstWindow)
}

// room lets one query in before the server has said how many there may be.
func (c *h2) room() bool {
	return uint32(c.p.table.inUse) < c.maxStreams && len(c.stalled) == 0 && c.window >= int64(len(c.p.w.scratch))
}

func (c *h2) ask(s *slot) int {
	p := c.p
	message := p.message(s)
	stream := 2*s.number + 1
	c.streams[p.table.position(s.number)] = h2Stream{}
	at := len(p.requests)
	flags := http2.FlagHeadersEndHeaders
	if p.w.Options.Get {
		flags |= http2.FlagHeadersEndStream
	}
	out := appendFrame(p.requests, http2.FrameHeaders, flags, stream, 0)
	out = c.encoder.append(out, message)
	putLength(out[at:], len(out)-at-frameHead)
	if !p.w.Options.Get {
		n := int(min(int64(len(message)), c.newWindow, int64(c.maxFrame)))
		n = max(n, 0)
		if n < len(message) {
			c.stalled = append(c.stalled, stalled{s.number, c.newWindow - int64(n), append([]byte(nil), message[n:]...)})
		}
		if n > 0 {
			out = c.appendData(out, stream, message[:n], n == len(message))
		}
	}
	p.requests = out
	if stream >= lastStream-2 {
		p.draining = true
	}
	return len(message)
}

func (c *h2) appendData(out []byte, stream uint32, data []byte, last bool) []byte {
	var flags http2.Flags
	if last {
		flags = http2.FlagDataEndStream
	}
	c.window -= int64(len(data))
	return append(appendFrame(out, http2.FrameData, flags, stream, len(data)), data...)
}

// proceed sends what windows have got room for.
func (c *h2) proceed() {
	p := c.p
	kept := c.stalled[:0]
	for _, s := range c.stalled {
		for len(s.rest) > 0 {
			n := min(int64(len(s.rest)), s.window, c.window, int64(c.maxFrame))
			if n <= 0 {
				break
			}
			p.requests = c.appendData(p.requests, 2*s.number+1, s.rest[:n], int(n) == len(s.rest))
			p.w.touch(p)
			s.window -= n
			s.rest = s.rest[n:]
		}
		if len(s.rest) > 0 {
			kept = append(kept, s)
		}
	}
	c.stalled = kept
}

// forget drops the rest of a request whose stream has ended.
func (c *h2) forget(number uint32) {
	for i := range c.stalled {
		if c.stalled[i].number == number {
			c.stalled = append(c.stalled[:i], c.stalled[i+1:]...)
			return
		}
	}
}

// gaveUp frees the server from a query that nobody waits for.
func (c *h2) gaveUp(s *slot) {
	c.cancel(s)
	c.release(s.number)
}

func (c *h2) cancel(s *slot) {
	p := c.p
	p.requests = appendUint32(appendFrame(p.requests, http2.FrameRSTStream, 0, 2*s.number+1, 4), uint32(http2.ErrCodeCancel))
	p.w.touch(p)
	c.forget(s.number)
}

func (c *h2) record(requests []byte) int { return len(requests) }

func (c *h2) eof() {}

func (c *h2) take(received []byte) (used int, err error) {
	for {
		left := received[used:]
		if len(left) < frameHead {
			return used, nil
		}
		length := int(left[0])<<16 | int(left[1])<<8 | int(left[2])
		if length > frameBytes {
			return used, tooMany("an HTTP/2 frame", length, frameBytes)
		}
		if len(left) < frameHead+length {
			return used, nil
		}
		f := frame{
			kind:    http2.FrameType(left[3]),
			flags:   http2.Flags(left[4]),
			stream:  binary.BigEndian.Uint32(left[5:]) &^ (1 << 31),
			payload: left[frameHead : frameHead+length],
		}
		used += frameHead + length
		if err := c.frame(f); err != nil {
			return used, err
		}
	}
}

type frame struct {
	kind    http2.FrameType
	flags   http2.Flags
	stream  uint32
	payload []byte
}

// violation is what the server must not send.
func violation(what string) error { return errors.New("HTTP/2: " + what) }

func (c *h2) frame(f frame) error {
	if c.blockOf != 0 && (f.kind != http2.FrameContinuation || f.stream != c.blockOf) {
		return violation("another frame within header fields")
	}
	switch f.kind {
	case http2.FrameData:
		return c.data(f)
	case http2.FrameHeaders:
		return c.headers(f)
	case http2.FrameContinuation:
		if c.blockOf == 0 {
			return violation("CONTINUATION of nothing")
		}
		return c.fields(f.payload, f.flags.Has(http2.FlagContinuationEndHeaders))
	case http2.FrameRSTStream:
		return c.reset(f)
	case http2.FrameSettings:
		return c.settings(f)
	case http2.FramePushPromise:
		return violation("PUSH_PROMISE, which it was told not to send")
	case http2.FramePing:
		return c.ping(f)
	case http2.FrameGoAway:
		return c.goAway(f)
	case http2.FrameWindowUpdate:
		return c.windowUpdate(f)
	}
	return nil // RFC 9113 §5.5: what is not known has no meaning
}

// find returns the slot of a stream. belongs: it has had that stream.
func (c *h2) find(stream uint32) (s *slot, belongs bool) {
	number := stream >> 1
	s = &c.p.table.slots[c.p.table.position(number)]
	return s, stream&1 == 1 && s.state != unused && s.number == number
}

// unpad removes padding (RFC 9113 §6.1).
func unpad(payload []byte) ([]byte, error) {
	if len(payload) == 0 || int(payload[0]) >= len(payload) {
		return nil, violation("padding longer than its frame")
	}
	return payload[1 : len(payload)-int(payload[0])], nil
}

func (c *h2) data(f frame) error {
	p := c.p
	if c.received += len(f.payload); c.received >= connWindow/2 {
		p.requests = appendUint32(appendFrame(p.requests, http2.FrameWindowUpdate, 0, 0, 4), uint32(c.received))
		p.w.touch(p)
		c.received = 0
	}
	data := f.payload
	if f.flags.Has(http2.FlagDataPadded) {
		var err error
		if data, err = unpad(data); err != nil {
			return err
		}
	}
	s, belongs := c.find(f.stream)
	ends := f.flags.Has(http2.FlagDataEndStream)
	if !belongs || s.state != underWay {
		if ends {
			p.strange(s, belongs)
		}
		return nil
	}
	stream := &c.streams[p.table.position(s.number)]
	switch {
	case stream.status == 0:
		return violation("DATA before HEADERS")
	case ends && len(stream.body) == 0:
		c.respond(s, data)
	case len(stream.body)+len(data) > maxMessage:
		// No message is that long, whatever it is.
		c.cancel(s)
		c.respond(s, nil)
	default:
		if stream.body == nil {
			stream.body = c.buffer()
		}
		stream.body = append(stream.body, data...)
		if ends {
			c.respond(s, stream.body)
		}
	}
	return nil
}

// respond ends a stream with what has come on it.
func (c *h2) respond(s *slot, body []byte) {
	number := s.number
	if len(c.stalled) > 0 && s.state == underWay {
		c.forget(number)
	}
	c.p.respond(s, c.streams[c.p.table.position(number)].status, body)
	c.release(number)
}

// maxBuffers are kept to be used again.
const maxBuffers = 64

func (c *h2) buffer() []byte {
	if n := len(c.buffers); n > 0 {
		b := c.buffers[n-1]
		c.buffers = c.buffers[:n-1]
		return b
	}
	return make([]byte, 0, 2048)
}

// release takes the memory of a stream that has ended.
func (c *h2) release(number uint32) {
	stream := &c.streams[c.p.table.position(number)]
	if stream.body != nil && len(c.buffers) < maxBuffers {
		c.buffers = append(c.buffers, stream.body[:0])
	}
	*stream = h2Stream{}
}
