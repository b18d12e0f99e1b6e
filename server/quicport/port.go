package quicport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/sys/unix"

	"yushan/server/crew"
	"yushan/server/listen"
)

// Port is a UDP port on which QUIC is spoken. Its methods may be called from any
// goroutine.
type Port struct {
	cfg    Config
	socket *socket
	addr   netip.AddrPort
	table  table
	events events

	crew    crew.Crew      // connections' goroutines
	running sync.WaitGroup // of these, those at work
	stop    context.Context
	begin   context.CancelFunc // ends stop: Shutdown has begun

	mu        sync.Mutex // guards what follows
	serving   chan struct{}
	transport *quic.Transport
	listener  listener
	closed    bool
}

// listener is what quic.Listener and quic.EarlyListener have in common.
type listener interface {
	Accept(context.Context) (*quic.Conn, error)
	Close() error
}

// Listen takes the address into use. What arrives waits in the socket's queue
// until [Port.Serve] is called, so that privileges can be given up in between. If
// another server has the address, the error wraps EADDRINUSE.
func Listen(cfg Config) (*Port, error) {
	cfg.Addr = netip.AddrPortFrom(cfg.Addr.Addr().Unmap(), cfg.Addr.Port())
	var err error
	if err = cfg.validate(); err == nil {
		cfg.Limits, err = cfg.Limits.withDefaults()
	}
	if err != nil {
		return nil, listen.Error("UDP", cfg.Addr, err)
	}
	p := &Port{cfg: cfg}
	if p.socket, err = openSocket(cfg.Addr, cfg.Limits.MaxOpeningPackets); err != nil {
		return nil, listen.Error("UDP", cfg.Addr, err)
	}
	addr := p.socket.LocalAddr().(*net.UDPAddr).AddrPort()
	p.addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	p.table.init(&p.cfg, &p.events)
	p.stop, p.begin = context.WithCancel(context.Background())
	return p, nil
}

// Addr is where the port listens, with the number chosen by the kernel if the
// configuration left it open.
func (p *Port) Addr() netip.AddrPort { return p.addr }

// Serve accepts connections, and calls handle for each in a goroutine of its own,
// until [Port.Shutdown] is called and the last one has returned. When handle
// returns, its connection is closed, unless it is already, with Codes.NoError. Its
// context ends when the port is told to stop; the connection has a context of its
// own. Serve is to be called once. An error means that the socket broke.
func (p *Port) Serve(handle func(context.Context, *quic.Conn)) error {
	p.mu.Lock()
	if p.serving != nil {
		p.mu.Unlock()
		return errors.New("QUIC port: Serve called twice")
	}
	done := make(chan struct{})
	p.serving = done
	if p.closed {
		close(done)
		p.mu.Unlock()
		return nil
	}
	defer close(done)
	if err := p.open(); err != nil {
		p.mu.Unlock()
		return listen.Error("UDP", p.addr, err)
	}
	p.mu.Unlock()

	var failed error
	for {
		conn, err := p.listener.Accept(p.stop)
		if err != nil {
			if p.stop.Err() == nil {
				failed = listen.Error("UDP", p.addr, err)
			}
			break
		}
		p.running.Add(1)
		p.crew.Go(func() {
			defer p.running.Done()
			p.serve(conn, handle)
		})
	}
	p.running.Wait()
	p.crew.Dismiss()
	return failed
}

// open starts quic-go on the socket.
func (p *Port) open() error {
	// It would print a warning if buffers are smaller than it likes. The socket has
	// asked for the same size; what it got, ReceiveBufferBytes tells.
	os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true")
	transport := &quic.Transport{
		Conn:                p.socket,
		VerifySourceAddress: p.table.mustProve,
		ConnContext:         p.table.admit,
	}
	if key := p.cfg.TokenKey; key != nil {
		transport.TokenGeneratorKey = (*quic.TokenGeneratorKey)(key)
	}
	if key := p.cfg.ResetKey; key != nil {
		transport.StatelessResetKey = (*quic.StatelessResetKey)(key)
	}
	calm := p.cfg.quicConfig(0)
	calm.GetConfigForClient = func(*quic.ClientInfo) (*quic.Config, error) {
		if open := p.table.size(); open > p.cfg.Limits.MaxConns/8 {
			return p.cfg.quicConfig(open), nil
		}
		return calm, nil
	}
	open, err := p.listen(transport, calm)
	if err != nil {
		return errors.Join(err, transport.Close())
	}
	p.listener, p.transport = open, transport
	return nil
}

func (p *Port) listen(transport *quic.Transport, config *quic.Config) (listener, error) {
	if p.cfg.ZeroRTT {
		early, err := transport.ListenEarly(p.cfg.TLS, config)
		if err != nil {
			return nil, err
		}
		return early, nil
	}
	open, err := transport.Listen(p.cfg.TLS, config)
	if err != nil {
		return nil, err
	}
	return open, nil
}

// serve is the goroutine of one connection.
func (p *Port) serve(conn *quic.Conn, handle func(context.Context, *quic.Conn)) {
	p.table.connected(conn)
	handle(p.stop, conn)
	conn.CloseWithError(p.cfg.Codes.NoError, "")
}

// Shutdown stops the port: what has arrived gets to its connections; handshakes under
// way are refused, connections end when their handlers, whose context ends, have
// returned. Then all goroutines have ended and the address is free. If ctx ends first,
// connections are closed under their handlers, and ctx's error is returned.
func (p *Port) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	serving, open, transport := p.serving, p.listener, p.transport
	p.mu.Unlock()

	if first && open != nil {
		p.settle(ctx)
	}
	p.begin()
	var err error
	if open != nil {
		open.Close()
		select {
		case <-serving:
		case <-ctx.Done():
			err = ctx.Err()
			p.table.closeAll(p.cfg.Codes.NoError)
			<-serving
		}
	}
	if first {
		if transport != nil {
			transport.Close()
		}
		p.socket.Close()
	}
	return err
}

const (
	// settleLimit is how long a stop waits until all is read that had arrived, should the
	// datagram that tells it be lost each time.
	settleLimit = 2 * time.Second
	markAgain   = 50 * time.Millisecond
	// looks is how often the goroutine that stops the port waits for a moment until what was
	// read has got to the handlers of its connections: quic-go passes it from one goroutine to
	// another, and doesn't tell when it is done. Each time, all those that are ready to run come first,
	// however long it takes them.
	looks = 10
	look  = time.Millisecond
)

// settle waits until what has arrived has got to the handlers of its connections. What arrives
// later doesn't hold it up.
func (p *Port) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	p.socket.passed(ctx)
	for range looks {
		time.Sleep(look)
	}
}

// Counters returns the totals. They are read while connections go on, so that
// they need not belong to the very same moment.
func (p *Port) Counters() Counters {
	var sum Counters
	p.events.addTo(&sum)
	p.table.addTo(&sum)
	p.socket.addTo(&sum)
	return sum
}

// ReceiveBufferBytes is the size of the socket's receive buffer as the kernel counts
// it: twice what was asked for, unless net.core.rmem_max is smaller.
func (p *Port) ReceiveBufferBytes() (size int, err error) {
	if failed := p.socket.raw.Control(func(fd uintptr) {
		size, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	}); failed != nil {
		err = failed
	}
	return size, err
}

// IdleTimeout is the one that the port was configured with, or the default.
func (p *Port) IdleTimeout() time.Duration { return p.cfg.Limits.IdleTimeout }
