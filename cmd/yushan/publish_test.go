package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/cli"
	"yushan/tls/cert"
	"yushan/tls/tlsa"
)

// putCertificate writes a new certificate for names and its key into dir, and
// returns the TLSA data that belongs to it.
func putCertificate(t *testing.T, dir string, names ...string) (data string) {
	t.Helper()
	made, err := cert.NewSelfSigned(cert.SelfSignedOptions{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	current := made.Current()
	putSecret(t, filepath.Join(dir, "cert.pem"), string(cert.PEM(current)))
	return putKey(t, filepath.Join(dir, "key.pem"), current.PrivateKey.(*ecdsa.PrivateKey))
}

func putKey(t *testing.T, file string, key *ecdsa.PrivateKey) (data string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	putSecret(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	records, err := tlsa.Records("_853._tcp.ns1.example.tw.", 3600, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return records[0].Certificate
}

// putSecret writes a file that others cannot read.
func putSecret(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPublish(t *testing.T) {
	dir := t.TempDir()
	now := putCertificate(t, dir, "ns1.example.tw", "*.example.tw", "ns1.例子.tw")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	next := putKey(t, filepath.Join(dir, "next.pem"), key)
	put(t, filepath.Join(dir, "yushan.yaml"), `
dot: {listen: 127.0.0.1}
doq: {listen: 127.0.0.1, certificate: anyone}
certificates:
  - {name: main, certificate-file: cert.pem, key-file: key.pem, next-key-file: next.pem}
  - {name: anyone, self-signed: [127.0.0.1]}
`)
	config := filepath.Join(dir, "yushan.yaml")

	stdout, stderr, code := yushan(t, "tlsa", "--config", config)
	var want string
	for _, name := range []string{"ns1.example.tw.", "ns1.xn--fsqu00a.tw."} {
		for _, data := range []string{now, next} {
			want += "_853._tcp." + name + " 3600 IN TLSA 3 1 1 " + data + "\n"
		}
	}
	if got := masterLines(t, stdout); got != want || code != 0 {
		t.Errorf("tlsa: exit %d, expected\n%s\nhave\n%s", code, want, got)
	}
	if want := `certificate "anyone": a self-signed certificate has a new key at each start`; !strings.Contains(stderr, want) {
		t.Errorf("tlsa: expected %q in %q", want, stderr)
	}

	stdout, stderr, code = yushan(t, "svcb", "--config", config, "--name", "a.dns.台灣")
	if want, got := "_dns.a.dns.xn--kpry57d. 3600 IN SVCB 1 a.dns.xn--kpry57d. alpn=\"dot,doq\"\n", masterLines(t, stdout); got != want || code != 0 || stderr != "" {
		t.Errorf("svcb: exit %d and %q, expected\n%s\nhave\n%s", code, stderr, want, got)
	}

	if _, stderr, code := yushan(t, "svcb", "--config", config, "--name", "a..b"); code != cli.ExitUsage || !strings.Contains(stderr, `--name: "a..b" is not a name`) {
		t.Errorf("svcb with a bad name: exit %d and %q", code, stderr)
	}
	put(t, config, "listen: 127.0.0.1\n")
	for _, command := range []string{"tlsa", "svcb"} {
		if stdout, stderr, code := yushan(t, command, "--config", config); code != cli.ExitError || stdout != "" || !strings.Contains(stderr, "no encrypted listener") {
			t.Errorf("%s without encrypted listeners: exit %d, %q and %q", command, code, stdout, stderr)
		}
	}
}

// masterLines gives records one blank between their fields, and sees that they are
// records.
func masterLines(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(text) {
		if _, err := dns.NewRR(line); err != nil {
			t.Errorf("%q is no record: %v", line, err)
		}
		b.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return b.String()
}

func TestCheckCertificates(t *testing.T) {
	dir := t.TempDir()
	putCertificate(t, dir, "ns1.example.tw")
	config := filepath.Join(dir, "yushan.yaml")
	const certificate = "dot: {listen: 127.0.0.1}\ncertificates: [{name: main, certificate-file: cert.pem, key-file: key.pem}]\n"
	put(t, config, certificate+"tickets: {secret-file: secret}\n")
	putSecret(t, filepath.Join(dir, "secret"), strings.Repeat("0123456789abcdef", 4))
	if stdout, _, code := yushan(t, "check", "--config", config); code != cli.ExitOK || !strings.Contains(stdout, "yushan.yaml: good") {
		t.Errorf("good files: exit %d\n%s", code, stdout)
	}
	putSecret(t, filepath.Join(dir, "secret"), "too short")
	putSecret(t, filepath.Join(dir, "key.pem"), "not PEM")
	stdout, _, code := yushan(t, "check", "--config", config)
	for _, want := range []string{`yushan.yaml:2:16: certificates[0]: certificate "main": `, "key.pem", "yushan.yaml:3:11: tickets.secret-file: secret of session tickets: ", "too short for a secret"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("expected %q in\n%s", want, stdout)
		}
	}
	if code != cli.ExitError || strings.Contains(stdout, "good") {
		t.Errorf("bad files: exit %d\n%s", code, stdout)
	}
	put(t, config, certificate+"lisen: 127.0.0.1\n")
	stdout, _, code = yushan(t, "check", "--config", config)
	if code != cli.ExitError || !strings.Contains(stdout, "lisen: unknown key") || !strings.Contains(stdout, `certificate "main": `) {
		t.Errorf("a bad key and bad files: exit %d, expected 1 and both in\n%s", code, stdout)
	}
}
