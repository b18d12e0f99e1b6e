package dname

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func mustParse(t testing.TB, text string) []byte {
	t.Helper()
	name, err := Parse(text, nil)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return name
}

func TestParse(t *testing.T) {
	origin := mustParse(t, "tw.")
	long := strings.Repeat("a", 63)
	for _, tt := range []struct {
		text string
		wire string
		err  error
	}{
		{".", "\x00", nil},
		{"@", "\x02tw\x00", nil},
		{"tw.", "\x02tw\x00", nil},
		{"Example", "\x07Example\x02tw\x00", nil},
		{"a.b.", "\x01a\x01b\x00", nil},
		{"*.a", "\x01*\x01a\x02tw\x00", nil},
		{"_dns.ns1", "\x04_dns\x03ns1\x02tw\x00", nil},
		{`a\.b.`, "\x03a.b\x00", nil},
		{`a\046b.`, "\x03a.b\x00", nil},
		{`\000\255.`, "\x02\x00\xff\x00", nil},
		{"台灣.", "\x0bxn--kpry57d\x00", nil},
		{"台湾.", "\x0bxn--kprw13d\x00", nil},
		{"資訊.台灣.", "\x0axn--2pru80b\x0bxn--kpry57d\x00", nil},
		{"", "", ErrEmptyLabel},
		{"a..b.", "", ErrEmptyLabel},
		{".a.", "", ErrEmptyLabel},
		{`a\`, "", ErrBadEscape},
		{`a\12`, "", ErrBadEscape},
		{`a\256.`, "", ErrBadEscape},
		{long + "a.", "", ErrLabelTooLong},
		{strings.Repeat(long+".", 4), "", ErrNameTooLong},
		{"a\xff.", "", ErrBadULabel},
	} {
		wire, err := Parse(tt.text, origin)
		if !errors.Is(err, tt.err) {
			t.Errorf("Parse(%q): error %v, expected %v", tt.text, err, tt.err)
			continue
		}
		if err == nil && tt.text != "資訊.台灣." && string(wire) != tt.wire {
			t.Errorf("Parse(%q) = %q, expected %q", tt.text, wire, tt.wire)
		}
		if err == nil {
			if n, ok := Check(wire); !ok || n != len(wire) {
				t.Errorf("Check(%q) = %d, %v", wire, n, ok)
			}
		}
	}
	if _, err := Parse("relative", nil); !errors.Is(err, ErrNotAbsolute) {
		t.Errorf("relative name without origin: error %v, expected %v", err, ErrNotAbsolute)
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, b := range []string{"", "\x01", "\x01a", "\xc0\x0c", "\x40" + strings.Repeat("a", 64) + "\x00",
		strings.Repeat("\x01a", 127) + "\x01a\x00"} {
		if n, ok := Check([]byte(b)); ok {
			t.Errorf("Check(%q) accepted %d bytes", b, n)
		}
	}
	if n, ok := Check([]byte(strings.Repeat("\x01a", 127) + "\x00")); !ok || n != 255 {
		t.Errorf("the longest name: Check = %d, %v; expected 255, true", n, ok)
	}
}

func TestDisplay(t *testing.T) {
	for text, want := range map[string]string{
		"tw.":              "tw.",
		"xn--kpry57d.":     "台灣. (xn--kpry57d.)",
		"WWW.xn--kprw13d.": "WWW.台湾. (WWW.xn--kprw13d.)",
		"xn--a.":           "xn--a.", // not an A-label
		`a\.b\;.`:          `a\.b\;.`,
		".":                ".",
	} {
		if got := Display(mustParse(t, text)); got != want {
			t.Errorf("Display(%s) = %s, expected %s", text, got, want)
		}
	}
}

// RFC 4034 §6.1 gives this order.
func TestCanonicalOrder(t *testing.T) {
	names := []string{"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.",
		"z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`}
	for i := range names[1:] {
		a, b := mustParse(t, names[i]), mustParse(t, names[i+1])
		if Compare(a, b) >= 0 || Compare(b, a) <= 0 || Compare(a, a) != 0 {
			t.Errorf("%s must sort before %s", names[i], names[i+1])
		}
	}
}

func TestIsSubdomain(t *testing.T) {
	tw := mustParse(t, "tw.")
	for text, want := range map[string]bool{"tw.": true, "TW.": true, "a.b.Tw.": true, ".": false, "atw.": false, "tw.a.": false} {
		if got := IsSubdomain(mustParse(t, text), tw); got != want {
			t.Errorf("IsSubdomain(%s, tw.) = %v", text, got)
		}
	}
	if !IsSubdomain(tw, Root) {
		t.Error("everything is below the root")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{".", "a.b.", `\000\.x.`, "台灣.", "資訊.台灣.", "xn--kpry57d.", "a..", `\`, "💩.", "ß.", "ｔｗ."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := Parse(text, nil)
		if err != nil {
			return
		}
		if n, ok := Check(name); !ok || n != len(name) {
			t.Fatalf("Parse(%q) made the invalid name %q", text, name)
		}
		for _, shown := range []string{String(name), Unicode(name)} {
			again, err := Parse(shown, nil)
			if err != nil || !Equal(again, name) {
				t.Fatalf("%q is shown as %q, which reads as %q (%v)", name, shown, again, err)
			}
		}
		if packed := make([]byte, 256); true {
			n, err := dns.PackDomainName(String(name), packed, 0, nil, false)
			if err != nil || !bytes.Equal(packed[:n], name) {
				t.Fatalf("%s: the reference packs %q (%v), ours is %q", String(name), packed[:n], err, name)
			}
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add([]byte("\x01a\x02tw\x00"), []byte("\x02\x00\x01\x02tw\x00"))
	f.Add([]byte("\x00"), []byte("\x01\x01\x00"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if n, ok := Check(a); !ok || n != len(a) {
			return
		}
		if n, ok := Check(b); !ok || n != len(b) {
			return
		}
		lowered := AppendLower(nil, a)
		for apexLen := 1; apexLen <= len(a); apexLen++ {
			cut := len(a) - apexLen
			if !slices.Contains(boundaries(a), cut) {
				continue
			}
			key := AppendKey(nil, a, apexLen)
			if back := AppendFromKey(nil, key, lowered[cut:]); !bytes.Equal(back, lowered) {
				t.Fatalf("%q: key %q comes back as %q", a, key, back)
			}
			if labels, n := KeyLabels(key); n != len(key) || labels != Labels(a)-Labels(a[cut:]) {
				t.Fatalf("KeyLabels(%q) = %d, %d", key, labels, n)
			}
		}
		if got, want := sign(Compare(a, b)), sign(compareSlowly(a, b)); got != want {
			t.Fatalf("Compare(%q, %q) = %d, label by label it is %d", a, b, got, want)
		}
	})
}

func sign(n int) int { return min(1, max(-1, n)) }

func boundaries(name []byte) (at []int) {
	for i := 0; ; i += 1 + int(name[i]) {
		at = append(at, i)
		if name[i] == 0 {
			return at
		}
	}
}

// compareSlowly follows the words of RFC 4034 §6.1.
func compareSlowly(a, b []byte) int {
	a, b = AppendLower(nil, a), AppendLower(nil, b)
	la, lb := boundaries(a), boundaries(b)
	for i := 2; i <= len(la) && i <= len(lb); i++ {
		x, y := a[la[len(la)-i]:], b[lb[len(lb)-i]:]
		if c := bytes.Compare(x[1:1+x[0]], y[1:1+y[0]]); c != 0 {
			return c
		}
	}
	return len(la) - len(lb)
}
