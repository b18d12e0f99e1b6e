package overquic

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/bench/load"
)

// visit opens a connection for the query alone, by a socket of its own as a client does
// that comes back later.
func (p *place) visit() {
	c := p.client
	deadline := c.Began.Add(time.Duration(p.query.due + c.timeout))
	ctx, cancel := context.WithDeadline(c.ctx, deadline)
	defer cancel()
	began := time.Now()
	at := c.number
	if c.Options.Handshake == load.Full { // by someone who has never been there
		at += c.visits * uint64(c.Options.Clients) * uint64(c.Workers)
		c.visits++
		c.forget()
	}
	socket, err := c.bind(at)
	if err != nil {
		c.fail(err)
		c.drop(p.query)
		return
	}
	defer socket.close()
	dial := socket.transport.Dial
	if c.Options.Handshake == load.Early {
		dial = socket.transport.DialEarly
	}
	conn, err := dial(ctx, c.server, c.tls, c.quic)
	if err != nil {
		c.fail(err)
		c.drop(p.query)
		return
	}
	ready := time.Since(began)
	defer closeAtEnd(c.ctx, conn, c.codec.noError())()
	err = p.request(conn)
	if errors.Is(err, quic.Err0RTTRejected) {
		if conn, err = conn.NextConnection(ctx); err == nil {
			ready = time.Since(began)
			err = p.request(conn)
		}
	}
	if err != nil {
		c.broken(err)
		c.drop(p.query)
		if !complete(conn) {
			return
		}
	}
	select {
	case <-conn.HandshakeComplete():
	case <-conn.Context().Done():
	case <-ctx.Done():
	}
	if !complete(conn) {
		c.fail(errHandshake)
		return
	}
	state := conn.ConnectionState()
	c.Recorder.Lock()
	c.Recorder.Opened(ready, state.TLS.DidResume)
	if state.Used0RTT {
		c.Recorder.Early()
	}
	c.Recorder.Unlock()
	if c.tickets != nil {
		c.tickets.await(ctx, creditTime+4*conn.ConnectionStats().SmoothedRTT)
	}
}

// request sends the query on a new connection.
func (p *place) request(conn *quic.Conn) error {
	if err := p.client.codec.setUp(conn); err != nil {
		return err
	}
	stream, err := conn.OpenStream()
	if err != nil {
		return err
	}
	return p.exchange(stream, nil)
}

// complete tells whether the handshake of a connection is.
func complete(conn *quic.Conn) bool {
	select {
	case <-conn.HandshakeComplete():
		return true
	default:
		return false
	}
}

// closeAtEnd closes a connection when the context ends, or when what it returns is
// called.
func closeAtEnd(ctx context.Context, conn *quic.Conn, code quic.ApplicationErrorCode) (stop func()) {
	var once sync.WaitGroup
	once.Add(1)
	cancel := context.AfterFunc(ctx, func() {
		defer once.Done()
		conn.CloseWithError(code, "")
	})
	return func() {
		if cancel() {
			once.Done()
		}
		once.Wait()
		conn.CloseWithError(code, "")
	}
}
