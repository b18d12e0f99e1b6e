package exchange

import "strconv"

// MaxBody is the length in bytes of the longest body that is a DNS message
// (RFC 8484 §6). A transport need not keep more of a request's content.
const MaxBody = 65535

// Handler answers requests. The transport calls it when a request is complete,
// one at a time for each connection of which it holds the memory.
type Handler interface {
	// Handle answers req by setting fields of res, which come as [Response.Reset]
	// leaves them. It keeps neither.
	Handle(req *Request, res *Response)
}

// Request is an HTTP request. Its slices are valid during [Handler.Handle] only,
// and not to be written to.
type Request struct {
	Method string // as received, case-sensitive: GET, POST, HEAD …
	Path   []byte // origin-form, RFC 9112 §3.2.1, and :path, RFC 9113 §8.3.1: as received, with the query

	// Field values as received, without white space around them; empty if the
	// field is missing. Where a field comes more than once, the values are joined
	// by ", " (RFC 9110 §5.3), which makes a doubled Content-Type invalid, as it
	// should be. Accept isn't among them: whatever it says, a client must be
	// prepared for application/dns-message (RFC 8484 §4.1).
	ContentType     []byte
	ContentEncoding []byte
	Forwarded       []byte // RFC 7239
	XForwardedFor   []byte

	// Body is the content, at most MaxBody bytes, with transfer codings undone.
	Body []byte

	// Refused is the status with which the transport wants the request refused, or
	// 0: it found the content longer than MaxBody (413), the target longer than it
	// takes (414), or the header section too large (431). Other fields than Method
	// may be incomplete then.
	Refused int
}

// Reset empties r, and keeps the memory of nothing.
func (r *Request) Reset() { *r = Request{} }

// Field is a header field of a response: Name in lower case.
type Field struct{ Name, Value string }

// Values of [Response.MaxAge] that are no number of seconds.
const (
	NoStore     = -1 // "cache-control: no-store"
	Unspecified = -2 // no Cache-Control field
)

// Response is an HTTP response. The transport adds Content-Length, which is
// len(Body) always, and Date (RFC 9110 §6.6.1) as it likes. To a HEAD request
// it sends the same fields and no body.
type Response struct {
	Status      int    // 200 … 599; three digits
	ContentType string // a constant, or empty for none
	// MaxAge is the freshness lifetime in seconds, 0 to 2³¹−1, or NoStore or
	// Unspecified.
	MaxAge int64
	// Fields are further header fields, rare or the same for long: the slice is
	// shared by responses and never written to, so a transport may remember its
	// encoding by the address of its first element.
	Fields []Field
	// Body is the content. It lies in Buffer, or in memory that never changes.
	Body []byte
	// Buffer is given by the transport: at least MaxBody bytes, which the handler
	// may use for Body. What it holds at first is undefined. It doesn't overlap
	// anything of the request.
	Buffer []byte
}

// Reset prepares r for [Handler.Handle]; buffer becomes its Buffer.
func (r *Response) Reset(buffer []byte) {
	*r = Response{MaxAge: Unspecified, Buffer: buffer}
}

// AppendCacheControl appends the value of the Cache-Control field (RFC 9111
// §5.2.2) to dst; nothing if there is to be none.
func (r *Response) AppendCacheControl(dst []byte) []byte {
	switch {
	case r.MaxAge >= 0:
		return strconv.AppendInt(append(dst, "max-age="...), r.MaxAge, 10)
	case r.MaxAge == NoStore:
		return append(dst, "no-store"...)
	default:
		return dst
	}
}
