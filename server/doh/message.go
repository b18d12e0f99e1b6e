package doh

import (
	"encoding/binary"
	"math"
)

const (
	headerBytes = 12 // RFC 1035 §4.1.1
	recordBytes = 10 // type, class, TTL, length: a record without owner and RDATA
	typeSOA     = 6
	flagTC      = 0x02 // of byte 2
	rcodeMask   = 0x0f // of byte 3

	noError  = 0
	formErr  = 1
	nxDomain = 3
)

// section is the number of entries that the header has at byte at.
func section(message []byte, at int) int {
	return int(binary.BigEndian.Uint16(message[at:]))
}

// seconds reads a TTL: one with the highest bit set means 0 (RFC 2181 §8).
func seconds(ttl uint32) uint32 {
	if ttl > math.MaxInt32 {
		return 0
	}
	return ttl
}

// isFormErr reports whether a response says that its query could not be
// understood.
func isFormErr(message []byte) bool { return message[3]&rcodeMask == formErr }

// wellFormed reports whether a message has the form of RFC 1035 §4.1, whole and
// with nothing behind it. A well-formed one may still mean nothing.
func wellFormed(message []byte) bool {
	if len(message) < headerBytes {
		return false
	}
	s := scanner{message: message, at: headerBytes}
	s.questions(section(message, 4))
	for range section(message, 6) + section(message, 8) + section(message, 10) {
		if s.failed {
			return false
		}
		s.record()
	}
	return !s.failed && s.at == len(message)
}

// scanner passes over the parts of a message.
type scanner struct {
	message []byte
	at      int
	failed  bool
}

// record is one, without its owner.
type record struct {
	rrtype uint16
	ttl    uint32
	data   []byte
}

func (s *scanner) questions(count int) {
	for range count {
		if s.name(); s.failed {
			return
		}
		s.take(4)
	}
}

func (s *scanner) record() (r record) {
	s.name()
	head := s.take(recordBytes)
	if s.failed {
		return r
	}
	r.rrtype = binary.BigEndian.Uint16(head)
	r.ttl = seconds(binary.BigEndian.Uint32(head[4:]))
	r.data = s.take(int(binary.BigEndian.Uint16(head[8:])))
	return r
}

// name passes over one; it doesn't follow pointers.
func (s *scanner) name() {
	start := s.at
	for !s.failed {
		label := s.take(1)
		switch {
		case s.failed:
		case label[0] == 0:
			s.failed = s.at-start > 255
			return
		case label[0] < 0x40:
			s.take(int(label[0]))
		case label[0] >= 0xc0:
			s.take(1)
			return
		default:
			s.failed = true
		}
	}
}

// take returns the next n bytes, or nothing and fails.
func (s *scanner) take(n int) []byte {
	if s.failed || len(s.message)-s.at < n {
		s.failed = true
		return nil
	}
	part := s.message[s.at : s.at+n]
	s.at += n
	return part
}
