package query

import (
	"encoding/binary"
)

// Set is queries that are ready to be sent. It is never empty, is not changed after it
// has been made, and may be used by any goroutine.
type Set struct {
	// Classes name the kinds of queries, at most MaxClasses.
	Classes []string

	wire    []byte  // the messages, one after the other, with ID 0
	queries []entry // in order
	cookies bool    // some query has one
	client  [8]byte // the client's part of cookies
}

// MaxClasses is how many kinds of queries are told apart.
const MaxClasses = 32

// entry is one query: a header, its question, and perhaps an OPT record. The options
// of that end with a COOKIE, if there is one, and behind it the padding, if there is any.
type entry struct {
	at       uint64 // in wire
	length   uint16 // of the message
	question uint16 // where the question section ends in the message
	class    uint8
	padding  uint8 // bytes of the padding option, with its header; 0: none
	flags    flags
}

type flags uint8

const (
	hasEDNS flags = 1 << iota
	hasCookie
	hasRandom // the first label is drawn anew whenever the query is sent
)

// Parts of a message, and where they are in it.
const (
	headerBytes    = 12
	randomAt       = headerBytes + 1 // the text of a random first label
	randomLength   = 13              // of such a label: 64 bits in base 32
	optBytes       = 11              // of an OPT record without options
	optLengthAt    = 9               // in an OPT record: the length of its options
	optionHeader   = 4
	clientBytes    = 8   // of a cookie (RFC 7873 §4)
	maxCookieBytes = 40  // client's and server's parts
	block          = 128 // what queries are padded to a multiple of (RFC 8467 §4.1)
)

// MaxBytes is the longest message that Put makes, cookie and padding included.
const MaxBytes = 512

// Len is the number of queries.
func (s *Set) Len() int { return len(s.queries) }

// Class is the index in Classes of a query's kind.
func (s *Set) Class(index uint32) uint8 { return s.queries[index].class }

// Random tells whether a query has a label that is drawn anew whenever it is sent.
func (s *Set) Random(index uint32) bool { return s.queries[index].flags&hasRandom != 0 }

// Length is the length of a query without a server's cookie.
func (s *Set) Length(index uint32) int { return int(s.queries[index].length) }

// Cookies tells whether queries carry cookies (RFC 7873).
func (s *Set) Cookies() bool { return s.cookies }

// Put writes a query to dst, which has room for MaxBytes, and returns its length. nonce
// makes the random label. cookie, client's and server's parts together (16 to 40
// bytes, see [ServerCookie]), takes the place of the client's part alone; nil leaves
// that. Both are ignored by queries that have no place for them.
func (s *Set) Put(dst []byte, index uint32, id uint16, nonce uint64, cookie []byte) int {
	q := &s.queries[index]
	n := copy(dst, s.wire[q.at:q.at+uint64(q.length)])
	binary.BigEndian.PutUint16(dst, id)
	if q.flags&hasRandom != 0 {
		putLabel((*[randomLength]byte)(dst[randomAt:]), nonce)
	}
	if q.flags&hasCookie != 0 && len(cookie) > clientBytes {
		n = q.putCookie(dst, cookie)
	}
	return n
}

// putCookie puts a whole cookie into a message that has the client's part, and
// makes the padding shorter or longer.
func (q *entry) putCookie(dst []byte, cookie []byte) int {
	n := int(q.length) - int(q.padding) - clientBytes
	binary.BigEndian.PutUint16(dst[n-2:], uint16(len(cookie)))
	n += copy(dst[n:], cookie)
	if q.padding != 0 {
		padding := paddingFor(n)
		binary.BigEndian.PutUint16(dst[n+2:], uint16(padding-optionHeader))
		dst[n], dst[n+1] = 0, optionPadding
		clear(dst[n+optionHeader : n+padding])
		n += padding
	}
	opt := int(q.question)
	binary.BigEndian.PutUint16(dst[opt+optLengthAt:], uint16(n-opt-optBytes))
	return n
}

// paddingFor is how long the padding option behind n bytes is, with its header.
func paddingFor(n int) int {
	return (n+optionHeader+block-1)/block*block - n
}

// putLabel writes a label's text.
func putLabel(dst *[randomLength]byte, nonce uint64) {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	for i := range dst {
		dst[i] = digits[nonce&31]
		nonce >>= 5
	}
}

// Type is a query's QTYPE.
func (s *Set) Type(index uint32) uint16 {
	q := &s.queries[index]
	return binary.BigEndian.Uint16(s.wire[q.at+uint64(q.question)-4:])
}

// Cursor goes through the queries of a set for one worker.
type Cursor struct {
	next, step, len uint32
}

// Cursor returns the cursor of one of several workers. Together they send the queries
// in order, over and over.
func (s *Set) Cursor(worker, workers int) *Cursor {
	n := uint32(len(s.queries))
	return &Cursor{next: uint32(worker) % n, step: uint32(workers) % n, len: n}
}

// Next returns the index of the next query.
func (c *Cursor) Next() uint32 {
	index := c.next
	c.next += c.step
	if c.next >= c.len {
		c.next -= c.len
	}
	return index
}
