package fakedns

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// listener keeps the connections that it has accepted, so that they can be reset.
type listener struct {
	*net.TCPListener
	server *Server
	mu     sync.Mutex
	open   map[*net.TCPConn]bool
	closed bool
}

func (s *Server) listenTCP() (*listener, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(s.Addr))
	if err != nil {
		return nil, err
	}
	return &listener{TCPListener: l, server: s, open: map[*net.TCPConn]bool{}}, nil
}

// accepted is a connection with its number.
type accepted struct {
	*net.TCPConn
	n    int
	from *listener
}

// Accept returns an *accepted.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		reset(conn)
		return nil, net.ErrClosed
	}
	l.open[conn] = true
	return &accepted{conn, l.server.newConn(), l}, nil
}

func (c *accepted) Close() error {
	c.from.mu.Lock()
	delete(c.from.open, c.TCPConn)
	c.from.mu.Unlock()
	return c.TCPConn.Close()
}

// resetAll ends the listener and all of its connections.
func (l *listener) resetAll() {
	l.TCPListener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for conn := range l.open {
		reset(conn)
	}
	clear(l.open)
}

// reset has RST sent instead of FIN.
func reset(conn *net.TCPConn) {
	conn.SetLinger(0)
	conn.Close()
}

func (s *Server) serveStream(r *run) (net.Addr, error) {
	l, err := s.listenTCP()
	if err != nil {
		return nil, err
	}
	r.ends = l.resetAll
	r.tasks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.tasks.Go(func() { s.stream(r, conn.(*accepted)) })
		}
	})
	return l.Addr(), nil
}

// stream reads the queries of one connection.
func (s *Server) stream(r *run, raw *accepted) {
	defer raw.Close()
	if s.options.Deaf {
		<-r.ctx.Done()
		return
	}
	c := &streamConn{Conn: raw, raw: raw}
	resumed := false
	if s.Transport == DoT {
		conn := tls.Server(raw, s.tls)
		if conn.HandshakeContext(r.ctx) != nil {
			return
		}
		resumed = conn.ConnectionState().DidResume
		c.Conn = conn
	}
	in := bufio.NewReader(c)
	var replies sync.WaitGroup
	defer replies.Wait()
	for n := 0; ; n++ {
		var length [2]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		q := &Query{Message: message, From: raw.RemoteAddr().(*net.TCPAddr).AddrPort(), Conn: raw.n, OnConn: n, Resumed: resumed, Received: time.Now().Round(0)}
		reply := s.ask(q)
		if reply.End == Stalled {
			<-r.ctx.Done()
			return
		}
		replies.Add(1)
		r.tasks.Go(func() {
			defer replies.Done()
			if wait := time.Until(q.Received.Add(reply.Delay)); wait <= 0 || r.sleep(r.ctx, wait) {
				s.answerStream(r, c, q, reply)
			}
		})
	}
}

// streamConn is a connection that several replies may be written to.
type streamConn struct {
	net.Conn // with TLS or without
	raw      *accepted
	writing  sync.Mutex
}

func (s *Server) answerStream(r *run, c *streamConn, q *Query, reply Reply) {
	c.writing.Lock()
	defer c.writing.Unlock()
	out := [][]byte{reply.Raw}
	if reply.Raw == nil {
		out = out[:0]
		for _, m := range reply.Messages {
			out = append(out, framed(m))
		}
	}
	for _, m := range out {
		s.sending(q, func() { c.write(r, m, reply.Drip) })
	}
	switch reply.End {
	case Closes:
		c.Conn.Close()
	case Resets:
		reset(c.raw.TCPConn)
	case Kills:
		r.kill()
	}
}

// write writes at once, or byte by byte. An error shows when the connection is read.
func (c *streamConn) write(r *run, m []byte, drip time.Duration) {
	if drip == 0 {
		c.Write(m)
		return
	}
	for i := range m {
		if _, err := c.Write(m[i : i+1]); err != nil || !r.sleep(r.ctx, drip) {
			return
		}
	}
}
