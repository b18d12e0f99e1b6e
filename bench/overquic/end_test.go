package overquic

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/internal/quicload"
)

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}

var allHandshakes = handshakes()

// handshakes leaves 0-RTT out where quic-go's data race between OpenStream and a
// connection's loop, which sets the server's parameters meanwhile, would be found.
func handshakes() []load.Handshake {
	all := []load.Handshake{load.Persistent, load.Full, load.Resumed, load.Early}
	if raceDetector {
		return all[:3]
	}
	return all
}

// The context ends a run at once, whatever is under way, and leaves nothing behind. Stop
// lets answers come.
func TestEnds(t *testing.T) {
	for _, h := range allHandshakes {
		for _, stops := range []bool{false, true} {
			release := make(chan struct{})
			server := serveDoQ(t, quic.Config{}, func(s *quic.Stream, q []byte, _ int64) {
				<-release
				usual(s, q, 0)
			})
			before := runtime.NumGoroutine()
			run := test{options: options(server.addr, load.DoQ), plan: pace.Plan{Rate: 1000, RateAtEnd: 1000, Duration: time.Hour}}
			run.options.Timeout, run.options.Handshake = time.Hour, h
			if h != load.Persistent {
				run.options.Depth = 1
			}
			full := int64(run.options.Clients * run.options.Depth)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				r, err := run.start(ctx, t)
				if err != nil {
					t.Error(err)
				}
				n := r.Total
				if want := uint64(full); n.Sent != want || stops && n.Answered != want || !stops && n.Lost != want || len(r.Faults) > 0 {
					t.Errorf("%s, stop %t: sent %d, answered %d, lost %d, faults %v: expected %d", h, stops, n.Sent, n.Answered, n.Lost, r.Faults, want)
				}
			}()
			eventually(t, "all places are used", func() bool { return server.asked.Load() == full })
			if stops {
				run.stop.Store(true)
				time.Sleep(2 * tick) // so that it is noticed, or else the test finds less
				close(release)
			} else {
				cancel()
			}
			<-done
			cancel()
			if !stops {
				close(release)
			}
			eventually(t, "the server's goroutines end", func() bool {
				server.mu.Lock()
				defer server.mu.Unlock()
				for _, conn := range server.conns {
					if conn.Context().Err() == nil {
						return false
					}
				}
				return true
			})
			eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
		}
	}
}

// A connection that the server closes with queries under way is told, and another one
// opened.
func TestBroken(t *testing.T) {
	var conns atomic.Pointer[fake]
	server := serveDoQ(t, quic.Config{}, func(s *quic.Stream, q []byte, n int64) {
		if n != 10 {
			usual(s, q, n)
			return
		}
		f := conns.Load()
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, conn := range f.conns {
			conn.CloseWithError(5, "maintenance")
		}
	})
	conns.Store(server)
	run := test{options: options(server.addr, load.DoQ), plan: limited(100)}
	run.options.Clients, run.options.Depth = 1, 1
	r := run.run(t)
	if c := r.Connections; r.Total.Lost != 1 || r.Total.Answered != 99 || c.Opened != 2 || c.Broken != 1 || faults(r) != `the server has closed the connection: error 0x5 "maintenance"` {
		t.Errorf("lost %d, answered %d, %+v, %v: expected 1, 99, and one broken connection of 2", r.Total.Lost, r.Total.Answered, *c, r.Faults)
	}
}

// A server that is started anew does not know the connections that there were. Another
// one is opened, since nothing comes on them.
func TestRestart(t *testing.T) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	old := &quic.Transport{Conn: socket}
	listener, err := old.Listen(quicload.ServerTLS(t, "doq"), &quic.Config{})
	if err != nil {
		t.Fatal(err)
	}
	addr := socket.LocalAddr().(*net.UDPAddr).AddrPort()
	f := &fake{addr: addr, sources: map[netip.Addr]int{}}
	var next *fake
	f.tasks.Go(func() {
		conn, err := listener.Accept(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		f.serve(conn, usual)
	})
	run := test{options: options(addr, load.DoQ), plan: pace.Plan{Rate: 100, RateAtEnd: 100, Duration: time.Hour}}
	run.options.Clients, run.options.Timeout = 1, time.Second
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := run.run(t)
		if c := r.Connections; c.Opened < 2 || c.Broken != 1 || r.Total.Lost == 0 {
			t.Errorf("%+v, %d lost: expected a silent connection, and a new one", *c, r.Total.Lost)
		}
	}()
	eventually(t, "queries are answered", func() bool { return f.asked.Load() > 10 })
	socket.Close() // without a word to the client
	next = serveDoQAt(t, addr, quic.Config{}, usual)
	eventually(t, "queries are answered again", func() bool { return next.asked.Load() > 10 })
	run.stop.Store(true)
	<-done
	old.Close()
	f.tasks.Wait()
}

func TestUnreachable(t *testing.T) {
	gone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := gone.LocalAddr().(*net.UDPAddr).AddrPort()
	gone.Close()
	other := serveDoQ(t, quic.Config{}, usual).addr // speaks no HTTP/3
	refused := "the server has refused the handshake: TLS alert 120"
	for _, tt := range []struct {
		name   string
		server netip.AddrPort
		load.Transport
		timeout time.Duration
		fault   string
	}{
		{"nobody", nobody, load.DoQ, short, errHandshake.Error()},
		{"another protocol", other, load.DoH3, 3 * time.Second, refused},
	} {
		for _, h := range allHandshakes {
			for _, plan := range []pace.Plan{{Rate: 100, RateAtEnd: 100, Duration: 100 * time.Millisecond}, {Duration: 2 * short, Limit: 5}} {
				run := test{options: options(tt.server, tt.Transport), plan: plan}
				run.options.Timeout, run.options.Handshake = tt.timeout, h
				if h != load.Persistent {
					run.options.Depth = 1
				}
				r := run.run(t)
				if r.Total.Sent != 0 || !plan.Closed() && r.Total.Unsent != 10 || r.Connections.Failed == 0 || faults(r) != tt.fault {
					t.Errorf("%s, %s, %+v: sent %d, unsent %d, %d failed, %v: expected that no query is sent, and %q", tt.name, h, plan, r.Total.Sent, r.Total.Unsent, r.Connections.Failed, r.Faults, tt.fault)
				}
			}
		}
	}
}
