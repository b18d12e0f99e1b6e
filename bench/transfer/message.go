package transfer

import (
	"encoding/binary"
	"errors"

	"github.com/miekg/dns"
)

const headerBytes = 12

var (
	errShort = errors.New("a message ends too early")
	errName  = errors.New("a message has a name that is none")
)

// message is where the parts of one are that a transfer has to know.
type message struct {
	id      uint16
	flags   uint16
	rcode   int
	records int // of the answer section
	// firstSOA and lastSOA are the serials of SOA records that are the first and the last record of
	// the answer section.
	first, last soa
	inner       int // SOA records between the first and the last
	// tsig is where the TSIG record begins, 0 without one; tsigData where its data
	// does; both have the record end with the message.
	tsig, tsigData int
}

// soa is the serial of an SOA record, if it is one.
type soa struct {
	is     bool
	serial uint32
}

// parse walks through a message of a transfer.
func parse(b []byte) (m message, err error) {
	if len(b) < headerBytes {
		return m, errShort
	}
	m.id, m.flags = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	m.rcode = int(m.flags & 15)
	at := headerBytes
	for range binary.BigEndian.Uint16(b[4:]) {
		if at, err = skipName(b, at); err != nil {
			return m, err
		}
		if at += 4; at > len(b) {
			return m, errShort
		}
	}
	m.records = int(binary.BigEndian.Uint16(b[6:]))
	for i := range m.records {
		rrtype, data, end, err := record(b, at)
		if err != nil {
			return m, err
		}
		if rrtype == dns.TypeSOA {
			serial, err := soaSerial(b, data, end)
			if err != nil {
				return m, err
			}
			switch {
			case i == 0:
				m.first = soa{true, serial}
			case i < m.records-1:
				m.inner++
			}
			if i == m.records-1 {
				m.last = soa{true, serial}
			}
		}
		at = end
	}
	for range binary.BigEndian.Uint16(b[8:]) {
		if _, _, at, err = record(b, at); err != nil {
			return m, err
		}
	}
	additional := int(binary.BigEndian.Uint16(b[10:]))
	for i := range additional {
		rrtype, data, end, err := record(b, at)
		if err != nil {
			return m, err
		}
		if rrtype == dns.TypeTSIG {
			if i != additional-1 || end != len(b) { // RFC 8945 §5.1
				return m, errors.New("a message has a TSIG record that is not its last one")
			}
			m.tsig, m.tsigData = at, data
		}
		at = end
	}
	if at != len(b) {
		return m, errors.New("a message is longer than its records")
	}
	return m, nil
}

// record returns the type of the record at an offset, and where its data is.
func record(b []byte, at int) (rrtype uint16, data, end int, err error) {
	at, err = skipName(b, at)
	if err != nil {
		return 0, 0, 0, err
	}
	const fixed = 10 // type, class, TTL, length
	if at+fixed > len(b) {
		return 0, 0, 0, errShort
	}
	rrtype = binary.BigEndian.Uint16(b[at:])
	data = at + fixed
	end = data + int(binary.BigEndian.Uint16(b[at+8:]))
	if end > len(b) {
		return 0, 0, 0, errShort
	}
	return rrtype, data, end, nil
}

// skipName returns the offset behind a name.
func skipName(b []byte, at int) (int, error) {
	for at < len(b) {
		switch length := b[at]; length & 0xc0 {
		case 0:
			at += 1 + int(length)
			if length == 0 {
				return at, nil
			}
		case 0xc0:
			if at += 2; at > len(b) {
				return 0, errShort
			}
			return at, nil
		default:
			return 0, errName
		}
	}
	return 0, errShort
}

// soaSerial reads the serial of an SOA record's data (RFC 1035 §3.3.13).
func soaSerial(b []byte, data, end int) (uint32, error) {
	at, err := skipName(b[:end], data)
	if err == nil {
		at, err = skipName(b[:end], at)
	}
	if err != nil {
		return 0, err
	}
	if at+20 != end {
		return 0, errors.New("a message has an SOA record of a wrong length")
	}
	return binary.BigEndian.Uint32(b[at:]), nil
}
