package h2

import (
	"encoding/binary"

	"yushan/server/doh/exchange"
	"yushan/server/doh/h2/hpack"
)

// MinOut is how much room [Conn.Answer] needs for output.
const MinOut = responseRoom + goAwayRoom + controlRoom

const (
	// controlRoom is room for whatever is sent because of a frame that doesn't complete
	// a request: SETTINGS and its acknowledgement, WINDOW_UPDATE, RST_STREAM.
	controlRoom = 128
	// goAwayRoom is kept free for a last frame.
	goAwayRoom = frameHeaderBytes + 8 + maxReasonBytes
	// maxReasonBytes is the length of the longest [Error.Reason].
	maxReasonBytes = 80
)

// phase is how far a connection has come.
type phase uint8

const (
	expectPreface phase = iota
	expectSettings
	open
	closed
)

// Conn is the server's side of a connection. One goroutine may use it.
type Conn struct {
	server  *Server
	decoder hpack.Decoder
	encoder hpack.Encoder

	phase        phase
	greeted      bool   // the server's SETTINGS are sent
	lastStream   uint32 // highest that the client has opened
	lastAnswered uint32 // highest that a response was made for
	patience     int32  // see Limits.Patience
	updates      int32  // how many WINDOW_UPDATE cost none: one for each KiB sent

	// Flow control (RFC 9113 §6.9).
	sendWindow int32  // the connection's; it may not be negative
	peerWindow int32  // SETTINGS_INITIAL_WINDOW_SIZE of the client
	received   uint32 // bytes of receiveWindow that haven't been given back

	// Streams that are open, oldest first.
	oldest, newest *stream
	streams        int
	held           int // bytes of memory for requests, see Limits.MaxHeldBytes
	pending        int // bytes of memory for responses, see Limits.MaxPendingBytes

	// A header block of which CONTINUATION frames are to come (RFC 9113 §6.10).
	block         []byte
	blockStream   uint32 // 0 if there is none
	blockEnds     bool   // with END_STREAM
	continuations int

	// The streams that the server has reset last: what the client has sent on them
	// before it knew is ignored (RFC 9113 §5.1).
	reset   [8]uint32
	resetAt uint8
}

// turn is what a connection borrows while it works.
type turn struct {
	handler exchange.Handler
	out     []byte // out[:n] is filled; goAwayRoom behind it isn't counted
	n       int
	full    bool // a response waits for room in out only

	head    head
	arena   []byte // for head's slices
	scratch []byte // for the fields being decoded
	block   []byte // a response's header block
	digits  []byte
	date    []byte // nil until it is needed
	req     exchange.Request
	res     exchange.Response
}

func newTurn(l *Limits) *turn {
	return &turn{
		arena:   make([]byte, 0, l.MaxHeaderBytes),
		scratch: make([]byte, 0, max(l.MaxHeaderBytes, hpack.MinScratch)),
		block:   make([]byte, 0, maxResponseBlock),
		digits:  make([]byte, 0, 32),
	}
}

func (t *turn) room() int { return len(t.out) - t.n }

// Answer handles what has arrived: in, from its start, and puts what is to be sent
// into out, from its start. It calls handler for each request that is complete.
//
// It returns how many bytes of in are done with; the others have to come again, with more
// behind them, and are never more than a frame, 16393 bytes, unless more is true. Then the
// connection has more to send than out takes, and Answer has to be called again when out
// is written, whether or not something has arrived.
//
// An err, which is an [*Error], ends the connection when out is written. A panic of
// handler goes through, and the connection is of no use afterwards.
//
// len(out) must be at least MinOut. Answer keeps neither in nor out.
func (c *Conn) Answer(handler exchange.Handler, in, out []byte) (used, wrote int, more bool, err error) {
	if len(out) < MinOut {
		panic("h2: the output buffer is too short")
	}
	if c.phase == closed {
		return len(in), 0, false, errClosed
	}
	t := c.server.turns.Get().(*turn)
	t.handler, t.out, t.n, t.full, t.date = handler, out[:len(out)-goAwayRoom], 0, false, nil
	used, more, failed := c.run(t, in)
	wrote = t.n
	if failed != nil {
		wrote += c.goAway(out[wrote:], failed)
		c.server.events.ended.Add(1)
		c.end()
		err = failed
	}
	t.handler, t.out = nil, nil
	t.req.Reset()
	t.res.Reset(nil)
	c.server.turns.Put(t)
	return used, wrote, more, err
}

// Owes tells which thing the client has begun and not ended: 0 if none, else a
// number that stays the same as long as the oldest one does and makes no progress that
// counts. It is the preface, a request, or a response for which the client keeps its
// flow-control window closed; of that, progress is counted in steps of 16 KiB.
func (c *Conn) Owes() uint64 {
	if c.phase < open {
		return 1 << 63
	}
	for s := c.oldest; s != nil; s = s.newer {
		switch {
		case !s.responding:
			return uint64(s.id)
		case len(s.unsent) > 0:
			return uint64(s.id) | uint64(s.sent/progressBytes+1)<<32
		}
	}
	return uint64(c.blockStream)
}

// progressBytes is how much of a response a client has to take so that it has done
// something.
const progressBytes = 16 << 10

// Held is how many bytes of memory the connection has for what hasn't arrived or
// hasn't left, beside what it always needs: see "Memory" in the package's
// documentation.
func (c *Conn) Held() int {
	return c.held + c.pending + cap(c.block) + c.streams*streamBytes
}

// Close ends the connection, for reasons that aren't the client's (RFC 9113
// §6.8). It writes what is to be sent to out, which needs 17 bytes; what was
// answered stays answered, and the client may send other requests again elsewhere.
// A connection that has ended writes nothing.
func (c *Conn) Close(out []byte) (wrote int) {
	if c.phase == closed {
		return 0
	}
	if c.greeted {
		wrote = c.goAway(out, errNone)
	}
	c.end()
	return wrote
}

// goAway writes a GOAWAY frame (RFC 9113 §6.8), with the reason as debug data.
func (c *Conn) goAway(out []byte, why *Error) int {
	reason := why.Reason[:min(len(why.Reason), maxReasonBytes)]
	putFrame(out, 8+len(reason), frameGoAway, 0, 0)
	binary.BigEndian.PutUint32(out[frameHeaderBytes:], c.lastAnswered)
	binary.BigEndian.PutUint32(out[frameHeaderBytes+4:], uint32(why.Code))
	return frameHeaderBytes + 8 + copy(out[frameHeaderBytes+8:], reason)
}

// end gives all memory back.
func (c *Conn) end() {
	for c.oldest != nil {
		c.drop(c.oldest)
	}
	c.decoder, c.encoder, c.block, c.blockStream = hpack.Decoder{}, hpack.Encoder{}, nil, 0
	c.phase = closed
}

// Errors of the connection. Their text goes to the client.
var (
	errNone         = &Error{NoError, ""}
	errClosed       = &Error{NoError, "the connection has ended"}
	errPreface      = &Error{ProtocolError, "expected the client connection preface"}
	errNoSettings   = &Error{ProtocolError, "expected SETTINGS as the first frame"}
	errFrameSize    = &Error{FrameSizeError, "frame is longer than 16384 bytes"}
	errInterrupted  = &Error{ProtocolError, "expected CONTINUATION of a header block"}
	errContinuation = &Error{ProtocolError, "CONTINUATION without a header block to continue"}
	errPush         = &Error{ProtocolError, "PUSH_PROMISE from a client"}
	errPatience     = &Error{EnhanceYourCalm, "too many frames and resets for so few requests"}
)

// run handles what can be.
func (c *Conn) run(t *turn, in []byte) (used int, more bool, err *Error) {
	if !c.greeted {
		c.greet(t)
	}
	if c.pending > 0 || c.oldest != nil {
		c.flush(t)
	}
	for {
		rest := in[used:]
		if c.phase == expectPreface {
			n := min(len(rest), len(preface))
			if string(rest[:n]) != preface[:n] {
				return used, false, errPreface
			}
			if n < len(preface) {
				break
			}
			used += n
			c.phase = expectSettings
			continue
		}
		if len(rest) < frameHeaderBytes {
			break
		}
		length := int(rest[0])<<16 | int(rest[1])<<8 | int(rest[2])
		f := frame{
			kind:   frameType(rest[3]),
			flags:  rest[4],
			stream: binary.BigEndian.Uint32(rest[5:]) & (1<<31 - 1),
		}
		if err := c.expects(f, length); err != nil {
			return used, false, err
		}
		if len(rest) < frameHeaderBytes+length {
			break
		}
		if t.full || t.room() < roomFor(f) {
			return used, true, nil
		}
		f.payload = rest[frameHeaderBytes : frameHeaderBytes+length]
		if err := c.handle(t, f); err != nil {
			return used, false, err
		}
		used += frameHeaderBytes + length
	}
	return used, t.full, nil
}

// roomFor is how much may have to be sent because of a frame.
func roomFor(f frame) int {
	switch f.kind {
	case frameData, frameHeaders, frameContinuation:
		return responseRoom
	}
	return controlRoom
}

// expects judges a frame by its header.
func (c *Conn) expects(f frame, length int) *Error {
	switch {
	case c.phase == expectSettings && (f.kind != frameSettings || f.has(flagAck)):
		return errNoSettings
	case length > maxFrameBytes:
		return errFrameSize
	case c.blockStream != 0 && (f.kind != frameContinuation || f.stream != c.blockStream):
		return errInterrupted
	}
	return nil
}

func (c *Conn) handle(t *turn, f frame) *Error {
	switch f.kind {
	case frameData:
		return c.onData(t, f)
	case frameHeaders:
		return c.onHeaders(t, f)
	case frameContinuation:
		return c.onContinuation(t, f)
	case frameWindowUpdate:
		return c.onWindowUpdate(t, f)
	case frameRSTStream:
		return c.onRSTStream(f)
	case frameSettings:
		return c.onSettings(t, f)
	case framePing:
		return c.onPing(t, f)
	case framePriority:
		return c.onPriority(f)
	case frameGoAway:
		return c.onGoAway(f)
	case framePushPromise:
		return errPush
	}
	return c.lose(costFrame) // RFC 9113 §4.1: unknown types are ignored
}

// lose uses patience up; see Limits.Patience.
func (c *Conn) lose(cost int32) *Error {
	if c.patience -= cost; c.patience < 0 {
		return errPatience
	}
	return nil
}

// gain gives some back.
func (c *Conn) gain() {
	c.patience = min(c.patience+creditEach, int32(c.server.limits.Patience))
}
