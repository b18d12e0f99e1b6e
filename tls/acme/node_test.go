package acme

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"yushan/server/overlay"
	"yushan/server/query"
	"yushan/zone"
)

// nodeEnv makes the test binary be a node: certmagic keeps much in global
// variables, so nodes that share a process would share more than storage.
const nodeEnv = "YUSHAN_TEST_ACME_NODE"

func TestMain(m *testing.M) {
	if config := os.Getenv(nodeEnv); config != "" {
		if err := runNode(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// nodeConfig is what a node is told.
type nodeConfig struct {
	Names, Hosts       []string
	Directory, Profile string
	Root               []byte // of the CA's HTTPS, in PEM
	Storage            string
	Challenge          string // "dns-01", "http-01" or "tls-alpn-01"
	ReuseKeys          bool
	Key                overlay.Key
	Siblings           []netip.AddrPort
}

// The sockets that a node inherits.
const (
	dnsTCP = 3 + iota
	dnsUDP
	tlsTCP
	httpTCP
)

// runNode is a server with all that matters here: the engine with an overlay by
// UDP and TCP, TLS with the certificates, HTTP with the challenges. It obeys
// lines on standard input: "start" to get certificates, "records" to tell how
// many challenges there are. It stops when the input ends.
func runNode(config string) error {
	var c nodeConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.Lock(os.Stderr), zap.InfoLevel))
	own, err := overlay.New(overlay.Options{Hosts: c.Hosts, Keys: []overlay.Key{c.Key}})
	if err != nil {
		return err
	}
	defer own.Close()
	opts := Options{
		Names:     c.Names,
		Directory: c.Directory,
		Profile:   c.Profile,
		Email:     "hostmaster@example.test",
		Storage:   c.Storage,
		Roots:     x509.NewCertPool(),
		HTTP01:    c.Challenge == "http-01",
		TLSALPN01: c.Challenge == "tls-alpn-01",
		ReuseKeys: c.ReuseKeys,
		Log:       log,
	}
	opts.Roots.AppendCertsFromPEM(c.Root)
	if c.Challenge == "dns-01" {
		siblings, err := overlay.NewSiblings(own, overlay.SiblingsOptions{Addresses: c.Siblings, Key: c.Key, Log: log})
		if err != nil {
			return err
		}
		opts.Challenges = siblings
	}
	m, err := New(opts)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := serveNode(m, query.New(zone.NewSet(), query.Options{Overlay: own})); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "start":
			if err := m.Start(context.Background()); err != nil {
				return err
			}
			fmt.Println("started")
		case "records":
			fmt.Println(own.Len())
		}
	}
	return nil
}

// serveNode serves on the inherited sockets as long as the process lives.
func serveNode(m *Manager, engine *query.Engine) error {
	listener := func(fd uintptr) (net.Listener, error) { return net.FileListener(os.NewFile(fd, "listener")) }
	tcp, err := listener(dnsTCP)
	if err != nil {
		return err
	}
	udp, err := net.FilePacketConn(os.NewFile(dnsUDP, "udp"))
	if err != nil {
		return err
	}
	secure, err := listener(tlsTCP)
	if err != nil {
		return err
	}
	plain, err := listener(httpTCP)
	if err != nil {
		return err
	}
	go func() {
		worker, buf, out := query.NewWorker(), make([]byte, 65535), make([]byte, 65535)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			if n = engine.Answer(worker, &query.Request{Wire: buf[:n], Transport: query.UDP}, out); n > 0 {
				udp.WriteTo(out[:n], from)
			}
		}
	}()
	go each(tcp, func(conn net.Conn) {
		worker, out := query.NewWorker(), make([]byte, 2+65535)
		for {
			var length [2]byte
			if _, err := io.ReadFull(conn, length[:]); err != nil {
				return
			}
			wire := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(conn, wire); err != nil {
				return
			}
			n := engine.Answer(worker, &query.Request{Wire: wire, Transport: query.TCP}, out[2:])
			binary.BigEndian.PutUint16(out, uint16(n))
			conn.Write(out[:2+n])
		}
	})
	config := &tls.Config{GetCertificate: m.Certificate, NextProtos: append([]string{"dot"}, m.Protocols()...)}
	go each(secure, func(conn net.Conn) {
		server := tls.Server(conn, config)
		server.SetDeadline(time.Now().Add(time.Minute))
		if server.Handshake() == nil {
			server.Read(make([]byte, 1)) // until the client has gone
		}
	})
	go http.Serve(plain, m.HTTPHandler(http.NotFoundHandler()))
	return nil
}

// each handles connections, each in a goroutine.
func each(l net.Listener, handle func(net.Conn)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			handle(conn)
		}()
	}
}
