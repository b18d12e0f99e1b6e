package transports

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"yushan/internal/peer"
	"yushan/internal/quicload"
)

// run runs a client to its end and returns what it prints on both of its outputs.
func run(t testing.TB, program string, args ...string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s: %v\n%s", cmd, ctx.Err(), out)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return string(out), err
}

// deadline is a context that ends with the test, or when it has hung.
func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// exchange asks by UDP or TCP.
func exchange(t testing.TB, at netip.AddrPort, tcp bool, queries ...[]byte) (answers [][]byte) {
	t.Helper()
	list := make([]peer.Query, len(queries))
	for i, wire := range queries {
		list[i] = peer.Query{Wire: wire, TCP: tcp}
	}
	for _, reply := range peer.Ask(t.Context(), at, list) {
		if reply.Err != nil {
			t.Fatal(reply.Err)
		}
		answers = append(answers, reply.Wire)
	}
	return answers
}

// clientTLS checks the server's certificate, and remembers sessions.
func clientTLS(a *authority, protocols ...string) *tls.Config {
	return &tls.Config{RootCAs: a.pool, ServerName: host, NextProtos: protocols, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
}

// dialDoT opens a connection whose reads and writes fail when the test has hung.
func dialDoT(t testing.TB, at netip.AddrPort, config *tls.Config) *tls.Conn {
	t.Helper()
	ctx := deadline(t)
	d := tls.Dialer{Config: config}
	conn, err := d.DialContext(ctx, "tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	end, _ := ctx.Deadline()
	conn.SetDeadline(end)
	return conn.(*tls.Conn)
}

// dialDoQ opens a connection.
func dialDoQ(t testing.TB, at netip.AddrPort, config *tls.Config) *quic.Conn {
	t.Helper()
	conn, err := quic.DialAddr(deadline(t), at.String(), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseWithError(0, "") })
	return conn
}

// askDoQ asks on a stream of its own.
func askDoQ(t testing.TB, conn *quic.Conn, query []byte) []byte {
	t.Helper()
	stream, err := conn.OpenStreamSync(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := quicload.Ask(stream, query)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// web is a client of one version of HTTP, which finds host at the address given.
func web(t testing.TB, version string, at netip.AddrPort, config *tls.Config) *http.Client {
	t.Helper()
	if version == "HTTP/3" {
		transport := &http3.Transport{
			TLSClientConfig: config,
			Dial: func(ctx context.Context, _ string, tc *tls.Config, qc *quic.Config) (*quic.Conn, error) {
				return quic.DialAddrEarly(ctx, at.String(), tc, qc)
			},
		}
		t.Cleanup(func() { transport.Close() })
		return &http.Client{Transport: transport, Timeout: patience}
	}
	var protocols http.Protocols
	protocols.SetHTTP1(version == "HTTP/1.1")
	protocols.SetHTTP2(version == "HTTP/2")
	transport := &http.Transport{
		Protocols:          &protocols,
		TLSClientConfig:    config,
		DisableCompression: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, at.String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

const mediaType = "application/dns-message"

// dohRequest is a query by GET or POST (RFC 8484 §4.1).
func dohRequest(t testing.TB, method, url string, query []byte) *http.Request {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = bytes.NewReader(query)
	} else {
		url += "?dns=" + base64.RawURLEncoding.EncodeToString(query)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", mediaType)
	if body != nil {
		request.Header.Set("Content-Type", mediaType)
	}
	return request
}

// askDoH sends a request and returns the answer.
func askDoH(client *http.Client, request *http.Request) ([]byte, *http.Response, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, err
	}
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != mediaType {
		return nil, nil, fmt.Errorf("%s with %q: %q", response.Status, kind, answer)
	}
	return answer, response, nil
}

// writeFrames sends messages with their lengths (RFC 1035 §4.2.2), together.
func writeFrames(w io.Writer, messages ...[]byte) error {
	var out []byte
	for _, m := range messages {
		out = append(out, frame(m)...)
	}
	_, err := w.Write(out)
	return err
}

// readFrame reads one.
func readFrame(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

// frame is a message with its length.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}
