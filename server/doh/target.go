package doh

import (
	"bytes"
	"encoding/base64"
)

// base64url is RFC 8484 §6's: without padding (RFC 4648 §3.2, §5), and with bits
// that are left over zero (§3.5), so that one message has one form.
var base64url = base64.RawURLEncoding.Strict()

// decode returns the message in the parameter "dns". It lies in s. Other
// parameters mean nothing, as RFC 3986 leaves them to the resource.
func (s *scratch) decode(parameters []byte) (message []byte, p *problem) {
	var value []byte
	found := false
	for len(parameters) > 0 {
		var one []byte
		one, parameters, _ = bytes.Cut(parameters, ampersand)
		name, v, _ := bytes.Cut(one, equals)
		if !equivalent(name, "dns") {
			continue
		}
		if found {
			return nil, dnsTwice
		}
		value, found = v, true
	}
	switch {
	case !found:
		return nil, dnsMissing
	case len(value) == 0:
		return nil, dnsEmpty
	}
	if bytes.IndexByte(value, '%') >= 0 {
		var ok bool
		if value, ok = unescape(s.text[:0], value); !ok {
			return nil, dnsNotBase64
		}
	}
	if bytes.IndexByte(value, '=') >= 0 {
		return nil, dnsPadded
	}
	// The decoder would pass over line ends.
	if bytes.IndexByte(value, '\n') >= 0 || bytes.IndexByte(value, '\r') >= 0 {
		return nil, dnsNotBase64
	}
	n, err := base64url.Decode(s.message, value)
	if err != nil {
		return nil, dnsNotBase64
	}
	return s.message[:n], nil
}

var ampersand, equals = []byte("&"), []byte("=")

// unescape appends text to dst, with percent-encoded bytes decoded (RFC 3986
// §2.1).
func unescape(dst, text []byte) ([]byte, bool) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			var ok bool
			if c, ok = escaped(text[i:]); !ok {
				return dst, false
			}
			i += 2
		}
		dst = append(dst, c)
	}
	return dst, true
}

// escaped returns the byte that text's first three, "%xx", stand for.
func escaped(text []byte) (c byte, ok bool) {
	if len(text) < 3 {
		return 0, false
	}
	high, ok1 := hex(text[1])
	low, ok2 := hex(text[2])
	return high<<4 | low, ok1 && ok2
}

func hex(c byte) (value byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// equivalent reports whether text names what plain does, which has no
// percent-encoding: RFC 3986 §6.2.2.2, unreserved characters may be encoded; any
// other that is, is another one than it would be plain.
func equivalent(text []byte, plain string) bool {
	if string(text) == plain {
		return true
	}
	if bytes.IndexByte(text, '%') < 0 {
		return false
	}
	n := 0
	for i := 0; i < len(text); i, n = i+1, n+1 {
		c := text[i]
		if c == '%' {
			var ok bool
			if c, ok = escaped(text[i:]); !ok || !unreserved(c) {
				return false
			}
			i += 2
		}
		if n >= len(plain) || c != plain[n] {
			return false
		}
	}
	return n == len(plain)
}

// unreserved is RFC 3986 §2.3's.
func unreserved(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '-' || c == '.' || c == '_' || c == '~'
}
