package master

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// number reads a decimal number up to limit.
func (p *parser) number(limit uint32, expected string) (uint32, bool) {
	if !p.need(expected) {
		return 0, false
	}
	text, i, v := p.text, p.pos, uint64(0)
	for {
		d := uint64(text[i] - '0')
		if d > 9 {
			break
		}
		if v = v*10 + d; v > uint64(limit) {
			return 0, p.bad(fmt.Sprintf("%s: a number from 0 to %d", expected, limit))
		}
		i++
	}
	if i == p.pos || class[text[i]]&cEnd == 0 {
		return 0, p.bad(fmt.Sprintf("%s: a number from 0 to %d", expected, limit))
	}
	p.pos = i
	return uint32(v), true
}

func (p *parser) number8(dst []byte, expected string) ([]byte, bool) {
	v, ok := p.number(math.MaxUint8, expected)
	return append(dst, byte(v)), ok
}

func (p *parser) number16(dst []byte, expected string) ([]byte, bool) {
	v, ok := p.number(math.MaxUint16, expected)
	return binary.BigEndian.AppendUint16(dst, uint16(v)), ok
}

func (p *parser) number32(dst []byte, expected string) ([]byte, bool) {
	v, ok := p.number(math.MaxUint32, expected)
	return binary.BigEndian.AppendUint32(dst, v), ok
}

// duration reads seconds, or figures with units, and appends 32 bits.
func (p *parser) duration(dst []byte, expected string) ([]byte, bool) {
	if !p.need(expected) {
		return dst, false
	}
	seconds, n, ok := parseDuration(p.text[p.pos:])
	if !ok || class[p.text[p.pos+n]]&cEnd == 0 || seconds > math.MaxUint32 {
		return dst, p.bad(expected + ": seconds below 2^32, or figures with units as in 1w2d3h4m5s")
	}
	p.pos += n
	return binary.BigEndian.AppendUint32(dst, uint32(seconds)), true
}

// maxSeconds is above all that a duration may be, and far from overflow.
const maxSeconds = 1 << 40

// parseDuration reads "3600" or "1h30m" at the start of text, which must have
// a byte after it, and returns its length.
func parseDuration(text []byte) (seconds uint64, n int, ok bool) {
	for units := 0; ; units++ {
		v, start := uint64(0), n
		for {
			d := uint64(text[n] - '0')
			if d > 9 {
				break
			}
			v = min(v*10+d, maxSeconds)
			n++
		}
		if n == start { // no figure: the end, or nonsense
			return min(seconds, maxSeconds), n, units > 0
		}
		switch text[n] | 0x20 {
		case 's':
			seconds += v
		case 'm':
			seconds += v * 60
		case 'h':
			seconds += v * 3600
		case 'd':
			seconds += v * 86400
		case 'w':
			seconds += v * 604800
		default: // no unit: fine if it is the only figure
			return v, n, units == 0
		}
		n++
		if seconds > maxSeconds {
			seconds = maxSeconds
		}
	}
}

// hexValue and base32Value are the values of digits; 0xff is none.
var hexValue, base32Value = digits("0123456789abcdef"), digits("0123456789abcdefghijklmnopqrstuv")

func digits(alphabet string) (t [256]uint8) {
	for i := range t {
		t[i] = 0xff
	}
	for v, c := range []byte(alphabet) {
		t[c] = uint8(v)
		if 'a' <= c {
			t[c-'a'+'A'] = uint8(v)
		}
	}
	return t
}

// hex reads hexadecimal digits up to the end of the record; blanks may stand
// anywhere between them.
func (p *parser) hex(dst []byte, expected string) ([]byte, bool) {
	if !p.need(expected) {
		return dst, false
	}
	text, half, high := p.text, false, uint8(0)
	first := p.pos
	for {
		start, i := p.pos, p.pos
		for ; ; i++ {
			v := hexValue[text[i]]
			if v > 15 {
				break
			}
			if half {
				dst = append(dst, high<<4|v)
			}
			high, half = v, !half
		}
		p.pos = i
		if class[text[i]]&cEnd == 0 {
			p.pos = start
			return dst, p.bad(expected + " in hexadecimal")
		}
		if !p.blanks() {
			break
		}
	}
	if p.err != nil {
		return dst, false
	}
	if half {
		return dst, p.fail(first, p.pos, expected+" has an odd number of hexadecimal digits")
	}
	return dst, true
}

// hexWord reads one word of hexadecimal digits of at most 255 bytes, or "-"
// for none, and appends it behind its length.
func (p *parser) hexWord(dst []byte, expected string) ([]byte, bool) {
	t, ok := p.word(expected)
	if !ok {
		return dst, false
	}
	text := p.text[t.start:t.end]
	if string(text) == "-" {
		return append(dst, 0), true
	}
	if len(text)%2 != 0 || len(text) > 2*255 {
		return dst, p.notA(t.start, t.end, expected+`: "-", or up to 255 bytes in hexadecimal`)
	}
	dst = append(dst, byte(len(text)/2))
	for i := 0; i < len(text); i += 2 {
		high, low := hexValue[text[i]], hexValue[text[i+1]]
		if high|low > 15 {
			return dst, p.notA(t.start, t.end, expected+`: "-", or up to 255 bytes in hexadecimal`)
		}
		dst = append(dst, high<<4|low)
	}
	return dst, true
}

// base32 reads one word in Base 32 with extended hex alphabet, without padding
// (RFC 4648 §7, RFC 5155 §3.3), and appends it behind its length.
func (p *parser) base32(dst []byte, expected string) ([]byte, bool) {
	t, ok := p.word(expected)
	if !ok {
		return dst, false
	}
	text := p.text[t.start:t.end]
	at := len(dst)
	dst = append(dst, 0)
	bits, have := uint64(0), 0
	for _, c := range text {
		v := base32Value[c]
		if v > 31 {
			return dst, p.notA(t.start, t.end, expected+" in base32hex")
		}
		bits = bits<<5 | uint64(v)
		if have += 5; have >= 8 {
			have -= 8
			dst = append(dst, byte(bits>>have))
		}
	}
	n := len(dst) - at - 1
	if n == 0 || n > 255 || have >= 5 || bits&(1<<have-1) != 0 {
		return dst, p.notA(t.start, t.end, expected+": 1 to 255 bytes in base32hex")
	}
	dst[at] = byte(n)
	return dst, true
}

// base64 reads Base 64 (RFC 4648 §4) up to the end of the record; blanks may
// stand anywhere in it.
func (p *parser) base64(dst []byte, expected string) ([]byte, bool) {
	if !p.need(expected) {
		return dst, false
	}
	first := p.pos
	joined, pieces := []byte(nil), 0
	for {
		t, ok := p.token()
		if !ok {
			return dst, false
		}
		piece := p.text[t.start:t.end]
		if t.quoted || t.inner {
			return dst, p.notA(t.start, t.end, expected+" in base64")
		}
		switch pieces++; pieces {
		case 1:
			joined = piece
		case 2:
			p.scratch = append(append(p.scratch[:0], joined...), piece...)
			joined = p.scratch
		default:
			p.scratch = append(p.scratch, piece...)
			joined = p.scratch
		}
		if !p.blanks() {
			break
		}
	}
	if p.err != nil {
		return dst, false
	}
	out, err := base64.StdEncoding.AppendDecode(dst, joined)
	if err != nil {
		return dst, p.fail(first, p.pos, quote(joined)+" is not "+expected+" in base64")
	}
	return out, true
}

// characterString reads a <character-string> (RFC 1035 §3.3, §5.1) and appends
// it behind its length.
func (p *parser) characterString(dst []byte, expected string) ([]byte, bool) {
	if !p.need(expected) {
		return dst, false
	}
	t, ok := p.token()
	if !ok {
		return dst, false
	}
	at := len(dst)
	dst, ok = p.unescaped(append(dst, 0), t)
	if n := len(dst) - at - 1; ok && n > 255 {
		return dst, p.fail(t.start, t.end, fmt.Sprintf("%s is %d bytes long; %s has at most 255 (RFC 1035 §3.3)",
			quote(p.text[t.start:t.end]), n, expected))
	} else if ok {
		dst[at] = byte(n)
	}
	return dst, ok
}

// unescaped appends the bytes that a token stands for.
func (p *parser) unescaped(dst []byte, t token) ([]byte, bool) {
	text := p.text[t.start:t.end]
	if t.inner {
		return dst, p.fail(t.start, t.end, "a quote in the middle of "+quote(text))
	}
	if !t.escaped {
		return append(dst, text...), true
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' {
			value, n := unescape(text[i+1:])
			if n == 0 {
				return dst, p.fail(t.start+i, min(t.start+i+4, t.end),
					`"\" must be followed by a character or by three digits up to 255`)
			}
			c = value
			i += n
		}
		dst = append(dst, c)
	}
	return dst, true
}

// unescape reads what follows a backslash (RFC 1035 §5.1) and returns its
// length; 0 says that it is wrong.
func unescape(text []byte) (value byte, n int) {
	switch {
	case len(text) == 0:
		return 0, 0
	case text[0] < '0' || text[0] > '9':
		return text[0], 1
	case len(text) < 3:
		return 0, 0
	}
	v, err := strconv.ParseUint(string(text[:3]), 10, 8)
	if err != nil {
		return 0, 0
	}
	return byte(v), 3
}

// time32 reads a time of an RRSIG: YYYYMMDDHHmmSS in UTC, or seconds since 1970
// (RFC 4034 §3.2).
func (p *parser) time32(dst []byte, expected string) ([]byte, bool) {
	if !p.need(expected) {
		return dst, false
	}
	text := p.text[p.pos:]
	n := 0
	for n < 15 && text[n]-'0' <= 9 {
		n++
	}
	if n != 14 {
		v, ok := p.number(math.MaxUint32, expected+" as YYYYMMDDHHmmSS or")
		return binary.BigEndian.AppendUint32(dst, v), ok
	}
	seconds, ok := parseDate(text[:14])
	if !ok || class[text[14]]&cEnd == 0 {
		return dst, p.bad(expected + " as YYYYMMDDHHmmSS between 1970 and 2106")
	}
	p.pos += n
	return binary.BigEndian.AppendUint32(dst, seconds), true
}

// parseDate turns 14 digits into seconds since 1970.
func parseDate(digits []byte) (uint32, bool) {
	two := func(i int) int { return int(digits[i]-'0')*10 + int(digits[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(4), two(6)
	hour, minute, second := two(8), two(10), two(12)
	if year < 1970 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	// Years that begin in March put the leap day last, so that the days before
	// a month follow one line: 153 days in 5 months.
	y, m := year, month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	days := y*365 + y/4 - y/100 + y/400 + (153*m+2)/5 + day - 719469
	seconds := int64(days)*86400 + int64(hour*3600+minute*60+second)
	return uint32(seconds), seconds <= math.MaxUint32
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}
