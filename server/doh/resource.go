package doh

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"yushan/server/doh/exchange"
	"yushan/server/doh/lookup"
	"yushan/server/stream"
)

// mediaType is the content of requests and responses (RFC 8484 §6).
const mediaType = "application/dns-message"

// Handler holds the rules of RFC 8484: what is at which path, and how it is asked.
// It never changes; any number of goroutines may use it, each with a
// [stream.Work] of its own.
type Handler struct {
	path        string
	targetBytes int
	page        *lookup.Page
	scratch     sync.Pool // of *scratch
}

// Resources is what a [Handler] needs to know.
type Resources struct {
	// Path is where queries are answered: "/dns-query", unless set. It begins with
	// a slash; its characters are those of RFC 3986's segments without
	// percent-encoding.
	Path string
	// Page, unless nil, is served at "/".
	Page *lookup.Page
	// TargetBytes is the longest request target, path and query: 4096, unless set.
	// 256 to 65536. A longer one is refused with 414.
	TargetBytes int
}

// scratch is where a GET's message is decoded.
type scratch struct {
	text    []byte // without percent-encoding
	message []byte
}

// NewHandler returns a handler, or says what is wrong with the configuration.
func NewHandler(r Resources) (*Handler, error) {
	if r.Path == "" {
		r.Path = "/dns-query"
	}
	if r.TargetBytes == 0 {
		r.TargetBytes = 4096
	}
	if r.TargetBytes < 256 || r.TargetBytes > 65536 {
		return nil, fmt.Errorf("request targets of up to %d bytes: expected 256 to 65536", r.TargetBytes)
	}
	if err := CheckPath(r.Path); err != nil {
		return nil, err
	}
	if r.Page != nil && r.Path == "/" {
		return nil, errors.New(`path "/": that is where the lookup page is`)
	}
	h := &Handler{path: r.Path, targetBytes: r.TargetBytes, page: r.Page}
	h.scratch.New = func() any {
		return &scratch{text: make([]byte, r.TargetBytes), message: make([]byte, r.TargetBytes)}
	}
	return h, nil
}

// CheckPath refuses, for [Resources].Path, what no request could ever name, or what would need
// percent-encoding to be named.
func CheckPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("path %q: expected a slash at the beginning", path)
	}
	for i := range len(path) {
		c := path[i]
		if !unreserved(c) && !strings.ContainsRune("/!$&'()*+,;=:@", rune(c)) || c >= 0x80 {
			return fmt.Errorf("path %q: %q cannot be part of it", path, c)
		}
	}
	return nil
}

// Answer answers one request: with w's engine, if it brings a query. w.Req says
// who asks, by which transport.
func (h *Handler) Answer(w *stream.Work, req *exchange.Request, res *exchange.Response) {
	if req.Refused != 0 {
		problemOf(req.Refused).tell(res)
		return
	}
	if len(req.Path) > h.targetBytes {
		targetTooLong.tell(res)
		return
	}
	path, parameters, _ := bytes.Cut(req.Path, question)
	if !equivalent(path, h.path) {
		h.other(req.Method, path, res)
		return
	}
	switch req.Method {
	case "POST":
		h.post(w, req, res)
	case "GET", "HEAD":
		h.get(w, parameters, res)
	default:
		methodNotAllowed.tell(res)
	}
}

var question = []byte("?")

// post: RFC 8484 §4.1, the message is the content. The target's query has no
// meaning then.
func (h *Handler) post(w *stream.Work, req *exchange.Request, res *exchange.Response) {
	switch {
	case !isDNSMessage(req.ContentType) || !isIdentity(req.ContentEncoding):
		unsupportedMediaType.tell(res)
	case len(req.Body) > exchange.MaxBody:
		contentTooLarge.tell(res)
	default:
		ask(w, req.Body, res)
	}
}

// get: RFC 8484 §4.1, the message is in the target's query.
func (h *Handler) get(w *stream.Work, parameters []byte, res *exchange.Response) {
	s := h.scratch.Get().(*scratch)
	message, problem := s.decode(parameters)
	if problem == nil {
		ask(w, message, res)
	} else {
		problem.tell(res)
	}
	h.scratch.Put(s)
}

// ask has the engine answer a message. Whatever response it makes is a success
// of HTTP (RFC 8484 §4.2.1); what isn't even a query gets a 400.
func ask(w *stream.Work, message []byte, res *exchange.Response) {
	n := w.Answer(message, res.Buffer[:exchange.MaxBody])
	if n == 0 || isFormErr(res.Buffer[:n]) && !wellFormed(message) {
		notAQuery.tell(res)
		return
	}
	res.Status = 200
	res.ContentType = mediaType
	res.Body = res.Buffer[:n]
	res.MaxAge = freshness(res.Body)
}

// other answers requests for other paths than that of queries.
func (h *Handler) other(method string, path []byte, res *exchange.Response) {
	if len(path) == 1 && path[0] == '*' { // RFC 9112 §3.2.4: OPTIONS for the server
		methodNotAllowed.tell(res)
		return
	}
	if h.page == nil {
		notFound.tell(res)
		return
	}
	body, contentType, ok := h.page.File(string(path))
	switch {
	case !ok:
		notFound.tell(res)
	case method != "GET" && method != "HEAD":
		pageMethodNotAllowed.tell(res)
	default:
		res.Status, res.ContentType, res.Body = 200, contentType, body
		res.MaxAge, res.Fields = pageMaxAge, lookup.Fields
	}
}

// pageMaxAge is how long a browser may use the page without asking again: the
// files belong to this process, and the next one may have others.
const pageMaxAge = 0
