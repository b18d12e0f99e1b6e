package query

import "encoding/binary"

// What tests ask of a query.

// AppendName appends a query's QNAME in wire format, as it is sent with that nonce.
func (s *Set) AppendName(dst []byte, index uint32, nonce uint64) []byte {
	q := &s.queries[index]
	start := len(dst)
	dst = append(dst, s.wire[q.at+headerBytes:q.at+uint64(q.question)-4]...)
	if q.flags&hasRandom != 0 {
		putLabel((*[randomLength]byte)(dst[start+1:]), nonce)
	}
	return dst
}

// EDNS tells whether a query has an OPT record, the UDP payload size in it, and DO.
func (s *Set) EDNS(index uint32) (edns bool, udpBytes uint16, do bool) {
	q := &s.queries[index]
	if q.flags&hasEDNS == 0 {
		return false, 0, false
	}
	opt := s.wire[q.at+uint64(q.question):]
	return true, binary.BigEndian.Uint16(opt[3:]), opt[7]&0x80 != 0
}
