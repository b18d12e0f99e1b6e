package transports

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"yushan/internal/peer"
	"yushan/internal/quicload"
)

// nodes are two servers that share the secret of session tickets, and a certificate's name,
// and a third one that has a secret of its own.
func nodes(t *testing.T) (first, second, stranger *server) {
	t.Helper()
	a := newAuthority(t)
	secrets := [2]string{}
	for i := range secrets {
		secrets[i] = filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(secrets[i], randomBytes(32), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var servers []*server
	for i, at := range newSites(t, node1, node2, node3) {
		servers = append(servers, newServer(t, at, a, fmt.Sprintf("tickets: {secret-file: %q}", secrets[i/2])))
	}
	return servers[0], servers[1], servers[2]
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// TestNodes resumes sessions, at a node, that another one has given.
func TestNodes(t *testing.T) {
	t.Parallel()
	first, second, stranger := nodes(t)
	t.Run("ways", func(t *testing.T) {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run("DoT with "+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				config := clientTLS(first.authority, "dot")
				config.MaxVersion = version
				for _, hop := range hops(first, second, stranger) {
					hop.check(t, resumesDoT(t, hop.at.tls, config))
				}
			})
			t.Run("openssl with "+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				session := filepath.Join(t.TempDir(), "session")
				for _, hop := range hops(first, second, stranger) {
					hop.check(t, resumesOpenSSL(t, hop.at, version, session, hop.fresh))
				}
			})
		}
		for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run("DoH by "+version, func(t *testing.T) {
				t.Parallel()
				config := clientTLS(first.authority)
				for _, hop := range hops(first, second, stranger) {
					hop.check(t, resumesDoH(t, hop.at, version, config))
				}
			})
		}
		t.Run("DoQ", func(t *testing.T) {
			t.Parallel()
			config := clientTLS(first.authority, "doq")
			for _, hop := range hops(first, second, stranger) {
				hop.check(t, resumesDoQ(t, hop.at.tls, config, hop.fresh))
			}
		})
		t.Run("DoH by HTTP/3", func(t *testing.T) {
			t.Parallel()
			config := clientTLS(first.authority)
			for _, hop := range hops(first, second, stranger) {
				hop.check(t, resumesHTTP3(t, hop.at, config, hop.fresh))
			}
		})
	})
	first.Stop()
	known, unknown := second.Stop(), stranger.Stop()
	for _, transport := range []string{"DoT", "DoH", "DoH (HTTP/3)", "DoQ"} {
		if n := known[transport]["resumed"]; n == 0 {
			t.Errorf("%s: the second node counted no resumption: %v", transport, known[transport])
		}
		if n := unknown[transport]["resumed"]; n != 0 {
			t.Errorf("%s: the node with another secret resumed %d sessions: %v", transport, n, unknown[transport])
		}
	}
	for _, transport := range []string{"DoH (HTTP/3)", "DoQ"} {
		if n := known[transport]["zero_rtt"]; n == 0 {
			t.Errorf("%s: the second node counted no early data: %v", transport, known[transport])
		}
		if n := unknown[transport]["zero_rtt"]; n != 0 {
			t.Errorf("%s: the node with another secret took early data %d times", transport, n)
		}
	}
}

// hop is a connection of a client that goes from node to node.
type hop struct {
	at      *server
	fresh   bool // it has no session yet
	resumes bool
}

func hops(first, second, stranger *server) []hop {
	return []hop{{first, true, false}, {second, false, true}, {stranger, false, false}}
}

// check compares what has happened with what should.
func (h hop) check(t *testing.T, resumed bool) {
	t.Helper()
	if resumed != h.resumes {
		t.Errorf("at %s: resumed: %v, expected %v", h.at.dns.Addr(), resumed, h.resumes)
	}
}

// asked is the question of these tests.
var asked = questions[0]

func checkAsked(t *testing.T, answer []byte) {
	t.Helper()
	if err := asked.check(answer); err != nil {
		t.Error(err)
	}
}

func resumesDoT(t *testing.T, at netip.AddrPort, config *tls.Config) bool {
	t.Helper()
	conn := dialDoT(t, at, config)
	defer conn.Close()
	if err := writeFrames(conn, asked.wire(t)); err != nil {
		t.Fatal(err)
	}
	answer, err := readFrame(conn) // and the tickets before it
	if err != nil {
		t.Fatal(err)
	}
	checkAsked(t, answer)
	return conn.ConnectionState().DidResume
}

func resumesDoH(t *testing.T, s *server, version string, config *tls.Config) bool {
	t.Helper()
	client := web(t, version, s.web, config)
	answer, response, err := askDoH(client, dohRequest(t, http.MethodPost, s.url(), asked.wire(t)))
	if err != nil {
		t.Fatal(err)
	}
	checkAsked(t, answer)
	return response.TLS.DidResume
}

// resumesOpenSSL has s_client ask by DoT, with the session in a file unless it is the
// first one, and leave the next session there.
func resumesOpenSSL(t *testing.T, s *server, version uint16, session string, fresh bool) bool {
	t.Helper()
	args := []string{"s_client", "-connect", s.tls.String(), "-servername", host, "-CAfile", s.authority.file, "-verify_return_error",
		"-alpn", "dot", "-sess_out", session, map[uint16]string{tls.VersionTLS12: "-tls1_2", tls.VersionTLS13: "-tls1_3"}[version]}
	if !fresh {
		args = append(args, "-sess_in", session)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, peer.Tool(t, "openssl", "openssl"), args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Zone and type of the answer stand in its bytes as they are.
	if err := writeFrames(in, asked.wire(t)); err != nil {
		t.Error(err)
	}
	var printed strings.Builder
	for reader := bufio.NewReader(io.TeeReader(out, &printed)); !strings.Contains(printed.String(), "hostmaster"); {
		if _, err := reader.ReadByte(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, printed.String())
		}
	}
	in.Close()
	rest, _ := io.ReadAll(out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s%s", cmd, err, printed.String(), rest)
	}
	reused, anew := strings.Contains(printed.String(), "\nReused, "), strings.Contains(printed.String(), "\nNew, ")
	if reused == anew {
		t.Errorf("%s does not say whether the session was reused:\n%s", cmd, printed.String())
	}
	return reused
}

// tickets is a client's memory of sessions that can be waited for.
type tickets struct {
	tls.ClientSessionCache
	mu  sync.Mutex
	got int
}

func (c *tickets) Put(key string, state *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, state)
	if state != nil {
		c.mu.Lock()
		c.got++
		c.mu.Unlock()
	}
}

func (c *tickets) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got
}

// remember makes the configuration's memory one that can be waited for.
func remember(config *tls.Config) *tickets {
	if have, ok := config.ClientSessionCache.(*tickets); ok {
		return have
	}
	have := &tickets{ClientSessionCache: config.ClientSessionCache}
	config.ClientSessionCache = have
	return have
}

// resumesDoQ reports whether the server took the query as early data. A client with a
// session sends it so, and sends it again when the server did not take it.
func resumesDoQ(t *testing.T, at netip.AddrPort, config *tls.Config, fresh bool) bool {
	t.Helper()
	have := remember(config)
	before := have.count()
	if !fresh {
		at = newPath(t, at).addr
	}
	ctx := deadline(t)
	conn, err := quic.DialAddrEarly(ctx, at.String(), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	ask := func() ([]byte, error) {
		stream, err := conn.OpenStreamSync(ctx)
		if err != nil {
			return nil, err
		}
		return quicload.Ask(stream, asked.wire(t))
	}
	answer, err := ask()
	if errors.Is(err, quic.Err0RTTRejected) { // RFC 9001 §4.6.2: all that was early is lost
		if conn, err = conn.NextConnection(ctx); err == nil {
			answer, err = ask()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	checkAsked(t, answer)
	eventually(t, "a ticket", func() bool { return have.count() > before })
	return usedEarlyData(t, conn)
}

// usedEarlyData wants all or nothing of a resumption.
func usedEarlyData(t *testing.T, conn *quic.Conn) bool {
	t.Helper()
	state := conn.ConnectionState()
	if state.Used0RTT != state.TLS.DidResume {
		t.Errorf("resumed: %v, early data: %v: expected both or none", state.TLS.DidResume, state.Used0RTT)
	}
	return state.Used0RTT
}

// resumesHTTP3 is the same of DoH. When the server did not take the early data, the library's
// client may close the connection at once, before a ticket comes: what it did not begin early,
// it cannot begin any more. It or we then ask again by another connection, with no session.
func resumesHTTP3(t *testing.T, s *server, config *tls.Config, fresh bool) bool {
	t.Helper()
	at, method := s.web, http.MethodGet
	if !fresh {
		at, method = newPath(t, at).addr, http3.MethodGet0RTT
	}
	var conns []*quic.Conn
	var have *tickets // those of the latest connection
	transport := &http3.Transport{
		TLSClientConfig: config,
		Dial: func(ctx context.Context, _ string, tc *tls.Config, qc *quic.Config) (*quic.Conn, error) {
			if len(conns) > 0 {
				at, tc.ClientSessionCache = s.web, tls.NewLRUClientSessionCache(1)
			}
			have = &tickets{ClientSessionCache: tc.ClientSessionCache}
			tc.ClientSessionCache = have
			conn, err := quic.DialAddrEarly(ctx, at.String(), tc, qc)
			if err == nil {
				conns = append(conns, conn)
			}
			return conn, err
		},
	}
	defer transport.Close()
	client := &http.Client{Transport: transport, Timeout: patience}
	answer, _, err := askDoH(client, dohRequest(t, method, s.url(), asked.wire(t)))
	if errors.Is(err, quic.Err0RTTRejected) { // the library leaves the rest to its user
		answer, _, err = askDoH(client, dohRequest(t, http.MethodGet, s.url(), asked.wire(t)))
	}
	if err != nil {
		t.Fatal(err)
	}
	checkAsked(t, answer)
	eventually(t, "a ticket", func() bool { return have.count() > 0 })
	return usedEarlyData(t, conns[0])
}
