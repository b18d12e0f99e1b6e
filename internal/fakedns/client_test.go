package fakedns

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"yushan/internal/quicload"
)

// patience is for what happens at once on a machine with nothing else to do.
const patience = time.Minute

// client is a connection to a server over any transport, by other code than the server's.
type client struct {
	server *Server
	conn   net.Conn    // UDP, TCP, DoT
	quic   *quic.Conn  // DoQ
	web    http.Client // DoH, DoH1, DoH3
	h3     *http3.Transport
}

// dial connects; with HTTP that is when something is asked.
func dial(t testing.TB, s *Server) (*client, error) {
	return dialWith(t, s, s.ClientTLS())
}

func dialWith(t testing.TB, s *Server, config *tls.Config) (*client, error) {
	t.Helper()
	c := &client{server: s}
	config.NextProtos = s.Transport.protocols()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	var err error
	switch s.Transport {
	case UDP, TCP:
		c.conn, err = net.Dial(string(s.Transport), s.Addr.String())
	case DoT:
		c.conn, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", s.Addr.String())
	case DoQ:
		c.quic, err = dialQUIC(ctx, s.Addr.String(), config, &quic.Config{DisablePathMTUDiscovery: true})
	case DoH, DoH1:
		transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: s.Transport == DoH, MaxConnsPerHost: 1}
		c.web = http.Client{Transport: transport, Timeout: patience}
	case DoH3:
		transport := &http3.Transport{TLSClientConfig: config, Dial: dialQUIC}
		c.h3 = transport
		c.web = http.Client{Transport: transport, Timeout: patience}
	}
	if err != nil {
		return nil, err
	}
	t.Cleanup(c.close)
	return c, nil
}

// dialQUIC asks for 0-RTT, but has the whole handshake: quic-go 0.65's client has a data race
// between opening streams and getting the server's transport parameters.
func dialQUIC(ctx context.Context, addr string, tls *tls.Config, config *quic.Config) (*quic.Conn, error) {
	conn, err := quic.DialAddrEarly(ctx, addr, tls, config)
	if err != nil {
		return nil, err
	}
	select {
	case <-conn.HandshakeComplete():
		return conn, nil
	case <-conn.Context().Done():
		return nil, context.Cause(conn.Context())
	}
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
	}
	if c.quic != nil {
		c.quic.CloseWithError(0, "")
	}
	if c.h3 != nil {
		c.h3.Close()
	}
	c.web.CloseIdleConnections()
}

// ask sends a message and returns the next that comes.
func (c *client) ask(message []byte) ([]byte, error) {
	switch {
	case c.quic != nil:
		stream, err := c.quic.OpenStream()
		if err != nil {
			return nil, err
		}
		return quicload.Ask(stream, message)
	case c.conn != nil:
		if c.server.Transport != UDP {
			message = framed(message)
		}
		if _, err := c.conn.Write(message); err != nil {
			return nil, err
		}
		return c.read()
	}
	url := "https://" + c.server.Addr.String() + "/dns-query"
	response, err := c.web.Post(url, "application/dns-message", bytes.NewReader(message))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return body, err
}

// read returns the next message on a connection that has no streams.
func (c *client) read() ([]byte, error) {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	if c.server.Transport == UDP {
		buf := make([]byte, 1<<16)
		n, err := c.conn.Read(buf)
		return buf[:n], err
	}
	var length [2]byte
	if _, err := io.ReadFull(c.conn, length[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(c.conn, buf)
	return buf, err
}

// silent asks, waits until the query has come and a while longer, and fails if it was answered.
func (c *client) silent(t *testing.T, message []byte) {
	t.Helper()
	before := c.server.Queries()
	answered := make(chan string, 1)
	go func() {
		m, err := c.ask(message)
		answered <- fmt.Sprintf("%x, %v", m, err)
	}()
	eventually(t, "the query comes", func() bool { return c.server.Queries() > before })
	select {
	case what := <-answered:
		t.Errorf("got %s, expected nothing", what)
	case <-time.After(50 * time.Millisecond):
	}
	c.server.Kill()
	c.close()
	<-answered
}

func mustDial(t testing.TB, s *Server) *client {
	t.Helper()
	c, err := dial(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// query makes a message with an ID; the transports without IDs get 0 as clients do.
func query(t testing.TB, s *Server, id uint16, name string) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, dns.TypeA)
	m.Id = id
	if s.Transport != UDP && s.Transport != TCP && s.Transport != DoT {
		m.Id = 0
	}
	m.SetEdns0(1232, true)
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// eventually waits until condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}
