package fakedns

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// httpConn is a connection on which there are requests.
type httpConn struct {
	n       int
	queries atomic.Int64
	tcp     *net.TCPConn // of HTTP/1.1 and 2
	quic    *quic.Conn   // of HTTP/3
}

type connKey struct{}

func (s *Server) serveHTTP(r *run) (net.Addr, error) {
	l, err := s.listenTCP()
	if err != nil {
		return nil, err
	}
	if s.options.Deaf {
		r.ends = l.resetAll
		r.tasks.Go(func() {
			for {
				if _, err := l.Accept(); err != nil {
					return
				}
			}
		})
		return l.Addr(), nil
	}
	server := &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) { s.request(r, w, request) }),
		TLSConfig: s.tls.Clone(),
		ErrorLog:  log.New(io.Discard, "", 0),
		Protocols: new(http.Protocols),
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: s.options.Streams},
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			a := conn.(*tls.Conn).NetConn().(*accepted)
			return context.WithValue(ctx, connKey{}, &httpConn{n: a.n, tcp: a.TCPConn})
		},
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				r.tasks.Add(1)
			case http.StateClosed, http.StateHijacked:
				r.tasks.Done()
			}
		},
	}
	server.Protocols.SetHTTP1(s.Transport == DoH1)
	server.Protocols.SetHTTP2(s.Transport == DoH)
	r.ends = func() {
		l.resetAll()
		server.Close()
	}
	r.tasks.Go(func() { server.ServeTLS(l, "", "") })
	return l.Addr(), nil
}

// request answers one; an HTTP server of any version calls it.
func (s *Server) request(r *run, w http.ResponseWriter, request *http.Request) {
	conn := request.Context().Value(connKey{}).(*httpConn)
	q := &Query{Conn: conn.n, OnConn: int(conn.queries.Add(1)) - 1, Method: request.Method, Path: request.URL.Path}
	q.From, _ = netip.ParseAddrPort(request.RemoteAddr)
	q.Resumed = request.TLS != nil && request.TLS.DidResume
	q.Early = conn.quic != nil && conn.quic.ConnectionState().Used0RTT
	var err error
	if request.Method == http.MethodGet {
		q.Message, err = base64.RawURLEncoding.DecodeString(request.URL.Query().Get("dns"))
	} else {
		q.Message, err = io.ReadAll(io.LimitReader(request.Body, 1<<16))
	}
	if err != nil {
		http.Error(w, "no DNS message", http.StatusBadRequest)
		return
	}
	q.Received = time.Now().Round(0)
	reply := s.ask(q)
	if wait := time.Until(q.Received.Add(reply.Delay)); wait > 0 && !r.sleep(request.Context(), wait) {
		panic(http.ErrAbortHandler)
	}
	s.respond(r, w, conn, q, reply)
	if reply.End == Stalled || reply.End == Stays && reply.Messages == nil && reply.Raw == nil {
		// Returning would be an answer.
		select {
		case <-r.ctx.Done():
		case <-request.Context().Done():
		}
		panic(http.ErrAbortHandler)
	}
}

// respond sends the reply and ends what it ends.
func (s *Server) respond(r *run, w http.ResponseWriter, conn *httpConn, q *Query, reply Reply) {
	switch {
	case reply.Raw != nil && s.Transport == DoH1:
		raw, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		s.sending(q, func() { raw.Write(reply.Raw) })
		raw.Close()
		return
	case reply.Raw != nil:
		w.Header().Set("Content-Type", "application/dns-message")
		w.Header().Set("Content-Length", strconv.Itoa(len(reply.Raw)+1))
		s.sending(q, func() {
			w.Write(reply.Raw)
			w.(http.Flusher).Flush()
		})
		if reply.End == Stays || reply.End == Stalled {
			panic(http.ErrAbortHandler)
		}
	case reply.Messages != nil:
		m := reply.Messages[0]
		w.Header().Set("Content-Type", "application/dns-message")
		w.Header().Set("Content-Length", strconv.Itoa(len(m)))
		if reply.End == Closes && conn.tcp != nil {
			w.Header().Set("Connection", "close") // HTTP/2: GOAWAY
		}
		s.sending(q, func() {
			if reply.Status != 0 {
				w.WriteHeader(reply.Status)
			}
			w.Write(m)
			w.(http.Flusher).Flush()
		})
	}
	switch {
	case reply.End == Kills:
		r.kill()
	case reply.Raw == nil && (reply.End == Stays || reply.End == Stalled || reply.End == Closes && reply.Messages != nil && conn.tcp != nil):
		return
	case conn.quic != nil:
		conn.quic.CloseWithError(h3NoError, "")
	case reply.End == Closes:
		conn.tcp.Close()
	default:
		reset(conn.tcp)
	}
	panic(http.ErrAbortHandler)
}

// h3NoError is H3_NO_ERROR (RFC 9114 §8.1).
const h3NoError = 0x100
