package overquic

import (
	"net/netip"
	"testing"
)

func TestSource(t *testing.T) {
	for _, tt := range []struct {
		sources []netip.Prefix
		want    []string // from the first on
	}{
		{nil, []string{"invalid IP", "invalid IP"}},
		{prefixes("127.0.0.0/8"), []string{"127.0.0.1", "127.0.0.2"}},
		{prefixes("192.0.2.7/32"), []string{"192.0.2.7", "192.0.2.7"}},
		{prefixes("192.0.2.7/31"), []string{"192.0.2.6", "192.0.2.7", "192.0.2.6"}},
		{prefixes("192.0.2.7/30"), []string{"192.0.2.5", "192.0.2.6", "192.0.2.5"}},
		{prefixes("192.0.2.0/32", "127.1.0.0/16"), []string{"192.0.2.0", "127.1.0.1", "192.0.2.0", "127.1.0.2"}},
		{prefixes("2001:db8::/64"), []string{"2001:db8::1", "2001:db8::2"}},
		{prefixes("::1/128"), []string{"::1", "::1"}},
	} {
		for n, want := range tt.want {
			if got := source(tt.sources, uint64(n)).String(); got != want {
				t.Errorf("%v: number %d is %s: expected %s", tt.sources, n, got, want)
			}
		}
	}
	both := prefixes("10.0.0.0/8", "2001:db8::/33")
	if got, want := source(both, 2*(1<<24-3)).String(), "10.255.255.254"; got != want {
		t.Errorf("the last of 10.0.0.0/8 is %s: expected %s", got, want)
	}
	if got, want := source(both, 2*0x12345+1).String(), "2001:db8::1:2346"; got != want {
		t.Errorf("%s: expected %s", got, want)
	}
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}
