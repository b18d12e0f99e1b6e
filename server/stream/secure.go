package stream

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// secure is what lies below crypto/tls: the socket, as a net.Conn that never
// waits.
//
//	socket ─► workspace.sealedIn  ─► Read  ─► tls.Conn ─► workspace.in
//	socket ◄─ workspace.sealedOut ◄─ Write ◄─ tls.Conn ◄─ workspace.out
//
// Read gives what was read from the socket before; then errNothingMore, which
// crypto/tls hands through and forgets, as it does with all temporary errors. What
// it was given of an unfinished record it keeps. So crypto/tls can't wait for the
// network, and needs no buffer of ours while a connection waits; and what it sends
// on its own account (answers to key updates, alerts) waits for no client, either.
//
// It is different in the handshake, and when a session does its own I/O
// (blocking): there it is the socket as it is.
type secure struct {
	below    *conn
	conn     *tls.Conn
	blocking atomic.Bool
	taken    *taken // by a session that does its own I/O

	records records
	in      []byte // has come from the socket, and crypto/tls hasn't taken it yet
	out     []byte // has come from crypto/tls; of no capacity without a workspace
	fresh   bool   // crypto/tls may have bytes that came with the handshake
	ended   error  // of crypto/tls, to be told when what came before is answered
	quiet   int    // bytes since it last had something for the session
	opened  int    // the most of these that made whole records
	held    int    // memory that is accounted for
}

// nothingMore is temporary, to crypto/tls.
type nothingMore struct{}

func (nothingMore) Error() string   { return "nothing more has arrived" }
func (nothingMore) Timeout() bool   { return true }
func (nothingMore) Temporary() bool { return true }

// errNothingMore is what Read returns instead of waiting.
var errNothingMore net.Error = nothingMore{}

var (
	errTooQuiet = errors.New("too many records without data")
	errNotTLS   = errors.New("the first byte isn't TLS's")
)

const (
	// maxHandshakeBytes is how much a client may send in the handshake: enough for a
	// long chain of certificates, if it was asked for one.
	maxHandshakeBytes = 64 << 10
	// maxQuietBytes is how much it may send later without giving the session
	// something: a record, of whose length nobody knows how much is padding
	// (RFC 8446 §5.4), and what crypto/tls permits of key updates.
	maxQuietBytes = maxRecordBytes + 4096
	// freeBytes is what crypto/tls may keep for a connection without its being
	// accounted for.
	freeBytes = 16 << 10
	// onceBytes is how much is read at once while nobody knows what comes.
	onceBytes = 4 << 10
)

func newSecure(c *conn, ahead []byte) *secure {
	x := &secure{below: c, in: ahead, fresh: true}
	x.blocking.Store(true)
	x.conn = tls.Server(x, c.server.tls)
	return x
}

// Read is for crypto/tls.
func (x *secure) Read(p []byte) (n int, err error) {
	// What it has been given before, without the record that isn't whole, it has
	// opened: there was nothing for the session in it.
	opened := x.quiet - x.records.part()
	x.opened = max(x.opened, opened)
	if opened > maxQuietBytes && !x.fresh || opened > maxHandshakeBytes {
		return 0, errTooQuiet
	}
	switch {
	case len(x.in) > 0:
		n = copy(p, x.in)
		if x.in = x.in[n:]; len(x.in) == 0 {
			x.in = nil // not to keep what lies before
		}
	case x.blocking.Load() && x.taken != nil:
		n, err = x.taken.readSocket(p[:min(len(p), onceBytes)])
	case x.blocking.Load():
		n, err = x.below.nc.Read(p[:min(len(p), onceBytes)])
	default:
		err = errNothingMore
	}
	x.records.follow(p[:n])
	x.quiet += n
	if !x.account() {
		return 0, errSlowReader
	}
	return n, err
}

// account accounts for what crypto/tls keeps: the longest record, in a buffer that
// grows by doubling and has half a kilobyte to spare; and messages of its own, in
// another one. It never lets go of them. It reports false if that is too much.
func (x *secure) account() bool {
	need := 3*x.records.longest + 2*x.opened
	if need <= freeBytes || need <= x.held {
		return true
	}
	if !x.below.server.workspaces.pend(need - x.held) {
		return false
	}
	x.held = need
	return true
}

// Write is for crypto/tls. The bytes are its own.
func (x *secure) Write(p []byte) (n int, err error) {
	c := x.below
	if x.blocking.Load() {
		return c.nc.Write(p)
	}
	if len(x.out)+len(p) > cap(x.out) {
		if err := x.flush(); err != nil {
			return 0, err
		}
	}
	switch {
	case len(c.unsent) > 0:
		c.unsent = append(c.unsent, p...)
	case len(p) <= cap(x.out):
		x.out = append(x.out, p...)
	default:
		err = x.send(p)
	}
	return len(p), err
}

// flush sends what was collected, as far as there is room for it.
func (x *secure) flush() error {
	if len(x.out) == 0 {
		return nil
	}
	collected := x.out
	x.out = x.out[:0]
	return x.send(collected)
}

// send is for bytes whose place is needed for others.
func (x *secure) send(bytes []byte) error {
	rest, err := x.below.sendNow(bytes)
	if len(rest) > 0 {
		x.below.unsent = append([]byte(nil), rest...)
	}
	return err
}

func (x *secure) Close() error         { return x.below.nc.Close() }
func (x *secure) LocalAddr() net.Addr  { return x.below.nc.LocalAddr() }
func (x *secure) RemoteAddr() net.Addr { return x.below.nc.RemoteAddr() }

// The deadlines are the server's. Only a session that does its own I/O has a say;
// see taken.
func (x *secure) SetDeadline(t time.Time) error {
	return errors.Join(x.SetReadDeadline(t), x.SetWriteDeadline(t))
}

func (x *secure) SetReadDeadline(t time.Time) error {
	if !x.blocking.Load() {
		return nil
	}
	return x.below.nc.SetReadDeadline(t)
}

func (x *secure) SetWriteDeadline(t time.Time) error {
	if !x.blocking.Load() {
		return nil
	}
	return x.below.nc.SetWriteDeadline(t)
}

// begun reports, once, that crypto/tls may have data that came with the end of the
// handshake.
func (x *secure) begun() bool {
	fresh := x.fresh
	x.fresh = false
	return fresh
}

// open has crypto/tls open what has arrived, and puts it into the workspace. There
// may be nothing in it for the session.
func (c *conn) open() error {
	x := c.secure
	if c.work == nil {
		c.take()
	}
	before := c.have
	for c.have < len(c.work.in) && x.ended == nil {
		n, err := x.conn.Read(c.work.in[c.have:])
		c.have += n
		if n > 0 {
			x.quiet = 0
		}
		if err == errNothingMore {
			break
		}
		x.ended = err
	}
	x.in = nil
	if x.ended != nil && c.have == before {
		x.flush() // an alert
		return x.ended
	}
	return nil
}

// handshake makes the connection one of TLS. Until the client has sent something,
// no memory is taken for it, and none of the budget.
func (c *conn) handshake(ahead []byte) error {
	ahead, err := c.firstBytes(ahead)
	if err != nil {
		return err
	}
	s := c.server
	const handshakeRecord = 22 // RFC 8446 §5.1
	if ahead[0] != handshakeRecord {
		return &endError{noHandshake, errNotTLS}
	}
	if !s.handshakes.Take(c.client.Addr()) {
		return &endError{overBudget, nil}
	}
	x := newSecure(c, ahead)
	c.secure = x
	if err := x.conn.Handshake(); err != nil {
		if why := reason(c.cut.Load()); why != none {
			return &endError{why, err}
		}
		return &endError{noHandshake, err}
	}
	x.blocking.Store(false)
	x.quiet = 0
	s.events.handshakes.Add(1)
	return nil
}

// firstBytes waits for some, unless there are. Nothing is kept for the connection as long as it
// waits.
func (c *conn) firstBytes(ahead []byte) ([]byte, error) {
	if len(ahead) > 0 {
		return ahead, nil
	}
	c.ioErr = nil
	err := c.raw.Read(func(fd uintptr) bool {
		c.take()
		defer c.release()
		for {
			n, err := unix.Read(int(fd), c.work.in[:onceBytes])
			switch {
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN:
				return false
			case err != nil:
				c.ioErr = os.NewSyscallError("read", err)
			case n == 0:
				c.ioErr = io.EOF
			default:
				ahead = bytes.Clone(c.work.in[:n])
			}
			return true
		}
	})
	if err == nil {
		err = c.ioErr
	}
	return ahead, err
}
