package stream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// selfSigned is a certificate for this test only.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// transports are those that messages with their lengths come by.
var transports = []query.Transport{query.TCP, dot}

const dot = query.DoT

// startOn serves a free port of 127.0.0.1 for the test's time.
func startOn(t testing.TB, transport query.Transport, limits Limits) *Server {
	t.Helper()
	return startWith(t, Config{Transport: transport, Limits: limits})
}

// startWith is the same for a configuration whose transport is all it says of TLS.
func startWith(t testing.TB, cfg Config) *Server {
	t.Helper()
	cfg.Addr = loopback
	if cfg.Transport == dot && cfg.TLS == nil {
		cfg.TLS = serverTLS(t)
	}
	s, err := Listen(cfg, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	return s
}

func serverTLS(t testing.TB) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, NextProtos: []string{"dot"}}
}

// clientTLS trusts everybody.
func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"dot"}, DynamicRecordSizingDisabled: true}
}

// RFC 7858 §3.3: the framing, and so the loop, are TCP's.
func TestTLS(t *testing.T) {
	const queries = 1000
	s := startOn(t, dot, Limits{})
	c := dial(t, s)
	c.exchange(1)
	var all []byte
	for n := range queries {
		all = append(all, testengine.Frame(testengine.Query(t, n))...)
	}
	c.send(all)
	for n := range queries {
		c.receive(testengine.Query(t, n))
	}
	if n := s.Counters().Batches; n > queries/10 {
		t.Errorf("%d reads for %d queries: answers aren't coalesced", n, queries)
	}
	for n := range 5 { // record by record
		query := testengine.Query(t, n)
		frame := testengine.Frame(query)
		c.send(frame[:1])
		c.send(frame[1:9])
		c.send(frame[9:])
		c.receive(query)
	}
	c.send(make([]byte, 10)) // no frame
	c.closed()
}

func TestTLSTimeouts(t *testing.T) {
	const short, long = 100 * time.Millisecond, 10 * patience
	s := startOn(t, dot, Limits{IdleTimeout: short, FrameTimeout: long, WriteTimeout: long})
	dial(t, s).closed()
	eventually(t, "no idle time-out", func() bool { return s.Counters().IdleTimeouts == 1 })

	s = startOn(t, dot, Limits{IdleTimeout: long, FrameTimeout: short, WriteTimeout: long})
	half := dial(t, s)
	half.send([]byte{0, 100, 1})
	half.closed()
	eventually(t, "no frame time-out", func() bool { return s.Counters().FrameTimeouts == 1 })

	s = startOn(t, dot, Limits{IdleTimeout: long, FrameTimeout: long, WriteTimeout: short})
	go dial(t, s).greed()
	eventually(t, "no slow reader", func() bool { return s.Counters().SlowReaders == 1 })
}

func TestTLSShutdown(t *testing.T) {
	const queries = 200
	s := startOn(t, dot, Limits{})
	c := dial(t, s)
	c.exchange(1)
	for n := range queries {
		c.send(testengine.Frame(testengine.Query(t, n)))
	}
	for n := range queries / 2 {
		c.receive(testengine.Query(t, n))
	}
	c.arrive()
	shutdown(t, s)
	for n := queries / 2; n < queries; n++ {
		c.receive(testengine.Query(t, n))
	}
	c.closed()
}
