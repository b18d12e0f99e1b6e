package advert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/server/config"
	"yushan/server/query"
)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, problems := config.Parse("yushan.yaml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return cfg
}

func text(records []dns.RR) string {
	var lines []string
	for _, rr := range records {
		lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
	}
	return strings.Join(lines, "\n")
}

// RFC 9461 §4, §5, and its examples.
func TestSVCB(t *testing.T) {
	for _, test := range []struct{ name, config, want string }{
		{"nothing encrypted", `listen: 127.0.0.1`, ``},
		{"DoT", `dot: {listen: 127.0.0.1}`,
			`_dns.ns1.example.tw. 3600 IN SVCB 1 ns1.example.tw. alpn="dot"`},
		{"several addresses", `dot: {listen: [127.0.0.1, "::1"]}`,
			`_dns.ns1.example.tw. 3600 IN SVCB 1 ns1.example.tw. alpn="dot"`},
		{"all on their ports", `{dot: {listen: 127.0.0.1}, doh: {listen: 127.0.0.1}, doq: {listen: 127.0.0.1}}`,
			`_dns.ns1.example.tw. 3600 IN SVCB 1 ns1.example.tw. alpn="dot,doq,h2,h3" dohpath="/dns-query{?dns}"`},
		{"HTTP/3 off, another path", `doh: {listen: 127.0.0.1, path: /q, http3: {enabled: false}}`,
			`_dns.ns1.example.tw. 3600 IN SVCB 1 ns1.example.tw. alpn="h2" dohpath="/q{?dns}"`},
		{"cleartext is for a proxy", `doh: {cleartext: {listen: 127.0.0.1}}`, ``},
		{"other ports", `{dot: {listen: ["127.0.0.1", "127.0.0.1:8853"]}, doq: {listen: "127.0.0.1:8853"}, doh: {listen: "127.0.0.1:8443"}}`,
			`_dns.ns1.example.tw. 3600 IN SVCB 1 ns1.example.tw. alpn="dot"
_dns.ns1.example.tw. 3600 IN SVCB 2 ns1.example.tw. alpn="h2,h3" port="8443" dohpath="/dns-query{?dns}"
_dns.ns1.example.tw. 3600 IN SVCB 3 ns1.example.tw. alpn="dot,doq" port="8853"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			records := SVCB(parse(t, test.config), "ns1.example.tw")
			if got := text(records); got != test.want {
				t.Errorf("expected\n%s\nhave\n%s", test.want, got)
			}
			for _, rr := range records {
				if _, err := dns.NewRR(rr.String()); err != nil {
					t.Errorf("%v cannot be read again: %v", rr, err)
				}
			}
		})
	}
}

func TestTLSA(t *testing.T) {
	var keys []crypto.PublicKey
	for range 2 {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.Public())
	}
	cfg := parse(t, `{dot: {listen: [127.0.0.1, "::1"]}, doh: {listen: "127.0.0.1:8443"}, doq: {listen: 127.0.0.1}}`)
	records, err := TLSA(cfg, "ns1.台灣", func(transport query.Transport) []crypto.PublicKey {
		if transport == query.DoQ {
			return nil // nothing is known of its key
		}
		return keys
	})
	if err != nil {
		t.Fatal(err)
	}
	var owners []string
	for _, rr := range records {
		owners = append(owners, rr.Header().Name)
		if a := rr.(*dns.TLSA); a.Usage != 3 || a.Selector != 1 || a.MatchingType != 1 {
			t.Errorf("%v: expected 3 1 1", rr)
		}
	}
	want := "_853._tcp.ns1.xn--kpry57d. _853._tcp.ns1.xn--kpry57d. _8443._tcp.ns1.xn--kpry57d. _8443._tcp.ns1.xn--kpry57d. " +
		"_8443._udp.ns1.xn--kpry57d. _8443._udp.ns1.xn--kpry57d."
	if got := strings.Join(owners, " "); got != want {
		t.Errorf("owners: expected\n%s\nhave\n%s", want, got)
	}
	if _, err := TLSA(cfg, "no host..", func(query.Transport) []crypto.PublicKey { return keys }); err == nil {
		t.Error("no error for what is no name")
	}
}
