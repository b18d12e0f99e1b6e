package master

// ipv4 reads an address of four decimal numbers and appends its four bytes.
func (p *parser) ipv4(dst []byte) ([]byte, bool) {
	const expected = "an IPv4 address"
	if !p.need(expected) {
		return dst, false
	}
	addr, n, ok := parseIPv4(p.text[p.pos:])
	if !ok || class[p.text[p.pos+n]]&cEnd == 0 {
		return dst, p.bad(expected)
	}
	p.pos += n
	return append(dst, addr[:]...), true
}

// parseIPv4 reads an address at the start of text, which must have a byte after
// it, and returns its length. Leading zeros are refused: some read them as octal.
func parseIPv4(text []byte) (addr [4]byte, n int, ok bool) {
	for part := range addr {
		if part > 0 {
			if text[n] != '.' {
				return addr, n, false
			}
			n++
		}
		v := uint(text[n] - '0')
		if v > 9 {
			return addr, n, false
		}
		n++
		for digits := 1; ; digits++ {
			d := uint(text[n] - '0')
			if d > 9 {
				break
			}
			if v = v*10 + d; v < 10 || v > 255 || digits == 3 {
				return addr, n, false
			}
			n++
		}
		addr[part] = byte(v)
	}
	return addr, n, true
}

// ipv6 reads an address in one of the forms of RFC 4291 §2.2 and appends its 16
// bytes.
func (p *parser) ipv6(dst []byte) ([]byte, bool) {
	const expected = "an IPv6 address"
	if !p.need(expected) {
		return dst, false
	}
	addr, n, ok := parseIPv6(p.text[p.pos:])
	if !ok || class[p.text[p.pos+n]]&cEnd == 0 {
		return dst, p.bad(expected)
	}
	p.pos += n
	return append(dst, addr[:]...), true
}

// parseIPv6 reads an address at the start of text, which must have a byte after
// it, and returns its length.
func parseIPv6(text []byte) (addr [16]byte, n int, ok bool) {
	at, gap := 0, -1 // bytes of addr that are known; where "::" stands
	if text[0] == ':' {
		if text[1] != ':' {
			return addr, 0, false
		}
		gap, n = 0, 2
	}
	for at < 16 {
		v, digits := uint(0), 0
		for ; digits < 4; digits++ {
			d := hexValue[text[n+digits]]
			if d > 15 {
				break
			}
			v = v<<4 | uint(d)
		}
		if digits == 0 {
			if gap == at && n >= 2 { // nothing more after "::"
				break
			}
			return addr, n, false
		}
		if text[n+digits] == '.' { // the last 32 bits as an IPv4 address
			v4, length, ok := parseIPv4(text[n:])
			if !ok || at > 12 {
				return addr, n, false
			}
			at += copy(addr[at:], v4[:])
			n += length
			break
		}
		addr[at], addr[at+1] = byte(v>>8), byte(v)
		at += 2
		n += digits
		if text[n] != ':' {
			break
		}
		if at == 16 {
			return addr, n, false
		}
		n++
		if text[n] == ':' {
			if gap >= 0 {
				return addr, n, false
			}
			gap = at
			n++
		}
	}
	if at == 16 {
		return addr, n, gap < 0
	}
	if gap < 0 {
		return addr, n, false
	}
	moved := copy(addr[16-(at-gap):], addr[gap:at])
	clear(addr[gap : 16-moved])
	return addr, n, true
}
