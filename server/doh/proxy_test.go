package doh

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

// from is a connection that comes from peer.
type from struct {
	net.Conn
	peer string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.peer))
}

// written gives a connection from peer with what it has written.
func written(t *testing.T, peer string, bytes []byte) net.Conn {
	t.Helper()
	server, client := net.Pipe()
	t.Cleanup(func() { server.Close(); client.Close() })
	go func() {
		client.Write(bytes)
		client.Close()
	}()
	server.SetDeadline(time.Now().Add(30 * time.Second))
	return from{server, peer}
}

func proxyHeader(t testing.TB, version byte, client string) []byte {
	t.Helper()
	at := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(client))
	header, err := proxyproto.HeaderProxyFromAddrs(version, at, at).Format()
	if err != nil {
		t.Fatal(err)
	}
	return header
}

func TestPreamble(t *testing.T) {
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8")}
	v4 := proxyHeader(t, 2, "198.51.100.1:4711")
	long := append([]byte(nil), v4...)
	binary.BigEndian.PutUint16(long[14:], proxyMaxBytes+1)
	unix := append(bytes.Clone(proxySignature), 0x21, 0x31, 0, 216)
	unix = append(unix, make([]byte, 216)...)
	local := append(bytes.Clone(proxySignature), 0x20, 0x00, 0, 0)
	for _, c := range []struct {
		what, peer string
		header     []byte
		client     string
		failure    string
	}{
		{"IPv4", "10.0.0.1:80", v4, "198.51.100.1:4711", ""},
		{"IPv6", "10.0.0.1:80", proxyHeader(t, 2, "[2001:db8::9]:53"), "[2001:db8::9]:53", ""},
		{"the proxy itself", "10.0.0.1:80", local, netip.AddrPort{}.String(), ""},
		{"a stranger", "192.0.2.1:80", v4, "", "not from a trusted proxy"},
		{"version 1", "10.0.0.1:80", proxyHeader(t, 1, "198.51.100.1:4711"), "", "no header of version 2"},
		{"no header", "10.0.0.1:80", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "", "no header of version 2"},
		{"a header cut short", "10.0.0.1:80", v4[:20], "", "EOF"},
		{"a signature cut short", "10.0.0.1:80", v4[:5], "", "EOF"},
		{"too long", "10.0.0.1:80", long, "", "4096 at most"},
		{"a client on a Unix socket", "10.0.0.1:80", unix, "", "TCP over IPv4 or IPv6"},
		{"another version", "10.0.0.1:80", change(v4, 12, 0x31), "", "PROXY protocol"},
		{"another family", "10.0.0.1:80", change(v4, 13, 0x13), "", "PROXY protocol"},
	} {
		sent := bytes.Clone(c.header)
		if c.failure != "EOF" {
			sent = append(sent, "the rest"...)
		}
		nc := written(t, c.peer, sent)
		client, ahead, err := trusted.preamble(nc)
		if c.failure != "" {
			if err == nil || !strings.Contains(err.Error(), c.failure) {
				t.Errorf("%s: error %v, want %q", c.what, err, c.failure)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if got := client.String(); got != c.client || len(ahead) > 0 {
			t.Errorf("%s: client %s, want %s", c.what, got, c.client)
		}
		if rest, err := io.ReadAll(nc); string(rest) != "the rest" || err != nil {
			t.Errorf("%s: what follows is %q, %v", c.what, rest, err)
		}
	}
}

func FuzzProxyClient(f *testing.F) {
	f.Add(proxyHeader(f, 2, "198.51.100.1:4711"))
	f.Add(proxyHeader(f, 2, "[2001:db8::9]:53"))
	f.Add(append(bytes.Clone(proxySignature), 0x20, 0x00, 0, 0))
	f.Fuzz(func(t *testing.T, header []byte) {
		client, err := proxyClient(header)
		if err != nil && client.IsValid() || client.Addr().Is4In6() {
			t.Fatalf("%x: client %v, %v", header, client, err)
		}
	})
}
