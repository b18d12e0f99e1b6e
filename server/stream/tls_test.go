package stream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"yushan/internal/testengine"
	"yushan/server/query"
)

// selfSigned is a certificate for this test only.
func selfSigned(t *testing.T) tls.Certificate {
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

// serveTLS serves TLS connections with ServeConn, as a DoT listener would.
func serveTLS(t *testing.T, limits Limits) (s *Server, dial func() *client) {
	t.Helper()
	s, err := New(Config{Limits: limits}, testengine.New(t))
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	accepting := make(chan struct{})
	go func() {
		defer close(accepting)
		for {
			nc, err := listener.Accept()
			if err != nil {
				return
			}
			go s.ServeConn(nc, query.DoT)
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-accepting
		shutdown(t, s)
	})
	return s, func() *client {
		conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		return newClient(t, conn)
	}
}

// RFC 7858 §3.3: the framing, and so the loop, are TCP's.
func TestTLS(t *testing.T) {
	const queries = 1000
	s, dial := serveTLS(t, Limits{})
	c := dial()
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

// A query and its record may be as long as the first read, or end with it.
func TestTLSEverySize(t *testing.T) {
	_, dial := serveTLS(t, Limits{})
	c := dial()
	for size := firstBytes - 10; size <= firstBytes+10; size++ {
		query := testengine.Query(t, size)
		frame := testengine.Frame(query)
		// Messages without an answer fill up, the query is the last.
		filler := make([]byte, size-len(frame))
		filler[1] = byte(len(filler) - 2)
		filler[4] = 0x80 // QR=1
		c.send(append(filler, frame...))
		c.receive(query)
	}
}

func TestTLSTimeouts(t *testing.T) {
	const short, long = 100 * time.Millisecond, 10 * patience
	s, dial := serveTLS(t, Limits{IdleTimeout: short, FrameTimeout: long, WriteTimeout: long})
	dial().closed()
	eventually(t, "no idle time-out", func() bool { return s.Counters().IdleTimeouts == 1 })

	s, dial = serveTLS(t, Limits{IdleTimeout: long, FrameTimeout: short, WriteTimeout: long})
	half := dial()
	half.send([]byte{0, 100, 1})
	half.closed()
	eventually(t, "no frame time-out", func() bool { return s.Counters().FrameTimeouts == 1 })

	s, dial = serveTLS(t, Limits{IdleTimeout: long, FrameTimeout: long, WriteTimeout: short})
	dial().greed()
	eventually(t, "no slow reader", func() bool { return s.Counters().SlowReaders == 1 })
}

// A client that never shakes hands is idle.
func TestTLSHandshakeTimeout(t *testing.T) {
	s, _ := serveTLS(t, Limits{IdleTimeout: 50 * time.Millisecond})
	ours, theirs := net.Pipe()
	defer ours.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeConn(tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}), query.DoT)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("the connection stays open")
	}
}

func TestTLSShutdown(t *testing.T) {
	const queries = 200
	s, dial := serveTLS(t, Limits{})
	c := dial()
	c.exchange(1)
	for n := range queries {
		c.send(testengine.Frame(testengine.Query(t, n)))
	}
	for n := range queries / 2 {
		c.receive(testengine.Query(t, n))
	}
	shutdown(t, s)
	for n := queries / 2; n < queries; n++ {
		c.receive(testengine.Query(t, n))
	}
	c.closed()
}
