package h2

import (
	"bytes"

	"yushan/server/doh/h2/hpack"
)

// Kinds of header fields of requests.
const (
	kindOther     hpack.Kind = iota
	kindMalformed            // makes the request malformed, wherever it stands
	kindMethod
	kindScheme
	kindAuthority
	kindPath
	kindContentLength
	kindContentType
	kindContentEncoding
	kindForwarded
	kindXForwardedFor
	kindHost
	kindExpect
)

var fieldKinds = hpack.KindsOf(kindOf)

// kindOf tells what a field is, and whether it is well-formed by itself
// (RFC 9113 §8.2, §8.3).
func kindOf(name, value []byte) hpack.Kind {
	if !wellFormedValue(value) {
		return kindMalformed
	}
	switch string(name) {
	case ":method":
		return kindMethod
	case ":scheme":
		return kindScheme
	case ":authority":
		return kindAuthority
	case ":path":
		return kindPath
	case "content-length":
		return kindContentLength
	case "content-type":
		return kindContentType
	case "content-encoding":
		return kindContentEncoding
	case "forwarded":
		return kindForwarded
	case "x-forwarded-for":
		return kindXForwardedFor
	case "host":
		return kindHost
	case "expect":
		return kindExpect
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return kindMalformed // RFC 9113 §8.2.2
	case "te":
		if string(value) != "trailers" {
			return kindMalformed // RFC 9113 §8.2.2
		}
	}
	if !wellFormedName(name) {
		return kindMalformed // unknown pseudo-header fields, too
	}
	return kindOther
}

// tokenByte tells which bytes a name may consist of: those of RFC 9110 §5.6.2's
// token, upper case letters excepted (RFC 9113 §8.2.1).
var tokenByte = func() (table [256]bool) {
	for _, b := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz" {
		table[b] = true
	}
	return table
}()

func wellFormedName(name []byte) bool {
	for _, b := range name {
		if !tokenByte[b] {
			return false
		}
	}
	return len(name) > 0
}

// wellFormedValue tells whether a value obeys RFC 9113 §8.2.1.
func wellFormedValue(value []byte) bool {
	if len(value) == 0 {
		return true
	}
	if isSpace(value[0]) || isSpace(value[len(value)-1]) {
		return false
	}
	for _, b := range value {
		if b <= '\r' && (b == 0 || b == '\n' || b == '\r') {
			return false
		}
	}
	return true
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' }

// head is the header section of a request, or its trailer section. Its slices lie
// in arena.
type head struct {
	method                                                 string
	scheme, authority, path                                []byte
	contentType, contentEncoding, forwarded, xForwardedFor []byte
	host                                                   []byte
	contentLength                                          int64 // -1 if not given
	expectContinue                                         bool

	arena     []byte
	size      int  // RFC 9113 §6.5.2
	pseudo    bool // there was a pseudo-header field
	regular   bool // there was another one
	malformed bool // RFC 9113 §8.1.1
	large     bool // or larger than allowed; then fields may be missing
	longPath  bool // due to the path
}

// read reads a header block to its end. The error is the connection's.
func (h *head) read(r *hpack.Reader, arena []byte, maxBytes int) error {
	*h = head{arena: arena[:0], contentLength: -1}
	for r.Next() {
		h.size += r.Size
		if h.size > maxBytes || r.Large {
			h.large = true
			kind := r.Kind
			if r.Large {
				kind = r.NameOf
			}
			if kind == kindPath {
				h.longPath = true
			}
		}
		if !h.malformed {
			h.add(r)
		}
	}
	return r.Err()
}

// add takes a field. When the section is too large already, fields are judged but
// not kept.
func (h *head) add(r *hpack.Reader) {
	if r.Kind >= kindMethod && r.Kind <= kindPath {
		// RFC 9113 §8.3: before all others, and each once.
		h.pseudo = true
		if h.regular {
			h.malformed = true
			return
		}
	} else if len(r.Name) > 0 {
		h.regular = true
	}
	switch r.Kind {
	case kindMalformed:
		h.malformed = true
	case kindMethod:
		h.malformed = h.method != "" || len(r.Value) == 0 || !isToken(r.Value)
		h.method = methodOf(r.Value)
	case kindScheme:
		h.once(&h.scheme, r.Value)
	case kindAuthority:
		h.once(&h.authority, r.Value)
	case kindPath:
		h.once(&h.path, r.Value)
	case kindHost:
		h.once(&h.host, r.Value)
	case kindContentLength:
		n, ok := parseLength(r.Value)
		h.malformed = !ok || h.contentLength >= 0 && h.contentLength != n
		h.contentLength = n
	case kindContentType:
		h.join(&h.contentType, r.Value)
	case kindContentEncoding:
		h.join(&h.contentEncoding, r.Value)
	case kindForwarded:
		h.join(&h.forwarded, r.Value)
	case kindXForwardedFor:
		h.join(&h.xForwardedFor, r.Value)
	case kindExpect:
		h.expectContinue = h.expectContinue || bytes.EqualFold(r.Value, []byte("100-continue"))
	}
}

// once keeps the value of a field that may come only once.
func (h *head) once(to *[]byte, value []byte) {
	if *to != nil {
		h.malformed = true
		return
	}
	h.join(to, value)
}

// join keeps a value, behind those of the same field that came before (RFC 9110
// §5.3).
func (h *head) join(to *[]byte, value []byte) {
	before := *to
	need := len(before) + len(", ") + len(value)
	if h.large || cap(h.arena)-len(h.arena) < need {
		h.large = true
		return
	}
	at := len(h.arena)
	if before != nil {
		h.arena = append(append(h.arena, before...), ", "...)
	}
	h.arena = append(h.arena, value...)
	*to = h.arena[at:len(h.arena):len(h.arena)]
}

// checkRequest judges the section as a request's (RFC 9113 §8.3.1).
func (h *head) checkRequest(endStream bool) {
	switch {
	case h.malformed:
	case h.large:
		h.malformed = h.method == "" // of the others, some may be missing
	case h.method == "CONNECT":
		h.malformed = h.scheme != nil || h.path != nil || len(h.authority) == 0 // RFC 9113 §8.5
	case h.method == "", len(h.path) == 0, h.path[0] != '/' && string(h.path) != "*":
		h.malformed = true
	case string(h.scheme) != "https" && string(h.scheme) != "http":
		h.malformed = true
	case h.host != nil && h.authority != nil && !bytes.EqualFold(h.host, h.authority):
		h.malformed = true
	case endStream && h.contentLength > 0:
		h.malformed = true // RFC 9113 §8.1.1
	}
}

// methodOf is the method as a string, without garbage for those that are usual.
func methodOf(value []byte) string {
	switch string(value) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	case "HEAD":
		return "HEAD"
	case "OPTIONS":
		return "OPTIONS"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "CONNECT":
		return "CONNECT"
	}
	return string(value)
}

// isToken tells whether value is one (RFC 9110 §5.6.2).
func isToken(value []byte) bool {
	for _, b := range value {
		if !tokenByte[b] && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}

// parseLength reads the value of Content-Length (RFC 9110 §8.6). What is more than
// any limit needn't be exact.
func parseLength(value []byte) (int64, bool) {
	var n int64
	for _, b := range value {
		if b < '0' || b > '9' {
			return 0, false
		}
		if n = 10*n + int64(b-'0'); n > 1<<48 {
			n = 1 << 48
		}
	}
	return n, len(value) > 0
}
