package transports

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"yushan/internal/peer"
)

// host is the name of the servers in their certificates.
const host = "ns1.example"

var (
	node1 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	node2 = netip.AddrFrom4([4]byte{127, 0, 0, 2})
	node3 = netip.AddrFrom4([4]byte{127, 0, 0, 3})
)

// server is a yushan that serves the lab's zones over all transports, on one address.
type server struct {
	*peer.Yushan
	site
	authority *authority
}

// site is where a server is to be.
type site struct {
	dir string
	dns netip.AddrPort // UDP and TCP
	tls netip.AddrPort // DoT and DoQ
	web netip.AddrPort // DoH
}

func newSite(t testing.TB, addr netip.Addr) site {
	t.Helper()
	return newSites(t, addr)[0]
}

// newSites has the same ports on each address.
func newSites(t testing.TB, addrs ...netip.Addr) (sites []site) {
	t.Helper()
	var ports [3]uint16
	for i := range ports {
		ports[i] = peer.FreePort(t, addrs...)
	}
	for _, addr := range addrs {
		sites = append(sites, site{
			dir: t.TempDir(),
			dns: netip.AddrPortFrom(addr, ports[0]),
			tls: netip.AddrPortFrom(addr, ports[1]),
			web: netip.AddrPortFrom(addr, ports[2]),
		})
	}
	return sites
}

// url is where DoH is, under the name of the server.
func (s site) url() string { return fmt.Sprintf("https://%s:%d/dns-query", host, s.web.Port()) }

// config is a configuration with all transports. Each of more is one line, or several;
// those that begin with "dot:", "doh:", "doq:" or "certificates:" come instead of the usual ones.
func (s site) config(more ...string) string {
	lines := map[string]string{
		"udp":          "{workers: 1}",
		"dot":          "{}",
		"doh":          "{lookup-page: true}",
		"doq":          "{}",
		"certificates": "[{name: main, certificate-file: cert.pem, key-file: key.pem}]",
	}
	var rest []string
	for _, line := range more {
		key, value, _ := strings.Cut(line, ": ")
		if _, ok := lines[key]; ok {
			lines[key] = value
		} else {
			rest = append(rest, line)
		}
	}
	listen := func(key string, at netip.AddrPort) string {
		inside := strings.TrimPrefix(lines[key], "{")
		if inside != "}" {
			inside = ", " + inside
		}
		return fmt.Sprintf("%s: {listen: %q%s\n", key, at, inside)
	}
	return fmt.Sprintf("listen: %q\nudp: %s\n", s.dns, lines["udp"]) +
		listen("dot", s.tls) + listen("doh", s.web) + listen("doq", s.tls) +
		"certificates: " + lines["certificates"] + "\n" + strings.Join(rest, "\n") + "\n" + zones.config
}

// newServer starts a server with a certificate for host and its address.
func newServer(t testing.TB, at site, a *authority, more ...string) *server {
	t.Helper()
	a.issue(time.Now().Add(time.Hour), host, at.dns.Addr().String(), labPage).write(t, at.dir)
	return &server{peer.StartYushan(t, program, at.dir, at.config(more...)), at, a}
}

// labPage is the name, in the lab's zones, of the machine itself.
var labPage = strings.TrimSuffix(question{name: "實驗室.台灣."}.ascii(), ".")

// eventually waits until condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}
