package query

import (
	"encoding/binary"
)

// Set is queries that are ready to be sent. It is not changed after it has been made,
// and may be used by any goroutine.
type Set struct {
	// Classes name the kinds of queries, at most 32.
	Classes []string

	wire    []byte  // the messages, one after the other, with ID 0
	queries []entry // in order
	cookie  bool    // the last option of each is a COOKIE with 8 bytes of the client
}

// entry is one query.
type entry struct {
	at     uint64 // in wire
	length uint16
	// question is where the question section ends in the message.
	question uint16
	class    uint8
	// random is where the first label's text starts that is drawn anew whenever the
	// query is sent (randomLength bytes); 0: it is always the same.
	random uint8
}

// randomLength is how long a label is that is drawn anew: 64 bits in base 32.
const randomLength = 13

// MaxBytes is the longest message that Put makes.
const MaxBytes = 65535

// Len is the number of queries.
func (s *Set) Len() int { return len(s.queries) }

// Class is the index in Classes of a query's kind.
func (s *Set) Class(index uint32) uint8 { return s.queries[index].class }

// Length is the length of a query without a server's cookie.
func (s *Set) Length(index uint32) int { return int(s.queries[index].length) }

// Cookies tells whether queries carry cookies (RFC 7873).
func (s *Set) Cookies() bool { return s.cookie }

// Put writes a query to dst, which has room for it, and returns its length. nonce
// makes the random label. cookie, client's and server's parts together (16 to 40
// bytes), takes the place of the client's part alone; nil leaves that. Both are
// ignored by queries that have no place for them.
func (s *Set) Put(dst []byte, index uint32, id uint16, nonce uint64, cookie []byte) int {
	q := &s.queries[index]
	n := copy(dst, s.wire[q.at:q.at+uint64(q.length)])
	binary.BigEndian.PutUint16(dst, id)
	if q.random != 0 {
		putLabel(dst[q.random:], nonce)
	}
	return n
}

// putLabel writes randomLength characters.
func putLabel(dst []byte, nonce uint64) {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	for i := range randomLength {
		dst[i] = digits[nonce&31]
		nonce >>= 5
	}
}

// Verdict is what Check finds.
type Verdict uint8

const (
	Fits       Verdict = iota
	Malformed          // shorter than a header, or no response
	Mismatched         // it repeats another question
)

// Check holds a message against the query that it has the ID of. A response without
// a question fits if its RCODE says that the server could not read the query.
func (s *Set) Check(index uint32, nonce uint64, answer []byte) Verdict {
	panic("owner of bench/query")
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
