package query

import (
	"encoding/binary"
	"net/netip"
)

// flows puts together the messages of TCP connections, one direction of each (RFC 9293,
// and RFC 1035 §4.2.2 for what is in them).
type flows map[[2]netip.AddrPort]*flow

// flow is one direction of a connection.
type flow struct {
	next    uint32 // sequence number
	pending []byte // the start of a message
	// sure: a message is known to begin where pending does. It isn't where the capture
	// began in the middle of the connection, or has a gap.
	sure bool
}

// maxFlows is how many connections are followed at once; most that are never closed
// in a capture are those of scans.
const maxFlows = 1 << 12

// add takes up a segment and calls use for each message that becomes whole. use says
// whether the message is one.
func (f flows) add(s *segment, use func(message []byte) bool) {
	key := [2]netip.AddrPort{s.from, s.to}
	c := f[key]
	if c == nil {
		if len(f) >= maxFlows {
			clear(f)
		}
		c = &flow{next: s.sequence}
		f[key] = c
	}
	if s.ended {
		defer delete(f, key)
	}
	sequence, data := s.sequence, s.data
	if s.opened {
		sequence++
		*c = flow{next: sequence, sure: true}
	}
	// Differences of sequence numbers are signed: they wrap around.
	switch gap := int32(sequence - c.next); {
	case gap < 0 && -int64(gap) >= int64(len(data)+s.missing):
		return // all of it came before
	case gap < 0 && -int64(gap) <= int64(len(data)):
		data = data[-gap:]
		sequence = c.next
	case gap != 0:
		c.pending, c.sure = nil, false
	}
	c.next = sequence + uint32(len(data)+s.missing)
	c.pending = append(c.pending, data...)
	c.split(use)
	if s.missing > 0 {
		c.pending, c.sure = nil, false
	}
}

// split takes whole messages off what is pending.
func (c *flow) split(use func(message []byte) bool) {
	for len(c.pending) >= 2 {
		n := 2 + int(binary.BigEndian.Uint16(c.pending))
		if n > len(c.pending) {
			if !c.sure {
				c.pending = nil // more likely the middle of a message
			}
			return
		}
		valid := use(c.pending[2:n])
		if !valid && !c.sure {
			c.pending = nil
			return
		}
		c.sure = true
		c.pending = c.pending[n:]
	}
}
