package udp

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"yushan/internal/testengine"
)

// Queries that are in the sockets' queues when the server is told to stop are
// answered, all of them. The server doesn't serve yet, so that they are surely
// queued.
func TestShutdownAnswersWhatIsQueued(t *testing.T) {
	const clients, each = 10, 100
	s, err := Listen(Config{Addr: loopback, Workers: 2}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	var conns []*net.UDPConn
	for range clients {
		conn := dial(t, s.Addr())
		conns = append(conns, conn)
		for n := range each {
			if _, err := conn.Write(testengine.Query(t, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.stopping.Store(true) // the workers find it set when they begin
	if err := s.Serve(); err != nil {
		t.Error(err)
	}
	for i, conn := range conns {
		buf := make([]byte, 4096)
		for n := range each {
			if _, err := conn.Read(buf); err != nil {
				t.Fatalf("client %d: answer %d of %d: %v", i, n, each, err)
			}
		}
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if c := s.Counters(); c.Responses != clients*each {
		t.Errorf("counters %+v: expected %d responses", c, clients*each)
	}
}

// Under load each query that the server counts as received gets its answer, and
// Shutdown ends although the load doesn't.
func TestShutdownUnderLoad(t *testing.T) {
	s := start(t, Config{Workers: 2})
	var answers atomic.Uint64
	stop := make(chan struct{})
	var senders, readers sync.WaitGroup
	var conns []*net.UDPConn
	for range 4 {
		conn := dial(t, s.Addr())
		// Room for every answer: it is the server's losses that are looked for.
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20) != nil {
				conn.SetReadBuffer(4 << 20)
			}
		})
		conns = append(conns, conn)
		senders.Go(func() {
			q := testengine.Query(t, 1)
			for {
				select {
				case <-stop:
					return
				default:
					conn.Write(q) // refused, once the socket is closed
				}
			}
		})
		readers.Go(func() {
			buf := make([]byte, 4096)
			for {
				if _, err := conn.Read(buf); err == nil {
					answers.Add(1)
				} else if !errors.Is(err, unix.ECONNREFUSED) {
					return
				}
			}
		})
	}
	eventually(t, "no load", func() bool { return s.Counters().Queries > 5000 })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown under load: %v", err)
	}
	close(stop)
	senders.Wait()
	c := s.Counters()
	if c.Queries == 0 || c.Responses != c.Queries {
		t.Errorf("counters %+v: expected as many responses as queries", c)
	}
	for end := time.Now().Add(patience); answers.Load() < c.Responses && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	for _, conn := range conns {
		conn.Close()
	}
	readers.Wait()
	if n := answers.Load(); n != c.Responses {
		t.Errorf("%d answers arrived of %d", n, c.Responses)
	}
}

// A context that has ended doesn't leave anything running.
func TestShutdownCutShort(t *testing.T) {
	s, err := Listen(Config{Addr: loopback}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	exchange(t, dial(t, s.Addr()), testengine.Query(t, 1))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	again, err := Listen(Config{Addr: s.Addr()}, testengine.New(t))
	if err != nil {
		t.Fatalf("the port isn't free: %v", err)
	}
	again.Shutdown(context.Background())
}
