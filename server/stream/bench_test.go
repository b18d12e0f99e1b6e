package stream

import (
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
const loadAddr, loadConns, loadWindow, loadQueries = "YUSHAN_TCP_LOAD_ADDR", "YUSHAN_TCP_LOAD_CONNS", "YUSHAN_TCP_LOAD_WINDOW", "YUSHAN_TCP_LOAD_QUERIES"

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
		if err := sendLoad(addr, number(loadConns), number(loadWindow), number(loadQueries)); err != nil {
			fmt.Fprintln(os.Stderr, "load:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sendLoad has n queries answered, over conns connections, on each of which window
// queries are under way, written together.
func sendLoad(addr string, conns, window, n int) error {
	var wg sync.WaitGroup
	errs := make(chan error, conns)
	for range conns {
		wg.Go(func() {
			if err := load(addr, window, n/conns); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func load(addr string, window, n int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	var frames []byte
	for range window {
		wire, err := testengine.NewQuery(1234).Pack()
		if err != nil {
			return err
		}
		frames = append(frames, testengine.Frame(wire)...)
	}
	buf := make([]byte, 64<<10)
	for done := 0; done < n; done += window {
		if _, err := conn.Write(frames); err != nil {
			return err
		}
		have := 0
		for frames := 0; frames < window; {
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

// BenchmarkTCP compares the server with a loop that sends back what it reads,
// which is what the kernel and Go's network poller cost.
func BenchmarkTCP(b *testing.B) {
	for _, shape := range []struct{ conns, window int }{{16, 1}, {16, 20}, {1, 100}} {
		name := fmt.Sprintf("%dx%d", shape.conns, shape.window)
		b.Run("server/"+name, func(b *testing.B) {
			s := start(b, Limits{})
			underLoad(b, s.Addr().String(), shape.conns, shape.window)
		})
		b.Run("echo/"+name, func(b *testing.B) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				echo(listener)
			}()
			underLoad(b, listener.Addr().String(), shape.conns, shape.window)
			listener.Close()
			<-done
		})
	}
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

func underLoad(b *testing.B, addr string, conns, window int) {
	testengine.MeasureLoad(b, loadAddr+"="+addr, loadConns+"="+strconv.Itoa(conns), loadWindow+"="+strconv.Itoa(window), loadQueries+"="+strconv.Itoa(b.N))
}
