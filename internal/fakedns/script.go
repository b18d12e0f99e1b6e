package fakedns

import (
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// Query is one message that a server has got.
type Query struct {
	Transport Transport
	Message   []byte // its own, may be kept
	From      netip.AddrPort
	N         int // how many came before it, on all connections since the start
	// Conn is how many connections were there before its own, OnConn how many queries
	// came before it on that. Both are 0 on UDP.
	Conn, OnConn int
	Resumed      bool   // its connection, by a session ticket
	Early        bool   // its connection has had accepted 0-RTT
	Method, Path string // of HTTP
	// Received is when it came, by the wall clock: of the kernel on UDP, else when the
	// server has read it.
	Received time.Time
}

// Name is the query's QNAME in presentation form, or "" if it has none.
func (q *Query) Name() string {
	if len(q.Message) < 12 {
		return ""
	}
	name, _, err := dns.UnpackDomainName(q.Message, 12)
	if err != nil {
		return ""
	}
	return name
}

// End is what becomes of a connection.
type End uint8

const (
	Stays   End = iota
	Closes      // in order, after the reply
	Resets      // at once, after the reply: RST on TCP
	Kills       // the whole server: see [Server.Kill]
	Stalled     // nothing is read from it any more, and nothing closed. UDP: as Stays
)

// Reply is what a server does about a query.
type Reply struct {
	// Delay is how long after Received the messages are sent.
	Delay time.Duration
	// Messages are sent one after the other; none: no answer. HTTP and DoQ have room
	// for one only.
	Messages [][]byte
	// Raw is sent instead, unless nil, without the length before it on TCP, DoT and
	// DoQ, and without the status line on HTTP/1.1. On HTTP/2 and 3 it is a body that ends
	// by a reset of the stream.
	Raw []byte
	// Drip is a pause after each byte of TCP and DoT; 0: all in one write.
	Drip time.Duration
	// Status is that of HTTP; 0 is 200.
	Status int
	// End comes after the messages. On QUIC it may overtake them, as it may there.
	End End
}

// Script says what to do about a query. A server calls it for one query at a time.
type Script func(q *Query) Reply

// Good answers at once and right: NOERROR, the question, no records.
func Good(q *Query) Reply { return send(Answer(q.Message, dns.RcodeSuccess)) }

func send(messages ...[]byte) Reply { return Reply{Messages: messages} }

// RCode is [Good] with another RCODE (of the header: 0 to 15).
func RCode(rcode int) Script {
	return func(q *Query) Reply { return send(Answer(q.Message, rcode)) }
}

// Silent never answers.
func Silent(*Query) Reply { return Reply{} }

// WrongID answers with the complement of the query's ID. On DoQ and DoH, where IDs have
// no meaning, that is wrong because it isn't 0.
func WrongID(q *Query) Reply {
	r := Good(q)
	r.Messages[0][0] ^= 0xff
	r.Messages[0][1] ^= 0xff
	return r
}

// Twice sends the answer and then the same again, except on HTTP and DoQ.
func Twice(q *Query) Reply {
	r := Good(q)
	return send(r.Messages[0], r.Messages[0])
}

// Truncated answers with TC and nothing else.
func Truncated(q *Query) Reply {
	r := Good(q)
	r.Messages[0][2] |= 0x02
	return r
}

// Short sends the first bytes of an answer as if they were a message.
func Short(bytes int) Script {
	return func(q *Query) Reply {
		whole := Good(q).Messages[0]
		return send(whole[:min(bytes, len(whole))])
	}
}

// CutOff sends half of the answer, in a stream, and then closes the connection.
func CutOff(q *Query) Reply {
	whole := framed(Good(q).Messages[0])
	return Reply{Raw: whole[:len(whole)/2], End: Closes}
}

// Torn sends half of the answer and then ends its stream: by a reset in HTTP/2 and 3,
// as if that were all on DoQ.
func Torn(q *Query) Reply {
	whole := framed(Good(q).Messages[0])
	return Reply{Raw: whole[:len(whole)/2]}
}

// Garbage sends bytes that are no message; the first two are the query's ID.
func Garbage(q *Query) Reply {
	m := []byte("..\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff this is no DNS message")
	copy(m, q.Message[:min(2, len(q.Message))])
	return send(m)
}

// Echo sends the query back: it is no response.
func Echo(q *Query) Reply { return send(q.Message) }

// WrongQuestion answers another question.
func WrongQuestion(q *Query) Reply {
	var m dns.Msg
	m.SetQuestion("another.question.example.", dns.TypeTXT)
	m.Response = true
	wire, err := m.Pack()
	if err != nil {
		panic(err) // a constant
	}
	copy(wire, q.Message[:min(2, len(q.Message))])
	return send(wire)
}

// HangsUp closes the connection without an answer.
func HangsUp(*Query) Reply { return Reply{End: Closes} }

// Breaks resets the connection without an answer.
func Breaks(*Query) Reply { return Reply{End: Resets} }

// Dies kills the server.
func Dies(*Query) Reply { return Reply{End: Kills} }

// Status answers with another status of HTTP, and no message.
func Status(code int) Script {
	return func(*Query) Reply { return Reply{Status: code, Messages: [][]byte{nil}} }
}

// Made is [Good] after edit has had its way with the answer. A query that can't be read is
// not answered.
func Made(edit func(query, answer *dns.Msg)) Script {
	return func(q *Query) Reply {
		var query, answer dns.Msg
		if query.Unpack(q.Message) != nil {
			return Reply{}
		}
		answer.SetReply(&query)
		answer.Authoritative = true
		edit(&query, &answer)
		wire, err := answer.Pack()
		if err != nil {
			return Reply{}
		}
		return send(wire)
	}
}

// After follows one script for n queries, and then the other.
func After(n int, first, then Script) Script {
	return func(q *Query) Reply {
		if q.N < n {
			return first(q)
		}
		return then(q)
	}
}

// AfterOnConn is [After] counted on each connection.
func AfterOnConn(n int, first, then Script) Script {
	return func(q *Query) Reply {
		if q.OnConn < n {
			return first(q)
		}
		return then(q)
	}
}

// Every follows one script for each n-th query (the n-th, the 2n-th …), and the other
// for the rest.
func Every(n int, odd, usual Script) Script {
	return func(q *Query) Reply {
		if (q.N+1)%n == 0 {
			return odd(q)
		}
		return usual(q)
	}
}

// Lasting closes each connection after n answers.
func Lasting(n int, s Script) Script {
	return func(q *Query) Reply {
		r := s(q)
		if q.OnConn+1 == n {
			r.End = Closes
		}
		return r
	}
}

// Dripping sends answers byte by byte.
func Dripping(pause time.Duration, s Script) Script {
	return func(q *Query) Reply {
		r := s(q)
		r.Drip = pause
		return r
	}
}

// Delayed delays each answer by a time that is drawn.
func Delayed(delays Delays, s Script) Script {
	return func(q *Query) Reply {
		r := s(q)
		r.Delay = delays()
		return r
	}
}

// Stall sends nothing from a time after the first query on, for a while. What would have been
// sent in between is sent at its end.
func Stall(after, lasting time.Duration, s Script) Script {
	var from time.Time
	return func(q *Query) Reply {
		r := s(q)
		if from.IsZero() {
			from = q.Received.Add(after)
		}
		until := from.Add(lasting)
		if at := q.Received.Add(r.Delay); !at.Before(from) && at.Before(until) {
			r.Delay = until.Sub(q.Received)
		}
		return r
	}
}
