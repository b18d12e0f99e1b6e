package peer

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
)

const zoneText = `$TTL 3600
@    SOA ns hostmaster 7 7200 3600 1209600 300
@    NS  ns
ns   A   192.0.2.1
`

func TestServers(t *testing.T) {
	for _, kind := range Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			Require(t, kind)
			file := filepath.Join(t.TempDir(), "zone")
			if err := os.WriteFile(file, []byte(zoneText), 0o600); err != nil {
				t.Fatal(err)
			}
			s := Start(t, kind, Zone{"example.", file}, Zone{"xn--kpry57d", file})
			var queries []Query
			for i := range 400 {
				q := new(dns.Msg).SetQuestion(fmt.Sprintf("n%d.xn--kpry57d.", i), dns.TypeA)
				wire, err := q.Pack()
				if err != nil {
					t.Fatal(err)
				}
				queries = append(queries, Query{Wire: wire, TCP: i%2 == 1})
			}
			for i, r := range Ask(t.Context(), s.Addr, queries) {
				m := new(dns.Msg)
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				if err := m.Unpack(r.Wire); err != nil {
					t.Fatal(err)
				}
				if want := fmt.Sprintf("n%d.xn--kpry57d.", i); m.Question[0].Name != want || m.Rcode != dns.RcodeNameError || m.RecursionAvailable {
					t.Fatalf("expected NXDOMAIN for %s, got\n%v", want, m)
				}
			}
			// A response is never answered.
			response := append([]byte{}, queries[0].Wire...)
			response[2] |= 0x80
			for _, tcp := range []bool{false, true} {
				r := Ask(t.Context(), s.Addr, []Query{{Wire: response, TCP: tcp, MayDrop: true}})[0]
				if r.Err != nil || r.Wire != nil {
					t.Errorf("a response was answered with %x, error %v", r.Wire, r.Err)
				}
			}
		})
	}
}

// TestAskRepeats has a server that loses every other datagram.
func TestAskRepeats(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		var b [512]byte
		for i := 0; ; i++ {
			n, from, err := conn.ReadFrom(b[:])
			if err != nil {
				return
			}
			if i%2 == 1 {
				conn.WriteTo(b[:n], from)
			}
		}
	}()
	addr := netip.MustParseAddrPort(conn.LocalAddr().String())
	for _, q := range []Query{{Wire: fence}, {Wire: []byte("\x00\x00junk"), MayDrop: true}} {
		if r := Ask(t.Context(), addr, []Query{q})[0]; r.Err != nil || len(r.Wire) != len(q.Wire) && !q.MayDrop {
			t.Errorf("%q was answered with %q, error %v", q.Wire, r.Wire, r.Err)
		}
	}
}
