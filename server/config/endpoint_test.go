package config

import (
	"slices"
	"testing"
)

// TestEndpointsAreOrdered looks for UDP and TCP first, and for addresses of one
// transport side by side.
func TestEndpointsAreOrdered(t *testing.T) {
	c, problems := Parse("yushan.yaml", []byte("listen: [127.0.0.2, 127.0.0.1]\ndoq: {listen: 127.0.0.1}\ndot: {listen: 127.0.0.1}\n"+
		"doh: {listen: 127.0.0.1, cleartext: {listen: 127.0.0.1}}\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	endpoints := c.Endpoints()
	slices.Reverse(endpoints)
	slices.SortFunc(endpoints, Endpoint.Compare)
	var got []string
	for _, e := range endpoints {
		got = append(got, e.String())
	}
	want := []string{"UDP 127.0.0.1:53", "UDP 127.0.0.2:53", "TCP 127.0.0.1:53", "TCP 127.0.0.2:53", "DoT 127.0.0.1:853",
		"DoH 127.0.0.1:443", "DoH (HTTP/3) 127.0.0.1:443", "DoH (cleartext) 127.0.0.1:80", "DoQ 127.0.0.1:853"}
	if !slices.Equal(got, want) {
		t.Errorf("have %q, expected %q", got, want)
	}
}
