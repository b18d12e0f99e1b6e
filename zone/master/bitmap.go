package master

import "slices"

// typeBitmap reads record types up to the end of the record, in any order, and
// appends their bitmap (RFC 4034 §4.1.2).
func (p *parser) typeBitmap(dst []byte) ([]byte, bool) {
	types := p.types[:0]
	sorted := true
	for p.blanks() {
		t, ok := p.recordType("a record type")
		if !ok {
			return dst, false
		}
		if len(types) > 0 && t <= types[len(types)-1] {
			sorted = false
		}
		types = append(types, t)
	}
	p.types = types
	if p.err != nil {
		return dst, false
	}
	if !sorted {
		slices.Sort(types)
	}
	for len(types) > 0 {
		window := types[0] >> 8
		at := len(dst)
		dst = append(dst, byte(window), 0)
		for len(types) > 0 && types[0]>>8 == window {
			low := int(types[0] & 0xff)
			for len(dst) <= at+2+low/8 {
				dst = append(dst, 0)
			}
			dst[at+2+low/8] |= 0x80 >> (low % 8)
			types = types[1:]
		}
		dst[at+1] = byte(len(dst) - at - 2)
	}
	return dst, true
}
