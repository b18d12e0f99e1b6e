package query

import (
	"encoding/binary"

	"yushan/zone/dname"
)

// EDNS options that are understood; all others are ignored (RFC 6891 §6.1.2).
const (
	optionNSID        uint16 = 3  // RFC 5001
	optionKeepalive   uint16 = 11 // RFC 7828
	optionEDE         uint16 = 15 // RFC 8914
	optionZoneVersion uint16 = 19 // RFC 9660
)

// Extended DNS errors (RFC 8914 §4); 0 stands for none, as "Other" tells nothing.
const (
	edeNone             uint16 = 0
	edeProhibited       uint16 = 18
	edeNotAuthoritative uint16 = 20
)

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
			q.keepalive = true
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
// so that the sections before it leave them free.
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
	if q.keepalive && req.KeepaliveUnits > 0 && (req.Transport == TCP || req.Transport == DoT) {
		b = appendOption(b, optionKeepalive, 2)
		b = binary.BigEndian.AppendUint16(b, req.KeepaliveUnits)
	}
	if m.ede != edeNone && len(b)+optionSize+2 <= cap(m.buf) {
		b = appendOption(b, optionEDE, 2)
		b = binary.BigEndian.AppendUint16(b, m.ede)
	}
	binary.BigEndian.PutUint16(b[start-2:], uint16(len(b)-start))
	m.n = len(b)
	m.counts[additional]++
}

func appendOption(b []byte, code uint16, n int) []byte {
	b = binary.BigEndian.AppendUint16(b, code)
	return binary.BigEndian.AppendUint16(b, uint16(n))
}
