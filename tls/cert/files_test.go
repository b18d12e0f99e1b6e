package cert

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ca issues certificates for tests.
type ca struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// year is the validity of certificates that don't say otherwise, from the time of newClock.
const year = 365 * 24 * time.Hour

func newKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newCA(t *testing.T) *ca { return issuedCA(t, nil, "root") }

// issuedCA makes a CA that parent vouches for; nil: it vouches for itself.
func issuedCA(t *testing.T, parent *ca, name string) *ca {
	t.Helper()
	c := &ca{t: t, key: newKey(t, elliptic.P256())}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: newClock().Now().Add(-year), NotAfter: newClock().Now().Add(2 * year),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	issuer, signer := template, c.key
	if parent != nil {
		issuer, signer = parent.cert, parent.key
	}
	c.cert = create(t, template, issuer, c.key.Public(), signer)
	return c
}

func create(t *testing.T, template, issuer *x509.Certificate, key crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *ca) issue(key crypto.PublicKey, change ...func(*x509.Certificate)) *x509.Certificate {
	c.t.Helper()
	template := &x509.Certificate{
		DNSNames: []string{"ns1.example"}, NotBefore: newClock().Now(), NotAfter: newClock().Now().Add(year),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, f := range change {
		f(template)
	}
	return create(c.t, template, c.cert, key, c.key)
}

func chainPEM(chain ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range chain {
		pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return out.Bytes()
}

func keyPEM(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func publicPEM(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// folder is a directory with cert.pem and key.pem.
type folder struct {
	t    *testing.T
	path string
	now  *clock
}

func newFolder(t *testing.T, certificate, key []byte) *folder {
	f := &folder{t: t, path: t.TempDir(), now: newClock()}
	f.now.add(time.Hour)
	f.write("cert.pem", certificate)
	f.write("key.pem", key)
	return f
}

func (f *folder) write(name string, content []byte) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.path, name), content, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) options() FilesOptions {
	return FilesOptions{Certificate: filepath.Join(f.path, "cert.pem"), Key: filepath.Join(f.path, "key.pem"), Now: f.now.Now}
}

func (f *folder) open() *Files {
	f.t.Helper()
	files, err := OpenFiles(f.options())
	if err != nil {
		f.t.Fatal(err)
	}
	return files
}

// reload expects a result; an empty text means no error.
func reload(t *testing.T, f *Files, changed bool, text string) {
	t.Helper()
	got, err := f.Reload()
	switch {
	case got != changed:
		t.Errorf("changed %v, expected %v (%v)", got, changed, err)
	case text == "" && err != nil:
		t.Errorf("error %v, expected none", err)
	case text != "" && (err == nil || !strings.Contains(err.Error(), text)):
		t.Errorf("error %v, expected %q", err, text)
	}
}

func TestFilesGiveTheirCertificate(t *testing.T) {
	root := newCA(t)
	between := issuedCA(t, root, "between")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey := newKey(t, elliptic.P384())
	ecDER, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	sec1 := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ecDER})
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 5, 0x2b, 0x81, 4, 0, 0x22}}) // as openssl ecparam -genkey writes
	for name, test := range map[string]struct {
		key    crypto.Signer
		pem    []byte
		before string // something in front of the certificate, as openssl x509 -text has
	}{
		"PKCS #8":               {ecKey, keyPEM(t, ecKey), "Certificate:\n    Data:\n"},
		"SEC 1":                 {ecKey, sec1, ""},
		"SEC 1 with parameters": {ecKey, append(parameters, sec1...), ""},
		"RSA, PKCS #8":          {rsaKey, keyPEM(t, rsaKey), ""},
		"RSA, PKCS #1":          {rsaKey, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}), ""},
	} {
		leaf := between.issue(test.key.Public())
		f := newFolder(t, append([]byte(test.before), chainPEM(leaf, between.cert)...), test.pem).open()
		if got := leafOf(t, f); !got.Equal(leaf) {
			t.Errorf("%s: another certificate", name)
		}
		if n := len(f.Current().Certificate); n != 2 {
			t.Errorf("%s: a chain of %d, expected 2", name, n)
		}
		if w := f.Warnings(); len(w) > 0 {
			t.Errorf("%s: warnings %q", name, w)
		}
	}
}

func TestFilesSayWhatIsWrong(t *testing.T) {
	root := newCA(t)
	between := issuedCA(t, root, "between")
	key, other := newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	leaf := between.issue(key.Public())
	good, goodKey := chainPEM(leaf, between.cert), keyPEM(t, key)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224 := newKey(t, elliptic.P224())
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 0}})
	legacy := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte{0x30, 0}})
	expired := root.issue(key.Public(), func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = newClock().Now().Add(-year), newClock().Now().Add(-48*time.Hour)
	})
	future := root.issue(key.Public(), func(c *x509.Certificate) { c.NotBefore = newClock().Now().Add(72 * time.Hour) })
	for name, test := range map[string]struct {
		certificate, key []byte
		file             string // that the error must name
		want             string
		wrapped          error
	}{
		"empty":                {nil, goodKey, "cert.pem", "no certificate found, it is empty", nil},
		"white space":          {[]byte("\n\n"), goodKey, "cert.pem", "no certificate found, it is empty", nil},
		"garbage":              {[]byte("hello"), goodKey, "cert.pem", "no certificate found, it is not PEM", nil},
		"DER":                  {leaf.Raw, goodKey, "cert.pem", "it looks like DER", nil},
		"cut off":              {good[:100], goodKey, "cert.pem", "damaged or cut off PEM block", nil},
		"chain cut off":        {good[:len(good)-100], goodKey, "cert.pem", "1 of 2 certificates are damaged or cut off", nil},
		"not a certificate":    {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("hello")}), goodKey, "cert.pem", "certificate 1 of the file: x509", nil},
		"a request":            {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: leaf.Raw}), goodKey, "cert.pem", "it holds CERTIFICATE REQUEST", nil},
		"swapped":              {goodKey, good, "cert.pem", "it holds PRIVATE KEY: are certificate and key swapped?", nil},
		"certificate twice":    {good, good, "key.pem", "no private key found, it holds CERTIFICATE: are certificate and key swapped?", nil},
		"no key":               {good, nil, "key.pem", "no private key found, it is empty", nil},
		"garbage key":          {good, []byte("-----BEGIN PRIVATE KEY-----\nhello"), "key.pem", "damaged or cut off PEM block", nil},
		"bad key":              {good, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hello")}), "key.pem", "private key: ", nil},
		"unknown key":          {good, pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("hello")}), "key.pem", `of the form "OPENSSH PRIVATE KEY" cannot be used`, nil},
		"encrypted":            {good, encrypted, "key.pem", "the private key is encrypted", nil},
		"encrypted, old style": {good, legacy, "key.pem", "the private key is encrypted", nil},
		"mismatch":             {good, keyPEM(t, other), "key.pem", "the private key does not belong to the certificate", ErrKeyMismatch},
		"mismatch of types":    {good, keyPEM(t, small), "key.pem", "the private key does not belong to the certificate", ErrKeyMismatch},
		"issuer first":         {chainPEM(between.cert, leaf), goodKey, "cert.pem", "(ns1.example) is number 2 of the file: it must come first", nil},
		"expired":              {chainPEM(expired), goodKey, "cert.pem", "(ns1.example) expired on 2025-12-30 00:00 UTC, 2 days ago", ErrExpired},
		"not yet valid":        {chainPEM(future), goodKey, "cert.pem", "is not yet valid: it begins on 2026-01-04 00:00 UTC, in 2 days", ErrNotYetValid},
		"P-224":                {chainPEM(root.issue(p224.Public())), keyPEM(t, p224), "key.pem", "the key is on the curve P-224", nil},
		"too long":             {bytes.Repeat([]byte("a"), maxFileBytes+1), goodKey, "cert.pem", "longer than 1048576 bytes", nil},
	} {
		f := newFolder(t, test.certificate, test.key)
		_, err := OpenFiles(f.options())
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, filepath.Join(f.path, test.file)+": ") || !strings.Contains(text, test.want) {
			t.Errorf("%s: %q, expected %s and %q", name, text, test.file, test.want)
		}
		if test.wrapped != nil && !errors.Is(err, test.wrapped) {
			t.Errorf("%s: %q does not wrap %v", name, err, test.wrapped)
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	key := newKey(t, elliptic.P256())
	f := newFolder(t, chainPEM(newCA(t).issue(key.Public())), keyPEM(t, key))
	for name, change := range map[string]func(*FilesOptions){
		"missing certificate": func(o *FilesOptions) { o.Certificate += "x" },
		"missing key":         func(o *FilesOptions) { o.Key += "x" },
		"missing next key":    func(o *FilesOptions) { o.NextKey = o.Key + "x" },
	} {
		options := f.options()
		change(&options)
		if _, err := OpenFiles(options); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "pemx") {
			t.Errorf("%s: %v", name, err)
		}
	}
	options := f.options()
	options.Certificate = f.path
	if _, err := OpenFiles(options); err == nil || !strings.Contains(err.Error(), f.path+" is not a regular file") {
		t.Errorf("a directory: %v", err)
	}
	pipe := filepath.Join(f.path, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	options = f.options()
	options.Key = pipe
	if _, err := OpenFiles(options); err == nil || !strings.Contains(err.Error(), "pipe is not a regular file") {
		t.Errorf("a pipe: %v", err)
	}
	options.Key = ""
	if _, err := OpenFiles(options); err == nil || !strings.Contains(err.Error(), "no key file is named") {
		t.Errorf("no path: %v", err)
	}
}

func TestReload(t *testing.T) {
	root := newCA(t)
	oldKey, newerKey := newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	first, second := root.issue(oldKey.Public()), root.issue(newerKey.Public())
	f := newFolder(t, chainPEM(first), keyPEM(t, oldKey))
	files := f.open()
	reload(t, files, false, "")

	f.write("cert.pem", chainPEM(second)) // and not yet the key
	reload(t, files, false, filepath.Join(f.path, "key.pem")+": the private key does not belong")
	reload(t, files, false, "the private key does not belong")
	if !leafOf(t, files).Equal(first) {
		t.Error("a pair that doesn't fit is in service")
	}
	f.write("key.pem", keyPEM(t, newerKey))
	reload(t, files, true, "")
	if !leafOf(t, files).Equal(second) {
		t.Error("the new pair is not in service")
	}
	reload(t, files, false, "")

	if err := os.Remove(filepath.Join(f.path, "cert.pem")); err != nil {
		t.Fatal(err)
	}
	reload(t, files, false, "no such file")
	f.write("cert.pem", []byte("hello"))
	reload(t, files, false, "it is not PEM")
	expired := root.issue(newerKey.Public(), func(c *x509.Certificate) { c.NotAfter = f.now.Now().Add(-time.Minute) })
	f.write("cert.pem", chainPEM(expired))
	reload(t, files, false, "expired")
	if !leafOf(t, files).Equal(second) {
		t.Error("a bad pair took the old one's place")
	}

	future := root.issue(newerKey.Public(), func(c *x509.Certificate) { c.NotBefore = f.now.Now().Add(time.Hour) })
	f.write("cert.pem", chainPEM(future))
	reload(t, files, false, "not yet valid")
	f.now.add(2 * time.Hour)
	reload(t, files, true, "") // what has begun meanwhile
	if !leafOf(t, files).Equal(future) {
		t.Error("the certificate that has become valid is not in service")
	}
}

func TestReloadFollowsSymbolicLinks(t *testing.T) {
	root := newCA(t)
	oldKey, newerKey := newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	first := newFolder(t, chainPEM(root.issue(oldKey.Public())), keyPEM(t, oldKey))
	second := newFolder(t, chainPEM(root.issue(newerKey.Public())), keyPEM(t, newerKey))
	live := filepath.Join(t.TempDir(), "live")
	if err := os.Symlink(first.path, live); err != nil {
		t.Fatal(err)
	}
	files, err := OpenFiles(FilesOptions{Certificate: filepath.Join(live, "cert.pem"), Key: filepath.Join(live, "key.pem"), Now: first.now.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(second.path, live+"2"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(live+"2", live); err != nil {
		t.Fatal(err)
	}
	reload(t, files, true, "")
	if !equalKeys(leafOf(t, files).PublicKey, newerKey.Public()) {
		t.Error("the link's new target is not in service")
	}
}

func TestHandshakesGoOnDuringReloads(t *testing.T) {
	root := newCA(t)
	keys := []*ecdsa.PrivateKey{newKey(t, elliptic.P256()), newKey(t, elliptic.P256())}
	certificates := [][]byte{chainPEM(root.issue(keys[0].Public())), chainPEM(root.issue(keys[1].Public()))}
	f := newFolder(t, certificates[0], keyPEM(t, keys[0]))
	files := f.open()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := files.Certificate(nil)
				if err != nil || !equalKeys(c.PrivateKey.(crypto.Signer).Public(), c.Leaf.PublicKey) {
					t.Errorf("a certificate without its key: %v", err)
					return
				}
				files.Warnings()
				files.NextKey()
			}
		})
	}
	for i := range 20 {
		f.write("cert.pem", certificates[(i+1)%2])
		reload(t, files, false, "does not belong")
		f.write("key.pem", keyPEM(t, keys[(i+1)%2]))
		wg.Go(func() { files.Reload() })
		if _, err := files.Reload(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}

func TestNextKey(t *testing.T) {
	root := newCA(t)
	key, next := newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	for name, content := range map[string][]byte{"private": keyPEM(t, next), "public": publicPEM(t, next.Public())} {
		f := newFolder(t, chainPEM(root.issue(key.Public())), keyPEM(t, key))
		f.write("next.pem", content)
		options := f.options()
		options.NextKey = filepath.Join(f.path, "next.pem")
		files, err := OpenFiles(options)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !equalKeys(files.NextKey(), next.Public()) {
			t.Errorf("%s: NextKey is %v", name, files.NextKey())
		}
		if err := os.Chmod(options.NextKey, 0o644); err != nil {
			t.Fatal(err)
		}
		reload(t, files, false, "")
		if w := strings.Join(files.Warnings(), "\n"); strings.Contains(w, "next.pem: permissions 0644") != (name == "private") {
			t.Errorf("%s: warnings %q", name, w)
		}
		f.write("next.pem", []byte("hello"))
		reload(t, files, false, "next.pem: no private key found")
		f.write("next.pem", content)

		f.write("cert.pem", chainPEM(root.issue(next.Public()))) // the rollover
		f.write("key.pem", keyPEM(t, next))
		reload(t, files, true, "")
		if k := files.NextKey(); k != nil {
			t.Errorf("%s: NextKey is %v, which is in service", name, k)
		}
	}
}

func TestWarnings(t *testing.T) {
	root := newCA(t)
	between := issuedCA(t, root, "between")
	key := newKey(t, elliptic.P256())
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	leaf := between.issue(key.Public())
	for name, test := range map[string]struct {
		chain []*x509.Certificate
		key   crypto.Signer
		want  string
	}{
		"wrong order":         {[]*x509.Certificate{leaf, root.cert, between.cert}, key, "certificate 2 of the file (root) did not issue number 1 (ns1.example)"},
		"another chain":       {[]*x509.Certificate{leaf, issuedCA(t, root, "between").cert}, key, "certificate 2 of the file (between) did not issue number 1"},
		"no alternative name": {[]*x509.Certificate{root.issue(key.Public(), func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "ns1" })}, key, "has no subject alternative name"},
		"for clients":         {[]*x509.Certificate{root.issue(key.Public(), func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })}, key, "lacks serverAuth"},
		"1024 bits":           {[]*x509.Certificate{root.issue(small.Public())}, small, "an RSA key of 1024 bits"},
	} {
		w := newFolder(t, chainPEM(test.chain...), keyPEM(t, test.key)).open().Warnings()
		if len(w) == 0 || !strings.Contains(w[0], "cert.pem: ") || !strings.Contains(w[0], test.want) {
			t.Errorf("%s: %q, expected %q", name, w, test.want)
		}
	}

	f := newFolder(t, chainPEM(leaf, between.cert), keyPEM(t, key))
	files := f.open()
	if w := files.Warnings(); len(w) != 0 {
		t.Errorf("warnings %q", w)
	}
	if err := os.Chmod(filepath.Join(f.path, "key.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	reload(t, files, false, "")
	if w := files.Warnings(); len(w) != 1 || !strings.Contains(w[0], "key.pem: permissions 0644 let everybody read the private key") {
		t.Errorf("readable by all: warnings %q", w)
	}
	if err := os.Chmod(filepath.Join(f.path, "key.pem"), 0o640); err != nil {
		t.Fatal(err)
	}
	reload(t, files, false, "")
	f.now.add(year - 10*24*time.Hour)
	if w := files.Warnings(); len(w) != 1 || !strings.Contains(w[0], "(ns1.example) expires in 9 days, on 2027-01-01 00:00 UTC") {
		t.Errorf("near the end: warnings %q", w)
	}
	f.now.add(20 * 24 * time.Hour)
	if w := files.Warnings(); len(w) != 1 || !strings.Contains(w[0], "expired on 2027-01-01 00:00 UTC, 10 days ago, and is still in service") {
		t.Errorf("after the end: warnings %q", w)
	}
	if !leafOf(t, files).Equal(leaf) {
		t.Error("an expired certificate went out of service")
	}
}
