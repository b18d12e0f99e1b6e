package doq

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// conn is one connection.
type conn struct {
	server *Server
	qc     *quic.Conn
	client netip.AddrPort
	hint   int // for workspaces

	held [creditLag]*quic.Stream // a ring
	at   int                     // of the oldest in it

	activity  atomic.Uint64 // counts streams
	cancelled atomic.Uint64 // counts those that the client gave up
	confirmed atomic.Bool   // the handshake is known to be complete
	closing   atomic.Bool   // the server closes it

	streams sync.WaitGroup // goroutines of streams
	reading atomic.Int32   // of these, those that wait for a query
	writing atomic.Int32   // and those that write an answer

	// The server's mutex guards them.
	seen   uint64 // activity, at the last sweep
	silent int    // sweeps since it changed
}

func clientOf(qc *quic.Conn) netip.AddrPort {
	if addr, ok := qc.RemoteAddr().(*net.UDPAddr); ok {
		at := addr.AddrPort()
		return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
	}
	return netip.AddrPort{}
}

// loop answers queries until the connection ends, or ctx does and all streams
// that have come by then are cared for.
func (c *conn) loop(ctx context.Context) (err error) {
	for err == nil {
		err = c.next(ctx)
	}
	return err
}

// next waits for a stream, and answers its query, if it is there.
func (c *conn) next(ctx context.Context) error {
	stream, err := c.qc.AcceptStream(ctx)
	if err != nil {
		return err
	}
	c.activity.Add(1)
	c.hold(stream)
	w := c.server.workspaces.take(c.hint)
	c.begin(w, stream)
	c.server.workspaces.giveBack(c.hint, w)
	if c.closing.Load() {
		<-c.qc.Context().Done()
		return errClosed
	}
	return nil
}

// owes reports whether an answer waits for its client.
func (c *conn) owes() bool { return c.writing.Load() > 0 }

// creditLag is how many streams later a client gets the credit for another one
// back. By then the stream is finished, mostly, and the news travels with an answer.
// Otherwise quic-go would send a packet for each stream when it is finished.
const creditLag = 8

// hold keeps the credit of a new stream, and gives that of an old one back.
func (c *conn) hold(stream *quic.Stream) {
	if old := c.held[c.at]; old != nil {
		old.ReleaseStreamCredit()
	}
	c.held[c.at] = stream
	c.at = (c.at + 1) % creditLag
}

var errClosed = errors.New("closed by the server")

// atOnce is how long the connection's goroutine waits for a stream's first bytes.
// quic-go tells of a stream a moment before it has them.
const atOnce = 200 * time.Microsecond

// begin answers a stream, or hands it to a goroutine of its own.
func (c *conn) begin(w *workspace, stream *quic.Stream) {
	stream.SetReadDeadline(time.Now().Add(atOnce))
	n, err := stream.Read(w.in)
	switch {
	case err == io.EOF:
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		if _, v := judge(w.in[:n], false, c.server.limits.MaxQueryBytes); v == unfinished {
			c.wait(stream, w.in[:n])
			return
		}
	default:
		c.abandoned(stream, err)
		return
	}
	c.finish(w, stream, w.in[:n], err == io.EOF)
}

// finish does what is to be done with a stream of which no more is needed.
func (c *conn) finish(w *workspace, stream *quic.Stream, data []byte, fin bool) {
	message, v := judge(data, fin, c.server.limits.MaxQueryBytes)
	switch v {
	case oversize:
		c.server.events.oversize.Add(1)
		stream.CancelRead(unspecifiedError)
		stream.CancelWrite(unspecifiedError)
	case complete:
		c.answer(w, stream, message)
	default:
		c.violation()
	}
}

// violation closes the connection of a client that breaks the protocol.
func (c *conn) violation() {
	c.close(protocolError, &c.server.events.protocolErrors)
}

// close closes the connection soon, and counts the first reason. It doesn't wait: its
// caller may have a workspace.
func (c *conn) close(code quic.ApplicationErrorCode, reason *atomic.Uint64) {
	if c.closing.CompareAndSwap(false, true) {
		reason.Add(1)
		go c.qc.CloseWithError(code, "")
	}
}

// abandoned ends a stream that the client gave up, or that ended with its
// connection.
func (c *conn) abandoned(stream *quic.Stream, err error) {
	var cancel *quic.StreamError
	if !errors.As(err, &cancel) {
		return
	}
	stream.CancelRead(requestCancelled)
	stream.CancelWrite(requestCancelled)
	c.server.events.cancelled.Add(1)
	// RFC 9250 §4.3.1: limits on cancelling are the server's to choose.
	if cancelled := c.cancelled.Add(1); cancelled > freeCancels && cancelled > c.activity.Load()/2 {
		c.close(excessiveLoad, &c.server.events.overloads)
	}
}

// freeCancels is how many queries each connection may cancel; more only if they
// are less than half of them.
const freeCancels = 200

// answer answers a message.
func (c *conn) answer(w *workspace, stream *quic.Stream, message []byte) {
	if !c.handshakeComplete() && !replayable(message) {
		w.tooEarly.Add(1)
		c.send(stream, appendTooEarly(w.out[:lengthBytes], message))
		return
	}
	w.queries.Add(1)
	w.bytesIn.Add(uint64(len(message)))
	w.req.Wire, w.req.Client = message, c.client
	n := c.ask(w)
	w.req.Wire = nil
	if n == 0 {
		w.unanswered.Add(1)
		stream.CancelWrite(internalError)
		return
	}
	w.bytesOut.Add(uint64(n))
	c.send(stream, w.out[:lengthBytes+n])
}

// ask lets the engine write its answer behind the place for its length.
func (c *conn) ask(w *workspace) (n int) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		n = 0
		w.panics.Add(1)
		w.renew()
		if c.server.onPanic != nil {
			c.server.onPanic(w.req.Wire, value)
		}
	}()
	return c.server.engine.Load().Answer(w.query.Load(), &w.req, w.out[lengthBytes:])
}

func (c *conn) handshakeComplete() bool {
	if c.confirmed.Load() {
		return true
	}
	select {
	case <-c.qc.HandshakeComplete():
		c.confirmed.Store(true)
		return true
	default:
		return false
	}
}

// packetBytes is how much quic-go keeps for a stream without making its writer
// wait.
const packetBytes = 1452

// send sends an answer, before which there is room for its length.
func (c *conn) send(stream *quic.Stream, out []byte) {
	binary.BigEndian.PutUint16(out, uint16(len(out)-lengthBytes))
	if len(out) > packetBytes {
		c.sendLong(stream, append([]byte(nil), out...))
		return
	}
	if _, err := stream.Write(out); err != nil {
		c.abandoned(stream, err)
		return
	}
	stream.Close()
}
