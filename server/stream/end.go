package stream

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// reason is why a connection is to end, or has ended.
type reason uint32

const (
	none         reason = iota
	byClient            // it closed, or the network failed
	idle                // no query for too long
	halfFrame           // a frame was not completed in time, or slowly
	badFrame            // a length that makes no sense
	slowReader          // answers aren't taken
	enough              // MaxQueries
	bySession           // its protocol says so
	evicted             // another connection needs the place
	stopping            // the server is
	failure             // the engine, or a session, panicked
	noHandshake         // it did not succeed
	slowShaking         // it took too long
	overBudget          // of handshakes
	overCrowding        // the client, known by now, has too many connections
	reasons
)

var (
	errSlowReader = errors.New("too many answers aren't taken")
	errPanic      = errors.New("the engine panicked")
)

// endError ends a connection for a reason that its author knows.
type endError struct {
	why reason
	err error
}

func (e *endError) Error() string { return fmt.Sprint("connection ended: ", e.err) }
func (e *endError) Unwrap() error { return e.err }

// lingerTimeout is how long the server waits, after its last answers, for the
// client to close: closing a socket with unread bytes resets the connection, and a reset may
// overtake the answers.
const lingerTimeout = 500 * time.Millisecond

// end makes the connection's goroutine end soon, and says why. It may be called
// from any goroutine that holds the server's mutex. Only the wait is broken off:
// one that reads still writes the answers to what it has got at that moment.
func (c *conn) end(why reason) {
	if !c.cut.CompareAndSwap(uint32(none), uint32(why)) && why != slowReader {
		return
	}
	switch p, _ := c.waits(); {
	case why == slowReader:
		c.nc.SetWriteDeadline(past)
	case p == shaking:
		c.nc.SetDeadline(past)
	default:
		c.nc.SetReadDeadline(past)
	}
}

// past is a deadline that has gone by.
var past = time.Unix(1, 0)

// reasonOf tells why the loop has ended.
func (c *conn) reasonOf(err error) reason {
	var phase *endError
	switch {
	case errors.As(err, &phase):
		return phase.why
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
	}
	return byClient
}

// answerLast answers what has arrived until the server was told to stop, and
// not what still comes: a client that never stops would keep the server from it.
func (c *conn) answerLast() error {
	for left := c.arrived(); ; {
		if c.more {
			c.take()
		} else {
			n := c.readLast(left)
			if n == 0 {
				return nil
			}
			left -= n
		}
		if err := c.answer(); err != nil {
			return err
		}
	}
}

// farewell sends what the session has to say at the end, if there is room for it.
func (c *conn) farewell(why reason) {
	switch why {
	case idle, halfFrame, enough, evicted, stopping:
	default:
		return
	}
	c.take()
	if n := c.session.Close(c.work.out); n > 0 && c.put(c.work.out[:n]) == nil {
		c.flush()
		c.asked = true
	}
	c.release()
}

// close closes the connection, when the client has got the last answers.
func (c *conn) close(why reason) {
	switch why {
	case slowReader:
		// What the client didn't take, the kernel needn't keep.
		c.nc.SetLinger(0)
		c.nc.Close()
		return
	case stopping, enough, badFrame, bySession, failure:
		// Though nothing may have arrived last, answers may still be on their way.
		if c.asked || why != stopping {
			c.linger()
		}
	}
	if c.secure != nil && c.session != nil {
		c.secure.conn.Close()
	}
	c.nc.Close()
}

// linger tells the client that no more answers come, and waits a little for it
// to close.
func (c *conn) linger() {
	if c.secure != nil && c.secure.conn.CloseWrite() != nil {
		return
	}
	if c.nc.CloseWrite() != nil {
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

// forget ends the account of what was kept for the client.
func (c *conn) forget() {
	if c.secure != nil {
		c.server.workspaces.unpend(c.secure.held)
	}
}
