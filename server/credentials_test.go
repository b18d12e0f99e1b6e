package server

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"yushan/server/config"
	"yushan/server/query"
	"yushan/tls/cert"
)

func putPair(t *testing.T, dir, name string) { putPairOf(t, dir, name, time.Now) }

// putPairOf writes a certificate that was made when the clock says.
func putPairOf(t *testing.T, dir, name string, clock func() time.Time) {
	t.Helper()
	made, err := cert.NewSelfSigned(cert.SelfSignedOptions{Names: []string{name}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(made.Current().PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	putFile(t, filepath.Join(dir, "cert.pem"), cert.PEM(made.Current()))
	putFile(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func putFile(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func parseConfig(t *testing.T, dir, text string) *config.Config {
	t.Helper()
	cfg, problems := config.Parse(filepath.Join(dir, "yushan.yaml"), []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return cfg
}

// shownTo is the name in the certificate that a transport shows.
func shownTo(t *testing.T, c *credentials, transport query.Transport) string {
	t.Helper()
	current, err := c.shown[transport].Certificate(nil)
	if err != nil {
		return err.Error()
	}
	leaf, err := cert.Leaf(current)
	if err != nil {
		t.Fatal(err)
	}
	return leaf.DNSNames[0]
}

func TestCertificateFilesAreFollowed(t *testing.T) {
	dir := t.TempDir()
	putPair(t, dir, "old.example")
	cfg := parseConfig(t, dir, "dot: {listen: 127.0.0.1}\ncertificates: [{name: main, certificate-file: cert.pem, key-file: key.pem}]")
	core, logged := observer.New(zapcore.InfoLevel)
	c, err := newCredentials(cfg, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	if got := shownTo(t, c, query.DoT); got != "old.example" {
		t.Errorf("at the start: %s", got)
	}
	loaded := logged.FilterMessage("certificate loaded").All()
	if len(loaded) != 1 || len(loaded[0].ContextMap()["pin"].(string)) != 44 || loaded[0].ContextMap()["certificate"] != "main" {
		t.Errorf("the log should tell the certificate and its pin once: %v", loaded)
	}

	good, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	putPair(t, dir, "new.example")
	putFile(t, filepath.Join(dir, "key.pem"), good) // certificate and key don't belong together
	for range 3 {
		c.reread()
	}
	if got := shownTo(t, c, query.DoT); got != "old.example" {
		t.Errorf("with a bad pair: %s, expected the old one", got)
	}
	if n := logged.FilterMessageSnippet("KEEPS ITS OLD FILES").Len(); n != 1 {
		t.Errorf("%d lines in the log about one bad pair, expected 1", n)
	}

	putPair(t, dir, "newer.example")
	c.reread()
	if got := shownTo(t, c, query.DoT); got != "newer.example" {
		t.Errorf("with a good pair: %s", got)
	}
	if logged.FilterMessage("certificate changed").Len() != 1 {
		t.Error("the log says nothing of the change")
	}
	for _, entry := range logged.All() {
		for _, f := range entry.Context {
			if strings.Contains(f.String, "PRIVATE") {
				t.Errorf("a key in the log: %v", entry)
			}
		}
	}
}

func TestTransportsShowTheirCertificates(t *testing.T) {
	dir := t.TempDir()
	const certificates = "certificates: [{name: a, self-signed: [a.example]}, {name: b, self-signed: [b.example]}]\n"
	c, err := newCredentials(parseConfig(t, dir, "doq: {certificate: b}\n"+certificates), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	for transport, want := range map[query.Transport]string{query.DoT: "a.example", query.DoH: "a.example", query.DoQ: "b.example"} {
		if got := shownTo(t, c, transport); got != want {
			t.Errorf("%v shows %s, expected %s", transport, got, want)
		}
	}
	before := c.held[1].source.Current()

	cfg := parseConfig(t, dir, "doq: {certificate: c}\ndot: {certificate: b}\n"+strings.Replace(certificates, "name: a, self-signed: [a", "name: c, self-signed: [c", 1))
	held, err := c.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.show(cfg, held)
	for transport, want := range map[query.Transport]string{query.DoT: "b.example", query.DoH: "c.example", query.DoQ: "c.example"} {
		if got := shownTo(t, c, transport); got != want {
			t.Errorf("after a reload %v shows %s, expected %s", transport, got, want)
		}
	}
	if c.held[1].source.Current() != before {
		t.Error("a certificate that is in both configurations was made again: its key is lost")
	}
}

func TestCredentialsThatCannotBeHad(t *testing.T) {
	dir := t.TempDir()
	putPair(t, dir, "ns1.example")
	putFile(t, filepath.Join(dir, "short"), []byte("short"))
	_, err := newCredentials(parseConfig(t, dir, `
certificates:
  - {name: good, certificate-file: cert.pem, key-file: key.pem}
  - {name: gone, certificate-file: gone.pem, key-file: key.pem}
  - {name: swapped, certificate-file: key.pem, key-file: cert.pem}
tickets: {secret-file: short}
`), zap.NewNop())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`certificate "gone": `, `certificate "swapped": `, "are certificate and key swapped?", "too short for a secret"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), `"good"`) {
		t.Errorf("a good certificate is called bad:\n%v", err)
	}
}

// An expired certificate must not keep port 53 from being served.
func TestStartWithAnExpiredCertificate(t *testing.T) {
	dir := t.TempDir()
	putPairOf(t, dir, "ns1.example", func() time.Time { return time.Now().Add(-365 * 24 * time.Hour) })
	cfg := parseConfig(t, dir, "dot: {listen: 127.0.0.1}\ncertificates: [{name: main, certificate-file: cert.pem, key-file: key.pem}]")
	core, logged := observer.New(zapcore.WarnLevel)
	c, err := newCredentials(cfg, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	if got := shownTo(t, c, query.DoT); got != "ns1.example" {
		t.Errorf("shows %s", got)
	}
	if logged.FilterMessageSnippet("expired").Len() == 0 {
		t.Errorf("the log says nothing of it: %v", logged.All())
	}
	if _, err := CheckCredentials(cfg, true); err == nil {
		t.Error("a check finds nothing wrong with it")
	}
	// A reload has something better: what is there.
	none, err := newCredentials(parseConfig(t, dir, "listen: 127.0.0.1"), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.open(cfg); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a reload takes it: %v", err)
	}
}

// The way to change a key that docs/encrypted.md describes.
func TestNextKeyTakesOver(t *testing.T) {
	dir := t.TempDir()
	putPair(t, dir, "new.example")
	for _, file := range []string{"cert.pem", "key.pem"} {
		if err := os.Rename(filepath.Join(dir, file), filepath.Join(dir, "next-"+file)); err != nil {
			t.Fatal(err)
		}
	}
	putPair(t, dir, "old.example")
	const certificate = "dot: {listen: 127.0.0.1}\ncertificates: [{name: main, certificate-file: cert.pem, key-file: key.pem"
	c, err := newCredentials(parseConfig(t, dir, certificate+", next-key-file: next-key.pem}]"), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"cert.pem", "key.pem"} {
		if err := os.Rename(filepath.Join(dir, "next-"+file), filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	cfg := parseConfig(t, dir, certificate+"}]")
	c.reread()
	held, err := c.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.show(cfg, held)
	if got := shownTo(t, c, query.DoT); got != "new.example" {
		t.Errorf("shows %s after the next key has become the key, expected new.example", got)
	}
}

// Commands that look, perhaps as another user than the server's, leave nothing behind.
func TestChecksMakeNoStorage(t *testing.T) {
	dir := t.TempDir()
	cfg := parseConfig(t, dir, "dot: {listen: 127.0.0.1}\n"+orderOne)
	if _, err := CheckCredentials(cfg, true); err != nil {
		t.Error(err)
	}
	if p, err := ReadPublished(t.Context(), cfg); err != nil || len(p.Unknown) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
		t.Errorf("there is %v, %v", made, err)
	}
}

// A reload that wants a name to be ordered that wasn't at the start goes on with
// all else.
func TestNewNameToOrderNeedsARestart(t *testing.T) {
	dir := t.TempDir()
	core, logged := observer.New(zapcore.ErrorLevel)
	c, err := newCredentials(parseConfig(t, dir, "certificates: [{name: a, self-signed: [a.example]}]"), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	cfg := parseConfig(t, dir, "dot: {certificate: b}\ncertificates: [{name: new, acme: [new.example]}, {name: b, self-signed: [b.example]}]\nacme: {storage: acme}")
	held, err := c.open(cfg)
	if err != nil {
		t.Fatalf("the reload is refused: %v", err)
	}
	c.show(cfg, held)
	for transport, want := range map[query.Transport]string{query.DoT: "b.example", query.DoH: "a.example", query.DoQ: "a.example"} {
		if got := shownTo(t, c, transport); got != want {
			t.Errorf("%v shows %s, expected %s", transport, got, want)
		}
	}
	if logged.FilterMessageSnippet("needs a restart").Len() != 1 {
		t.Errorf("the log does not say that it needs a restart: %v", logged.All())
	}
}
