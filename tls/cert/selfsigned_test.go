package cert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock stands still until it is told.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func selfSigned(t *testing.T, options SelfSignedOptions) *SelfSigned {
	t.Helper()
	s, err := NewSelfSigned(options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func leafOf(t *testing.T, s Source) *x509.Certificate {
	t.Helper()
	c, err := s.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := Leaf(c)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// pinned says whether two certificates have the same public key.
func pinned(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

func TestSelfSignedNamesItsServer(t *testing.T) {
	s := selfSigned(t, SelfSignedOptions{
		Names:     []string{"NS1.Example.", "資訊.台灣", "*.example.tw"},
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:192.0.2.1")},
	})
	leaf := leafOf(t, s)
	if leaf.Subject.CommonName != "ns1.example" {
		t.Errorf("common name %q, expected ns1.example", leaf.Subject.CommonName)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(PEM(s.Current())) {
		t.Fatal("PEM is no certificate")
	}
	for _, name := range []string{"ns1.example", "xn--9z2ax7c.xn--kpry57d", "a.example.tw", "127.0.0.1", "::1", "192.0.2.1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "example", Roots: roots}); err == nil {
		t.Error("valid for a name that it was not made for")
	}
}

func TestSelfSignedWithAddressesAlone(t *testing.T) {
	leaf := leafOf(t, selfSigned(t, SelfSignedOptions{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}))
	if leaf.Subject.CommonName != "192.0.2.1" {
		t.Errorf("common name %q, expected the address", leaf.Subject.CommonName)
	}
}

func TestSelfSignedReplacesItselfWithTheSameKey(t *testing.T) {
	c := newClock()
	s := selfSigned(t, SelfSignedOptions{Names: []string{"ns1.example"}, Now: c.Now})
	first := leafOf(t, s)
	if life := first.NotAfter.Sub(c.Now()); life != 90*24*time.Hour {
		t.Errorf("valid for %v, expected 90 days", life)
	}
	c.add(60*24*time.Hour - time.Second)
	if !leafOf(t, s).Equal(first) {
		t.Error("another certificate before two thirds of its time")
	}
	c.add(time.Second)
	second := leafOf(t, s)
	if second.Equal(first) {
		t.Error("the same certificate after two thirds of its time")
	}
	if !pinned(first, second) {
		t.Error("the next certificate has another key")
	}
	if !second.NotAfter.Equal(c.Now().Add(90 * 24 * time.Hour)) {
		t.Errorf("the next certificate ends at %v", second.NotAfter)
	}
	c.add(10 * 365 * 24 * time.Hour)
	if third := leafOf(t, s); c.Now().After(third.NotAfter) || !pinned(first, third) {
		t.Errorf("after years without a client: not valid or another key (ends %v)", third.NotAfter)
	}
	c.add(-10 * 365 * 24 * time.Hour)
	if back := leafOf(t, s); c.Now().Before(back.NotBefore) {
		t.Errorf("when the clock was set back: a certificate that begins at %v", back.NotBefore)
	}
}

func TestSelfSignedReplacesItselfOnce(t *testing.T) {
	c := newClock()
	s := selfSigned(t, SelfSignedOptions{Names: []string{"ns1.example"}, Now: c.Now})
	c.add(80 * 24 * time.Hour)
	var got [8]*tls.Certificate
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i] = s.Current() })
	}
	wg.Wait()
	for _, g := range got {
		if g != got[0] {
			t.Fatal("clients at the same moment got different certificates")
		}
	}
}

func TestSelfSignedRefusesWhatMakesNoSense(t *testing.T) {
	for _, test := range []struct {
		options SelfSignedOptions
		want    string
	}{
		{SelfSignedOptions{}, "no name and no address"},
		{SelfSignedOptions{Names: []string{""}}, `name "": empty label`},
		{SelfSignedOptions{Names: []string{"."}}, "the root is not a host"},
		{SelfSignedOptions{Names: []string{"a b.example"}}, `does not belong into a host name`},
		{SelfSignedOptions{Names: []string{"a.*.example"}}, `'*' does not belong into a host name`},
		{SelfSignedOptions{Names: []string{strings.Repeat("a", 64) + ".example"}}, "label longer than 63 bytes"},
		{SelfSignedOptions{Addresses: make([]netip.Addr, 1)}, "one of the addresses is empty"},
		{SelfSignedOptions{Names: []string{"a"}, Validity: time.Second}, "valid for 1s: expected at least 1m0s"},
	} {
		_, err := NewSelfSigned(test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v, expected %q", test.options, err, test.want)
		}
	}
}
