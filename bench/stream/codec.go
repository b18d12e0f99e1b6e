package stream

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"yushan/bench/load"
	"yushan/bench/measure"
	"yushan/bench/query"
)

// codec is how queries are framed on a connection, and answers found in what comes. It
// belongs to a place and is used again for each of its connections.
type codec interface {
	// start begins a connection. It may append what comes first to place.requests.
	start()
	// room tells whether the protocol lets another query in.
	room() bool
	// ask appends a query to place.requests, and returns the length of its message.
	ask(s *slot) int
	// take gives the answers in what has come to place.answer, and tells how many bytes
	// it needs no more. An error ends the connection.
	take(received []byte) (used int, err error)
	// record is how much of the requests TLS puts into one record.
	record(requests []byte) int
	// gaveUp is told of a query that has been under way for too long.
	gaveUp(s *slot)
	// eof is told that nothing more will come.
	eof()
}

var codecs = map[load.Transport]func(*place) codec{
	load.TCP:  newFrames,
	load.DoT:  newFrames,
	load.DoH:  newHTTP2,
	load.DoH1: newHTTP1,
}

// protocols are those of ALPN.
var protocols = map[load.Transport][]string{
	load.DoT:  {"dot"},
	load.DoH:  {"h2"},
	load.DoH1: {"http/1.1"},
}

// checkProtocol refuses a server that will not speak what the transport needs. One that
// knows no ALPN may still speak HTTP/1.1, and DNS.
func checkProtocol(transport load.Transport, conn *tls.Conn) error {
	if transport == load.DoH && conn.ConnectionState().NegotiatedProtocol != "h2" {
		return errors.New("the server has not agreed to HTTP/2 (ALPN)")
	}
	return nil
}

// frames is RFC 1035 §4.2.2: each message has its length before it.
type frames struct{ p *place }

func newFrames(p *place) codec { return &frames{p} }

func (*frames) start()       {}
func (*frames) room() bool   { return true }
func (*frames) gaveUp(*slot) {}
func (*frames) eof()         {}

// record puts each query into a record of its own, as clients do that write queries
// when they have them. NSD 4.6 answers the first query of a record, and the others not
// before something else comes.
func (*frames) record(requests []byte) int { return 2 + int(binary.BigEndian.Uint16(requests)) }

func (c *frames) ask(s *slot) int {
	p := c.p
	out := slices.Grow(p.requests, 2+query.MaxBytes)
	at := len(out)
	n := p.w.Queries.Put(out[at+2:at+2+query.MaxBytes], s.index, uint16(s.number), s.nonce, p.cookie)
	out = out[:at+2+n]
	binary.BigEndian.PutUint16(out[at:], uint16(n))
	p.requests = out
	return n
}

func (c *frames) take(received []byte) (used int, err error) {
	for {
		left := received[used:]
		if len(left) < 2 {
			return used, nil
		}
		end := 2 + int(binary.BigEndian.Uint16(left))
		if len(left) < end {
			return used, nil
		}
		c.message(left[2:end])
		used += end
	}
}

// message finds the query of a message, by its ID.
func (c *frames) message(message []byte) {
	p := c.p
	if len(message) < 2 {
		p.w.batch.oddity(measure.Malformed, 0, p.w.now)
		return
	}
	id := binary.BigEndian.Uint16(message)
	s := &p.table.slots[p.table.position(uint32(id))]
	belongs := s.state != unused && uint16(s.number) == id
	if belongs && s.state == underWay {
		p.answer(s, message, false)
		return
	}
	p.strange(s, belongs)
}

// tooMany is a bound that a server does not keep to.
func tooMany(what string, n, most int) error {
	return fmt.Errorf("%d bytes of %s: expected at most %d", n, what, most)
}
