package overlay

import (
	"fmt"
	"testing"

	"yushan/zone/dname"
)

func newOverlay(t testing.TB, opts Options) *Overlay {
	t.Helper()
	o, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

// split returns a name in wire format and the positions of its labels.
func split(t testing.TB, text string) (name []byte, starts []uint8) {
	t.Helper()
	name, err := dname.ParseFQDN(text)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for ; name[i] != 0; i += 1 + int(name[i]) {
		starts = append(starts, uint8(i))
	}
	return name, append(starts, uint8(i))
}

// lookUp says what is at a name, as a person would.
func lookUp(t testing.TB, o *Overlay, text string) string {
	t.Helper()
	name, starts := split(t, text)
	z := o.Zone(name, starts)
	if z == nil {
		return "not here"
	}
	rdata, exists := z.TXT(name)
	if !exists {
		return "NXDOMAIN"
	}
	if len(rdata) == 0 {
		return "NODATA"
	}
	out := ""
	for _, r := range rdata {
		out += fmt.Sprintf("%q", r[1:])
	}
	return out
}

func TestLookup(t *testing.T) {
	o := newOverlay(t, Options{Hosts: []string{"ns1.example.tw", "*.DNS.例子.台灣."}})
	for _, add := range [][2]string{
		{"_acme-challenge.ns1.example.tw", "one"},
		{"_ACME-challenge.NS1.example.tw.", "two"},
		{"_acme-challenge.ns1.example.tw", "one"},
		{"a.b._acme-challenge.dns.例子.台灣", "deep"},
	} {
		if err := o.Present(add[0], add[1]); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"_acme-challenge.ns1.example.tw":                    `"one""two"`,
		"x._acme-challenge.ns1.example.tw":                  "NXDOMAIN",
		"ns1.example.tw":                                    "not here",
		"_acme-challenge.ns2.example.tw":                    "not here",
		"_acme-challenge.example.tw":                        "not here",
		"_acme-challenge":                                   "not here",
		"_acme-challenge.dns.xn--fsqu00a.xn--kpry57d":       "NODATA",
		"b._acme-challenge.dns.xn--fsqu00a.xn--kpry57d":     "NODATA",
		"a.b._acme-challenge.dns.xn--fsqu00a.xn--kpry57d":   `"deep"`,
		"*.b._acme-challenge.dns.xn--fsqu00a.xn--kpry57d":   "NXDOMAIN",
		"x.a.b._acme-challenge.dns.xn--fsqu00a.xn--kpry57d": "NXDOMAIN",
		".": "not here",
	} {
		if got := lookUp(t, o, name); got != want {
			t.Errorf("%s: %s, expected %s", name, got, want)
		}
	}
	name, starts := split(t, "_acme-challenge.ns1.example.tw")
	if z := (*Overlay)(nil).Zone(name, starts); z != nil {
		t.Errorf("no overlay has the zone %q", z.Apex())
	}
	z := o.Zone(name, starts)
	if got := dname.String(z.Apex()); got != "_acme-challenge.ns1.example.tw." {
		t.Errorf("apex %s", got)
	}
	if len(z.NS()) != 2 || dname.String(z.NS()[0]) != "ns1.example.tw." || dname.String(z.NS()[1]) != "dns.xn--fsqu00a.xn--kpry57d." {
		t.Errorf("NS records %q", z.NS())
	}
	for _, remove := range []string{"one", "two", "never there"} {
		if err := o.Remove("_acme-challenge.ns1.example.tw", remove); err != nil {
			t.Error(err)
		}
	}
	if got := lookUp(t, o, "_acme-challenge.ns1.example.tw"); got != "NODATA" {
		t.Errorf("after removal %s, expected NODATA", got)
	}
}

func TestLookupTakesNoMemory(t *testing.T) {
	o := newOverlay(t, Options{Hosts: []string{"ns1.example.tw"}})
	if err := o.Present("_acme-challenge.ns1.example.tw", "one"); err != nil {
		t.Fatal(err)
	}
	there, thereStarts := split(t, "_acme-challenge.ns1.example.tw")
	other, otherStarts := split(t, "_acme-challenge.www.example.com.tw")
	if n := testing.AllocsPerRun(100, func() {
		if rdata, exists := o.Zone(there, thereStarts).TXT(there); !exists || len(rdata) != 1 {
			t.Fatal("the record is not found")
		}
		if o.Zone(other, otherStarts) != nil {
			t.Fatal("another host's zone is found")
		}
		if o.IsUpdate(there) {
			t.Fatal("a name is taken for an update")
		}
	}); n != 0 {
		t.Errorf("%v allocations, expected none", n)
	}
}

// BenchmarkZone is what every query pays for the overlay.
func BenchmarkZone(b *testing.B) {
	o := newOverlay(b, Options{Hosts: []string{"ns1.example.tw"}})
	name, starts := split(b, "www.example.com.tw")
	for b.Loop() {
		if o.Zone(name, starts) != nil {
			b.Fatal("found")
		}
	}
}
