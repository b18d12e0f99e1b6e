package stream

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// http1 is HTTP/1.1 (RFC 9112), one request at a time. A connection whose answer does not
// come in time is of no more use, since the next answer would be taken for it.
type http1 struct {
	p        *place
	before   []byte // of a request, up to what differs from query to query
	after    []byte // of a GET request
	asked    *slot  // the query under way; nil: none
	response response
	body     []byte // of chunks
}

// response is what the head of a response says.
type response struct {
	headBytes int // 0: it is not whole yet
	status    int
	length    int // of the body; -1: not told
	chunked   bool
	last      bool // no other one will come on the connection
}

// maxHead is how long the head of a response may be, maxBody its body: a page that
// tells of an error may be longer than a message.
const (
	maxHead = 16 << 10
	maxBody = 1 << 20
)

var errUnasked = errors.New("HTTP/1.1: a response to no request")

func newHTTP1(p *place) codec {
	o := p.w.Options
	fields := " HTTP/1.1\r\nHost: " + o.RequestAuthority() + "\r\nAccept: " + mediaType + "\r\n"
	c := &http1{p: p}
	if o.Get {
		c.before, c.after = []byte("GET "+o.RequestTarget()), []byte(fields+"\r\n")
	} else {
		c.before = []byte("POST " + o.RequestTarget() + fields + "Content-Type: " + mediaType + "\r\nContent-Length: ")
	}
	return c
}

func (c *http1) start() { c.asked, c.response = nil, response{} }

func (c *http1) room() bool { return c.asked == nil }

func (c *http1) record(requests []byte) int { return len(requests) }

// gaveUp leaves it to the place to end the connection, which has nothing else to do.
func (c *http1) gaveUp(*slot) {
	c.asked = nil
	c.p.draining = true
}

func (c *http1) ask(s *slot) int {
	p := c.p
	c.asked = s
	message := p.message(s)
	out := append(p.requests, c.before...)
	if p.w.Options.Get {
		out = appendBase64(out, message)
		out = append(out, c.after...)
	} else {
		out = strconv.AppendInt(out, int64(len(message)), 10)
		out = append(out, "\r\n\r\n"...)
		out = append(out, message...)
	}
	p.requests = out
	return len(message)
}

func (c *http1) take(received []byte) (used int, err error) {
	for used < len(received) {
		if c.asked == nil {
			return used, errUnasked
		}
		n, err := c.one(received[used:])
		if err != nil || n == 0 {
			return used, err
		}
		used += n
	}
	return used, nil
}

// one takes one response, and tells how long it is; 0: it is not whole yet.
func (c *http1) one(received []byte) (n int, err error) {
	r := &c.response
	if r.headBytes == 0 {
		if err := r.parse(received); err != nil || r.headBytes == 0 {
			return 0, err
		}
	}
	rest := received[r.headBytes:]
	body := rest
	switch {
	case r.chunked:
		c.body, n, err = dechunk(c.body[:0], rest)
		if err == nil && n == 0 && len(rest) > 2*maxBody { // chunks may have heads of any number and length
			err = tooMany("HTTP/1.1 body", len(rest), 2*maxBody)
		}
		if err != nil || n == 0 {
			return 0, err
		}
		body = c.body
	case r.length < 0 && len(rest) > maxBody:
		return 0, tooMany("HTTP/1.1 body", len(rest), maxBody)
	case r.length < 0, len(rest) < r.length:
		return 0, nil
	default:
		n = r.length
		body = rest[:n]
	}
	n += r.headBytes
	c.finish(body)
	return n, nil
}

// finish ends the query with a whole response, unless that is an interim one.
func (c *http1) finish(body []byte) {
	r := c.response
	c.response = response{}
	if r.status < 200 {
		return
	}
	if r.last {
		c.p.draining = true
	}
	s := c.asked
	c.asked = nil
	c.p.respond(s, r.status, body)
}

// eof ends a body whose length was not told.
func (c *http1) eof() {
	if r := &c.response; c.asked != nil && r.headBytes > 0 && r.length < 0 && !r.chunked {
		c.finish(c.p.unread[min(r.headBytes, len(c.p.unread)):])
	}
}

// parse reads the head, if it is whole.
func (r *response) parse(received []byte) error {
	end := bytes.Index(received[:min(len(received), maxHead)], []byte("\r\n\r\n"))
	if end < 0 {
		if len(received) >= maxHead {
			return tooMany("HTTP/1.1 head", len(received), maxHead)
		}
		return nil
	}
	line, fields, _ := bytes.Cut(received[:end], []byte("\r\n"))
	status, err := parseStatus(line)
	if err != nil {
		return err
	}
	*r = response{headBytes: end + 4, status: status, length: -1}
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, ok := bytes.Cut(field, []byte(":"))
		if !ok {
			return errors.New("HTTP/1.1: a header field without a colon")
		}
		if err := r.field(name, bytes.Trim(value, " \t")); err != nil {
			return err
		}
	}
	switch {
	case status < 200, status == 204, status == 304: // RFC 9112 §6.3: no body
		r.length, r.chunked = 0, false
	case r.length < 0 && !r.chunked:
		r.last = true // the end of the connection is the end of the body
	}
	return nil
}

func parseStatus(line []byte) (int, error) {
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	if !bytes.HasPrefix(version, []byte("HTTP/1.")) || len(code) != 3 {
		return 0, errors.New("HTTP/1.1: not the head of a response")
	}
	status, err := strconv.Atoi(string(code))
	if err != nil || status < 100 {
		return 0, errors.New("HTTP/1.1: not a status")
	}
	return status, nil
}

func (r *response) field(name, value []byte) error {
	switch {
	case bytes.EqualFold(name, []byte("content-length")):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil {
			return errors.New("HTTP/1.1: not a content length")
		}
		if n > maxBody {
			return tooMany("HTTP/1.1 body", int(n), maxBody)
		}
		r.length = int(n)
	case bytes.EqualFold(name, []byte("transfer-encoding")):
		if !bytes.EqualFold(value, []byte("chunked")) {
			return errors.New("HTTP/1.1: a transfer encoding other than chunked")
		}
		r.chunked = true
	case bytes.EqualFold(name, []byte("connection")):
		for value != nil {
			var option []byte
			option, value, _ = bytes.Cut(value, []byte(","))
			if bytes.EqualFold(bytes.Trim(option, " \t"), []byte("close")) {
				r.last = true
			}
			if len(value) == 0 {
				value = nil
			}
		}
	}
	return nil
}

// dechunk appends the data of a chunked body (RFC 9112 §7.1) to dst, and tells how long
// the body is as it came; 0: it is not whole yet.
func dechunk(dst, from []byte) (body []byte, n int, err error) {
	for {
		end := bytes.Index(from[n:], []byte("\r\n"))
		if end < 0 {
			if len(from)-n > maxHead {
				return nil, 0, tooMany("HTTP/1.1 chunk's head", len(from)-n, maxHead)
			}
			return dst, 0, nil
		}
		text, _, _ := bytes.Cut(from[n:n+end], []byte(";"))
		size, err := strconv.ParseUint(string(bytes.Trim(text, " \t")), 16, 31)
		if err != nil {
			return nil, 0, errors.New("HTTP/1.1: not the length of a chunk")
		}
		if len(dst)+int(size) > maxBody {
			return nil, 0, tooMany("HTTP/1.1 body", len(dst)+int(size), maxBody)
		}
		n += end + 2
		if size == 0 {
			return trailers(dst, from, n)
		}
		if len(from) < n+int(size)+2 {
			return dst, 0, nil
		}
		dst = append(dst, from[n:n+int(size)]...)
		n += int(size)
		if from[n] != '\r' || from[n+1] != '\n' {
			return nil, 0, errors.New("HTTP/1.1: a chunk longer than it says")
		}
		n += 2
	}
}

// trailers skips what may follow the last chunk.
func trailers(body, from []byte, n int) ([]byte, int, error) {
	start := n
	for {
		end := bytes.Index(from[n:], []byte("\r\n"))
		if n-start > maxHead || end < 0 && len(from)-start > maxHead {
			return nil, 0, fmt.Errorf("HTTP/1.1: trailers of more than %d bytes", maxHead)
		}
		if end < 0 {
			return body, 0, nil
		}
		n += end + 2
		if end == 0 {
			return body, n, nil
		}
	}
}
