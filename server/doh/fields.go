package doh

import "bytes"

// isDNSMessage reports whether a Content-Type is RFC 8484's: in any case, with any
// parameters, since the type defines none (RFC 9110 §8.3.1, RFC 8484 §6).
func isDNSMessage(value []byte) bool {
	if string(value) == mediaType {
		return true
	}
	name, parameters, _ := bytes.Cut(value, semicolon)
	// Two media types in one field are none.
	return equalFold(trimSpace(name), mediaType) && bytes.IndexByte(parameters, ',') < 0
}

var semicolon = []byte(";")

// isIdentity reports whether a Content-Encoding leaves the content as it is.
func isIdentity(value []byte) bool {
	return len(value) == 0 || equalFold(value, "identity")
}

// equalFold compares with a text in lower case. Only ASCII has cases here; to
// Unicode's rules U+212A would be a k.
func equalFold(value []byte, lower string) bool {
	if len(value) != len(lower) {
		return false
	}
	for i, c := range value {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// trimSpace removes optional white space (RFC 9110 §5.6.3).
func trimSpace(value []byte) []byte {
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for len(value) > 0 && (value[len(value)-1] == ' ' || value[len(value)-1] == '\t') {
		value = value[:len(value)-1]
	}
	return value
}
