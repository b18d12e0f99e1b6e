package stream

import (
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// read waits for bytes, takes a workspace, and puts them into it behind what is
// in rest. It holds no buffer while it waits.
func (c *conn) read() error {
	if x := c.secure; x != nil {
		if x.ended != nil {
			return x.ended
		}
		if x.begun() {
			return c.open()
		}
	}
	if c.owes != 0 || c.partial {
		c.wait(inFrame, c.since)
	} else {
		c.wait(waiting, c.since)
	}
	c.ioErr = nil
	if err := c.raw.Read(c.tryRead); err != nil {
		return err
	}
	if c.ioErr != nil || c.secure == nil {
		return c.ioErr
	}
	return c.open()
}

// readNow reads what is there, without waiting. It reports false if there is
// nothing: then raw waits, and calls it again.
func (c *conn) readNow(fd uintptr) bool {
	c.take()
	into := c.work.in[c.have:]
	if c.secure != nil {
		into = c.work.sealedIn
	}
	for {
		n, err := unix.Read(int(fd), into)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			c.release()
			return false
		case err != nil:
			c.ioErr = os.NewSyscallError("read", err)
		case n == 0:
			c.ioErr = io.EOF
		case c.secure != nil:
			c.secure.in = into[:n]
		default:
			c.have += n
		}
		c.got = n
		return true
	}
}

// put sends bytes, as far as there is room for them; what isn't sent is in unsent,
// and may lie in the workspace. TLS collects them for [conn.flush].
func (c *conn) put(bytes []byte) (err error) {
	if c.secure != nil {
		_, err = c.secure.conn.Write(bytes)
		return err
	}
	c.unsent, err = c.sendNow(bytes)
	return err
}

// flush sends what TLS has collected, as far as there is room for it.
func (c *conn) flush() error {
	if c.secure == nil {
		return nil
	}
	return c.secure.flush()
}

// drain sends what there was no room for. Before it waits, the workspace is given
// back.
func (c *conn) drain() error {
	if err := c.flush(); err != nil || len(c.unsent) == 0 {
		return err
	}
	c.wait(writing, c.server.tick.Load())
	bytes := len(c.unsent) + len(c.rest)
	if !c.server.workspaces.pend(bytes) {
		return errSlowReader
	}
	c.pending = bytes
	if c.secure == nil { // else they lie outside
		c.unsent = append([]byte(nil), c.unsent...)
	}
	c.release()
	c.ioErr, c.sending = nil, c.unsent
	err := c.raw.Write(c.writeNow)
	c.sending, c.unsent = nil, nil
	if err == nil {
		err = c.ioErr
	}
	c.server.workspaces.unpend(c.pending)
	c.pending = 0
	if err == nil {
		c.since = c.server.tick.Load() // the client couldn't go on before
		c.wait(waiting, c.since)       // not for this write any more
	}
	return err
}

// sendNow sends what there is room for, and returns the rest.
func (c *conn) sendNow(bytes []byte) (rest []byte, err error) {
	c.ioErr, c.sending = nil, bytes
	err = c.raw.Control(c.tryWrite)
	rest, c.sending = c.sending, nil
	if err == nil {
		err = c.ioErr
	}
	return rest, err
}

// writeNow writes what the kernel has room for. It reports false if it has none:
// then raw waits, if it can, and calls it again.
func (c *conn) writeNow(fd uintptr) bool {
	for len(c.sending) > 0 {
		n, err := unix.Write(int(fd), c.sending)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false
		case err != nil:
			c.ioErr = os.NewSyscallError("write", err)
			return true
		default:
			c.sending = c.sending[n:]
		}
	}
	return true
}

// arrived is how many bytes have arrived and have not been read.
func (c *conn) arrived() (bytes int) {
	c.raw.Control(func(fd uintptr) { bytes, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
	return bytes
}

// readLast reads what is there, into a workspace, although the connection's
// deadline has gone by, and returns how much that was. If nothing is left to be
// read, it reads nothing.
func (c *conn) readLast(left int) (n int) {
	if left <= 0 {
		return 0
	}
	c.ioErr, c.got = nil, 0
	err := c.raw.Control(func(fd uintptr) { c.readNow(fd) })
	if err != nil || c.ioErr != nil || c.got == 0 {
		return 0
	}
	if c.secure != nil && c.open() != nil {
		return 0
	}
	return c.got
}

func isTimeout(err error) bool {
	netErr, ok := err.(net.Error)
	return ok && netErr.Timeout()
}
