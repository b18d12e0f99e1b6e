package profile

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"yushan/tls/cert"
	"yushan/tls/ticket"
)

// BenchmarkHandshake reports the CPU time of a handshake's server side alone, reading
// and writing included.
func BenchmarkHandshake(b *testing.B) {
	ecdsa := ecdsaSource(b)
	for _, m := range []meeting{
		{name: "TLS 1.3, X25519MLKEM768", source: ecdsa, curve: tls.X25519MLKEM768},
		{name: "TLS 1.3, X25519", source: ecdsa, curve: tls.X25519},
		{name: "TLS 1.3, P-256", source: ecdsa, curve: tls.CurveP256},
		// The client sends a key share that the server has no use for.
		{name: "TLS 1.3, X25519 after a retry", source: ecdsa, wrong: tls.SecP256r1MLKEM768, curve: tls.X25519},
		{name: "TLS 1.2, X25519", source: ecdsa, version: tls.VersionTLS12, curve: tls.X25519},
		{name: "TLS 1.2, P-256", source: ecdsa, version: tls.VersionTLS12, curve: tls.CurveP256},
		{name: "TLS 1.3, X25519, RSA 2048", source: rsaSource(b), curve: tls.X25519},
		{name: "TLS 1.3, X25519MLKEM768, resumed", source: ecdsa, curve: tls.X25519MLKEM768, resumed: true},
		{name: "TLS 1.3, X25519, resumed", source: ecdsa, curve: tls.X25519, resumed: true},
		{name: "TLS 1.3, P-256, resumed", source: ecdsa, curve: tls.CurveP256, resumed: true},
		{name: "TLS 1.2, resumed", source: ecdsa, version: tls.VersionTLS12, curve: tls.X25519, resumed: true},
	} {
		b.Run(m.name, m.benchmark)
	}
}

// meeting is what a handshake depends on.
type meeting struct {
	name    string
	source  cert.Source
	version uint16      // the client's highest; 0: TLS 1.3
	curve   tls.CurveID // that is used
	wrong   tls.CurveID // that the client tries first; 0: none
	resumed bool
}

func (m meeting) benchmark(b *testing.B) {
	client := &tls.Config{
		InsecureSkipVerify: true, ServerName: "ns1.example", NextProtos: []string{DoT},
		MaxVersion: m.version, CurvePreferences: []tls.CurveID{m.curve},
	}
	if m.wrong != 0 {
		client.CurvePreferences = append(client.CurvePreferences, m.wrong)
	}
	if m.resumed {
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	server := New(m.source, ticket.New(ticket.Options{}), DoT)
	m.meet(b, client, server) // for a ticket
	var all time.Duration
	for b.Loop() {
		used, state := m.meet(b, client, server)
		if state.DidResume != m.resumed || state.CurveID != m.curve || state.HelloRetryRequest != (m.wrong != 0) {
			b.Fatalf("resumed %v, %v, retry %v: not what is to be measured", state.DidResume, state.CurveID, state.HelloRetryRequest)
		}
		all += used
	}
	each := all.Seconds() / float64(b.N)
	b.ReportMetric(each*1e6, "server-µs/op")
	b.ReportMetric(1/each, "handshakes/CPU-s")
}

// meet does one handshake, and returns the server's CPU time and the client's view.
func (m meeting) meet(b *testing.B, client, server *tls.Config) (time.Duration, tls.ConnectionState) {
	near, far := connected(b)
	defer near.Close()
	done := make(chan time.Duration, 1)
	go func() {
		defer far.Close()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		before := threadTime(b)
		conn := tls.Server(far, server)
		if err := conn.Handshake(); err != nil {
			b.Error(err)
		}
		conn.Write([]byte("x"))
		done <- threadTime(b) - before
	}()
	conn := tls.Client(near, client)
	if _, err := conn.Read(make([]byte, 1)); err != nil { // the handshake, and the ticket
		b.Fatal(err)
	}
	return <-done, conn.ConnectionState()
}

// connected returns two ends of a connection, buffered as TCP's are: with net.Pipe,
// sides that write at the same time would wait for each other.
func connected(b *testing.B) (near, far net.Conn) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		b.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range pair {
		f := os.NewFile(uintptr(fd), "socketpair")
		if ends[i], err = net.FileConn(f); err != nil {
			b.Fatal(err)
		}
		f.Close() // FileConn has its own copy
	}
	return ends[0], ends[1]
}

// threadTime is how long this thread had a core.
func threadTime(b *testing.B) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		b.Error(err)
	}
	return time.Duration(now.Nano())
}

func ecdsaSource(b *testing.B) cert.Source {
	b.Helper()
	s, err := cert.NewSelfSigned(cert.SelfSignedOptions{Names: []string{"ns1.example"}})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// fixed is a certificate that doesn't change.
type fixed struct{ pair tls.Certificate }

func (f *fixed) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &f.pair, nil }

func rsaSource(b *testing.B) cert.Source {
	b.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"ns1.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	return &fixed{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}}
}
