package stream

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// taken is the connection of a session that does its own I/O.
type taken struct {
	net.Conn
	c  *conn
	mu sync.Mutex // Close may be called by several at once

	ahead []byte // what was read and not used before; its first reader has it

	// What had arrived when the server was told to stop, and is still to be read.
	last    int
	counted bool // last is known
}

// takeOver gives the connection to its session, and returns why it has ended.
func (c *conn) takeOver() error {
	t := &taken{Conn: c.nc, c: c, ahead: c.rest}
	c.rest = nil
	if x := c.secure; x != nil {
		if x.ended != nil && len(t.ahead) == 0 {
			return x.ended
		}
		t.Conn, x.taken = x.conn, t
		x.blocking.Store(true)
	}
	session, ok := c.session.(Taker)
	if !ok {
		return &endError{failure, errors.New("a session that is no Taker wants to take over")}
	}
	c.session = nil // has nothing to say any more
	defer t.Close()
	session.TakeOver(t)
	if why := reason(c.cut.Load()); why != none {
		return &endError{why, os.ErrDeadlineExceeded}
	}
	return net.ErrClosed
}

func (t *taken) Read(p []byte) (int, error) {
	if len(t.ahead) > 0 {
		n := copy(p, t.ahead)
		t.ahead = t.ahead[n:]
		return n, nil
	}
	c := t.c
	c.wait(waiting, c.server.tick.Load())
	if c.secure == nil {
		return t.readSocket(p)
	}
	n, err := t.Conn.Read(p)
	if n > 0 {
		c.secure.quiet = 0
	}
	return n, err
}

// readSocket reads what is below TLS. When the server stops, the deadline goes by; what
// had arrived until then, and no more, is read all the same.
func (t *taken) readSocket(p []byte) (n int, err error) {
	c := t.c
	n, err = c.nc.Read(p)
	if n > 0 || reason(c.cut.Load()) != stopping || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	if !t.counted {
		t.last, t.counted = c.arrived(), true
	}
	p = p[:min(len(p), t.last)]
	if len(p) == 0 {
		return 0, err
	}
	failed := c.raw.Control(func(fd uintptr) {
		for {
			if n, err = unix.Read(int(fd), p); err != unix.EINTR {
				return
			}
		}
	})
	if failed != nil || err != nil || n == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	t.last -= n
	return n, nil
}

func (t *taken) Write(p []byte) (int, error) {
	c := t.c
	c.wait(writing, c.server.tick.Load())
	n, err := t.Conn.Write(p)
	c.wait(waiting, c.server.tick.Load())
	return n, err
}

func (t *taken) SetDeadline(at time.Time) error {
	return errors.Join(t.SetReadDeadline(at), t.SetWriteDeadline(at))
}

func (t *taken) SetReadDeadline(at time.Time) error {
	err := t.c.nc.SetReadDeadline(at)
	if t.c.cut.Load() != uint32(none) {
		t.c.nc.SetReadDeadline(past)
	}
	return err
}

func (t *taken) SetWriteDeadline(at time.Time) error {
	err := t.c.nc.SetWriteDeadline(at)
	if reason(t.c.cut.Load()) == slowReader {
		t.c.nc.SetWriteDeadline(past)
	}
	return err
}

// Close sends TLS's farewell if there is room for it: a client that doesn't read
// must not hold it up.
func (t *taken) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.c.secure != nil {
		t.c.secure.blocking.Store(false)
	}
	return t.Conn.Close()
}
