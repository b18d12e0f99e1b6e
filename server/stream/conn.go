package stream

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"yushan/server/query"
)

// reason is why a connection is to end, or has ended.
type reason uint32

const (
	none       reason = iota
	byClient          // it closed, or the network failed
	idle              // no query for too long
	halfFrame         // a frame was not completed in time, or slowly
	badFrame          // a length that makes no sense
	slowReader        // answers aren't taken
	enough            // MaxQueries
	evicted           // another connection needs the place
	stopping          // the server is
	failure           // the engine panicked
	reasons
)

// phase is what a connection waits for.
type phase uint64

const (
	waiting   phase = iota // for a query
	inFrame                // for the rest of a query
	writing                // for the client to take answers
	phaseBits = 2
)

// errBadFrame, errEnough end a connection from within; others come from the
// network.
var (
	errBadFrame   = errors.New("frame length makes no sense")
	errEnough     = errors.New("as many queries as one connection may bring")
	errSlowReader = errors.New("too many answers aren't taken")
	errPanic      = errors.New("the engine panicked")
)

// lingerTimeout is how long the server waits, after its last answers, for the
// client to close: closing a socket with unread bytes resets the connection, and a reset may
// overtake the answers.
const lingerTimeout = 500 * time.Millisecond

// conn is one connection, and the goroutine that serves it.
type conn struct {
	server    *Server
	nc        net.Conn
	raw       syscall.RawConn // of a *net.TCPConn, else nil
	client    netip.AddrPort
	transport query.Transport
	slot      int // in the server's table, which guards it

	state atomic.Uint64 // since which tick << phaseBits | phase
	// cut is set by others, with the server's mutex held, before they wake the
	// goroutine. The first reason counts.
	cut atomic.Uint32

	// What follows belongs to the goroutine.
	work    *workspace // while bytes are being handled
	have    int        // work.in[:have] is filled
	rest    []byte     // what wasn't handled before the last wait: at most a read, usually less than a frame
	queries int
	since   uint64 // tick in which rest's frame began
	first   []byte // see readOther

	// For io.go, whose functions are called by raw; made once.
	tryRead, tryWrite func(fd uintptr) bool
	ioErr             error
	unsent            []byte
	pending           int // bytes accounted for in the server's workspaces

	// For holders; the mutex of workspaces guards them.
	older, newer *conn
	listed       bool
	round        uint64
}

func (s *Server) newConn(nc net.Conn, transport query.Transport) *conn {
	c := &conn{server: s, nc: nc, transport: transport, client: clientOf(nc)}
	if tcp, ok := nc.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			c.raw = raw
			c.tryRead, c.tryWrite = c.readNow, c.writeNow
			return c
		}
	}
	c.first = make([]byte, firstBytes)
	return c
}

// clientOf is the zero value for connections that have no such address, as those
// of tests.
func clientOf(nc net.Conn) netip.AddrPort {
	if addr, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		at := addr.AddrPort()
		return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
	}
	return netip.AddrPort{}
}

// serve answers queries until the connection ends. It closes it.
func (c *conn) serve() {
	why := c.reasonOf(c.loop())
	c.server.events.byReason[why].Add(1)
	c.release()
	if why == stopping {
		c.answerLast()
		c.release()
	}
	// Though nothing may have arrived last, answers may still be on their way.
	if why == stopping && c.queries > 0 || why == enough || why == badFrame || why == failure {
		c.linger()
	}
	if why == slowReader {
		c.reset()
	}
	c.nc.Close()
}

func (c *conn) loop() error {
	for {
		if !c.wholeFrame() {
			if err := c.read(); err != nil {
				return err
			}
		} else {
			c.take()
		}
		if err := c.answer(); err != nil {
			return err
		}
	}
}

// wholeFrame reports whether rest has something to answer: so it is when a slow
// reader kept the server from handling all of a read.
func (c *conn) wholeFrame() bool {
	return len(c.rest) >= 2 && len(c.rest) >= 2+int(binary.BigEndian.Uint16(c.rest))
}

// take gets a workspace, and puts rest into it.
func (c *conn) take() {
	if c.work == nil {
		c.server.workspaces.lend(c)
	}
	c.have = copy(c.work.in, c.rest)
}

// release gives the workspace back, if there is one.
func (c *conn) release() {
	if c.work != nil {
		c.server.workspaces.takeBack(c)
		c.have = 0
	}
}

// keep remembers bytes that can't be handled yet.
func (c *conn) keep(bytes []byte) {
	if len(bytes) == 0 && cap(c.rest) > smallRest {
		c.rest = nil
		return
	}
	c.rest = append(c.rest[:0], bytes...)
}

// smallRest is how much memory a connection keeps for the halves of frames to
// come; a query is rarely longer.
const smallRest = 256

// tally is what a read has come to so far.
type tally struct {
	at, out                               int // work.in[:at] is handled, work.out[:out] filled
	queries, responses, bytesIn, bytesOut uint64
}

// answer answers the whole frames of the workspace and gives it back.
func (c *conn) answer() error {
	w := c.work
	w.req.Client, w.req.Transport = c.client, c.transport
	w.req.KeepaliveUnits = uint16(c.server.keepalive.Load())
	w.tally = tally{}
	err := c.answerFrames(c.server.engine.Load())
	if t := &w.tally; t.queries > 0 {
		w.traffic.batches.Add(1)
		w.traffic.queries.Add(t.queries)
		w.traffic.bytesIn.Add(t.bytesIn)
		w.traffic.responses.Add(t.responses)
		w.traffic.bytesOut.Add(t.bytesOut)
		if t.queries > t.responses {
			w.traffic.unanswered.Add(t.queries - t.responses)
		}
	}
	if w.tally.at > 0 || len(c.rest) == 0 {
		c.since = c.server.tick.Load() // what is left, if anything, is another frame
	}
	c.keep(w.in[w.tally.at:c.have])
	if out := w.tally.out; out > 0 {
		if failed := c.write(w.out[:out]); failed != nil {
			err = failed
		}
	}
	c.release()
	return err
}

// answerFrames puts the answers to the whole frames of the workspace into it.
func (c *conn) answerFrames(engine *query.Engine) (err error) {
	defer c.caught(&err)
	w, limits := c.work, &c.server.limits
	t := &w.tally
	for c.have-t.at >= 2 {
		length := int(binary.BigEndian.Uint16(w.in[t.at:]))
		if length < minFrameBytes || length > limits.MaxFrameBytes {
			return errBadFrame
		}
		if c.have-t.at < 2+length {
			return nil
		}
		if len(w.out)-t.out < maxAnswerFrame {
			return nil // loop comes back for the rest
		}
		w.req.Wire = w.in[t.at+2 : t.at+2+length]
		t.at += 2 + length
		t.queries++
		t.bytesIn += uint64(length)
		if n := engine.Answer(w.query, &w.req, w.out[t.out+2:t.out+maxAnswerFrame]); n > 0 {
			binary.BigEndian.PutUint16(w.out[t.out:], uint16(n))
			t.out += 2 + n
			t.responses++
			t.bytesOut += uint64(n)
		}
		c.queries++
		if c.queries == limits.MaxQueries {
			return errEnough
		}
	}
	return nil
}

// caught ends a panic of the engine. What it has answered before stays answered.
func (c *conn) caught(err *error) {
	value := recover()
	if value == nil {
		return
	}
	*err = errPanic
	w := c.work
	w.traffic.panics.Add(1)
	fresh := query.NewWorker() // nobody knows in which state the old one is
	*fresh.Counters() = *w.query.Counters()
	w.query = fresh
	if c.server.onPanic != nil {
		c.server.onPanic(w.req.Wire, value)
	}
}

// answerLast answers what has arrived until the server was told to stop, and
// not what still comes: a client that never stops would keep the server from it.
func (c *conn) answerLast() {
	for left := c.arrived(); ; {
		if !c.wholeFrame() {
			n := c.readLast(left)
			if n == 0 {
				return
			}
			left -= n
		} else {
			c.take()
		}
		if c.answer() != nil {
			return
		}
	}
}

// linger tells the client that no more answers come, and waits a little for it
// to close.
func (c *conn) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(lingerTimeout))
	var ignored [512]byte
	for {
		if _, err := c.nc.Read(ignored[:]); err != nil {
			return
		}
	}
}

// reset closes the TCP connection at once: what the client didn't take, the kernel
// needn't keep. Else TLS would wait 5 s for it to take a farewell, too.
func (c *conn) reset() {
	nc := c.nc
	if above, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = above.NetConn()
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		tcp.SetLinger(0)
		tcp.Close()
	}
}

// wait notes what the connection is about to wait for, and since when.
func (c *conn) wait(p phase, since uint64) {
	c.state.Store(since<<phaseBits | uint64(p))
}

// waits tells it.
func (c *conn) waits() (p phase, since uint64) {
	state := c.state.Load()
	return phase(state & (1<<phaseBits - 1)), state >> phaseBits
}

// end makes the connection's goroutine end soon, and says why. It may be called
// from any goroutine that holds the server's mutex. Only the wait is broken off:
// one that reads still writes the answers to what it has got at that moment.
func (c *conn) end(why reason) {
	if !c.cut.CompareAndSwap(uint32(none), uint32(why)) && why != slowReader {
		return
	}
	if why == slowReader {
		c.nc.SetWriteDeadline(past)
		return
	}
	c.nc.SetReadDeadline(past)
}

// cutOff makes the connection's goroutine give its workspace back soon, whether
// it writes or reads: on TLS to read may mean to write (RFC 8446 §4.6.3). It may be
// called by whoever holds the workspaces' mutex while c is a holder.
func (c *conn) cutOff() {
	c.cut.CompareAndSwap(uint32(none), uint32(slowReader))
	c.nc.SetDeadline(past)
}

// past is a deadline that has gone by.
var past = time.Unix(1, 0)

// reasonOf tells why the loop has ended.
func (c *conn) reasonOf(err error) reason {
	switch {
	case errors.Is(err, errBadFrame):
		return badFrame
	case errors.Is(err, errEnough):
		return enough
	case errors.Is(err, errSlowReader):
		return slowReader
	case errors.Is(err, errPanic):
		return failure
	case errors.Is(err, os.ErrDeadlineExceeded):
		if p, _ := c.waits(); p == writing {
			return slowReader
		}
		if why := reason(c.cut.Load()); why != none {
			return why
		}
		return byClient
	}
	return byClient
}
