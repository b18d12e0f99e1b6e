package query

import (
	"encoding/binary"

	"yushan/zone/dname"
)

// EDNS options that are understood; all others are ignored (RFC 6891 §6.1.2).
const (
	optionNSID        uint16 = 3  // RFC 5001
	optionKeepalive   uint16 = 11 // RFC 7828
	optionPadding     uint16 = 12 // RFC 7830
	optionEDE         uint16 = 15 // RFC 8914
	optionZoneVersion uint16 = 19 // RFC 9660
)

// Extended DNS errors (RFC 8914 §4); 0 stands for none, as "Other" tells nothing.
const (
	edeNone             uint16 = 0
	edeProhibited       uint16 = 18
	edeNotAuthoritative uint16 = 20
	edeInvalidQueryType uint16 = 30
)

// paddingBlock is what the length of a padded answer is a multiple of (RFC 8467
// §4.1).
const paddingBlock = 468

const (
	flagDO     = 0x8000
	optSize    = 1 + recordSize
	optionSize = 4 // code and length
)

// parseOPT reads an OPT record, from its type on (RFC 6891 §6.1.2).
func (q *query) parseOPT(record []byte) (rcode uint16) {
	q.edns = true
	q.udpBytes = int(binary.BigEndian.Uint16(record[2:]))
	version := record[5]
	q.do = binary.BigEndian.Uint16(record[6:])&flagDO != 0
	// What another version means by its options is not ours to judge: it gets
	// BADVERS in any case (RFC 6891 §6.1.3).
	rcode, malformed := noError, formErr
	if version != 0 {
		rcode, malformed = badVers, badVers
	}
	options := record[recordSize:]
	for len(options) > 0 {
		if len(options) < optionSize {
			return malformed
		}
		code := binary.BigEndian.Uint16(options)
		n := int(binary.BigEndian.Uint16(options[2:]))
		if options = options[optionSize:]; n > len(options) {
			return malformed
		}
		switch code {
		case optionNSID:
			q.nsid = true
		case optionKeepalive:
			if !q.hasTimeout { // RFC 7828 §3.3.1: ignored
				break
			}
			if n != 0 { // RFC 7828 §3.2.1
				rcode = malformed
			}
			q.keepalive = true
		case optionPadding: // RFC 7830 §3: of any length, with anything in it
			q.padding = true
		case optionZoneVersion:
			if n != 0 { // RFC 9660 §3.2
				rcode = malformed
			}
			q.zoneVersion = true
		}
		options = options[n:]
	}
	return rcode
}

// optReserve returns an upper bound of the bytes that the OPT record will need,
// so that the sections before it leave them free. Padding takes what is left:
// nothing is left out for its sake.
func (e *Engine) optReserve(q *query) int {
	if !q.edns {
		return 0
	}
	n := optSize
	if q.nsid && e.identity != "" {
		n += optionSize + len(e.identity)
	}
	if q.zoneVersion {
		n += optionSize + 6
	}
	if q.keepalive {
		n += optionSize + 2
	}
	return n
}

// appendOPT writes the OPT record of the response (RFC 6891 §6.1.3).
func (e *Engine) appendOPT(w *Worker, req *Request) {
	q, m := &w.query, &w.message
	b := append(m.buf[:m.n], 0)
	b = binary.BigEndian.AppendUint16(b, typeOPT)
	b = binary.BigEndian.AppendUint16(b, uint16(e.maxUDP))
	b = append(b, byte(m.rcode>>4), 0)
	flags := uint16(0)
	if q.do {
		flags = flagDO // RFC 3225 §3
	}
	b = binary.BigEndian.AppendUint16(b, flags)
	b = append(b, 0, 0)
	start := len(b)
	if q.nsid && e.identity != "" {
		b = appendOption(b, optionNSID, len(e.identity))
		b = append(b, e.identity...)
	}
	if q.zoneVersion && w.zone != nil && m.rcode != formErr && m.rcode != badVers {
		b = appendOption(b, optionZoneVersion, 6)
		b = append(b, byte(dname.Labels(w.zone.Origin())), 0) // TYPE 0: SOA-SERIAL
		b = binary.BigEndian.AppendUint32(b, w.zone.Serial())
	}
	if q.keepalive && req.KeepaliveUnits > 0 {
		b = appendOption(b, optionKeepalive, 2)
		b = binary.BigEndian.AppendUint16(b, req.KeepaliveUnits)
	}
	if m.ede != edeNone && len(b)+optionSize+2 <= cap(m.buf) {
		b = appendOption(b, optionEDE, 2)
		b = binary.BigEndian.AppendUint16(b, m.ede)
	}
	if q.padding && req.Transport.encrypted() {
		b = appendPadding(b, m.tail)
	}
	binary.BigEndian.PutUint16(b[start-2:], uint16(len(b)-start))
	m.n = len(b)
	m.counts[additional]++
}

// appendPadding makes the message a multiple of paddingBlock long, tail bytes that
// are still to come included. Where its memory ends before that, it is filled;
// where not even the option's head fits, there is none (RFC 7830 §3).
func appendPadding(b []byte, tail int) []byte {
	n := len(b) + optionSize + tail
	if n > cap(b) {
		return b
	}
	fill := min((n+paddingBlock-1)/paddingBlock*paddingBlock, cap(b)) - n
	b = appendOption(b, optionPadding, fill)
	at := len(b)
	b = b[:at+fill]
	clear(b[at:]) // RFC 7830 §3; the memory may hold another client's answer
	return b
}

func appendOption(b []byte, code uint16, n int) []byte {
	b = binary.BigEndian.AppendUint16(b, code)
	return binary.BigEndian.AppendUint16(b, uint16(n))
}
