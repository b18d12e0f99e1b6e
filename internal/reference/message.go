package reference

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/miekg/dns"
)

// query is a query as it was read. Fields after question are only good when it
// could be read that far.
type query struct {
	id     uint16
	opcode int
	rd     bool

	question []byte // the question's bytes, as they came (RFC 1035 §4.1.2); nil when unreadable
	qname    name
	qtype    uint16
	qclass   uint16

	opt  *optRecord // nil without EDNS
	tsig *dns.TSIG  // nil without
}

// optRecord is an OPT record (RFC 6891 §6.1.2).
type optRecord struct {
	udpBytes int
	version  uint8
	do       bool
	options  []option
}

type option struct {
	code uint16
	data []byte
}

// has reports whether there is an option with the code.
func (o *optRecord) has(code uint16) bool {
	return o != nil && slices.ContainsFunc(o.options, func(option option) bool { return option.code == code })
}

// hasData reports whether an option with the code isn't empty.
func (o *optRecord) hasData(code uint16) bool {
	return o != nil && slices.ContainsFunc(o.options, func(option option) bool { return option.code == code && len(option.data) > 0 })
}

// Header offsets (RFC 1035 §4.1.1).
const (
	headerBytes = 12
	qdcount     = 4
	ancount     = 6
	nscount     = 8
	arcount     = 10
)

var (
	errQuestion = errors.New("no question that could be echoed")
	errFormat   = errors.New("malformed after the question")
)

// readQuery reads a message of opcode QUERY with at least a header. With
// errQuestion nothing but the header can be used; with errFormat the question
// can, and an OPT record if one was read before the mistake.
func readQuery(wire []byte) (*query, error) {
	count := func(at int) int { return int(binary.BigEndian.Uint16(wire[at:])) }
	q := &query{
		id:     binary.BigEndian.Uint16(wire),
		opcode: int(wire[2] >> 3 & 15),
		rd:     wire[2]&1 != 0,
	}
	// RFC 9619 §4: exactly one question.
	if count(qdcount) != 1 {
		return q, errQuestion
	}
	rest := wire[headerBytes:]
	n := wholeName(rest)
	if n == 0 || len(rest) < n+4 {
		return q, errQuestion
	}
	q.question = rest[:n+4]
	q.qname = lower(rest[:n])
	q.qtype = binary.BigEndian.Uint16(rest[n:])
	q.qclass = binary.BigEndian.Uint16(rest[n+2:])
	rest = rest[n+4:]

	// RFC 1995 §3: only an IXFR query has something in the authority section,
	// the client's SOA.
	var problem error
	isIXFR := q.qtype == dns.TypeIXFR && count(nscount) == 1
	if count(ancount) != 0 || count(nscount) != 0 && !isIXFR {
		problem = errFormat // but an OPT record is worth looking for
	}
	for range count(ancount) + count(nscount) {
		if _, ok := nextRecord(wire, &rest); !ok {
			return q, errFormat
		}
	}
	additional := count(arcount)
	for i := range additional {
		record, ok := nextRecord(wire, &rest)
		if !ok {
			return q, errFormat
		}
		switch record.rtype {
		case dns.TypeOPT:
			// RFC 6891 §6.1.1: one OPT, owned by the root.
			if q.opt != nil || record.owner[0] != 0 {
				return q, errFormat
			}
			var ok bool
			q.opt, ok = readOPT(record)
			if q.opt.hasData(dns.EDNS0ZONEVERSION) { // RFC 9660 §3.2
				ok = false
			}
			// RFC 6891 §6.1.3: what another version means by its options is unknown.
			if !ok && q.opt.version == 0 {
				problem = errFormat
			}
		case dns.TypeTSIG:
			// RFC 8945 §5.1: the last record of the message.
			if i != additional-1 {
				return q, errFormat
			}
			if q.tsig = readTSIG(wire, record); q.tsig == nil {
				return q, errFormat
			}
		}
	}
	if len(rest) != 0 {
		return q, errFormat
	}
	return q, problem
}

// wholeName returns the length of the uncompressed name that b starts with, 0
// when there is none (RFC 1035 §3.1: labels ≤ 63 bytes, ≤ 255 bytes in all).
func wholeName(b []byte) int {
	for n := 0; n < len(b) && n < 255; {
		label := int(b[n])
		if label == 0 {
			return n + 1
		}
		if label > 63 {
			return 0
		}
		n += 1 + label
	}
	return 0
}

// record is a resource record where it stands in the message.
type record struct {
	offset int // in the message
	owner  []byte
	rtype  uint16
	class  uint16
	ttl    uint32
	rdata  []byte
}

// nextRecord reads the record that rest starts with, where rest is the tail of
// the message, and moves rest behind it. The owner may end in a compression
// pointer; the RDATA is not looked into.
func nextRecord(wire []byte, rest *[]byte) (record, bool) {
	b := *rest
	n := ownerBytes(b)
	if n == 0 || len(b) < n+10 {
		return record{}, false
	}
	fixed := b[n:]
	rdlength := int(binary.BigEndian.Uint16(fixed[8:]))
	if len(fixed) < 10+rdlength {
		return record{}, false
	}
	*rest = fixed[10+rdlength:]
	return record{
		offset: len(wire) - len(b),
		owner:  b[:n],
		rtype:  binary.BigEndian.Uint16(fixed),
		class:  binary.BigEndian.Uint16(fixed[2:]),
		ttl:    binary.BigEndian.Uint32(fixed[4:]),
		rdata:  fixed[10 : 10+rdlength],
	}, true
}

// ownerBytes returns how many bytes the owner name takes at the start of b,
// the pointer that may end it included; 0 when it is malformed. Where the
// pointer leads doesn't matter to a record that is skipped.
func ownerBytes(b []byte) int {
	for n := 0; n < len(b) && n < 255; {
		switch label := int(b[n]); {
		case label == 0:
			return n + 1
		case label >= 0xC0:
			if n+2 > len(b) {
				return 0
			}
			return n + 2
		case label > 63:
			return 0
		default:
			n += 1 + label
		}
	}
	return 0
}

// readOPT reads an OPT record. It is not ok when its options don't fill its
// RDATA exactly; what has been read is good even then.
func readOPT(r record) (opt *optRecord, ok bool) {
	opt = &optRecord{
		udpBytes: int(r.class),
		version:  uint8(r.ttl >> 16),
		do:       r.ttl&0x8000 != 0,
	}
	for b := r.rdata; len(b) > 0; {
		if len(b) < 4 {
			return opt, false
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+n {
			return opt, false
		}
		opt.options = append(opt.options, option{binary.BigEndian.Uint16(b), b[4 : 4+n]})
		b = b[4+n:]
	}
	return opt, true
}

// readTSIG reads a TSIG record (RFC 8945 §4.2), nil when it can't be understood.
func readTSIG(wire []byte, r record) *dns.TSIG {
	rr, end, err := dns.UnpackRR(wire, r.offset)
	if err != nil || end != r.offset+len(r.owner)+10+len(r.rdata) {
		return nil
	}
	tsig, ok := rr.(*dns.TSIG)
	if !ok || r.class != dns.ClassANY || r.ttl != 0 {
		return nil
	}
	return tsig
}
