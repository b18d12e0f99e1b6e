package quicport

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go"

	"yushan/internal/quicload"
)

// lazy returns a handler that cares for streams only once it is told to stop.
func lazy(draining *atomic.Bool) func(context.Context, *quic.Conn) {
	return func(ctx context.Context, conn *quic.Conn) {
		select {
		case <-ctx.Done():
		case <-conn.Context().Done():
			return
		}
		Drain(conn, func(ctx context.Context) error {
			draining.Store(true)
			stream, err := conn.AcceptStream(ctx)
			if err != nil {
				return err
			}
			text, err := io.ReadAll(stream)
			if err == nil {
				stream.Write(text)
			}
			stream.Close()
			return nil
		}, func() bool { return false })
	}
}

// startLazy starts a port with such a handler.
func startLazy(t *testing.T, draining *atomic.Bool) *Port {
	p := prepare(t, nil)
	run(t, p, lazy(draining))
	return p
}

// TestDrainAnswers stops a port when questions have arrived that nobody has looked at, and
// asks more while it stops.
func TestDrainAnswers(t *testing.T) {
	var draining atomic.Bool
	p := startLazy(t, &draining)
	conn := mustDial(t, p, from(t, "127.0.0.1"))
	const asked = 50
	handshakeBytes := conn.ConnectionStats().BytesSent
	var streams []*quic.Stream
	for range asked {
		stream, err := conn.OpenStreamSync(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Write([]byte("early")); err != nil {
			t.Fatal(err)
		}
		stream.Close()
		streams = append(streams, stream)
	}
	eventually(t, "the questions to be sent", func() bool { return conn.ConnectionStats().BytesSent > handshakeBytes+asked*5 })
	stopped := make(chan error, 1)
	go func() { stopped <- p.Shutdown(within(t)) }()
	eventually(t, "the port to stop", draining.Load)
	ask(t, conn, "late")
	for n, stream := range streams {
		if answer, err := io.ReadAll(stream); err != nil || string(answer) != "early" {
			t.Fatalf("question %d: %q, %v", n, answer, err)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	closedWith(t, conn, codeNoError)
}

// TestDrainLeavesTalkers has a client that asks as long as it is answered.
func TestDrainLeavesTalkers(t *testing.T) {
	var draining atomic.Bool
	p := startLazy(t, &draining)
	conn := mustDial(t, p, from(t, "127.0.0.1"))
	stopped := make(chan error, 1)
	go func() { stopped <- p.Shutdown(within(t)) }()
	for conn.Context().Err() == nil {
		stream, err := conn.OpenStreamSync(conn.Context())
		if err != nil {
			break
		}
		stream.Write([]byte("and another thing"))
		stream.Close()
		io.ReadAll(stream)
	}
	if err := <-stopped; err != nil {
		t.Errorf("%v: the client held the port up", err)
	}
	closedWith(t, conn, codeNoError)
}

// TestDrainLeavesDebtors has a client to whom something is owed as long as what it asks is
// accepted.
func TestDrainLeavesDebtors(t *testing.T) {
	t.Parallel()
	var taken atomic.Bool
	p := prepare(t, func(c *Config) { c.Limits.IdleTimeout = 10 * patience })
	run(t, p, func(ctx context.Context, conn *quic.Conn) {
		<-ctx.Done()
		Drain(conn, func(ctx context.Context) error {
			taken.Store(true)
			<-ctx.Done()
			return nil
		}, func() bool { return taken.Swap(false) })
	})
	patient := &quic.Config{MaxIdleTimeout: 10 * patience}
	conn, err := from(t, "127.0.0.1").Dial(within(t), net.UDPAddrFromAddrPort(p.Addr()), quicload.ClientTLS(protocol), patient)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Shutdown(within(t)); err != nil {
		t.Errorf("%v: the client held the port up", err)
	}
	closedWith(t, conn, codeNoError)
}
