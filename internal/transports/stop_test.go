package transports

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"yushan/internal/quicload"
)

// inFlight is how many queries are in flight on each transport when the server is told to
// stop: fewer than may be on a connection of HTTP/2 or QUIC at once.
const inFlight = 60

// TestStop queues queries in a server that stands still, and tells it to stop before it goes
// on: all of them are answered.
func TestStop(t *testing.T) {
	t.Parallel()
	s := newServer(t, newSite(t, node1), newAuthority(t))
	var clients []inFlightClient
	for _, open := range []func(*testing.T, *server) inFlightClient{
		openUDP, openStream, openDoT, openHTTP1, openHTTP2, openHTTP3, openDoQ,
	} {
		clients = append(clients, open(t, s))
	}
	s.Signal(syscall.SIGSTOP)
	for _, c := range clients {
		c.send()
	}
	s.Signal(syscall.SIGTERM)
	s.Signal(syscall.SIGCONT)
	var receiving sync.WaitGroup
	for _, c := range clients {
		receiving.Go(func() {
			for i := range inFlight {
				answer, err := c.receive()
				if err == nil {
					err = asked.check(answer)
				}
				if err != nil {
					t.Errorf("%s: %d of %d queries in flight were answered: %v", c.name, i, inFlight, err)
					return
				}
			}
		})
	}
	receiving.Wait()
	s.Exit()
	totals := s.Totals()
	for transport, count := range map[string]string{"UDP": "responses", "TCP": "responses", "DoT": "responses", "DoQ": "responses",
		"DoH (HTTP/3)": "http3_200"} {
		if n := totals[transport][count]; n < inFlight {
			t.Errorf("%s: %v: %d %s, expected %d at least", transport, totals[transport], n, count, inFlight)
		}
	}
}

// inFlightClient is connected to a server. send returns when all of its queries are on their way;
// receive gives the next answer.
type inFlightClient struct {
	name    string
	send    func()
	receive func() ([]byte, error)
}

func openUDP(t *testing.T, s *server) inFlightClient {
	conn, err := net.Dial("udp", s.dns.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	end, _ := deadline(t).Deadline()
	conn.SetDeadline(end)
	query, buf := asked.wire(t), make([]byte, 1232)
	return inFlightClient{"UDP", func() {
		for range inFlight {
			if _, err := conn.Write(query); err != nil {
				t.Error(err)
			}
		}
	}, func() ([]byte, error) {
		n, err := conn.Read(buf)
		return buf[:n], err
	}}
}

func openStream(t *testing.T, s *server) inFlightClient {
	conn, err := net.Dial("tcp", s.dns.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return framed(t, "TCP", conn)
}

func openDoT(t *testing.T, s *server) inFlightClient {
	return framed(t, "DoT", dialDoT(t, s.tls, clientTLS(s.authority, "dot")))
}

// framed sends all queries together, on a connection that has been used.
func framed(t *testing.T, name string, conn net.Conn) inFlightClient {
	end, _ := deadline(t).Deadline()
	conn.SetDeadline(end)
	query := asked.wire(t)
	all := make([][]byte, inFlight)
	for i := range all {
		all[i] = query
	}
	send := func(messages ...[]byte) {
		if err := writeFrames(conn, messages...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	send(query)
	if _, err := readFrame(conn); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return inFlightClient{name, func() { send(all...) }, func() ([]byte, error) { return readFrame(conn) }}
}

// openHTTP1 has all requests on one connection.
func openHTTP1(t *testing.T, s *server) inFlightClient {
	conn := dialDoT(t, s.web, clientTLS(s.authority, "http/1.1"))
	reader := bufio.NewReader(conn)
	request := fmt.Sprintf("GET /dns-query?dns=%s HTTP/1.1\r\nHost: %s\r\n\r\n", base64.RawURLEncoding.EncodeToString(asked.wire(t)), host)
	receive := func() ([]byte, error) {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		return io.ReadAll(response.Body)
	}
	send := func(requests string) {
		if _, err := conn.Write([]byte(requests)); err != nil {
			t.Errorf("HTTP/1.1: %v", err)
		}
	}
	send(request)
	if _, err := receive(); err != nil {
		t.Fatalf("HTTP/1.1: %v", err)
	}
	return inFlightClient{"HTTP/1.1", func() { send(strings.Repeat(request, inFlight)) }, receive}
}

// result is what a request has led to.
type result struct {
	answer []byte
	err    error
}

// requests sends all of them at once. It returns when sent has been called as often.
func requests(t *testing.T, name string, s *server, client *http.Client, sent func(*http.Request) *http.Request, allSent func()) inFlightClient {
	ask := func(r *http.Request) (res result) {
		res.answer, _, res.err = askDoH(client, r)
		return res
	}
	if first := ask(dohRequest(t, http.MethodPost, s.url(), asked.wire(t))); first.err != nil {
		t.Fatalf("%s: %v", name, first.err)
	}
	results := make(chan result, inFlight)
	return inFlightClient{name, func() {
		for range inFlight {
			request := sent(dohRequest(t, http.MethodPost, s.url(), asked.wire(t)))
			go func() { results <- ask(request) }()
		}
		allSent()
	}, func() ([]byte, error) {
		r := <-results
		return r.answer, r.err
	}}
}

func openHTTP2(t *testing.T, s *server) inFlightClient {
	var written sync.WaitGroup
	written.Add(inFlight)
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { written.Done() }}
	return requests(t, "HTTP/2", s, web(t, "HTTP/2", s.web, clientTLS(s.authority)), func(r *http.Request) *http.Request {
		return r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
	}, written.Wait)
}

func openHTTP3(t *testing.T, s *server) inFlightClient {
	traffic := newTraffic(t)
	transport := &http3.Transport{
		TLSClientConfig: clientTLS(s.authority),
		Dial: func(ctx context.Context, _ string, tc *tls.Config, _ *quic.Config) (*quic.Conn, error) {
			return traffic.dial(ctx, s.web, tc)
		},
	}
	t.Cleanup(func() { transport.Close() })
	client := &http.Client{Transport: transport, Timeout: patience}
	return requests(t, "HTTP/3", s, client, func(r *http.Request) *http.Request { return r }, func() {
		traffic.await(1 + inFlight)
		traffic.holdAfter(1 + inFlight)
	})
}

func openDoQ(t *testing.T, s *server) inFlightClient {
	traffic := newTraffic(t)
	ctx := deadline(t)
	conn, err := traffic.dial(ctx, s.tls, clientTLS(s.authority, "doq"))
	if err != nil {
		t.Fatal(err)
	}
	askDoQ(t, conn, asked.wire(t))
	results := make(chan result, inFlight)
	return inFlightClient{"DoQ", func() {
		for range inFlight {
			stream, err := conn.OpenStream()
			if err == nil {
				err = writeFrames(stream, asked.wire(t))
			}
			if err != nil {
				t.Errorf("DoQ: %v", err)
				results <- result{err: err}
				continue
			}
			stream.Close()
			// At once: when the server closes the connection, the library forgets what isn't read.
			go func() {
				answer, err := quicload.Answer(stream)
				results <- result{answer, err}
			}()
		}
		traffic.await(1 + inFlight)
		traffic.holdAfter(1 + inFlight)
	}, func() ([]byte, error) {
		r := <-results
		return r.answer, r.err
	}}
}
