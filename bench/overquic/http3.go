package overquic

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"yushan/bench/load"
)

// Types of frames and of unidirectional streams, and error codes (RFC 9114 §7.2, §6.2,
// §8.1).
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	framePush     = 0x5
	frameSettings = 0x4
	frameGoAway   = 0x7

	streamControl = 0x0
	streamEncoder = 0x2 // RFC 9204 §4.2
	streamDecoder = 0x3

	h3NoError          = 0x100
	h3StreamCreation   = 0x103
	h3RequestRejected  = 0x10b
	h3RequestCancelled = 0x10c
)

// serverStreams is how many unidirectional streams a server may open: HTTP/3 has 3, and
// some open more to see whether unknown ones are ignored.
const serverStreams = 16

// http3 is a client's part of DNS over HTTP/3. It uses no dynamic table: fields are
// indices into the static one of QPACK (RFC 9204, appendix A), or literals.
type http3 struct {
	get    bool
	path   string // of GET, with all that comes before the message
	fields []byte // those that are the same in all requests, as a field section's beginning
}

// Indices into the static table.
const (
	fieldAuthority     = 0
	fieldPath          = 1
	fieldContentLength = 4
	fieldGet           = 17
	fieldPost          = 20
	fieldHTTPS         = 23
	fieldAcceptDNS     = 30 // accept: application/dns-message
	fieldTypeDNS       = 44 // content-type: application/dns-message
)

func newHTTP3(o *load.Options) *http3 {
	h := &http3{get: o.Get, path: o.RequestTarget()}
	method := byte(fieldPost)
	if h.get {
		method = fieldGet
	}
	h.fields = append(h.fields, 0, 0) // no dynamic table (§4.5.1)
	h.fields = appendIndexed(h.fields, method)
	h.fields = appendIndexed(h.fields, fieldHTTPS)
	authority := o.RequestAuthority()
	h.fields = appendLiteral(h.fields, fieldAuthority, len(authority))
	h.fields = append(h.fields, authority...)
	if !h.get {
		h.fields = appendLiteral(h.fields, fieldPath, len(h.path))
		h.fields = append(h.fields, h.path...)
		h.fields = appendIndexed(h.fields, fieldTypeDNS)
		h.fields = appendIndexed(h.fields, fieldAcceptDNS)
	}
	return h
}

// appendIndexed appends a field of the static table (RFC 9204 §4.5.2).
func appendIndexed(dst []byte, index byte) []byte { return append(dst, 0xc0|index) }

// appendLiteral appends a field of the static table up to its value, which the caller
// appends (§4.5.4).
func appendLiteral(dst []byte, index byte, length int) []byte {
	dst = append(dst, 0x50|index)
	return appendInteger(dst, 7, length)
}

// appendInteger appends an integer with a prefix of so many bits, the rest of the first
// byte being 0 (RFC 7541 §5.1).
func appendInteger(dst []byte, bits, n int) []byte {
	limit := 1<<bits - 1
	if n < limit {
		return append(dst, byte(n))
	}
	dst = append(dst, byte(limit))
	for n -= limit; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

func (*http3) alpn() string { return "h3" }

// setUp opens the control stream (RFC 9114 §6.2.1). The settings are the defaults, one
// of which is that there is no dynamic table.
func (*http3) setUp(conn *quic.Conn) error {
	control, err := conn.OpenUniStream()
	if err != nil {
		return err
	}
	_, err = control.Write([]byte{streamControl, frameSettings, 0})
	return err
}

// frameRoom is for a frame's type and length.
const frameRoom = 1 + 4

// request is a HEADERS frame and, for POST, a DATA frame (RFC 8484 §4.1).
func (h *http3) request(dst, message []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, frameRoom)...)
	dst = append(dst, h.fields...)
	if h.get {
		encoding := base64.RawURLEncoding
		dst = appendLiteral(dst, fieldPath, len(h.path)+encoding.EncodedLen(len(message)))
		dst = append(dst, h.path...)
		dst = encoding.AppendEncode(dst, message)
		dst = appendIndexed(dst, fieldAcceptDNS) // after all pseudo-headers
		return headersFrame(dst, start)
	}
	var digits [5]byte
	length := strconv.AppendInt(digits[:0], int64(len(message)), 10)
	dst = appendLiteral(dst, fieldContentLength, len(length))
	dst = append(dst, length...)
	dst = headersFrame(dst, start)
	dst = append(dst, frameData)
	dst = quicvarint.Append(dst, uint64(len(message)))
	return append(dst, message...)
}

// headersFrame fills in the type and the length, always in 4 bytes (RFC 9000 §16), of the
// frame that begins at start.
func headersFrame(dst []byte, start int) []byte {
	dst[start] = frameHeaders
	binary.BigEndian.PutUint32(dst[start+1:], 0x80000000|uint32(len(dst)-start-frameRoom))
	return dst
}

func (*http3) noError() quic.ApplicationErrorCode { return h3NoError }

func (*http3) cancelled() quic.StreamErrorCode { return h3RequestCancelled }

func (*http3) rejected(code quic.StreamErrorCode) bool { return code == h3RequestRejected }
