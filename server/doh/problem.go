package doh

import "yushan/server/doh/exchange"

// problem is a response that isn't a DNS message. Its text is for a person who
// debugs; no cache keeps it.
type problem struct {
	status int
	text   []byte
	fields []exchange.Field
}

const plainText = "text/plain; charset=utf-8"

func (p *problem) tell(res *exchange.Response) {
	res.Status = p.status
	res.ContentType = plainText
	res.MaxAge = exchange.NoStore
	res.Fields = p.fields
	res.Body = p.text
}

func newProblem(status int, text string, fields ...exchange.Field) *problem {
	return &problem{status, []byte(text + "\n"), fields}
}

// Allow is RFC 9110 §10.2.1's: 405 must say what would have been allowed.
var (
	dnsMissing   = newProblem(400, `the parameter "dns" is missing: expected a DNS query in base64url without padding (RFC 8484, section 4.1)`)
	dnsTwice     = newProblem(400, `the parameter "dns" came more than once`)
	dnsEmpty     = newProblem(400, `the parameter "dns" is empty: expected a DNS query in base64url without padding`)
	dnsPadded    = newProblem(400, `the parameter "dns" has an equals sign: base64url must not be padded here (RFC 8484, section 6)`)
	dnsNotBase64 = newProblem(400, `the parameter "dns" is not base64url (RFC 4648, section 5): expected A-Z, a-z, 0-9, "-" and "_", and nothing left over at the end`)
	notAQuery    = newProblem(400, "this is not a DNS query: expected a message in wire format (RFC 1035, section 4) with QR=0, whole and with nothing behind it")
	badRequest   = newProblem(400, "this is not a request")

	notFound         = newProblem(404, "there is nothing at this path")
	methodNotAllowed = newProblem(405, "queries are sent with GET or POST (RFC 8484, section 4.1)",
		exchange.Field{Name: "allow", Value: "GET, HEAD, POST"})
	pageMethodNotAllowed = newProblem(405, "this can only be read",
		exchange.Field{Name: "allow", Value: "GET, HEAD"})
	requestTimeout       = newProblem(408, "the request did not arrive in time")
	contentTooLarge      = newProblem(413, "the content is longer than a DNS message may be: 65535 bytes")
	targetTooLong        = newProblem(414, "the URI is too long: a long query is better sent with POST")
	unsupportedMediaType = newProblem(415, `expected content of type "application/dns-message", and no coding`,
		exchange.Field{Name: "accept", Value: mediaType}) // RFC 9110 §12.5.1
	fieldsTooLarge = newProblem(431, "the header fields are too large")
	failed         = newProblem(500, "the server failed on this query")
	busy           = newProblem(503, "the server has no memory left for long requests")
)

// problemOf is the one that a transport found.
func problemOf(status int) *problem {
	switch status {
	case 408:
		return requestTimeout
	case 413:
		return contentTooLarge
	case 414:
		return targetTooLong
	case 431:
		return fieldsTooLarge
	case 503:
		return busy
	default:
		return badRequest
	}
}
