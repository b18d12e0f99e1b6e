package master

import (
	"bytes"
	"fmt"
	"math"

	"github.com/miekg/dns"
)

// generic reads RDATA in the form of RFC 3597 §5: "\#", the length, and the data
// in hexadecimal. That of known types must be valid for the type.
func (p *parser) generic(dst []byte) ([]byte, bool) {
	p.pos += len(`\#`)
	length, ok := p.number(math.MaxUint16, "a length")
	if !ok {
		return dst, false
	}
	at, from := len(dst), p.pos
	if p.blanks() {
		from = p.pos
		if dst, ok = p.hex(dst, "data"); !ok {
			return dst, false
		}
	} else if p.err != nil {
		return dst, false
	}
	if n := len(dst) - at; n != int(length) {
		return dst, p.fail(from, p.pos, fmt.Sprintf("the data has %s, but the length before it is %d", bytesOf(n), length))
	}
	if !validRDATA(p.typ, dst[at:]) {
		return dst, p.fail(from, p.pos, "this is not valid as the data of type "+typeName(p.typ))
	}
	return dst, true
}

// validRDATA tells whether RDATA in wire format is what the type demands, as far
// as miekg/dns knows the type. Names in it must not be compressed.
func validRDATA(typ uint16, rdata []byte) bool {
	if _, known := dns.TypeToRR[typ]; !known || typ == dns.TypeNULL {
		return true
	}
	if len(rdata) == 0 {
		return typ == dns.TypeAPL // RFC 3123 §4 allows no items
	}
	rr, end, err := dns.UnpackRRWithHeader(dns.RR_Header{Name: ".", Rrtype: typ, Class: dns.ClassINET, Rdlength: uint16(len(rdata))}, rdata, 0)
	if err != nil || end != len(rdata) {
		return false
	}
	_, again, err := FromRR(rr)
	return err == nil && bytes.Equal(again, rdata)
}
