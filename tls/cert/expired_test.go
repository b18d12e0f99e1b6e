package cert

import (
	"crypto/elliptic"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

// A server that starts takes an expired certificate if it has nothing better, but
// never in place of another.
func TestExpiredToo(t *testing.T) {
	root, key := newCA(t), newKey(t, elliptic.P256())
	expired := func(ago time.Duration) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = newClock().Now().Add(-year), newClock().Now().Add(-ago)
		}
	}
	f := newFolder(t, chainPEM(root.issue(key.Public(), expired(48*time.Hour))), keyPEM(t, key))
	options := f.options()
	options.ExpiredToo = true
	files, err := OpenFiles(options)
	if err != nil {
		t.Fatalf("not taken: %v", err)
	}
	if w := files.Warnings(); len(w) != 1 || !strings.Contains(w[0], "and is still in service") {
		t.Errorf("warnings %q", w)
	}
	f.write("cert.pem", chainPEM(root.issue(key.Public(), expired(time.Hour))))
	reload(t, files, false, "expired")
	f.write("cert.pem", chainPEM(root.issue(key.Public())))
	reload(t, files, true, "")
}
