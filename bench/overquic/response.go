package overquic

import (
	"fmt"
	"strconv"

	"github.com/quic-go/quic-go/quicvarint"
	"golang.org/x/net/http2/hpack"
)

// statusError is an HTTP status other than 200.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("HTTP status %d", int(s)) }

// answer reads the frames of a response (RFC 9114 §4.1), which ends with its stream.
func (*http3) answer(stream []byte, end bool) (message []byte, used int, err error) {
	if !end {
		return nil, 0, nil
	}
	status := 0
	body := stream[:0] // DATA is moved to the beginning
	for rest := stream; len(rest) > 0; {
		kind, frame, after, ok := nextFrame(rest)
		if !ok {
			return nil, 0, errMalformed
		}
		rest = after
		switch kind {
		case frameHeaders:
			if status != 0 { // trailers
				continue
			}
			if status, ok = readStatus(frame); !ok {
				return nil, 0, errMalformed
			}
			if status < 200 { // another response follows
				status = 0
			}
		case frameData:
			if status == 0 {
				return nil, 0, errMalformed
			}
			body = append(body, frame...)
		case framePush, frameSettings, frameGoAway:
			return nil, 0, errMalformed
		}
	}
	switch {
	case status == 0:
		return nil, 0, errMalformed
	case status != 200:
		return nil, 0, statusError(status)
	}
	return body, len(stream), nil
}

// nextFrame takes a whole frame from a stream (RFC 9114 §7.1).
func nextFrame(stream []byte) (kind uint64, frame, rest []byte, ok bool) {
	kind, n, err := quicvarint.Parse(stream)
	if err != nil {
		return 0, nil, nil, false
	}
	stream = stream[n:]
	length, n, err := quicvarint.Parse(stream)
	if err != nil || length > uint64(len(stream)-n) {
		return 0, nil, nil, false
	}
	stream = stream[n:]
	return kind, stream[:length], stream[length:], true
}

// statuses are the values of :status in the static table, by index from 24 and from 63.
var (
	statuses24 = [...]int{103, 200, 304, 404, 503}
	statuses63 = [...]int{100, 204, 206, 302, 400, 403, 421, 425, 500}
)

// statusOf returns the value of a :status in the static table, 0 for other fields.
func statusOf(index int) int {
	switch {
	case index >= 24 && index < 24+len(statuses24):
		return statuses24[index-24]
	case index >= 63 && index < 63+len(statuses63):
		return statuses63[index-63]
	}
	return 0
}

// readStatus reads the first field of a response, which is its status: there is no
// other pseudo-header, and those come first (RFC 9114 §4.3).
func readStatus(section []byte) (status int, ok bool) {
	required, section, ok := readInteger(section, 8)
	if !ok || required != 0 { // a dynamic table that we don't have (RFC 9204 §4.5.1.1)
		return 0, false
	}
	if _, section, ok = readInteger(section, 7); !ok || len(section) == 0 {
		return 0, false
	}
	switch first := section[0]; {
	case first&0xc0 == 0xc0: // indexed, static (§4.5.2)
		index, _, ok := readInteger(section, 6)
		status := statusOf(index)
		return status, ok && status != 0
	case first&0xd0 == 0x50: // literal, with a name of the static table (§4.5.4)
		index, section, ok := readInteger(section, 4)
		if !ok || statusOf(index) == 0 {
			return 0, false
		}
		return readDigits(section)
	case first&0xe0 == 0x20: // literal, with a literal name (§4.5.6)
		name, section, ok := readString(section, 3)
		if !ok || name != ":status" {
			return 0, false
		}
		return readDigits(section)
	}
	return 0, false
}

func readDigits(section []byte) (status int, ok bool) {
	value, _, ok := readString(section, 7)
	if !ok || len(value) != 3 {
		return 0, false
	}
	n, err := strconv.ParseUint(value, 10, 16)
	return int(n), err == nil && n >= 100
}

// readString reads a string whose length has a prefix of so many bits, with the bit of
// Huffman coding before them (RFC 9204 §4.1.2).
func readString(section []byte, bits int) (text string, rest []byte, ok bool) {
	if len(section) == 0 {
		return "", nil, false
	}
	huffman := section[0]>>bits&1 == 1
	length, rest, ok := readInteger(section, bits)
	if !ok || length > len(rest) {
		return "", nil, false
	}
	raw, rest := rest[:length], rest[length:]
	if !huffman {
		return string(raw), rest, true
	}
	text, err := hpack.HuffmanDecodeToString(raw)
	return text, rest, err == nil
}

// readInteger reads an integer with a prefix of so many bits (RFC 7541 §5.1), not
// above 2^28.
func readInteger(section []byte, bits int) (n int, rest []byte, ok bool) {
	if len(section) == 0 {
		return 0, nil, false
	}
	limit := 1<<bits - 1
	n = int(section[0]) & limit
	section = section[1:]
	if n < limit {
		return n, section, true
	}
	for shift := 0; shift < 28; shift += 7 {
		if len(section) == 0 {
			return 0, nil, false
		}
		b := section[0]
		section = section[1:]
		n += int(b&0x7f) << shift
		if b&0x80 == 0 {
			return n, section, true
		}
	}
	return 0, nil, false
}
