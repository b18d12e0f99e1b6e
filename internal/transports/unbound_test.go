package transports

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// TestResolver has unbound ask a server by DoT alone: it checks the certificate, and
// the signatures of what it gets.
func TestResolver(t *testing.T) {
	t.Parallel()
	s := newServer(t, newSite(t, node1), newAuthority(t))
	resolver := peer.StartUnbound(t, peer.UnboundOptions{
		Stubs:        []peer.Stub{{Zone: "tw.", Addr: s.tls, TLSName: host}, {Zone: "xn--kpry57d.", Addr: s.tls, TLSName: host}},
		CAFile:       s.authority.file,
		TrustAnchors: []string{zones.anchors["tw."], zones.anchors["xn--kpry57d."]},
	})
	for _, tt := range []struct {
		name    string // with U-labels; none of a delegation, whose servers aren't there
		qtype   uint16
		rcode   int
		answers int
		valid   bool
	}{
		{"tw.", dns.TypeSOA, dns.RcodeSuccess, 1, true},
		{"nic.tw.", dns.TypeMX, dns.RcodeSuccess, 2, true},
		{"資訊.台灣.", dns.TypeHTTPS, dns.RcodeSuccess, 1, true},
		{"start.nic.tw.", dns.TypeAAAA, dns.RcodeSuccess, 5, true},
		{"www.registry.tw.", dns.TypeA, dns.RcodeSuccess, 5, true},
		{"nic.tw.", dns.TypeSRV, dns.RcodeSuccess, 0, true},
		{"signed.com.tw.", dns.TypeDS, dns.RcodeSuccess, 1, true},
		// Proved by an opt-out span, which proves little (RFC 5155 §9.2).
		{"does-not-exist.tw.", dns.TypeA, dns.RcodeNameError, 0, false},
		{"any.apps.nic.tw.", dns.TypeA, dns.RcodeSuccess, 1, false},
		{"不存在.台灣.", dns.TypeA, dns.RcodeNameError, 0, true},
		{"big.nic.tw.", dns.TypeTXT, dns.RcodeSuccess, 24, true},
	} {
		name := question{name: tt.name}.ascii()
		m := resolve(t, resolver, name, tt.qtype)
		if m.Rcode != tt.rcode || len(m.Answer) != tt.answers || m.AuthenticatedData != tt.valid {
			t.Errorf("%s %s: expected %s with %d records, valid: %v, got\n%v", name, dns.TypeToString[tt.qtype],
				dns.RcodeToString[tt.rcode], tt.answers, tt.valid, m)
		}
	}
	totals := s.Stop()
	if c := totals["DoT"]; c["queries"] == 0 || c["queries"] != c["responses"] || c["handshake_failures"] != 0 {
		t.Errorf("DoT: %v: expected that unbound asked by DoT and was answered", c)
	}
	for _, clear := range []string{"UDP", "TCP"} {
		if n := totals[clear]["queries"]; n != 0 {
			t.Errorf("%d queries by %s, expected none", n, clear)
		}
	}
}

// TestResolverRefuses has servers that unbound must not believe.
func TestResolverRefuses(t *testing.T) {
	t.Parallel()
	s := newServer(t, newSite(t, node1), newAuthority(t))
	for _, tt := range []struct {
		name, tlsName, ca string
	}{
		{"wrong name", "ns2.example", s.authority.file},
		{"unknown CA", host, newAuthority(t).file},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resolver := peer.StartUnbound(t, peer.UnboundOptions{
				Stubs:  []peer.Stub{{Zone: "tw.", Addr: s.tls, TLSName: tt.tlsName}},
				CAFile: tt.ca,
			})
			if m := resolve(t, resolver, "nic.tw.", dns.TypeA); m.Rcode != dns.RcodeServerFailure || len(m.Answer) > 0 {
				t.Errorf("expected SERVFAIL, got\n%v", m)
			}
			eventually(t, "a complaint of unbound about the certificate", func() bool { return strings.Contains(resolver.Log(), "certificate verify failed") })
		})
	}
	if c := s.Stop()["DoT"]; c["queries"] != 0 {
		t.Errorf("DoT: %v: expected no queries", c)
	}
}

// resolve asks a resolver. Of a long answer it gets the whole, by TCP.
func resolve(t *testing.T, resolver *peer.Unbound, name string, qtype uint16) *dns.Msg {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, qtype)
	m.AuthenticatedData = true
	reply, err := askResolver(resolver.Addr, m)
	if err != nil {
		t.Fatalf("%s %s: %v", name, dns.TypeToString[qtype], err)
	}
	return reply
}

func askResolver(at netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	client := dns.Client{Net: "tcp", Timeout: patience}
	reply, _, err := client.Exchange(m, at.String())
	if err != nil {
		return nil, fmt.Errorf("resolver at %s: %w", at, err)
	}
	return reply, nil
}
