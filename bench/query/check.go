package query

import (
	"bytes"
	"encoding/binary"
)

// Verdict is what Check finds.
type Verdict uint8

const (
	Fits       Verdict = iota
	Malformed          // shorter than its header says, or no response
	Mismatched         // it repeats another question, or another client's cookie
)

func (v Verdict) String() string {
	return [...]string{"fits", "malformed", "mismatched"}[v]
}

// RCODEs of servers that have not looked at the question, or not understood it.
const (
	rcodeFormErr  = 1
	rcodeServFail = 2
	rcodeNotImp   = 4
	rcodeRefused  = 5
)

// Check holds a message against the query that it has the ID of; the ID itself is for
// the caller to look at. Names that differ only in the case of letters are the same. A
// response without a question fits if its RCODE says that the server could not read
// the query, or would not. A cookie that isn't of this client makes it a message for
// someone else (RFC 7873 §5.3).
func (s *Set) Check(index uint32, nonce uint64, answer []byte) Verdict {
	if len(answer) < headerBytes || answer[2]&0x80 == 0 {
		return Malformed
	}
	if answer[2]&0x78 != 0 { // another OPCODE
		return Mismatched
	}
	q := &s.queries[index]
	records := int(binary.BigEndian.Uint16(answer[6:])) +
		int(binary.BigEndian.Uint16(answer[8:])) +
		int(binary.BigEndian.Uint16(answer[10:]))
	at := headerBytes
	switch binary.BigEndian.Uint16(answer[4:]) {
	case 0:
		switch answer[3] & 15 {
		case rcodeFormErr, rcodeServFail, rcodeNotImp, rcodeRefused:
		default:
			return Mismatched
		}
	case 1:
		at = int(q.question)
		if len(answer) < at {
			return shorter(answer)
		}
		if !q.repeated(s.wire[q.at+headerBytes:][:at-headerBytes], answer[headerBytes:at], nonce) {
			return Mismatched
		}
	default:
		return Mismatched
	}
	return s.walk(answer, at, records)
}

// shorter judges a message that is too short for the question that was sent: has it
// another one, or no whole one?
func shorter(answer []byte) Verdict {
	at, ok := skipName(answer, headerBytes)
	if !ok || at+4 > len(answer) {
		return Malformed
	}
	return Mismatched
}

// repeated tells whether a question is the one that was sent.
func (q *entry) repeated(sent, got []byte, nonce uint64) bool {
	if q.flags&hasRandom != 0 {
		var label [randomLength]byte
		putLabel(&label, nonce)
		if got[0] != randomLength || !equalFold(label[:], got[1:1+randomLength]) {
			return false
		}
		sent, got = sent[1+randomLength:], got[1+randomLength:]
	}
	if bytes.Equal(sent, got) {
		return true
	}
	name := len(sent) - 4
	// Length bytes are below 'A', and so are compared as they are.
	return bytes.Equal(sent[name:], got[name:]) && equalFold(sent[:name], got[:name])
}

// equalFold compares bytes without regard to the case of ASCII letters (RFC 4343).
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if c != b[i] && lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c-'A' < 26 {
		c |= 0x20
	}
	return c
}

// walk goes through the records of a message, of which there must be as many as its
// header says, and looks at the cookie.
func (s *Set) walk(answer []byte, at, records int) Verdict {
	for ; records > 0; records-- {
		next, ok := skipName(answer, at)
		if !ok || next+10 > len(answer) {
			return Malformed
		}
		kind := binary.BigEndian.Uint16(answer[next:])
		rdata := next + 10
		end := rdata + int(binary.BigEndian.Uint16(answer[next+8:]))
		if end > len(answer) {
			return Malformed
		}
		if kind == typeOPT && s.cookies {
			cookie, ok := option(answer[rdata:end], optionCookie)
			if !ok {
				return Malformed
			}
			if len(cookie) >= clientBytes && [clientBytes]byte(cookie) != s.client {
				return Mismatched
			}
		}
		at = end
	}
	return Fits
}

// skipName returns where the name at a place of a message ends. Pointers are not
// followed, and only a name's shape is looked at.
func skipName(message []byte, at int) (int, bool) {
	for at < len(message) {
		switch c := message[at]; {
		case c == 0:
			return at + 1, true
		case c >= 0xc0:
			return at + 2, at+2 <= len(message)
		case c > 63:
			return 0, false
		default:
			at += 1 + int(c)
		}
	}
	return 0, false
}

// option returns the first option of a kind among those of an OPT record, and whether
// these are well-formed; nil: it is not there.
func option(options []byte, code uint16) (data []byte, ok bool) {
	for len(options) > 0 {
		if len(options) < optionHeader {
			return nil, false
		}
		n := optionHeader + int(binary.BigEndian.Uint16(options[2:]))
		if n > len(options) {
			return nil, false
		}
		if binary.BigEndian.Uint16(options) == code {
			return options[optionHeader:n:n], true
		}
		options = options[n:]
	}
	return nil, true
}

// ServerCookie returns the cookie of an answer, client's and server's parts together,
// as Put takes it; nil if it has none. It shares memory with the answer, which must
// have fitted its query by [Set.Check].
func ServerCookie(answer []byte) []byte {
	if len(answer) < headerBytes {
		return nil
	}
	at, ok := headerBytes, true
	for range binary.BigEndian.Uint16(answer[4:]) {
		if at, ok = skipName(answer, at); !ok {
			return nil
		}
		at += 4
	}
	records := int(binary.BigEndian.Uint16(answer[6:])) +
		int(binary.BigEndian.Uint16(answer[8:])) +
		int(binary.BigEndian.Uint16(answer[10:]))
	for ; records > 0; records-- {
		if at, ok = skipName(answer, at); !ok || at+10 > len(answer) {
			return nil
		}
		rdata := at + 10
		end := rdata + int(binary.BigEndian.Uint16(answer[at+8:]))
		if end > len(answer) {
			return nil
		}
		if binary.BigEndian.Uint16(answer[at:]) == typeOPT {
			cookie, ok := option(answer[rdata:end], optionCookie)
			// RFC 7873 §4: 8 bytes of the client, and 8 to 32 of the server.
			if !ok || len(cookie) < 2*clientBytes || len(cookie) > maxCookieBytes {
				return nil
			}
			return cookie
		}
		at = end
	}
	return nil
}
