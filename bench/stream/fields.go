package stream

import (
	"strconv"

	"golang.org/x/net/http2/hpack"

	"yushan/bench/load"
)

// Indices of HPACK's static table (RFC 7541, appendix A).
const (
	hpackAuthority     = 1
	hpackGET           = 2
	hpackPOST          = 3
	hpackPath          = 4
	hpackHTTPS         = 7
	hpackAccept        = 19
	hpackContentLength = 28
	hpackContentType   = 31
	hpackStatic        = 61 // how many there are
)

// fieldEncoder writes the header fields of requests. The first request of a connection
// puts into the server's table what is the same in all of them; those that follow refer to
// it. A server with too small a table gets them in full each time.
type fieldEncoder struct {
	get    bool
	target []byte
	// first puts the fields into the table, next has their indices, and full leaves
	// the table as it is.
	first, next, full []byte
	tableBytes        int // what they need in the table
	begun             bool
	size              int // that the server allows
	told              int // that it has been told of
}

func (e *fieldEncoder) init(o *load.Options) {
	e.get = o.Get
	e.target = []byte(o.RequestTarget())
	method := byte(hpackPOST)
	fields := []hpack.HeaderField{{Name: ":authority", Value: o.RequestAuthority()}, {Name: "accept", Value: mediaType}}
	names := []byte{hpackAuthority, hpackAccept}
	if e.get {
		method = hpackGET
	} else {
		fields = append(fields, hpack.HeaderField{Name: ":path", Value: o.RequestTarget()}, hpack.HeaderField{Name: "content-type", Value: mediaType})
		names = append(names, hpackPath, hpackContentType)
		// Pseudo-fields come before the others (RFC 9113 §8.3).
		fields[1], fields[2] = fields[2], fields[1]
		names[1], names[2] = names[2], names[1]
	}
	start := []byte{0x80 | method, 0x80 | hpackHTTPS}
	e.first = append(e.first, start...)
	e.next = append(e.next, start...)
	e.full = append(e.full, start...)
	for i, f := range fields {
		e.tableBytes += int(f.Size())
		e.first = appendLiteral(e.first, 0x40, 6, names[i], f.Value)
		e.full = appendLiteral(e.full, 0, 4, names[i], f.Value)
		e.next = append(e.next, byte(0x80|hpackStatic+len(fields)-i)) // the latest one is the first
	}
}

// reset is for a new connection.
func (e *fieldEncoder) reset() { e.begun, e.size, e.told = false, 4096, 4096 }

// limit is the server's SETTINGS_HEADER_TABLE_SIZE. We never use more than the 4,096
// bytes that there are at first.
func (e *fieldEncoder) limit(bytes uint32) { e.size = int(min(bytes, uint32(e.size))) }

// append appends the header fields of the request with a message.
func (e *fieldEncoder) append(dst, message []byte) []byte {
	if e.size < e.told {
		// RFC 7541 §4.2: a smaller table is told of first.
		dst = appendInteger(dst, 0x20, 5, uint64(e.size))
		e.told = e.size
	}
	block := e.next
	switch {
	case e.tableBytes > e.told:
		block = e.full
	case !e.begun:
		block = e.first
		e.begun = true
	}
	if !e.get {
		dst = append(dst, block...)
		dst = append(dst, 0x0f, hpackContentLength-15)
		at := len(dst)
		dst = strconv.AppendInt(append(dst, 0), int64(len(message)), 10)
		dst[at] = byte(len(dst) - at - 1)
		return dst
	}
	// Method and scheme, then the path, which no other request has, then the rest.
	dst = append(dst, block[:2]...)
	dst = appendInteger(dst, 0, 4, hpackPath)
	dst = appendInteger(dst, 0, 7, uint64(len(e.target)+(len(message)*8+5)/6))
	dst = appendBase64(append(dst, e.target...), message)
	return append(dst, block[2:]...)
}

// appendLiteral appends a field with a name of the static table and a value in plain
// text. form are the bits before the index, of which there are so many.
func appendLiteral(dst []byte, form byte, bits int, name byte, value string) []byte {
	dst = appendInteger(dst, form, bits, uint64(name))
	dst = appendInteger(dst, 0, 7, uint64(len(value)))
	return append(dst, value...)
}

// appendInteger is RFC 7541 §5.1.
func appendInteger(dst []byte, form byte, bits int, n uint64) []byte {
	most := uint64(1)<<bits - 1
	if n < most {
		return append(dst, form|byte(n))
	}
	dst = append(dst, form|byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		dst = append(dst, 0x80|byte(n))
	}
	return append(dst, byte(n))
}
