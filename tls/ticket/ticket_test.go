package ticket

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"yushan/tls/cert"
)

// clock stands still until it is told. Its zero is in the middle of no period.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) *clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c
}

var secret = []byte("a secret of thirty-two bytes: ok")

func source(t testing.TB) *cert.SelfSigned {
	t.Helper()
	s, err := cert.NewSelfSigned(cert.SelfSignedOptions{Names: []string{"ns1.example"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// node is a server's configuration with keys.
func node(t testing.TB, k *Keys) *tls.Config {
	c := &tls.Config{GetCertificate: source(t).Certificate, NextProtos: []string{"dot"}}
	k.Configure(c)
	return c.Clone() // what quic-go does
}

// client is one that remembers sessions.
func client(version uint16) *tls.Config {
	return &tls.Config{
		ServerName: "ns1.example", NextProtos: []string{"dot"}, MaxVersion: version,
		InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}
}

// visit does a handshake and an exchange, and reports whether the session was resumed.
func visit(t *testing.T, client, server *tls.Config) (resumed bool) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close() // tls.Conn's Close would wait for somebody to read its alert
	defer far.Close()
	done := make(chan error, 1)
	go func() {
		conn := tls.Server(far, server)
		_, err := io.Copy(conn, io.LimitReader(conn, 4))
		done <- err
	}()
	conn := tls.Client(near, client)
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Fatalf("writing: %v", err)
	}
	got := make([]byte, 4)
	// TLS 1.3's ticket comes before the answer, so reading one takes the other.
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatalf("reading: %v", err)
	}
	if err := <-done; err != nil {
		t.Fatalf("server: %v", err)
	}
	return conn.ConnectionState().DidResume
}

var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

func TestNodesWithOneSecretResumeEachOthersSessions(t *testing.T) {
	for _, version := range versions {
		a, b := node(t, New(Options{Secret: secret})), node(t, New(Options{Secret: secret}))
		stranger := node(t, New(Options{Secret: bytes.Repeat([]byte("another "), 4)}))
		alone := node(t, New(Options{}))
		name, c := tls.VersionName(version), client(version)
		if visit(t, c, a) {
			t.Errorf("%s: the first visit was a resumption", name)
		}
		for i, server := range []*tls.Config{b, a, b} {
			if !visit(t, c, server) {
				t.Errorf("%s: visit %d to a sibling: full handshake", name, i+2)
			}
		}
		if visit(t, c, stranger) {
			t.Errorf("%s: a node with another secret resumed", name)
		}
		if visit(t, c, alone) {
			t.Errorf("%s: a node with a random secret resumed another's session", name)
		}
		if !visit(t, c, alone) {
			t.Errorf("%s: a node with a random secret did not resume its own session", name)
		}
	}
}

func TestTicketsLastTwoToThreePeriods(t *testing.T) {
	const rotation = time.Hour
	for _, test := range []struct {
		after   time.Duration // from the middle of the period in which the ticket was made
		resumed bool
	}{
		{0, true},
		{29 * time.Minute, true},
		{31 * time.Minute, true},
		{2*rotation + 29*time.Minute, true},
		{2*rotation + 31*time.Minute, false},
		{100 * rotation, false},
		{-31 * time.Minute, true},             // the other node's clock is behind
		{-31*time.Minute - rotation, false},   // far behind
		{-31*time.Minute - 3*rotation, false}, // very far
	} {
		for _, version := range versions {
			a := newClock().add(rotation / 2)
			b := newClock().add(rotation/2 + test.after)
			c := client(version)
			visit(t, c, node(t, New(Options{Secret: secret, Rotation: rotation, Now: a.Now})))
			if got := visit(t, c, node(t, New(Options{Secret: secret, Rotation: rotation, Now: b.Now}))); got != test.resumed {
				t.Errorf("%s: %v later: resumed %v, expected %v", tls.VersionName(version), test.after, got, test.resumed)
			}
		}
	}
}

func TestARunningNodeRotates(t *testing.T) {
	const rotation = time.Hour
	now := newClock()
	server := node(t, New(Options{Secret: secret, Rotation: rotation, Now: now.Now}))
	c := client(tls.VersionTLS13)
	visit(t, c, server)
	for range 10 { // each visit brings a new ticket
		now.add(2 * rotation)
		if !visit(t, c, server) {
			t.Fatal("a ticket of the period before the last: full handshake")
		}
	}
	now.add(3 * rotation)
	if visit(t, c, server) {
		t.Error("a ticket that is three periods old was good")
	}
	if !visit(t, c, server) {
		t.Error("after a full handshake: the new ticket was not good")
	}
}

func TestQUICKeysAreSharedAndDistinct(t *testing.T) {
	a, b := New(Options{Secret: secret, Now: newClock().Now}), New(Options{Secret: secret, Now: newClock().add(1000 * time.Hour).Now})
	if a.QUICTokenKey() != b.QUICTokenKey() || a.QUICResetKey() != b.QUICResetKey() {
		t.Error("nodes with one secret have different keys")
	}
	if a.QUICTokenKey() == a.QUICResetKey() {
		t.Error("tokens and resets have the same key")
	}
	if c, d := New(Options{}), New(Options{}); c.QUICTokenKey() == d.QUICTokenKey() {
		t.Error("two random secrets are the same")
	}
	if a.QUICTokenKey() == [32]byte{} {
		t.Error("no key")
	}
}

func TestNewRefusesAShortSecret(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("31 bytes were accepted")
		}
	}()
	New(Options{Secret: secret[:31]})
}
