package stream

import (
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// read waits for bytes, takes a workspace, and puts them into it behind what is
// in rest. It holds no buffer while it waits.
func (c *conn) read() error {
	if len(c.rest) > 0 {
		c.wait(inFrame, c.since)
	} else {
		c.wait(waiting, c.server.tick.Load())
	}
	if c.raw == nil {
		return c.readOther()
	}
	c.ioErr = nil
	if err := c.raw.Read(c.tryRead); err != nil {
		return err
	}
	return c.ioErr
}

// readNow reads what is there, without waiting. It reports false if there is
// nothing: then raw waits, and calls it again.
func (c *conn) readNow(fd uintptr) bool {
	c.take()
	for {
		n, err := unix.Read(int(fd), c.work.in[c.have:])
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
		default:
			c.have += n
		}
		return true
	}
}

// write writes the answers, which lie in the workspace. If the client is slow, the
// workspace is given back before the wait; but if the connection isn't a *net.TCPConn,
// it is held, which workspaces knows.
func (c *conn) write(answers []byte) error {
	if c.raw == nil {
		c.wait(writing, c.server.tick.Load())
		if _, err := c.nc.Write(answers); err != nil {
			return err
		}
		c.wait(waiting, c.server.tick.Load())
		return nil
	}
	c.ioErr, c.unsent = nil, answers
	err := c.raw.Write(c.tryWrite)
	c.unsent = nil
	if err == nil {
		err = c.ioErr
	}
	if c.pending > 0 {
		c.server.workspaces.unpend(c.pending)
		c.pending = 0
		if err == nil {
			c.wait(waiting, c.server.tick.Load()) // not for this write any more
		}
	}
	return err
}

// writeNow writes what the kernel has room for. It reports false if it has none:
// then raw waits, and calls it again.
func (c *conn) writeNow(fd uintptr) bool {
	for len(c.unsent) > 0 {
		n, err := unix.Write(int(fd), c.unsent)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return !c.putAside()
		case err != nil:
			c.ioErr = os.NewSyscallError("write", err)
			return true
		default:
			c.unsent = c.unsent[n:]
		}
	}
	return true
}

// putAside keeps the unsent bytes outside of the workspace, which others can then
// use. It reports false if slow readers use too much memory already.
func (c *conn) putAside() bool {
	if c.work == nil {
		return true // already done
	}
	c.wait(writing, c.server.tick.Load())
	bytes := len(c.unsent) + len(c.rest)
	if !c.server.workspaces.pend(bytes) {
		c.ioErr = errSlowReader
		return false
	}
	c.pending = bytes
	c.unsent = append([]byte(nil), c.unsent...)
	c.release()
	return true
}

// firstBytes is the buffer in which a connection that isn't a *net.TCPConn waits.
// A query fits in, padded to RFC 8467's 128 bytes too.
const firstBytes = 256

// readOther is read for such connections.
func (c *conn) readOther() error {
	if c.ioErr != nil {
		return c.ioErr
	}
	n, err := c.nc.Read(c.first)
	if n == 0 && err != nil {
		return err
	}
	c.take()
	c.have += copy(c.work.in[c.have:], c.first[:n])
	if n == len(c.first) {
		// A busy client: what the layer below has in its buffers is taken as well.
		// With a deadline gone by, Read doesn't wait.
		c.nc.SetReadDeadline(past)
		c.readMore()
		c.nc.SetReadDeadline(time.Time{})
		if c.cut.Load() != uint32(none) {
			c.nc.SetReadDeadline(past) // by end, perhaps just before
		}
	}
	return nil
}

// readMore fills the workspace until Read would wait. Other errors are told by the
// next readOther.
func (c *conn) readMore() {
	for c.have < len(c.work.in) {
		n, err := c.nc.Read(c.work.in[c.have:])
		c.have += n
		if err != nil {
			if !isTimeout(err) {
				c.ioErr = err
			}
			return
		}
	}
}

// arrived is how many bytes may have arrived and have not been read.
func (c *conn) arrived() (bytes int) {
	if c.raw == nil {
		return arrivedOther
	}
	c.raw.Control(func(fd uintptr) { bytes, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
	return bytes
}

// arrivedOther is a guess for connections that can't be asked, upwards.
const arrivedOther = 256 << 10

// readLast reads what is there, into a workspace, although the connection's
// deadline has gone by, and returns how much that was. If nothing is left to be
// read, it reads nothing.
func (c *conn) readLast(left int) (n int) {
	if left <= 0 {
		return 0
	}
	c.ioErr = nil
	if c.raw != nil {
		before := len(c.rest)
		err := c.raw.Control(func(fd uintptr) { c.readNow(fd) })
		if err != nil || c.ioErr != nil {
			return 0
		}
		return max(c.have-before, 0)
	}
	c.take()
	before := c.have
	c.nc.SetReadDeadline(time.Now().Add(lastMoment))
	n, err := c.nc.Read(c.work.in[c.have:])
	c.have += n
	if err == nil {
		c.nc.SetReadDeadline(past)
		c.readMore()
	}
	return c.have - before
}

// lastMoment is long enough for bytes that are there, and decrypted on the way.
const lastMoment = 10 * time.Millisecond

func isTimeout(err error) bool {
	netErr, ok := err.(net.Error)
	return ok && netErr.Timeout()
}
