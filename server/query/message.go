package query

import (
	"encoding/binary"

	"yushan/zone"
)

// The sections of a message behind the question (RFC 1035 §4.1).
const (
	answer = iota
	authority
	additional
	sections
)

// message is a response being written.
type message struct {
	buf      []byte // as large as the response may become
	n        int    // bytes written
	room     int    // where the records must end, so that OPT still fits
	tail     int    // bytes that will come behind OPT
	question int    // where the question ends
	counts   [sections]uint16
	rcode    uint16
	ede      uint16
	aa       bool
	full     bool // something that belongs into the response did not fit
}

func (m *message) start(dst []byte, q *query, wire []byte) {
	*m = message{buf: dst[:len(dst):len(dst)]}
	m.n = headerSize
	if q.hasQuestion {
		m.n += copy(m.buf[m.n:], wire[headerSize:headerSize+q.question])
	}
	m.question = m.n
	m.room = len(m.buf)
}

// finish completes the response and returns its length. A response from which
// something is missing that had to be in it keeps the question alone: clients
// ask again by TCP whatever it holds (RFC 2181 §9), and forged ones that ask in
// another's name get least of it.
func (e *Engine) finish(w *Worker, req *Request) int {
	q, m := &w.query, &w.message
	flags := flagQR | q.flags&(opcodeMask|flagRD)
	if m.full {
		m.n, m.counts = m.question, [sections]uint16{}
		flags |= flagTC
		w.counters.Truncated++
	}
	if m.aa {
		flags |= flagAA
	}
	if q.edns {
		e.appendOPT(w, req)
	}
	h := m.buf[:headerSize]
	binary.BigEndian.PutUint16(h, q.id)
	binary.BigEndian.PutUint16(h[2:], flags|m.rcode&0xf)
	questions := uint16(0)
	if q.hasQuestion {
		questions = 1
	}
	binary.BigEndian.PutUint16(h[4:], questions)
	for i, n := range m.counts {
		binary.BigEndian.PutUint16(h[6+2*i:], n)
	}
	return m.n
}

// maxTarget is the first position that no compression pointer reaches.
const maxTarget = 1 << 14

// names says where the names stand in the message that a fragment of the zone
// points to.
type names struct {
	owner    int // of the fragment's owner
	fragment int // of the fragment itself
	name     int // of a name that has the owner's suffixes: the one looked up
	length   int // of that name, in bytes when not compressed
}

// put copies a part of a fragment into a section. It returns false, and changes
// nothing, if there is no room.
func (m *message) put(section int, p zone.Part, at names) bool {
	if p.Records == 0 {
		return true
	}
	if at.owner >= maxTarget || at.fragment+len(p.Bytes) >= maxTarget {
		return m.putExpanded(section, p, at)
	}
	if m.n+len(p.Bytes) > m.room {
		return false
	}
	dst := m.buf[m.n : m.n+len(p.Bytes)]
	copy(dst, p.Bytes)
	for f := p.Fixups; len(f) >= 2; f = f[2:] {
		m.resolve(dst[binary.LittleEndian.Uint16(f):], &at)
	}
	m.n += len(p.Bytes)
	m.counts[section] += uint16(p.Records)
	return true
}

// putBehindOwner is put for a part whose owner's name has just been written:
// the first record takes it as its own.
func (m *message) putBehindOwner(section int, p zone.Part, at names) bool {
	if m.n+len(p.Bytes)-2 > m.room {
		return false
	}
	dst := m.buf[m.n : m.n+len(p.Bytes)-2]
	copy(dst, p.Bytes[2:])
	at.fragment = m.n - 2
	for f := p.Fixups[2:]; len(f) >= 2; f = f[2:] {
		m.resolve(dst[binary.LittleEndian.Uint16(f)-2:], &at)
	}
	m.n += len(dst)
	m.counts[section] += uint16(p.Records)
	return true
}

// putUncompressed is put for records without pointers but their owner, which is
// written in full before each.
func (m *message) putUncompressed(section int, p zone.Part, owner []byte) bool {
	n := m.n
	for b := p.Bytes; len(b) > 0; {
		size := recordLength(b)
		if n+len(owner)+size-2 > m.room {
			return false
		}
		n += copy(m.buf[n:], owner)
		n += copy(m.buf[n:], b[2:size])
		b = b[size:]
	}
	m.n = n
	m.counts[section] += uint16(p.Records)
	return true
}

// putRecord puts a record into a section whose owner stands at position owner of
// the message, before maxTarget. It returns false, and changes nothing, if there
// is no room.
func (m *message) putRecord(section, owner int, rrtype, class uint16, ttl uint32, rdata []byte) bool {
	if m.n+2+recordSize+len(rdata) > m.room {
		return false
	}
	b := binary.BigEndian.AppendUint16(m.buf[:m.n], 0xc000|uint16(owner))
	b = binary.BigEndian.AppendUint16(b, rrtype)
	b = binary.BigEndian.AppendUint16(b, class)
	b = binary.BigEndian.AppendUint32(b, ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(len(rdata)))
	m.n = len(append(b, rdata...))
	m.counts[section]++
	return true
}

// resolve turns the pointer at the start of b into one of this message.
func (m *message) resolve(b []byte, at *names) {
	binary.BigEndian.PutUint16(b, 0xc000|uint16(m.target(zone.Pointer(binary.BigEndian.Uint16(b)), at)))
}

// target returns the position that p means.
func (m *message) target(p zone.Pointer, at *names) int {
	switch p.Base() {
	case zone.ToOwner:
		return at.owner
	case zone.ToSuffix:
		if at.name == headerSize { // the question's name, which is never compressed
			return headerSize + at.length - p.N()
		}
		return m.suffix(at.name, at.length, p.N())
	default:
		return at.fragment + p.N()
	}
}

// suffix returns where the last n bytes stand of the name at position at, which
// is length bytes long when not compressed.
func (m *message) suffix(at, length, n int) int {
	for length > n {
		if c := m.buf[at]; c >= 0xc0 {
			at = int(binary.BigEndian.Uint16(m.buf[at:]) & (maxTarget - 1))
		} else {
			at += 1 + int(c)
			length -= 1 + int(c)
		}
	}
	for m.buf[at] >= 0xc0 { // straight to the labels: a pointer to a pointer helps nobody
		at = int(binary.BigEndian.Uint16(m.buf[at:]) & (maxTarget - 1))
	}
	return at
}

// appendName appends the name at position at, with all its labels, to dst.
func (m *message) appendName(dst []byte, at int) []byte {
	for {
		switch c := int(m.buf[at]); {
		case c == 0:
			return append(dst, 0)
		case c >= 0xc0:
			at = int(binary.BigEndian.Uint16(m.buf[at:]) & (maxTarget - 1))
		default:
			dst = append(dst, m.buf[at:at+1+c]...)
			at += 1 + c
		}
	}
}

// rdata returns where the RDATA is of the record at position at.
func (m *message) rdata(at int) int {
	for m.buf[at] != 0 && m.buf[at] < 0xc0 {
		at += 1 + int(m.buf[at])
	}
	if m.buf[at] != 0 {
		at++ // a pointer has two bytes
	}
	return at + 1 + recordSize
}

// putGlue copies the addresses of a referral into the additional section. Each
// record has one pointer, its owner, into what lies before it.
func (m *message) putGlue(p zone.Part, at names) bool {
	if m.n+len(p.Bytes) > m.room {
		return false
	}
	dst := m.buf[m.n : m.n+len(p.Bytes)]
	copy(dst, p.Bytes)
	m.n += len(dst)
	m.counts[additional] += uint16(p.Records)
	for len(dst) > 0 {
		m.resolve(dst, &at)
		dst = dst[recordLength(dst):]
	}
	return true
}

// recordLength returns the length of the record at the start of b, whose owner
// is a pointer.
func recordLength(b []byte) int {
	return 2 + recordSize + int(binary.BigEndian.Uint16(b[recordSize:]))
}
