package doh

import (
	"net/netip"
	"testing"

	"yushan/server/doh/exchange"
)

func TestClientOf(t *testing.T) {
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48")}
	for _, c := range []struct{ what, peer, forwarded, xForwardedFor, client string }{
		{"no field", "10.0.0.1:80", "", "", "10.0.0.1:80"},
		{"a stranger claims something", "192.0.2.1:80", "for=198.51.100.1", "", "192.0.2.1:80"},
		{"a stranger claims it otherwise", "192.0.2.1:80", "", "198.51.100.1", "192.0.2.1:80"},
		{"one proxy", "10.0.0.1:80", "for=198.51.100.1", "", "198.51.100.1:0"},
		{"one proxy, the other field", "10.0.0.1:80", "", "198.51.100.1", "198.51.100.1:0"},
		{"a proxy with IPv6", "[2001:db8:f::1]:80", "", "2001:db8::9", "[2001:db8::9]:0"},
		{"a mapped address is an IPv4 address", "[::ffff:10.0.0.1]:80", "", "::ffff:198.51.100.1", "198.51.100.1:0"},
		{"two proxies", "10.0.0.1:80", "", "198.51.100.1, 10.0.0.2", "198.51.100.1:0"},
		{"what the client made up", "10.0.0.1:80", "", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1:0"},
		{"what the client made up, the other field", "10.0.0.1:80", "for=203.0.113.9, for=198.51.100.1;proto=https, FOR = 10.0.0.2", "", "198.51.100.1:0"},
		{"only proxies", "10.0.0.1:80", "", "10.0.0.3, 10.0.0.2", "10.0.0.3:0"},
		{"ports", "10.0.0.1:80", `for="[2001:db8::9]:4711"`, "", "[2001:db8::9]:0"},
		{"brackets without a port", "10.0.0.1:80", `for="[2001:db8::9]"`, "", "[2001:db8::9]:0"},
		{"a mapped address in brackets", "10.0.0.1:80", `for="[::ffff:198.51.100.1]"`, "", "198.51.100.1:0"},
		{"IPv4 with a port", "10.0.0.1:80", "", "198.51.100.1:4711", "198.51.100.1:0"},
		{"unknown (RFC 7239 §6.2)", "10.0.0.1:80", "for=unknown", "", "10.0.0.1:80"},
		{"obfuscated (RFC 7239 §6.3)", "10.0.0.1:80", "for=198.51.100.1, for=_proxy", "", "10.0.0.1:80"},
		{"unknown behind a proxy", "10.0.0.1:80", "", "unknown, 10.0.0.2", "10.0.0.2:0"},
		{"empty elements", "10.0.0.1:80", "", ", ,", "10.0.0.1:80"},
		{"an element without for", "10.0.0.1:80", "for=198.51.100.1, proto=http", "", "10.0.0.1:80"},
		{"an element with two", "10.0.0.1:80", "for=198.51.100.1;for=198.51.100.2", "", "10.0.0.1:80"},
		{"a comma in quotes", "10.0.0.1:80", `for=198.51.100.1;by="a,for=203.0.113.9"`, "", "198.51.100.1:0"},
		{"an escaped quote", "10.0.0.1:80", `for=198.51.100.1;by="a\",for=203.0.113.9,"`, "", "198.51.100.1:0"},
		{"a quote that isn't closed", "10.0.0.1:80", `for="198.51.100.1`, "", "10.0.0.1:80"},
		{"nonsense", "10.0.0.1:80", "", "198.51.100.300", "10.0.0.1:80"},
		{"a zone", "10.0.0.1:80", "", "fe80::1%eth0", "[fe80::1]:0"},
		{"both fields agree", "10.0.0.1:80", "for=198.51.100.1", "198.51.100.1", "198.51.100.1:0"},
		{"both fields, one made up by the client", "10.0.0.1:80", "for=203.0.113.9", "198.51.100.1", "10.0.0.1:80"},
	} {
		req := exchange.Request{Forwarded: []byte(c.forwarded), XForwardedFor: []byte(c.xForwardedFor)}
		if client := trusted.clientOf(netip.MustParseAddrPort(c.peer), &req); client != netip.MustParseAddrPort(c.client) {
			t.Errorf("%s: %s says Forwarded %q, X-Forwarded-For %q: client %s, want %s", c.what, c.peer, c.forwarded, c.xForwardedFor, client, c.client)
		}
	}
}

// FuzzClientOf looks for fields that make a client of what nobody trusted says.
func FuzzClientOf(f *testing.F) {
	f.Add("for=198.51.100.1, for=10.0.0.2", "")
	f.Add("", "198.51.100.1, 10.0.0.2")
	f.Add(`for="[2001:db8::9]:4711";by="\",`, "x")
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8")}
	proxy, stranger := netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("192.0.2.1:80")
	f.Fuzz(func(t *testing.T, forwarded, xForwardedFor string) {
		req := exchange.Request{Forwarded: []byte(forwarded), XForwardedFor: []byte(xForwardedFor)}
		if client := trusted.clientOf(stranger, &req); client != stranger {
			t.Fatalf("a stranger became %s", client)
		}
		if client := trusted.clientOf(proxy, &req); !client.Addr().IsValid() || client.Addr().Zone() != "" {
			t.Fatalf("a proxy's client is %s", client)
		}
	})
}
