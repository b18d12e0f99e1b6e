package stream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// All queries that have reached the machine are answered, though the server has
// not read them yet; then the connection is closed.
func TestShutdownAnswersWhatHasArrived(t *testing.T) {
	const queries = 1000
	s, err := Listen(Config{Addr: loopback}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	// Nothing is accepted yet, so the queries are surely in the kernel: the server's
	// when it has acknowledged them.
	c := dial(t, s)
	for n := range queries {
		c.send(testengine.Frame(testengine.Query(t, n)))
	}
	c.arrive()
	s.mu.Lock()
	s.stopping = true
	close(s.stop)
	s.mu.Unlock()
	s.listener.SetDeadline(time.Now().Add(time.Second))
	go func() {
		s.mu.Lock()
		s.serving = make(chan struct{})
		s.mu.Unlock()
		s.accept()
		s.listener.Close()
		close(s.serving)
	}()
	for n := range queries {
		c.receive(testengine.Query(t, n))
	}
	c.closed()
	shutdown(t, s)
}

// arrive waits until the other side's kernel has all that was sent.
func (c *client) arrive() {
	c.t.Helper()
	raw, err := c.socket().SyscallConn()
	if err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, "the queries don't arrive", func() bool {
		left := 0
		if err := raw.Control(func(fd uintptr) { left, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }); err != nil {
			c.t.Fatal(err)
		}
		return left == 0
	})
}

func TestShutdownClosesIdleConnections(t *testing.T) {
	s := start(t, Limits{IdleTimeout: 10 * patience})
	var all []*client
	for n := range 10 {
		c := dial(t, s)
		c.exchange(n)
		all = append(all, c)
	}
	half := dial(t, s)
	half.send([]byte{0, 40, 1})
	shutdown(t, s)
	for _, c := range append(all, half) {
		c.closed()
	}
	if n := s.Counters().Open; n != 0 {
		t.Errorf("%d connections open", n)
	}
}

// Clients that never stop asking get an answer to each query the server has
// counted, and then the end of the stream, no reset.
func TestShutdownUnderLoad(t *testing.T) { onBoth(t, shutdownUnderLoad) }

func shutdownUnderLoad(t *testing.T, transport query.Transport) {
	const clients = 8
	s := startOn(t, transport, Limits{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	answers := 0
	for range clients {
		c := dial(t, s)
		query := testengine.Query(t, 1)
		frame := testengine.Frame(query)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				if _, err := c.Write(frame); err != nil {
					return
				}
			}
		}()
		wg.Go(func() {
			got := 0
			for {
				answer, err := c.frame()
				if err != nil {
					break
				}
				if err := testengine.Check(query, answer); err != nil {
					t.Error(err)
					break
				}
				got++
			}
			c.Close()
			<-done
			mu.Lock()
			answers += got
			mu.Unlock()
		})
	}
	eventually(t, "no load", func() bool { return s.Counters().Queries > 10_000 })
	shutdown(t, s)
	wg.Wait()
	if counters := s.Counters(); uint64(answers) != counters.Queries {
		t.Errorf("%d answers arrived, the server counted %d queries", answers, counters.Queries)
	}
}

// A context that ends doesn't wait for slow readers.
func TestShutdownCutShort(t *testing.T) {
	s := start(t, Limits{WriteTimeout: 10 * patience})
	c := slow(t, s)
	go c.greed()
	eventually(t, "nothing is pending", func() bool { return s.Counters().PendingBytes > 0 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v, expected %v", err, context.Canceled)
	}
	if n := s.Counters().Open; n != 0 {
		t.Errorf("%d connections open", n)
	}
	again, err := Listen(Config{Addr: s.Addr()}, testengine.New(t))
	if err != nil {
		t.Fatalf("the port isn't free: %v", err)
	}
	shutdown(t, again)
}

func TestShutdownBeforeServe(t *testing.T) {
	s, err := Listen(Config{Addr: loopback}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	shutdown(t, s)
	shutdown(t, s)
	if err := s.Serve(); err != nil {
		t.Errorf("Serve after Shutdown: %v", err)
	}
	if err := s.Serve(); err == nil {
		t.Error("Serve can be called twice")
	}
}
