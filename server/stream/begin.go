package stream

import (
	"errors"
	"fmt"
	"time"
)

// begin does what comes before the first bytes of the session: the preamble, the
// handshake.
func (c *conn) begin() (err error) {
	s := c.server
	defer func() {
		if value := recover(); value != nil {
			s.events.panics.Add(1)
			if s.onPanic != nil {
				s.onPanic(nil, value)
			}
			err = errPanic
		}
	}()
	var ahead []byte
	if s.preamble != nil {
		if ahead, err = c.preamble(); err != nil {
			return err
		}
	}
	peer := Peer{Client: c.client}
	if s.tls != nil {
		if err := c.handshake(ahead); err != nil {
			return err
		}
		state := c.secure.conn.ConnectionState()
		if state.DidResume {
			s.events.resumed.Add(1)
		}
		peer.TLS = &state
	} else {
		c.rest, c.more = ahead, len(ahead) > 0
	}
	if s.session != nil {
		if c.session = s.session(peer); c.session == nil {
			return &endError{bySession, errors.New("it has no session")}
		}
	} else {
		c.session = &s.frames
	}
	c.since = s.tick.Load()
	c.wait(waiting, c.since)
	if c.cut.Load() != uint32(none) {
		c.cutWhileShaking()
	}
	return nil
}

// cutWhileShaking has the connection end as one does that waits, though end may have
// broken off more: what has come by now is answered.
func (c *conn) cutWhileShaking() {
	c.server.mu.Lock() // end is done
	defer c.server.mu.Unlock()
	c.nc.SetReadDeadline(past)
	c.nc.SetWriteDeadline(time.Time{})
}

// preamble learns who the client is.
func (c *conn) preamble() (ahead []byte, err error) {
	client, ahead, err := c.server.preamble(c.nc)
	if err != nil {
		if why := reason(c.cut.Load()); why != none {
			return nil, &endError{why, err}
		}
		return nil, &endError{noHandshake, err}
	}
	if len(ahead) > readBytes {
		return nil, &endError{noHandshake, fmt.Errorf("%d bytes read ahead: expected at most %d", len(ahead), readBytes)}
	}
	if !c.server.identify(c, client) {
		return nil, &endError{overCrowding, nil}
	}
	return ahead, nil
}
