package h2

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"yushan/server/doh/exchange"
)

// selfSigned is a certificate for tests.
func selfSigned() tls.Certificate {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return s.TLS.Certificates[0]
}

// listen serves connections of s on loopback until the test ends: cleartext if
// config is nil.
func listen(t testing.TB, s *Server, handler exchange.Handler, config *tls.Config) net.Addr {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[nc] = true
			mu.Unlock()
			all.Go(func() {
				defer nc.Close()
				if err := serve(s.NewConn(), handler, nc); err != nil {
					t.Logf("%v: %v", nc.RemoteAddr(), err)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for nc := range conns {
			nc.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr()
}

// serve does the I/O of a connection.
func serve(c *Conn, handler exchange.Handler, nc io.ReadWriter) error {
	in, out := make([]byte, 64<<10), make([]byte, 2*65537)
	have := 0
	for {
		n, err := nc.Read(in[have:])
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		have += n
		for more := true; more; {
			var used, wrote int
			var failed error
			used, wrote, more, failed = c.Answer(handler, in[:have], out)
			have = copy(in, in[used:have])
			if _, err := nc.Write(out[:wrote]); err != nil {
				return err
			}
			if failed != nil {
				return failed
			}
		}
	}
}
