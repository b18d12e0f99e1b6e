package overlay

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

const (
	headerBytes = 12
	recordBytes = 10 // type, class, TTL, length: a record without owner and RDATA
)

// outline is what can be said of a message without reading its records. It costs
// next to nothing, so that nobody can make a server work by updates that are not
// signed by a key it knows.
type outline struct {
	zone    []byte // name in the zone section, as it was sent
	qtype   uint16
	class   uint16
	options bool  // there is an OPT record
	version uint8 // of EDNS
	signed  bool  // the last record is a TSIG record
	last    int   // where the last record begins
}

// read returns false if wire is no well-formed message with one question, or has
// OPT or TSIG records where none may be (RFC 6891 §6.1.1, RFC 8945 §5.1).
func (o *outline) read(wire []byte) bool {
	if len(wire) < headerBytes || binary.BigEndian.Uint16(wire[4:]) != 1 {
		return false
	}
	n, ok := dname.Check(wire[headerBytes:])
	at := headerBytes + n
	if !ok || len(wire)-at < 4 {
		return false
	}
	o.zone = wire[headerBytes:at]
	o.qtype, o.class = binary.BigEndian.Uint16(wire[at:]), binary.BigEndian.Uint16(wire[at+2:])
	at += 4
	for section := range 3 {
		count := int(binary.BigEndian.Uint16(wire[6+2*section:]))
		for i := range count {
			owner, ok := skipName(wire, at)
			if !ok || len(wire)-owner < recordBytes {
				return false
			}
			last := section == 2 && i == count-1
			switch binary.BigEndian.Uint16(wire[owner:]) {
			case dns.TypeOPT:
				if section != 2 || o.options || wire[at] != 0 {
					return false
				}
				o.options, o.version = true, wire[owner+5]
			case dns.TypeTSIG:
				if !last {
					return false
				}
				o.signed = true
			}
			o.last = at
			if at = owner + recordBytes + int(binary.BigEndian.Uint16(wire[owner+8:])); at > len(wire) {
				return false
			}
		}
	}
	return at == len(wire)
}

// skipName returns where the name at position at ends. Compression pointers are
// passed over, not followed.
func skipName(wire []byte, at int) (end int, ok bool) {
	for at < len(wire) {
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
