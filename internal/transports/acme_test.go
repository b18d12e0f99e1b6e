package transports

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// ordered is the name whose certificate is ordered: one of the lab's name servers.
const ordered = "a.dns.tw"

// cluster is three nodes that share a storage, and a CA.
type cluster struct {
	t        *testing.T
	ca       *peer.Pebble
	resolver *peer.Resolver // the CA's
	sites    []site
	web      uint16 // of http-01
	storage  string
	lines    string // of the configuration's section acme, without siblings
	servers  []*server
}

func newCluster(t *testing.T, challenge string) *cluster {
	t.Helper()
	addrs := []netip.Addr{node1, node2, node3}
	c := &cluster{t: t, resolver: peer.StartResolver(t), sites: newSites(t, addrs...), web: peer.FreePort(t, addrs...), servers: make([]*server, len(addrs))}
	c.resolver.Hosts(addrs...)
	c.ca = peer.StartPebble(t, peer.PebbleOptions{Resolver: c.resolver.Addr, HTTPPort: c.web, TLSPort: c.sites[0].web.Port()})
	c.storage, c.lines = acmeLines(t, c.ca, challenge)
	return c
}

// acmeLines are the part of the section acme that all nodes share.
func acmeLines(t *testing.T, ca *peer.Pebble, challenge string) (storage, lines string) {
	t.Helper()
	dir := t.TempDir()
	root, key, storage := filepath.Join(dir, "root.pem"), filepath.Join(dir, "key"), filepath.Join(dir, "storage")
	for file, text := range map[string][]byte{root: ca.Root, key: []byte(base64.StdEncoding.EncodeToString(randomBytes(32)))} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return storage, fmt.Sprintf("directory: %q, ca-file: %q, storage: %q, email: hostmaster@nic.tw, challenges: [%s], "+
		"keys: [{name: nodes, algorithm: hmac-sha256, secret-file: %q}]", ca.Directory, root, storage, challenge, key)
}

// run starts nodes.
func (c *cluster) run(names string, more string, which ...int) {
	c.t.Helper()
	for _, i := range which {
		var siblings []string
		for j, s := range c.sites {
			if j != i {
				siblings = append(siblings, fmt.Sprintf("%q", s.dns))
			}
		}
		at := c.sites[i]
		config := at.config(fmt.Sprintf("certificates: [{name: main, acme: [%s]}]", names),
			fmt.Sprintf("acme: {%s, siblings: [%s]%s}", c.lines, strings.Join(siblings, ", "), strings.ReplaceAll(more, "NODE", at.dns.Addr().String())))
		c.servers[i] = &server{peer.StartYushan(c.t, program, at.dir, config), at, nil}
	}
}

// certificate waits until each of the nodes shows one and the same certificate, of the CA
// and for name, on DoT; and checks that DoQ and DoH show it, too.
func (c *cluster) certificate(name string, which ...int) *x509.Certificate {
	c.t.Helper()
	var first *x509.Certificate
	for _, i := range which {
		s := c.servers[i]
		config := &tls.Config{RootCAs: c.ca.Issuers, ServerName: name}
		var got *x509.Certificate
		eventually(c.t, "a certificate for "+name+" on "+s.tls.String(), func() bool {
			conn, err := tls.Dial("tcp", s.tls.String(), config)
			if err != nil {
				return false
			}
			defer conn.Close()
			got = conn.ConnectionState().PeerCertificates[0]
			return true
		})
		if first == nil {
			first = got
		}
		if !got.Equal(first) {
			c.t.Errorf("%s shows another certificate than %s", s.tls, c.servers[which[0]].tls)
		}
		for _, version := range []string{"HTTP/1.1", "HTTP/2", "HTTP/3"} {
			url := fmt.Sprintf("https://%s:%d/dns-query", name, s.web.Port())
			_, response, err := askDoH(web(c.t, version, s.web, config), dohRequest(c.t, http.MethodPost, url, asked.wire(c.t)))
			if err != nil || !response.TLS.PeerCertificates[0].Equal(got) {
				c.t.Errorf("%s at %s: %v, expected the same certificate as on DoT", version, s.web, err)
			}
		}
		quic := config.Clone()
		quic.NextProtos = []string{"doq"}
		if conn := dialDoQ(c.t, s.tls, quic); !conn.ConnectionState().TLS.PeerCertificates[0].Equal(got) {
			c.t.Errorf("DoQ at %s shows another certificate than DoT", s.tls)
		}
	}
	return first
}

// TestDNS01 orders a name and a wildcard in a zone that the nodes serve themselves. One of the
// nodes is down, and comes back later.
func TestDNS01(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "dns-01")
	c.resolver.Spread(c.sites[0].dns, c.sites[1].dns)
	resume := c.ca.Pause(t)
	const names = ordered + `, "*.` + ordered + `"`
	c.run(names, "", 0, 1)
	before := exchange(t, c.sites[0].dns, false, asked.wire(t))[0]
	resume()
	plainName, wildcard := c.certificate(ordered, 0, 1), c.certificate("any."+ordered, 0, 1)
	if plainName.Equal(wildcard) {
		t.Error("one certificate for both, expected one for each")
	}
	for _, s := range c.sites[:2] {
		if c.resolver.Asked()[s.dns] == 0 {
			t.Errorf("the CA's questions did not reach %s: %v", s.dns, c.resolver.Asked())
		}
		noChallenges(t, s.dns, ordered)
	}
	if !strings.Contains(c.servers[0].Log()+c.servers[1].Log(), "sibling cannot be reached") {
		t.Error("nobody has logged that a sibling is out of reach")
	}
	if after := exchange(t, c.sites[0].dns, false, asked.wire(t))[0]; plain(t, after) != plain(t, before) {
		t.Errorf("the zone has changed:\n%s\nfrom\n%s", plain(t, after), plain(t, before))
	}

	c.run(names, "", 2)
	if !c.certificate(ordered, 2).Equal(plainName) || !c.certificate("any."+ordered, 2).Equal(wildcard) {
		t.Error("the node that came later has other certificates")
	}
	c.expectOrders(2)
}

// noChallenges waits until a node has no challenge any more; the overlay's apex is there.
func noChallenges(t *testing.T, at netip.AddrPort, name string) {
	t.Helper()
	m := new(dns.Msg).SetQuestion("_acme-challenge."+name+".", dns.TypeTXT)
	eventually(t, "no challenge on "+at.String(), func() bool {
		var reply dns.Msg
		if err := reply.Unpack(exchange(t, at, false, pack(t, m))[0]); err != nil {
			t.Fatal(err)
		}
		return reply.Rcode == dns.RcodeSuccess && len(reply.Answer) == 0 && reply.Authoritative
	})
}

func (c *cluster) expectOrders(want int) {
	c.t.Helper()
	if orders, issued := c.ca.Orders(c.t); orders != want || issued != want {
		c.t.Errorf("%d orders, %d certificates, expected %d", orders, issued, want)
	}
}

// TestHTTP01 has a CA that asks all nodes, whichever orders.
func TestHTTP01(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "http-01")
	resume := c.ca.Pause(t)
	c.run(ordered, fmt.Sprintf(", http-listen: NODE:%d", c.web), 0, 1, 2)
	resume()
	c.certificate(ordered, 0, 1, 2)
	c.expectOrders(1)
	for _, s := range c.sites {
		url := fmt.Sprintf("http://%s/.well-known/acme-challenge/anything", netip.AddrPortFrom(s.dns.Addr(), c.web))
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, expected 404", url, response.Status)
		}
	}
}

// TestTLSALPN01 is answered by DoH's own listeners.
func TestTLSALPN01(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "tls-alpn-01")
	resume := c.ca.Pause(t)
	c.run(ordered, "", 0, 1, 2)
	resume()
	c.certificate(ordered, 0, 1, 2)
	c.expectOrders(1)
	c.validationOnly()
}

// validationOnly leaves a challenge in the storage, as another node would, and looks what there
// is on a connection that the CA makes: a certificate with the challenge (RFC 8737 §3), and
// nothing else.
func (c *cluster) validationOnly() {
	t := c.t
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(c.storage, "acme", "*", "challenge_tokens"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("challenges are in %v, %v: expected one directory", dirs, err)
	}
	challenge, err := json.Marshal(map[string]any{
		"type": "tls-alpn-01", "token": "token", "keyAuthorization": "token.thumbprint", "status": "pending",
		"identifier": map[string]string{"type": "dns", "value": ordered},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dirs[0], ordered+".json"), challenge, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.servers {
		conn := dialDoT(t, s.web, &tls.Config{InsecureSkipVerify: true, ServerName: ordered, NextProtos: []string{"acme-tls/1"}})
		state := conn.ConnectionState()
		if state.NegotiatedProtocol != "acme-tls/1" || len(state.PeerCertificates[0].Extensions) == 0 || !hasChallenge(state.PeerCertificates[0]) {
			t.Errorf("%s: protocol %q, %v: expected the challenge's certificate", s.web, state.NegotiatedProtocol, state.PeerCertificates[0].Subject)
		}
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%s: after the handshake %d bytes, %v: expected that the connection is closed", s.web, n, err)
		}
	}
}

// hasChallenge looks for the extension acmeIdentifier.
func hasChallenge(cert *x509.Certificate) bool {
	for _, e := range cert.Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.31" && e.Critical {
			return true
		}
	}
	return false
}

// TestSignedZone has a CA whose resolver validates. In a zone that is signed it believes the
// answers to a challenge only below a delegation without DS.
func TestSignedZone(t *testing.T) {
	for name, delegated := range map[string]bool{"delegated": true, "not delegated": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const host = "ns1.example.test"
			at := newSite(t, node1)
			zone, anchor := signZone(t, at, delegated)
			resolver := peer.StartUnbound(t, peer.UnboundOptions{
				Stubs:        []peer.Stub{{Zone: "example.test.", Addr: at.dns}},
				TrustAnchors: []string{anchor},
			})
			ca := peer.StartPebble(t, peer.PebbleOptions{Resolver: resolver.Addr})
			_, lines := acmeLines(t, ca, "dns-01")
			config := at.config("certificates: [{name: main, acme: [ns1.example.test]}]", "acme: {"+lines+"}") +
				fmt.Sprintf("  - {name: example.test, file: %q}\n", zone)
			s := peer.StartYushan(t, program, at.dir, config)
			warned := strings.Contains(s.Log(), "CAs that validate take the answers to dns-01 for forged")
			if warned == delegated {
				t.Errorf("warned at the start: %v, expected %v", warned, !delegated)
			}
			// The zone is a signed one for the resolver.
			if m := resolve(t, resolver, host+".", dns.TypeA); !m.AuthenticatedData || len(m.Answer) != 1 {
				t.Errorf("expected a valid answer, got\n%v", m)
			}
			if delegated {
				c := &cluster{t: t, ca: ca, servers: []*server{{s, at, nil}}}
				c.certificate(host, 0)
				c.expectOrders(1)
				return
			}
			s.Await("could not get certificate from issuer", 1)
			if !strings.Contains(s.Log(), "Error retrieving TXT records") {
				t.Error("the CA does not say that it got no answer")
			}
			if _, issued := ca.Orders(t); issued != 0 {
				t.Errorf("%d certificates were issued, expected none", issued)
			}
			if !strings.Contains(resolver.Log(), "validation failure <_acme-challenge.ns1.example.test. TXT IN>") {
				t.Error("the resolver does not say that the challenge was forged")
			}
		})
	}
}

// signZone signs example.test with the command for it, and returns the zone's file and
// its key.
func signZone(t *testing.T, at site, delegated bool) (file, anchor string) {
	t.Helper()
	text := "$TTL 300\n@ SOA ns1 hostmaster 1 3600 900 1209600 300\n@ NS ns1\nns1 A 127.0.0.1\n"
	if delegated {
		text += "_acme-challenge.ns1 NS ns1\n"
	}
	keys, unsigned := filepath.Join(at.dir, "keys"), filepath.Join(at.dir, "unsigned.zone")
	file = filepath.Join(at.dir, "signed.zone")
	if err := os.WriteFile(unsigned, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := peer.RunYushan(t, program, "sign", "--zone", "example.test="+unsigned, "--generate-keys", keys, "--nsec", "--out", file)
	if code != 0 {
		t.Fatalf("yushan sign: exit %d\n%s", code, stderr)
	}
	public, err := filepath.Glob(filepath.Join(keys, "*.key"))
	if err != nil || len(public) != 1 {
		t.Fatalf("keys %v, %v: expected one", public, err)
	}
	key, err := os.ReadFile(public[0])
	if err != nil {
		t.Fatal(err)
	}
	rr, err := dns.NewRR(string(key))
	if err != nil {
		t.Fatal(err)
	}
	return file, presentation(rr)
}
