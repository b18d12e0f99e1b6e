package stream

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// secure is what lies below crypto/tls: the socket, as a net.Conn that never
// waits.
//
//	socket ─► workspace.sealed ─► Read ─► tls.Conn ─► workspace.in
//	socket ◄─ Write (what the kernel has no room for: unsent) ◄─ tls.Conn ◄─ workspace.out
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
	nc       *net.TCPConn
	raw      syscall.RawConn
	conn     *tls.Conn
	spaces   *workspaces
	blocking atomic.Bool

	records records
	in      []byte // has come from the socket, and crypto/tls hasn't taken it yet
	unsent  []byte // has come from crypto/tls, and the socket hasn't taken it yet
	fresh   bool   // crypto/tls may have bytes that came with the handshake
	ended   error  // of crypto/tls, to be told when what came before is answered
	quiet   int    // bytes since it last had something for the session
	opened  int    // the most of these that made whole records
	held    int    // memory that is accounted for

	trySend func(fd uintptr)
	sending []byte
	sendErr error
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
	x := &secure{nc: c.nc, raw: c.raw, spaces: &c.server.workspaces, in: ahead, fresh: true}
	x.trySend = x.sendNow
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
		x.in = x.in[n:]
	case x.blocking.Load():
		n, err = x.nc.Read(p[:min(len(p), onceBytes)])
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
	if !x.spaces.pend(need - x.held) {
		return false
	}
	x.held = need
	return true
}

// Write is for crypto/tls. The bytes are its own.
func (x *secure) Write(p []byte) (int, error) {
	if x.blocking.Load() {
		return x.nc.Write(p)
	}
	rest := p
	if len(x.unsent) == 0 {
		x.sending, x.sendErr = p, nil
		err := x.raw.Control(x.trySend)
		rest, x.sending = x.sending, nil
		if err == nil {
			err = x.sendErr
		}
		if err != nil {
			return 0, err
		}
	}
	if len(rest) > 0 {
		x.unsent = append(x.unsent, rest...)
	}
	return len(p), nil
}

// sendNow sends what the kernel has room for.
func (x *secure) sendNow(fd uintptr) {
	for len(x.sending) > 0 {
		n, err := unix.Write(int(fd), x.sending)
		switch err {
		case nil:
			x.sending = x.sending[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return
		default:
			x.sendErr = os.NewSyscallError("write", err)
			return
		}
	}
}

func (x *secure) Close() error         { return x.nc.Close() }
func (x *secure) LocalAddr() net.Addr  { return x.nc.LocalAddr() }
func (x *secure) RemoteAddr() net.Addr { return x.nc.RemoteAddr() }

// The deadlines are the server's. Only a session that does its own I/O has a say;
// see taken.
func (x *secure) SetDeadline(t time.Time) error {
	return errors.Join(x.SetReadDeadline(t), x.SetWriteDeadline(t))
}

func (x *secure) SetReadDeadline(t time.Time) error {
	if !x.blocking.Load() {
		return nil
	}
	return x.nc.SetReadDeadline(t)
}

func (x *secure) SetWriteDeadline(t time.Time) error {
	if !x.blocking.Load() {
		return nil
	}
	return x.nc.SetWriteDeadline(t)
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
		return x.ended
	}
	return c.sendSealed()
}

// handshake makes the connection one of TLS. Until the client has sent something,
// no memory is taken for it, and none of the budget.
func (c *conn) handshake(ahead []byte) error {
	first, err := c.firstByte(ahead)
	if err != nil {
		return err
	}
	s := c.server
	const handshakeRecord = 22 // RFC 8446 §5.1
	if first != handshakeRecord {
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

// firstByte waits for it, and leaves it where it is.
func (c *conn) firstByte(ahead []byte) (byte, error) {
	if len(ahead) > 0 {
		return ahead[0], nil
	}
	var first [1]byte
	c.ioErr = nil
	err := c.raw.Read(func(fd uintptr) bool {
		for {
			n, _, err := unix.Recvfrom(int(fd), first[:], unix.MSG_PEEK)
			switch {
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN:
				return false
			case err != nil:
				c.ioErr = os.NewSyscallError("recvfrom", err)
			case n == 0:
				c.ioErr = io.EOF
			}
			return true
		}
	})
	if err == nil {
		err = c.ioErr
	}
	return first[0], err
}
