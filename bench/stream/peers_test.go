package stream

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/internal/cputime"
	"yushan/internal/peer"
)

const zoneText = `$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::2
* TXT "wild"
`

// peerQueries are some that servers answer in different ways; they have all options.
func peerQueries(t testing.TB) *query.Set {
	t.Helper()
	set, err := query.ReadText(strings.NewReader("www.example. A\nexample. SOA\nwww.example. MX\nno.way.example. TXT\nanother. A\n"), "queries",
		query.Options{DO: true, NSID: true, Cookie: true, Padding: true, Keepalive: true})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// askServer has the answers of a server to the queries in all modes.
func askServer(t *testing.T, transport load.Transport, addr netip.AddrPort, certificate *peer.Certificate) {
	t.Helper()
	for _, handshake := range []load.Handshake{load.Persistent, load.Full, load.Resumed} {
		c := &trial{
			Options: load.Options{
				Server: addr, Transport: transport, Handshake: handshake, Clients: 3, Depth: 20,
				Timeout: patience, Path: peer.DoHPath, Authority: "localhost", TLS: certificate.Client(),
			},
			Queries: peerQueries(t),
			Began:   time.Now().Add(200 * time.Millisecond),
			Plan:    pace.Plan{Rate: 1000, RateAtEnd: 1000, Duration: 500 * time.Millisecond},
		}
		if handshake != load.Persistent || transport == load.DoH1 {
			c.Depth = 1
		}
		if handshake == load.Resumed && !transport.Encrypted() {
			return
		}
		if handshake != load.Persistent {
			c.Plan.Rate, c.Plan.RateAtEnd = 100, 100
		}
		r := c.run(t)
		expectAnswered(t, r, c.Plan.Queries())
		if r.Total.RCodes[0] != r.Total.Answered*4/5 {
			t.Errorf("%s, %s: RCODEs %v: expected NOERROR for 4 of 5", transport, handshake, r.Total.RCodes)
		}
		if handshake == load.Resumed && r.Connections.Resumed == 0 {
			t.Errorf("%s: no connection resumed of %d", transport, r.Connections.Opened)
		}
	}
}

func writeZone(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(zoneText), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPeers(t *testing.T) {
	certificate := peer.NewCertificate(t)
	for _, kind := range peer.Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			peer.Require(t, kind)
			var options peer.Options
			if dot, _ := kind.Encrypts(); dot {
				options.TLS = certificate
			}
			s := peer.StartWith(t, kind, options, peer.Zone{Origin: "example.", File: writeZone(t)})
			askServer(t, load.TCP, s.Addr, certificate)
			if s.DoT.IsValid() {
				askServer(t, load.DoT, s.DoT, certificate)
			}
			if s.DoH.IsValid() {
				askServer(t, load.DoH, s.DoH, certificate)
			}
		})
	}
}

// yushan is a running server of this project.
type yushan struct {
	certificate *peer.Certificate
	addrs       map[load.Transport]netip.AddrPort
}

func startYushan(t testing.TB) *yushan {
	t.Helper()
	dir := t.TempDir()
	program, err := peer.BuildReleased(dir)
	if err != nil {
		t.Fatal(err)
	}
	certificate := peer.NewCertificate(t)
	plain, dot, doh := peer.FreeAddr(t), peer.FreeAddr(t), peer.FreeAddr(t)
	peer.StartYushan(t, program, dir, fmt.Sprintf(`listen: %q
zones: [{name: example, file: %q}]
certificates: [{name: main, certificate-file: %q, key-file: %q}]
dot: {listen: %q}
doh: {listen: %q}
`, plain, writeZone(t), certificate.CertFile, certificate.KeyFile, dot, doh))
	return &yushan{certificate, map[load.Transport]netip.AddrPort{load.TCP: plain, load.DoT: dot, load.DoH: doh, load.DoH1: doh}}
}

func TestYushan(t *testing.T) {
	y := startYushan(t)
	for _, transport := range transports {
		askServer(t, transport, y.addrs[transport], y.certificate)
	}
}

// BenchmarkYushan asks a server in a process of its own, in a closed loop as dnsperf
// does: 10 connections, 200 queries under way.
func BenchmarkYushan(b *testing.B) {
	y := startYushan(b)
	for _, transport := range transports {
		b.Run(transport.String(), func(b *testing.B) {
			c := &trial{
				Options: load.Options{
					Server: y.addrs[transport], Transport: transport, Clients: 10, Depth: 200, Concurrency: 200,
					Timeout: patience, Path: peer.DoHPath, Authority: "localhost", TLS: y.certificate.Client(),
				},
				Queries: peerQueries(b),
				Plan:    pace.Plan{Duration: time.Hour, Limit: uint64(b.N)},
			}
			if transport == load.DoH1 {
				c.Depth = 1
			}
			b.ReportAllocs()
			before := cputime.Used(b)
			r := c.run(b)
			b.ReportMetric(float64(cputime.Used(b)-before)/float64(b.N), "cpu-ns/op")
			expectAnswered(b, r, uint64(b.N))
		})
	}
}
