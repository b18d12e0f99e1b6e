package ticket

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// deadline is for what should take milliseconds.
const deadline = time.Minute

// quicNode is an echo server over QUIC.
type quicNode struct {
	addr net.Addr

	mu    sync.Mutex
	known bool // whether the last client's address was known by its token
}

func (n *quicNode) knew() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known
}

func startQUIC(t *testing.T, address string, k *Keys, config quic.Config) *quicNode {
	t.Helper()
	socket, err := net.ListenPacket("udp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	n := &quicNode{addr: socket.LocalAddr()}
	config.Allow0RTT = true
	plain := config.Clone()
	config.GetConfigForClient = func(info *quic.ClientInfo) (*quic.Config, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.known = info.AddrVerified
		return plain, nil
	}
	token, reset := quic.TokenGeneratorKey(k.QUICTokenKey()), quic.StatelessResetKey(k.QUICResetKey())
	transport := &quic.Transport{Conn: socket, TokenGeneratorKey: &token, StatelessResetKey: &reset}
	listener, err := transport.ListenEarly(node(t, k), &config)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept(context.Background())
			if err != nil {
				return
			}
			wg.Go(func() { echo(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		transport.Close() // ends connections, too
		socket.Close()
		wg.Wait()
	})
	return n
}

func echo(conn *quic.Conn) {
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		io.Copy(stream, stream)
		stream.Close()
	}
}

// memory is what a client keeps of a server: a session, and a token. It tells when it got either.
type memory struct {
	tls.ClientSessionCache
	quic.TokenStore
	sessions, tokens chan struct{}
}

func newMemory() *memory {
	return &memory{tls.NewLRUClientSessionCache(8), quic.NewLRUTokenStore(8, 8), make(chan struct{}, 8), make(chan struct{}, 8)}
}

type sessionMemory struct{ *memory }

func (m sessionMemory) Put(key string, s *tls.ClientSessionState) {
	m.ClientSessionCache.Put(key, s)
	if s != nil {
		m.sessions <- struct{}{}
	}
}

func (m sessionMemory) Get(key string) (*tls.ClientSessionState, bool) {
	return m.ClientSessionCache.Get(key)
}

type tokenMemory struct{ *memory }

func (m tokenMemory) Put(key string, token *quic.ClientToken) {
	m.TokenStore.Put(key, token)
	m.tokens <- struct{}{}
}

func (m tokenMemory) Pop(key string) *quic.ClientToken { return m.TokenStore.Pop(key) }

// call sends data as early as it can, and reports how the session began.
func (m *memory) call(t *testing.T, n *quicNode) (resumed, early bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	config := client(tls.VersionTLS13)
	config.ClientSessionCache = sessionMemory{m}
	conn, err := quic.DialAddrEarly(ctx, n.addr.String(), config, &quic.Config{TokenStore: tokenMemory{m}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	exchange := func(conn *quic.Conn) error {
		stream, err := conn.OpenStreamSync(ctx)
		if err != nil {
			return err
		}
		stream.SetDeadline(time.Now().Add(deadline))
		if _, err := stream.Write([]byte("ping")); err != nil {
			return err
		}
		stream.Close()
		_, err = io.ReadAll(stream)
		return err
	}
	err = exchange(conn)
	if err == quic.Err0RTTRejected {
		if conn, err = conn.NextConnection(ctx); err == nil {
			err = exchange(conn)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []chan struct{}{m.sessions, m.tokens} {
		select {
		case <-got:
		case <-ctx.Done():
			t.Fatal("the server sent no ticket, or no token")
		}
	}
	state := conn.ConnectionState()
	return state.TLS.DidResume, state.Used0RTT
}

func TestQUICNodesKnowEachOthersClients(t *testing.T) {
	small := quic.Config{MaxIncomingStreams: 10, InitialStreamReceiveWindow: 4096, InitialConnectionReceiveWindow: 8192}
	large := quic.Config{MaxIncomingStreams: 20, InitialStreamReceiveWindow: 8192, InitialConnectionReceiveWindow: 16384}
	a := startQUIC(t, "127.0.0.1", New(Options{Secret: secret}), small)
	b := startQUIC(t, "127.0.0.2", New(Options{Secret: secret}), small)
	bigger := startQUIC(t, "127.0.0.3", New(Options{Secret: secret}), large)
	stranger := startQUIC(t, "127.0.0.4", New(Options{}), small)

	m := newMemory()
	for i, step := range []struct {
		name                  string
		node                  *quicNode
		resumed, early, known bool
	}{
		{"first visit", a, false, false, false},
		{"the sibling", b, true, true, true},
		{"and back", a, true, true, true},
		{"a node that permits more", bigger, true, true, true},
		// RFC 9001 §4.6.3: a server must not accept 0-RTT with less than the ticket promised
		{"a node that permits less", a, true, false, true},
		{"a node with another secret", stranger, false, false, false},
	} {
		resumed, early := m.call(t, step.node)
		if known := step.node.knew(); resumed != step.resumed || early != step.early || known != step.known {
			t.Errorf("%d %s: resumed %v, 0-RTT %v, address known %v; expected %v, %v, %v",
				i, step.name, resumed, early, known, step.resumed, step.early, step.known)
		}
	}
}

func TestQUICFollowsTheRotation(t *testing.T) {
	const rotation = time.Hour
	now := newClock()
	n := startQUIC(t, "127.0.0.1", New(Options{Secret: secret, Rotation: rotation, Now: now.Now}), quic.Config{})
	m := newMemory()
	m.call(t, n)
	now.add(2 * rotation)
	if resumed, early := m.call(t, n); !resumed || !early {
		t.Errorf("two periods later: resumed %v, 0-RTT %v", resumed, early)
	}
	now.add(3 * rotation)
	if resumed, early := m.call(t, n); resumed || early {
		t.Errorf("three periods later: resumed %v, 0-RTT %v", resumed, early)
	}
}
