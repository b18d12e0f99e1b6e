package doh

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"yushan/server/doh/exchange"
	"yushan/server/query"
)

// web is the handler behind an http.Handler, for the versions of HTTP that
// libraries speak: 1.1 by net/http, 3 by quic-go.
type web struct {
	handler *Handler
	pool    *pool
	proxies proxies
	altSvc  []exchange.Field
	onPanic func(query []byte, value any)
	// timeout is for the content of a request, and for a response to be taken; 0: the
	// library sees to both.
	timeout time.Duration
	// long are as many as there may be requests at once whose content is longer
	// than shortBytes.
	long chan struct{}
}

const (
	shortBytes = 4096
	maxLong    = 64 // 4 MiB
)

// visitor is the client of a connection.
type visitor struct {
	client netip.AddrPort
	tally  *tally
	// reached tells that the request has come to the handler. HTTP/1.1 only, which
	// does one thing after another; see taken.
	reached bool
}

// visitorKey is where a request's context has its visitor.
type visitorKey struct{}

func (v *visitor) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, visitorKey{}, v)
}

func (s *web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := r.Context().Value(visitorKey{}).(*visitor)
	if r.ProtoMajor == 1 {
		v.reached = true
	}
	control := http.NewResponseController(w)
	if s.timeout > 0 {
		control.SetReadDeadline(time.Now().Add(s.timeout))
	}
	req := exchange.Request{
		Method:          r.Method,
		Path:            target(r),
		ContentType:     fieldOf(r, "Content-Type"),
		ContentEncoding: fieldOf(r, "Content-Encoding"),
	}
	if s.proxies != nil {
		req.Forwarded, req.XForwardedFor = fieldOf(r, "Forwarded"), fieldOf(r, "X-Forwarded-For")
	}
	if r.Method == http.MethodPost {
		release := s.read(r, &req)
		defer release()
	}
	if s.timeout > 0 {
		control.SetWriteDeadline(time.Now().Add(s.timeout))
	}
	s.answer(w, v, &req)
}

// target is the request's, in origin-form.
func target(r *http.Request) []byte {
	if strings.HasPrefix(r.RequestURI, "/") || r.URL.Host == "" {
		return []byte(r.RequestURI)
	}
	return []byte(r.URL.RequestURI()) // absolute-form, RFC 9112 §3.2.2
}

func fieldOf(r *http.Request, name string) []byte {
	switch values := r.Header[name]; len(values) {
	case 0:
		return nil
	case 1:
		return []byte(values[0])
	default:
		return []byte(strings.Join(values, ", "))
	}
}

// read reads the content. What doesn't come, or is too long, becomes req.Refused.
func (s *web) read(r *http.Request, req *exchange.Request) (release func()) {
	release = func() {}
	if r.ContentLength > exchange.MaxBody {
		req.Refused = 413
		return release
	}
	var content bytes.Buffer
	_, err := content.ReadFrom(io.LimitReader(r.Body, shortBytes+1))
	if err == nil && content.Len() > shortBytes {
		select {
		case s.long <- struct{}{}:
			release = func() { <-s.long }
		default:
			req.Refused = 503
			return release
		}
		_, err = content.ReadFrom(io.LimitReader(r.Body, exchange.MaxBody+1-shortBytes))
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		req.Refused = 408
	case err != nil:
		req.Refused = 400
	case content.Len() > exchange.MaxBody:
		req.Refused = 413
	}
	req.Body = content.Bytes()
	return release
}

// unflushedBytes is how much the libraries take without waiting for the client.
const unflushedBytes = 2048

func (s *web) answer(w http.ResponseWriter, v *visitor, req *exchange.Request) {
	d := s.pool.lend()
	var res exchange.Response
	res.Reset(d.buffer)
	if !s.handle(d, v, req, &res) {
		s.pool.replace(d)
		failed.tell(&res)
		v.tally.add(req, &res)
		s.write(w, req, &res)
		return
	}
	v.tally.add(req, &res)
	if len(res.Body) <= unflushedBytes {
		s.write(w, req, &res)
		s.pool.takeBack(d)
		return
	}
	res.Body = bytes.Clone(res.Body)
	s.pool.takeBack(d)
	s.write(w, req, &res)
}

// handle reports false if the engine panicked.
func (s *web) handle(d *desk, v *visitor, req *exchange.Request, res *exchange.Response) (ok bool) {
	defer func() {
		if value := recover(); value != nil {
			if s.onPanic != nil {
				s.onPanic(d.work.Req.Wire, value)
			}
			ok = false
		}
	}()
	d.work.Req = query.Request{Client: s.proxies.clientOf(v.client, req), Transport: query.DoH}
	s.handler.Answer(&d.work, req, res)
	return true
}

func (s *web) write(w http.ResponseWriter, req *exchange.Request, res *exchange.Response) {
	header := w.Header()
	header["Content-Type"] = []string{res.ContentType}
	header["Content-Length"] = []string{strconv.Itoa(len(res.Body))}
	if cache := res.AppendCacheControl(nil); len(cache) > 0 {
		header["Cache-Control"] = []string{string(cache)}
	}
	for _, f := range res.Fields {
		header.Set(f.Name, f.Value)
	}
	for _, f := range s.altSvc {
		header.Set(f.Name, f.Value)
	}
	w.WriteHeader(res.Status)
	if req.Method != http.MethodHead {
		w.Write(res.Body)
	}
}
