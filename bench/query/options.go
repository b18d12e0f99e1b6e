package query

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Options are what queries have beside their questions.
type Options struct {
	RD, AD, CD bool // flags of the header

	// EDNS adds an OPT record, as does anything below that needs one.
	EDNS bool
	// UDPBytes is the payload size in it; 0 means DefaultUDPBytes.
	UDPBytes uint16
	DO       bool
	NSID     bool // RFC 5001
	Cookie   bool // RFC 7873: the client's part, to which Put adds the server's
	// Keepalive is an empty edns-tcp-keepalive option (RFC 7828). It must not be sent
	// over UDP or QUIC, which is for the caller to see to.
	Keepalive bool
	// Padding makes messages a multiple of 128 bytes long (RFC 7830, RFC 8467 §4.1).
	Padding bool

	// Seed is what mixes are drawn with, and the client's part of cookies is made of.
	Seed uint64

	// AsCaptured leaves the flags and the OPT record of captured queries as they are,
	// apart from the cookie, of which the client's part becomes our own. The fields
	// above, Seed excepted, then have no meaning.
	AsCaptured bool
	// Port is where captured queries went to; 0 means 53.
	Port uint16
}

// DefaultUDPBytes is the payload size that DNS Flag Day 2020 agreed on.
const DefaultUDPBytes = 1232

// Wire values.
const (
	typeOPT         = 41
	optionNSID      = 3
	optionCookie    = 10
	optionKeepalive = 11
	optionPadding   = 12
)

// edns tells whether queries have an OPT record.
func (o *Options) edns() bool {
	return o.EDNS || o.UDPBytes != 0 || o.DO || o.NSID || o.Cookie || o.Keepalive || o.Padding
}

// builder makes a set.
type builder struct {
	set     *Set
	options Options
	opt     []byte // the OPT record without cookie and padding; nil: none

	question []byte // the last one that add made
}

func newBuilder(o Options) *builder {
	b := &builder{set: new(Set), options: o}
	random := rand.New(rand.NewPCG(o.Seed, 0xc00c1e))
	client := random.Uint64()
	for i := range b.set.client {
		b.set.client[i] = byte(client >> (8 * i))
	}
	if !o.edns() {
		return b
	}
	udpBytes := o.UDPBytes
	if udpBytes == 0 {
		udpBytes = DefaultUDPBytes
	}
	b.opt = []byte{0, 0, typeOPT, byte(udpBytes >> 8), byte(udpBytes), 0, 0, 0, 0, 0, 0}
	if o.DO {
		b.opt[7] = 0x80
	}
	if o.NSID {
		b.opt = append(b.opt, 0, optionNSID, 0, 0)
	}
	if o.Keepalive {
		b.opt = append(b.opt, 0, optionKeepalive, 0, 0)
	}
	return b
}

// header is the two bytes of flags of a query.
func (o *Options) header() (flags [2]byte) {
	if o.RD {
		flags[0] |= 0x01
	}
	if o.AD {
		flags[1] |= 0x20
	}
	if o.CD {
		flags[1] |= 0x10
	}
	return flags
}

// message is what one query is made of.
type message struct {
	header   [2]byte // flags
	question []byte  // in wire format, with type and class
	opt      []byte  // without cookie and padding; nil: none
	cookie   bool
	padding  bool
	random   bool // the first label is randomLength bytes long, and drawn anew
	class    uint8
}

// add adds a query for a name (in wire format) in class IN.
func (b *builder) add(name []byte, qtype uint16, class uint8, random bool) {
	b.question = append(append(b.question[:0], name...), byte(qtype>>8), byte(qtype), 0, 1)
	// Its length is at most 12+259+11+4+4+44, with padding 384.
	b.addMessage(&message{
		header: b.options.header(), question: b.question, opt: b.opt,
		cookie: b.options.Cookie, padding: b.options.Padding,
		random: random, class: class,
	})
}

// addMessage adds a query, unless that could become longer than MaxBytes, and tells
// whether it did.
func (b *builder) addMessage(m *message) bool {
	longest := headerBytes + len(m.question) + len(m.opt)
	if m.cookie {
		longest += optionHeader + maxCookieBytes
	}
	if m.padding {
		longest += paddingFor(longest)
	}
	if longest > MaxBytes {
		return false
	}
	s := b.set
	q := entry{at: uint64(len(s.wire)), class: m.class, question: uint16(headerBytes + len(m.question))}
	s.wire = append(s.wire, 0, 0, m.header[0], m.header[1], 0, 1, 0, 0, 0, 0, 0, 0)
	s.wire = append(s.wire, m.question...)
	if m.random {
		q.flags |= hasRandom
	}
	if m.opt != nil {
		q.flags |= hasEDNS
		s.wire[q.at+11] = 1 // ARCOUNT
		s.wire = append(s.wire, m.opt...)
		if m.cookie {
			q.flags |= hasCookie
			s.cookies = true
			s.wire = append(s.wire, 0, optionCookie, 0, clientBytes)
			s.wire = append(s.wire, s.client[:]...)
		}
		if m.padding {
			padding := paddingFor(len(s.wire) - int(q.at))
			q.padding = uint8(padding)
			s.wire = append(s.wire, 0, optionPadding, 0, byte(padding-optionHeader))
			s.wire = append(s.wire, make([]byte, padding-optionHeader)...)
		}
		options := len(s.wire) - int(q.at) - int(q.question) - optBytes
		at := int(q.at) + int(q.question) + optLengthAt
		s.wire[at], s.wire[at+1] = byte(options>>8), byte(options)
	}
	q.length = uint16(uint64(len(s.wire)) - q.at)
	s.queries = append(s.queries, q)
	return true
}

// maxQueries is how many queries a set can have: cursors count up to twice that.
const maxQueries = math.MaxInt32

var errTooMany = fmt.Errorf("more than %d queries", maxQueries)

// ErrNone is the error of a source that holds no queries.
var ErrNone = errors.New("no queries")
