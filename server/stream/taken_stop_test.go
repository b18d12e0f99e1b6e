package stream

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"yushan/server/query"
)

// lateReader takes the connection over, and reads when it is told to.
type lateReader struct {
	taken chan struct{} // closed when it has the connection
	read  chan struct{} // closed when it may read
}

func (*lateReader) Answer(*Work, []byte, []byte) (used, wrote int, more bool, err error) {
	return 0, 0, false, ErrTakeOver
}
func (*lateReader) Owes() uint64     { return 0 }
func (*lateReader) Close([]byte) int { return 0 }

func (l *lateReader) TakeOver(nc net.Conn) {
	close(l.taken)
	<-l.read
	got, err := io.ReadAll(nc)
	fmt.Fprintf(nc, "%d bytes, %v\n", len(got), isTimeout(err))
}

// awaitCut waits until a stopping server has cut its only connection.
func awaitCut(t *testing.T, s *Server) {
	t.Helper()
	eventually(t, "the connection is not cut", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.table.conns) == 1 && reason(s.table.conns[0].cut.Load()) == stopping
	})
}

// TestTakenReadsWhatHasArrived has a session that does its own I/O and has not read all when the
// server is told to stop.
func TestTakenReadsWhatHasArrived(t *testing.T) {
	for name, config := range map[string]*tls.Config{"cleartext": nil, "TLS": serverTLS(t)} {
		t.Run(name, func(t *testing.T) {
			l := &lateReader{make(chan struct{}), make(chan struct{})}
			s := startWith(t, Config{Transport: query.DoH, TLS: config, Session: func(Peer) Session { return l }})
			c := dial(t, s)
			c.send([]byte("x"))
			<-l.taken
			const bytes = 50_000
			c.send([]byte(strings.Repeat("y", bytes)))
			c.arrive()
			stopped := make(chan error)
			go func() { stopped <- s.Shutdown(context.Background()) }()
			awaitCut(t, s)
			close(l.read)
			c.expect(fmt.Sprintf("%d bytes, true", 1+bytes))
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTakenAfterStop has a session begin, and take the connection over, when the server has been
// told to stop before: just after the handshake, if there is one.
func TestTakenAfterStop(t *testing.T) {
	for name, config := range map[string]*tls.Config{"cleartext": nil, "TLS": serverTLS(t)} {
		t.Run(name, func(t *testing.T) {
			l := &lateReader{make(chan struct{}), make(chan struct{})}
			close(l.read)
			begun, cut := make(chan struct{}), make(chan struct{})
			s := startWith(t, Config{Transport: query.DoH, TLS: config, Session: func(Peer) Session {
				close(begun)
				<-cut
				return l
			}})
			c := dial(t, s)
			const bytes = 50_000
			c.send([]byte(strings.Repeat("y", bytes)))
			c.arrive()
			<-begun
			stopped := make(chan error)
			go func() { stopped <- s.Shutdown(context.Background()) }()
			awaitCut(t, s)
			close(cut)
			c.expect(fmt.Sprintf("%d bytes, true", bytes))
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}
