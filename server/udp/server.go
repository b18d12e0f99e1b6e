package udp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"yushan/server/listen"
	"yushan/server/query"
)

// Config is what a server needs to know. Only Addr must be given.
type Config struct {
	// Addr is where to listen. Port 0 lets the kernel choose; a wildcard address
	// serves all addresses of its own family.
	Addr netip.AddrPort
	// Workers is the number of sockets and threads; 0 means GOMAXPROCS, as it is
	// without servers of this package.
	Workers int
	// ReceiveBufferBytes is each socket's queue for bursts; 0 means 4 MiB, about
	// 5,000 queries. More than net.core.rmem_max is granted to root only.
	ReceiveBufferBytes int
	// MaxBytes is the length of the longest answer; 0 means 1232 (RFC 9715 §3).
	// No engine that the server is given later may be set to write longer ones.
	MaxBytes int
	// OnPanic, unless nil, is told when the engine has panicked on a query, which
	// is then left unanswered. It is called by the goroutine that did, before
	// its stack is unwound, so that debug.Stack tells where. The worker waits for it:
	// it must return soon, and keep nothing of query.
	OnPanic func(query []byte, value any)
}

func (c Config) withDefaults() (Config, error) {
	if !c.Addr.IsValid() {
		return c, errors.New("listen on UDP: no address given")
	}
	c.Addr = netip.AddrPortFrom(c.Addr.Addr().Unmap(), c.Addr.Port())
	if c.Workers == 0 {
		c.Workers = processors.others()
	}
	if c.ReceiveBufferBytes == 0 {
		c.ReceiveBufferBytes = 4 << 20
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 1232
	}
	switch {
	case c.Workers < 1 || c.Workers > 1024:
		return c, fmt.Errorf("listen on UDP %s: %d workers: expected 1 to 1024", c.Addr, c.Workers)
	case c.MaxBytes < 512 || c.MaxBytes > 65507:
		return c, fmt.Errorf("listen on UDP %s: answers of up to %d bytes: expected 512 to 65507", c.Addr, c.MaxBytes)
	case c.ReceiveBufferBytes < 0 || c.ReceiveBufferBytes > 1<<30:
		return c, fmt.Errorf("listen on UDP %s: receive buffer of %d bytes: expected up to 1 GiB", c.Addr, c.ReceiveBufferBytes)
	}
	return c, nil
}

// Server answers the queries that arrive at one address. Its methods may be called
// from any goroutine.
type Server struct {
	addr    netip.AddrPort
	workers []*worker

	stopping, abort atomic.Bool

	mu      sync.Mutex    // guards what follows
	serving chan struct{} // closed when Serve's workers have ended; nil before Serve
	closed  bool          // the sockets are
	drops   uint64        // the kernel's, when last asked
}

// Listen takes the address into use. Queries wait in the sockets' queues until
// [Server.Serve] is called, so that privileges can be given up in between. If
// another server has the address, the error wraps EADDRINUSE.
//
// The engine's pointer must be set before Serve, and may be changed at any time:
// each batch is answered by one engine.
func Listen(cfg Config, engine *atomic.Pointer[query.Engine]) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	fds, err := openSockets(cfg.Addr, cfg.Workers, cfg.ReceiveBufferBytes)
	if err != nil {
		return nil, listen.Error("UDP", cfg.Addr, err)
	}
	addr, err := localAddr(fds[0], cfg.Addr)
	if err != nil {
		closeAll(fds)
		return nil, listen.Error("UDP", cfg.Addr, err)
	}
	s := &Server{addr: addr}
	ip := addr.Addr()
	for _, fd := range fds {
		s.workers = append(s.workers, &worker{
			fd:       fd,
			batch:    newBatch(ip.Is6(), ip.IsUnspecified(), cfg.MaxBytes),
			query:    query.NewBatchWorker(batchLen),
			asked:    make([]query.Request, 0, batchLen),
			from:     make([]int, 0, batchLen),
			engine:   engine,
			stopping: &s.stopping,
			abort:    &s.abort,
			onPanic:  cfg.OnPanic,
		})
	}
	return s, nil
}

// Addr is where the server listens, with the port chosen by the kernel if the
// configuration left it open.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// ReceiveBufferBytes is the size of a socket's receive buffer as the kernel
// counts it: twice what was asked for, unless net.core.rmem_max is smaller.
func (s *Server) ReceiveBufferBytes() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, unix.EBADF
	}
	return unix.GetsockoptInt(s.workers[0].fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
}

// Serve answers queries until [Server.Shutdown] is called, and returns when the
// last one has been answered. Meanwhile GOMAXPROCS is higher by the number of
// workers. It is to be called once. An error means that a
// worker ended too early, which only a broken socket can cause; the other workers
// go on, and Shutdown is still needed.
func (s *Server) Serve() error {
	s.mu.Lock()
	if s.serving != nil {
		s.mu.Unlock()
		return errors.New("UDP server: Serve called twice")
	}
	done := make(chan struct{})
	s.serving = done
	if s.closed {
		close(done)
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()

	defer close(done)
	processors.raise(len(s.workers))
	defer processors.lower(len(s.workers))
	var group errgroup.Group
	for _, w := range s.workers {
		group.Go(w.run)
	}
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil // Shutdown's caller knows, and is told
	}
	return err
}

// Shutdown stops the server: what arrives from now on is refused, what is in the
// sockets' queues is answered, then the sockets are closed and all goroutines
// have ended. If ctx ends first, queries that are still queued are lost, and ctx's
// error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.readDrops() // before the filter, whose drops the kernel counts as well
	for _, w := range s.workers {
		// Without the filter, a socket under constant load might never become
		// empty. Then ctx decides.
		_ = refuseMore(w.fd)
	}
	s.stopping.Store(true)
	for _, w := range s.workers {
		// ENOTCONN is what an unconnected socket always says. A waiting reader is
		// woken nevertheless, and the queue stays readable.
		_ = unix.Shutdown(w.fd, unix.SHUT_RD)
	}
	serving := s.serving
	s.mu.Unlock()

	var err error
	if serving != nil {
		select {
		case <-serving:
		case <-ctx.Done():
			err = ctx.Err()
			s.abort.Store(true)
			<-serving // within a batch
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		for _, w := range s.workers {
			unix.Close(w.fd)
		}
	}
	return err
}

// Counters returns the totals. They are read while the workers go on, so that
// they need not belong to the very same moment.
func (s *Server) Counters() Counters {
	var sum Counters
	for _, w := range s.workers {
		w.counters.addTo(&sum)
		sum.Engine.Add(w.query.Published())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && !s.stopping.Load() {
		s.readDrops()
	}
	sum.QueueDrops = s.drops
	return sum
}

// readDrops asks the kernel. s.mu is held, and the sockets are open.
func (s *Server) readDrops() {
	var sum uint64
	for _, w := range s.workers {
		drops, err := queueDrops(w.fd)
		if err != nil {
			return
		}
		sum += uint64(drops)
	}
	s.drops = sum
}
