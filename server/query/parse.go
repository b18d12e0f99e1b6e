package query

import (
	"encoding/binary"

	"yushan/zone/dname"
)

// Response codes (RFC 1035 §4.1.1, 2136 §2.2, 6891 §9).
const (
	noError  uint16 = 0
	formErr  uint16 = 1
	servFail uint16 = 2
	nxDomain uint16 = 3
	notImp   uint16 = 4
	refused  uint16 = 5
	yxDomain uint16 = 6
	notAuth  uint16 = 9
	badVers  uint16 = 16
	drop     uint16 = 0xffff // no response at all
)

// Types and classes that mean something to the engine itself.
const (
	typeA      uint16 = 1
	typeNS     uint16 = 2
	typeCNAME  uint16 = 5
	typeSOA    uint16 = 6
	typeTXT    uint16 = 16
	typeAAAA   uint16 = 28
	typeDNAME  uint16 = 39
	typeOPT    uint16 = 41
	typeDS     uint16 = 43
	typeRRSIG  uint16 = 46
	typeNSEC   uint16 = 47
	typeSVCB   uint16 = 64
	typeHTTPS  uint16 = 65
	typeNXNAME uint16 = 128
	typeTSIG   uint16 = 250
	typeIXFR   uint16 = 251
	typeAXFR   uint16 = 252
	typeANY    uint16 = 255

	classIN uint16 = 1
	classCH uint16 = 3
)

const (
	headerSize = 12
	flagQR     = 0x8000
	flagAA     = 0x0400
	flagTC     = 0x0200
	flagRD     = 0x0100
	opcodeMask = 0x7800
	recordSize = 10 // type, class, TTL, length: a record without owner and RDATA
)

// query is what the engine has understood of a request.
type query struct {
	id, flags    uint16
	hasQuestion  bool
	name         []byte // of the question, as it was sent; shares the request's memory
	qtype, class uint16
	question     int // bytes of the question: name, type and class
	edns         bool
	do           bool
	udpBytes     int
	nsid         bool
	zoneVersion  bool
	hasTimeout   bool // of the transport
	keepalive    bool // asked for, on a transport that has it
	padding      bool
	tsigAt       int // where the TSIG record stands; 0 without one
}

// parse reads a request. It returns noError if there is a question to answer,
// the RCODE that answers anything else, or drop.
func (q *query) parse(wire []byte, over Transport) (rcode uint16) {
	*q = query{hasTimeout: over.hasTimeout()}
	if len(wire) < headerSize {
		return drop
	}
	q.id = binary.BigEndian.Uint16(wire)
	q.flags = binary.BigEndian.Uint16(wire[2:])
	if q.flags&flagQR != 0 {
		return drop
	}
	if q.flags&opcodeMask != 0 {
		return notImp
	}
	if binary.BigEndian.Uint16(wire[4:]) != 1 { // RFC 9619 §4
		return formErr
	}
	n, ok := dname.Check(wire[headerSize:])
	if !ok || len(wire) < headerSize+n+4 {
		return formErr
	}
	at := headerSize + n
	q.name = wire[headerSize:at]
	q.qtype = binary.BigEndian.Uint16(wire[at:])
	q.class = binary.BigEndian.Uint16(wire[at+2:])
	q.question, q.hasQuestion = n+4, true
	return q.parseRecords(wire, at+4)
}

// parseRecords reads what follows the question: in an ordinary query nothing,
// or an OPT record.
func (q *query) parseRecords(wire []byte, at int) (rcode uint16) {
	answers := int(binary.BigEndian.Uint16(wire[6:]))
	authority := int(binary.BigEndian.Uint16(wire[8:]))
	additional := int(binary.BigEndian.Uint16(wire[10:]))
	// The only query with anything in these sections is IXFR (RFC 1995 §3).
	if answers != 0 || authority != 0 && (q.qtype != typeIXFR || authority > 1) {
		rcode = formErr
	}
	for i := range answers + authority + additional {
		owner, ok := skipName(wire, at)
		if !ok || len(wire)-owner < recordSize {
			return formErr
		}
		rrtype := binary.BigEndian.Uint16(wire[owner:])
		end := owner + recordSize + int(binary.BigEndian.Uint16(wire[owner+8:]))
		if end > len(wire) {
			return formErr
		}
		if i >= answers+authority {
			switch {
			case rrtype == typeOPT:
				if q.edns || owner != at+1 { // RFC 6891 §6.1.1, §6.1.2
					return formErr
				}
				if c := q.parseOPT(wire[owner:end]); c != noError && rcode == noError {
					rcode = c
				}
			case rrtype == typeTSIG:
				if i != answers+authority+additional-1 { // RFC 8945 §5.1
					return formErr
				}
				q.tsigAt = at
			}
		}
		at = end
	}
	if at != len(wire) {
		return formErr
	}
	return rcode
}

// skipName returns where the name at position at ends. Compression pointers are
// passed over, not followed.
func skipName(wire []byte, at int) (end int, ok bool) {
	for start := at; at < len(wire) && at-start < dname.MaxWire; {
		switch l := int(wire[at]); {
		case l == 0:
			return at + 1, true
		case l <= dname.MaxLabel:
			at += 1 + l
		case l >= 0xc0:
			return at + 2, at+2 <= len(wire)
		default:
			return 0, false
		}
	}
	return 0, false
}
