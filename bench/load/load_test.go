package load

import (
	"net/netip"
	"testing"
)

func TestHosts(t *testing.T) {
	for _, tt := range []struct {
		prefix, first, last string
		count               uint64
	}{
		{"192.0.2.1/32", "192.0.2.1", "192.0.2.1", 1},
		{"192.0.2.1/31", "192.0.2.0", "192.0.2.1", 2},
		{"192.0.2.1/30", "192.0.2.1", "192.0.2.2", 2},
		{"10.1.2.3/8", "10.0.0.1", "10.255.255.254", 1<<24 - 2},
		{"0.0.0.0/0", "0.0.0.1", "255.255.255.254", 1<<32 - 2},
		{"::1/128", "::1", "::1", 1},
		{"2001:db8::ff00/120", "2001:db8::ff01", "2001:db8::fffe", 254},
		{"2001:db8::/64", "2001:db8::1", "2001:db8:0:0:1::", 1 << 48},
		{"::/0", "::1", "::1:0:0:0", 1 << 48},
	} {
		h := HostsOf(netip.MustParsePrefix(tt.prefix))
		if h.Count != tt.count || h.At(0).String() != tt.first || h.At(h.Count-1).String() != tt.last {
			t.Errorf("%s: %d hosts, %s to %s; expected %d, %s to %s", tt.prefix, h.Count, h.At(0), h.At(h.Count-1), tt.count, tt.first, tt.last)
		}
	}
}

func TestZoneNumber(t *testing.T) {
	for addr, want := range map[string]uint32{"fe80::1": 0, "fe80::1%7": 7, "fe80::1%lo": 1} {
		if got, err := ZoneNumber(netip.MustParseAddr(addr)); err != nil || got != want {
			t.Errorf("%s: %d, %v; expected %d", addr, got, err, want)
		}
	}
	if _, err := ZoneNumber(netip.MustParseAddr("fe80::1%nosuch")); err == nil {
		t.Error("an interface that isn't there has a number")
	}
}

func TestRequests(t *testing.T) {
	for want, o := range map[string]Options{
		"/dns-query":          {Path: "/dns-query"},
		"/dns-query?dns=":     {Path: "/dns-query", Get: true},
		"/dns-query?a=b":      {Path: "/dns-query?a=b"},
		"/dns-query?a=b&dns=": {Path: "/dns-query?a=b", Get: true},
		"/":                   {},
		"/?dns=":              {Get: true},
	} {
		if got := o.RequestTarget(); got != want {
			t.Errorf("%+v: %q, expected %q", o, got, want)
		}
	}
	o := Options{Server: netip.MustParseAddrPort("[::1]:443")}
	if got := o.RequestAuthority(); got != "[::1]:443" {
		t.Errorf("authority %q", got)
	}
	o.Authority = "dns.example:443"
	if got := o.RequestAuthority(); got != "dns.example:443" {
		t.Errorf("authority %q", got)
	}
}
