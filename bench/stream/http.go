package stream

import (
	"encoding/base64"

	"yushan/bench/measure"
)

// mediaType is RFC 8484 §6.
const mediaType = "application/dns-message"

// maxMessage is the longest message of DNS.
const maxMessage = 65535

// message puts a query into the worker's scratch memory. Its ID is 0 (RFC 8484 §4.1).
func (p *place) message(s *slot) []byte {
	n := p.w.Queries.Put(p.w.scratch[:], s.index, 0, s.nonce, p.cookie)
	return p.w.scratch[:n]
}

// appendBase64 is RFC 8484 §6: base64url without padding.
func appendBase64(dst, message []byte) []byte {
	return base64.RawURLEncoding.AppendEncode(dst, message)
}

// respond takes the response to a query.
func (p *place) respond(s *slot, status int, body []byte) {
	w := p.w
	switch {
	case status != 200:
		p.useful = true
		w.batch.oddity(measure.Status, s.class, w.now)
		p.lose(s)
	case len(body) >= 2 && (body[0] != 0 || body[1] != 0):
		w.batch.oddity(measure.Mismatched, s.class, w.now)
		p.lose(s)
	default:
		p.answer(s, body, true)
	}
}
