package overquic

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"yushan/bench/load"
	"yushan/bench/query"
	"yushan/internal/peer"
	"yushan/internal/quicload"
)

const zone = `$ORIGIN example.tw.
@ 60 SOA ns hostmaster 1 2 3 4 5
@ NS ns
@ A 192.0.2.1
ns A 192.0.2.1
www AAAA 2001:db8::1
`

// The server of this project answers all on both transports, with all handshakes.
func TestYushan(t *testing.T) {
	dir := t.TempDir()
	program, err := peer.BuildYushan(dir)
	if err != nil {
		t.Fatal(err)
	}
	certificate := quicload.ServerTLS(t).Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"zone":     []byte(zone),
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plain, doq, web := peer.FreePort(t), peer.FreePort(t), peer.FreePort(t)
	server := peer.StartYushan(t, program, dir, fmt.Sprintf(`
listen: 127.0.0.1:%d
zones: [{name: example.tw, file: zone}]
certificates: [{name: main, certificate-file: cert.pem, key-file: key.pem}]
doq: {listen: 127.0.0.1:%d}
doh: {listen: 127.0.0.1:%d}
`, plain, doq, web))
	const queries = 60
	all := queries * len(allHandshakes)
	var judged atomic.Int64
	resumed, early := map[load.Transport]int{}, map[load.Transport]int{}
	for _, handshake := range allHandshakes {
		for transport, port := range map[load.Transport]uint16{load.DoQ: doq, load.DoH3: web} {
			run := test{options: options(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), transport), plan: limited(queries), query: query.Options{DO: true, Padding: true, Cookie: true, NSID: true}}
			run.options.Handshake = handshake
			if handshake != load.Persistent {
				run.options.Depth = 1
			}
			run.judge = func(_ uint32, _ uint64, answer []byte) {
				const refused = 5 // the query for another zone
				if aa := answer[2]&0x04 != 0; aa == (answer[3]&0x0f == refused) {
					t.Errorf("%s: %x: expected an authoritative answer, or REFUSED", transport, answer)
				}
				judged.Add(1)
			}
			r := run.run(t)
			answered(t, r, queries)
			c := r.Connections
			resumed[transport] += int(c.Resumed)
			early[transport] += int(c.Early)
			want := uint64(queries)
			if handshake == load.Persistent {
				want = 3
			}
			if c.Opened > want || handshake != load.Persistent && c.Opened != want || handshake == load.Early && c.Early == 0 || c.Failed+c.Broken > 0 {
				t.Errorf("%s, %s: %+v: expected %d connections, with 0-RTT if asked for", transport, handshake, *c, want)
			}
		}
	}
	if got := judged.Load(); got != int64(2*all) {
		t.Errorf("%d answers judged: expected %d", got, 2*all)
	}
	totals := server.Stop()
	for transport, name := range map[load.Transport]string{load.DoQ: "DoQ", load.DoH3: "DoH (HTTP/3)"} {
		if got := totals[name]; got["queries"] != all || got["resumed"] != resumed[transport] || got["zero_rtt"] != early[transport] {
			t.Errorf("%s: %v: expected %d queries, %d connections resumed, %d with 0-RTT", name, got, all, resumed[transport], early[transport])
		}
	}
}
