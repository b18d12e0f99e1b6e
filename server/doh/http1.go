package doh

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// http1 serves connections of HTTP/1.1 (RFC 9112) by net/http. It is a listener of
// the library, which accepts the connections that sessions hand over.
type http1 struct {
	library http.Server
	addr    net.Addr
	max     int64 // connections at once
	open    atomic.Int64
	refused atomic.Uint64
	conns   chan *taken
	stop    chan struct{}
	once    sync.Once
	running sync.WaitGroup
}

func newHTTP1(handler http.Handler, limits Limits, idle time.Duration, addr net.Addr) *http1 {
	h := &http1{addr: addr, max: int64(limits.MaxHTTP1), conns: make(chan *taken), stop: make(chan struct{})}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	h.library = http.Server{
		Handler:                      handler,
		Protocols:                    &protocols,
		DisableGeneralOptionsHandler: true,
		ReadTimeout:                  limits.RequestTimeout,
		ReadHeaderTimeout:            limits.RequestTimeout,
		WriteTimeout:                 2 * limits.RequestTimeout, // counted from the same moment
		IdleTimeout:                  idle,
		MaxHeaderBytes:               limits.HeaderBytes - libraryBytes,
		// What clients do wrong is counted, not logged.
		ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return nc.(*taken).visitor.in(ctx)
		},
		ConnState: func(nc net.Conn, state http.ConnState) {
			if state == http.StateIdle {
				nc.(*taken).begin()
			}
		},
	}
	return h
}

// libraryBytes is what net/http adds to its limit of header bytes.
const libraryBytes = 4096

// serve runs the library.
func (h *http1) serve() {
	h.running.Go(func() { h.library.Serve(h) })
}

// close ends what serve has begun. All connections have ended before.
func (h *http1) close() {
	h.library.Close()
	h.Close()
	h.running.Wait()
}

// Accept is the library's way to a connection.
func (h *http1) Accept() (net.Conn, error) {
	select {
	case t := <-h.conns:
		return t, nil
	case <-h.stop:
		return nil, net.ErrClosed
	}
}

// Close makes Accept fail.
func (h *http1) Close() error {
	h.once.Do(func() { close(h.stop) })
	return nil
}

// Addr is the server's.
func (h *http1) Addr() net.Addr { return h.addr }

// use hands a connection over to the library, and returns when it has closed it.
func (h *http1) use(nc net.Conn, v *visitor) {
	defer h.open.Add(-1)
	if h.open.Add(1) > h.max {
		h.refused.Add(1)
		return
	}
	t := &taken{Conn: nc, visitor: v, closed: make(chan struct{})}
	select {
	case h.conns <- t:
		<-t.closed
	case <-h.stop:
	}
}

// taken is a connection that the library uses.
type taken struct {
	net.Conn
	visitor   *visitor
	lineEnded atomic.Bool // an LF has come since the request began
	once      sync.Once
	closed    chan struct{}
}

// begin is called before each request but the first.
func (t *taken) begin() {
	t.visitor.reached = false
	t.lineEnded.Store(false)
}

func (t *taken) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if bytes.IndexByte(p[:n], '\n') >= 0 {
		t.lineEnded.Store(true)
	}
	return n, err
}

// Write sees what the library answers without asking the handler: requests that are
// none, and those whose header section is too large. It counts them, and when not
// even the first line has ended, it is the target that is too long (RFC 9110
// §15.5.15).
func (t *taken) Write(p []byte) (int, error) {
	if t.visitor.reached {
		return t.Conn.Write(p)
	}
	const protocol = "HTTP/1.1 "
	if len(p) < len(protocol)+3 || string(p[:len(protocol)]) != protocol {
		return t.Conn.Write(p)
	}
	status, err := strconv.Atoi(string(p[len(protocol) : len(protocol)+3]))
	if err != nil || status < 400 {
		return t.Conn.Write(p)
	}
	if status == 431 && !t.lineEnded.Load() {
		t.visitor.tally.status[place(414)].Add(1)
		if _, err := io.WriteString(t.Conn, tooLongByHTTP1); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	t.visitor.tally.status[place(status)].Add(1)
	return t.Conn.Write(p)
}

// tooLongByHTTP1 is targetTooLong as it goes over the wire.
var tooLongByHTTP1 = "HTTP/1.1 414 URI Too Long\r\nContent-Type: " + plainText +
	"\r\nContent-Length: " + strconv.Itoa(len(targetTooLong.text)) +
	"\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n" + string(targetTooLong.text)

// Close lets use return.
func (t *taken) Close() error {
	err := t.Conn.Close()
	t.once.Do(func() { close(t.closed) })
	return err
}
