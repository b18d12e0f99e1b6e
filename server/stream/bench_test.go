package stream

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"

	"yushan/internal/testengine"
)

// The load of a benchmark comes from another process, so that the CPU time of
// this one is the server's. It is this test binary, run with these variables.
const (
	loadAddr    = "YUSHAN_TCP_LOAD_ADDR"
	loadConns   = "YUSHAN_TCP_LOAD_CONNS"
	loadWindow  = "YUSHAN_TCP_LOAD_WINDOW"
	loadQueries = "YUSHAN_TCP_LOAD_QUERIES"
	loadKind    = "YUSHAN_TCP_LOAD_KIND"
)

// kind is what a load consists of.
type kind string

const (
	plain      kind = "plain"
	secured    kind = "secured"    // over TLS, one record a window
	piecemeal  kind = "piecemeal"  // over TLS, one record a query
	handshakes kind = "handshakes" // a full handshake for each query
	resumed    kind = "resumed"    // a resumed one
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(loadAddr); addr != "" {
		number := func(name string) int {
			n, err := strconv.Atoi(os.Getenv(name))
			if err != nil {
				fmt.Fprintln(os.Stderr, "load:", name, err)
				os.Exit(1)
			}
			return n
		}
		l := load{addr, kind(os.Getenv(loadKind)), number(loadWindow)}
		if err := l.send(number(loadConns), number(loadQueries)); err != nil {
			fmt.Fprintln(os.Stderr, "load:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// load is what one connection brings.
type load struct {
	addr   string
	kind   kind
	window int // queries under way
}

// send has n queries answered, over conns connections.
func (l load) send(conns, n int) error {
	var wg sync.WaitGroup
	errs := make(chan error, conns)
	for range conns {
		wg.Go(func() {
			if err := l.sendOne(n / conns); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func (l load) sendOne(n int) error {
	wire, err := testengine.NewQuery(1234).Pack()
	if err != nil {
		return err
	}
	frame := testengine.Frame(wire)
	frames := bytes.Repeat(frame, l.window)
	config := clientTLS()
	switch l.kind {
	case plain:
		conn, err := net.Dial("tcp", l.addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		return l.exchange(conn, frames, len(frames), n)
	case secured, piecemeal:
		conn, err := tls.Dial("tcp", l.addr, config)
		if err != nil {
			return err
		}
		defer conn.Close()
		step := len(frames)
		if l.kind == piecemeal {
			step = len(frame)
		}
		return l.exchange(conn, frames, step, n)
	case resumed:
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	for range n {
		conn, err := tls.Dial("tcp", l.addr, config)
		if err != nil {
			return err
		}
		if err := l.exchange(conn, frame, len(frame), 1); err != nil {
			return err
		}
		conn.Close()
	}
	return nil
}

// exchange has n queries answered on a connection, and writes them step by step.
func (l load) exchange(conn net.Conn, frames []byte, step, n int) error {
	buf := make([]byte, 64<<10)
	for done := 0; done < n; done += l.window {
		for at := 0; at < len(frames); at += step {
			if _, err := conn.Write(frames[at : at+step]); err != nil {
				return err
			}
		}
		have := 0
		for frames := 0; frames < l.window; {
			k, err := conn.Read(buf[have:])
			if err != nil {
				return err
			}
			have += k
			at := 0
			for have-at >= 2 && have-at >= 2+int(buf[at])<<8+int(buf[at+1]) {
				at += 2 + int(buf[at])<<8 + int(buf[at+1])
				frames++
			}
			have = copy(buf, buf[at:have])
		}
	}
	return nil
}

var shapes = []struct{ conns, window int }{{16, 1}, {16, 20}, {1, 100}}

// BenchmarkTCP compares the server with a loop that sends back what it reads,
// which is what the kernel and Go's network poller cost.
func BenchmarkTCP(b *testing.B) {
	for _, shape := range shapes {
		name := fmt.Sprintf("%dx%d", shape.conns, shape.window)
		b.Run("server/"+name, func(b *testing.B) {
			s := start(b, Limits{})
			underLoad(b, s.Addr().String(), plain, shape.conns, shape.window)
		})
		b.Run("echo/"+name, func(b *testing.B) {
			underEcho(b, nil, plain, shape.conns, shape.window)
		})
	}
}

// BenchmarkDoT does the same over TLS.
func BenchmarkDoT(b *testing.B) {
	for _, shape := range shapes {
		for _, kind := range []kind{secured, piecemeal} {
			if shape.window == 1 && kind == piecemeal {
				continue
			}
			name := fmt.Sprintf("%s/%dx%d", kind, shape.conns, shape.window)
			b.Run("server/"+name, func(b *testing.B) {
				s := startOn(b, dot, Limits{})
				underLoad(b, s.Addr().String(), kind, shape.conns, shape.window)
			})
			b.Run("echo/"+name, func(b *testing.B) {
				underEcho(b, serverTLS(b), kind, shape.conns, shape.window)
			})
		}
	}
}

// BenchmarkHandshakes has one query on each connection.
func BenchmarkHandshakes(b *testing.B) {
	for _, kind := range []kind{handshakes, resumed} {
		b.Run(string(kind), func(b *testing.B) {
			s := startOn(b, dot, Limits{})
			underLoad(b, s.Addr().String(), kind, 4, 1)
			counters := s.Counters()
			b.ReportMetric(float64(counters.Resumed)/float64(counters.Handshakes), "resumed/handshake")
		})
	}
}

func underEcho(b *testing.B, config *tls.Config, kind kind, conns, window int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := listener.Addr().String()
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		echo(listener)
	}()
	underLoad(b, addr, kind, conns, window)
	listener.Close()
	<-done
}

func echo(listener net.Listener) {
	var wg sync.WaitGroup
	for {
		conn, err := listener.Accept()
		if err != nil {
			break
		}
		wg.Go(func() {
			defer conn.Close()
			buf := make([]byte, 16<<10)
			for {
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				if _, err := conn.Write(buf[:n]); err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

func underLoad(b *testing.B, addr string, kind kind, conns, window int) {
	testengine.MeasureLoad(b, loadAddr+"="+addr, loadKind+"="+string(kind), loadConns+"="+strconv.Itoa(conns), loadWindow+"="+strconv.Itoa(window), loadQueries+"="+strconv.Itoa(b.N))
}
