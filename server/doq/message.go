package doq

import (
	"encoding/binary"

	"yushan/zone/dname"
)

const (
	lengthBytes     = 2 // before each message (RFC 9250 §4.2)
	headerBytes     = 12
	maxMessageBytes = 65535

	flagQR      = 0x80 // in the third byte
	opcodeMask  = 0x78
	flagRD      = 0x01
	opcodeQuery = 0 << 3
	opcodeNotif = 4 << 3

	typeOPT         = 41
	optionKeepalive = 11
	optionEDE       = 15
	edeTooEarly     = 26
	rcodeRefused    = 5
)

// verdict is what is to be done with a stream.
type verdict uint8

const (
	unfinished verdict = iota // the rest must come first
	complete                  // its message can be answered
	malformed                 // it breaks the protocol
	oversize                  // its message is longer than permitted
)

// judge looks at what has come of a stream, and whether its FIN has. Of a complete
// one it returns the message, which shares data's memory.
func judge(data []byte, fin bool, maxQueryBytes int) (message []byte, v verdict) {
	if len(data) < lengthBytes {
		if fin {
			return nil, malformed
		}
		return nil, unfinished
	}
	length := int(binary.BigEndian.Uint16(data))
	switch {
	case length < headerBytes:
		return nil, malformed
	case length > maxQueryBytes:
		return nil, oversize
	case len(data) > lengthBytes+length:
		return nil, malformed // a second query, or nonsense
	case !fin:
		return nil, unfinished
	case len(data) < lengthBytes+length:
		return nil, malformed
	}
	message = data[lengthBytes:]
	if message[0] != 0 || message[1] != 0 || message[2]&flagQR != 0 || hasKeepalive(message) {
		return nil, malformed
	}
	return message, complete
}

// replayable reports whether a query may be answered though somebody else may have
// sent it again (RFC 9250 §4.5).
func replayable(message []byte) bool {
	opcode := message[2] & opcodeMask
	return opcode == opcodeQuery || opcode == opcodeNotif
}

// hasKeepalive reports whether a message has an OPT record with the option that
// has no place here (RFC 9250 §5.5.2). Messages that make no sense don't.
func hasKeepalive(message []byte) bool {
	options, ok := optOf(message)
	for ok && len(options) >= 4 {
		code := binary.BigEndian.Uint16(options)
		n := int(binary.BigEndian.Uint16(options[2:]))
		if code == optionKeepalive {
			return true
		}
		if len(options) < 4+n {
			return false
		}
		options = options[4+n:]
	}
	return false
}

// optOf returns the options of a message's OPT record, and whether it has one.
func optOf(message []byte) (options []byte, ok bool) {
	additional := int(binary.BigEndian.Uint16(message[10:]))
	if additional == 0 {
		return nil, false
	}
	at := headerBytes
	for range binary.BigEndian.Uint16(message[4:]) {
		if at = skipName(message, at); at == 0 || at+4 > len(message) {
			return nil, false
		}
		at += 4 // type and class
	}
	before := int(binary.BigEndian.Uint16(message[6:])) + int(binary.BigEndian.Uint16(message[8:]))
	for i := range before + additional {
		if at = skipName(message, at); at == 0 || at+10 > len(message) {
			return nil, false
		}
		kind := binary.BigEndian.Uint16(message[at:])
		end := at + 10 + int(binary.BigEndian.Uint16(message[at+8:]))
		if end > len(message) {
			return nil, false
		}
		if kind == typeOPT && i >= before {
			return message[at+10 : end], true
		}
		at = end
	}
	return nil, false
}

// skipName returns where the name at position at ends, or 0 if it doesn't.
func skipName(message []byte, at int) int {
	for at < len(message) {
		n := int(message[at])
		switch {
		case n == 0:
			return at + 1
		case n >= 0xc0: // RFC 1035 §4.1.4
			return at + 2
		case n >= 0x40:
			return 0
		}
		at += 1 + n
	}
	return 0
}

// questionOf returns the only question of a message, if it can be copied as it is.
func questionOf(message []byte) []byte {
	if binary.BigEndian.Uint16(message[4:]) != 1 {
		return nil
	}
	n, ok := dname.Check(message[headerBytes:])
	if end := headerBytes + n + 4; ok && end <= len(message) {
		return message[headerBytes:end]
	}
	return nil
}

// appendTooEarly appends the response to a query that must not be answered yet:
// REFUSED, with the extended error Too Early (RFC 8914 §4, 9250 §8.3) if the
// client knows of EDNS.
func appendTooEarly(dst, message []byte) []byte {
	start := len(dst)
	dst = append(dst, message[:headerBytes]...)
	header := dst[start:]
	header[2] = header[2]&(opcodeMask|flagRD) | flagQR
	header[3] = rcodeRefused
	clear(header[4:headerBytes])
	if question := questionOf(message); question != nil {
		dst = append(dst, question...)
		dst[start+5] = 1
	}
	if _, ok := optOf(message); ok {
		dst = append(dst, 0, 0, typeOPT, 0x04, 0xd0, 0, 0, 0, 0, 0, 6, 0, optionEDE, 0, 2, 0, edeTooEarly)
		dst[start+11] = 1
	}
	return dst
}
