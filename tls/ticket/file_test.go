package ticket

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// secretFile writes a file that only its owner reads.
func secretFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tickets.secret")
	write(t, path, content)
	return path
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func fromFileAt(t *testing.T, path string, c *clock) *Keys {
	t.Helper()
	k, err := fromFile(path, Options{Rotation: time.Hour, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestNodesWithOneFileResumeEachOthersSessions(t *testing.T) {
	binary := make([]byte, 32)
	rand.Read(binary)
	text := hex.EncodeToString(binary)
	for name, files := range map[string][2]string{
		"text":                           {text, text},
		"text, one with a final newline": {text, text + "\n"},
		"text, one from Windows":         {text + "\r\n", " " + text},
		"binary":                         {string(binary), string(binary)},
	} {
		a, err := FromFile(secretFile(t, []byte(files[0])), 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := FromFile(secretFile(t, []byte(files[1])), 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := client(tls.VersionTLS13)
		visit(t, c, node(t, a))
		if !visit(t, c, node(t, b)) {
			t.Errorf("%s: no resumption", name)
		}
		if a.QUICTokenKey() != b.QUICTokenKey() {
			t.Errorf("%s: different keys of tokens", name)
		}
	}
}

func TestBinarySecretsMayEndInWhiteSpace(t *testing.T) {
	binary := append(bytes.Repeat([]byte{0xff, 1, 2, 3, 4, 5, 6, 7}, 3), "\x80seven \n"...)
	if len(binary) != MinSecretBytes {
		t.Fatal(len(binary))
	}
	if _, err := FromFile(secretFile(t, binary), 0); err != nil {
		t.Error(err)
	}
}

func TestBadSecretFiles(t *testing.T) {
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":      {nil, "0 bytes are too short for a secret: expected at least 32, as by: openssl rand -hex 32"},
		"short":      {secret[:31], "31 bytes are too short"},
		"padded":     {append(bytes.Repeat([]byte(" "), 40), "changeme\n"...), "8 bytes are too short"},
		"zeros":      {make([]byte, 32), "these bytes are not random"},
		"repeated":   {bytes.Repeat([]byte("secret"), 10), "these bytes are not random"},
		"not secret": {bytes.Repeat([]byte("0123456789"), 500), "longer than 4096 bytes"},
	} {
		path := secretFile(t, test.content)
		_, err := FromFile(path, 0)
		if err == nil || !strings.HasPrefix(err.Error(), "secret of session tickets: "+path+": "+test.want) {
			t.Errorf("%s: %v, expected %q", name, err, test.want)
		}
	}

	path := secretFile(t, secret)
	for mode, want := range map[fs.FileMode]string{
		0o600: "", 0o400: "", 0o640: "", 0o440: "",
		0o644: "permissions 0644 are too open", 0o604: "permissions 0604 are too open",
		0o660: "permissions 0660 are too open", 0o602: "permissions 0602 are too open", 0o777: "chmod 640 " + path,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := FromFile(path, 0)
		if want == "" && err != nil {
			t.Errorf("%o: %v", mode, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%o: %v, expected %q", mode, err, want)
		}
	}

	if _, err := FromFile(path+"x", 0); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path+"x") {
		t.Errorf("missing: %v", err)
	}
	if _, err := FromFile(filepath.Dir(path), 0); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("a directory: %v", err)
	}
}

func TestReloadKeepsSessions(t *testing.T) {
	now := newClock()
	path := secretFile(t, secret)
	keys := fromFileAt(t, path, now)
	server := node(t, keys)
	var visitors [3]*tls.Config
	for i := range visitors {
		visitors[i] = client(tls.VersionTLS13)
		visit(t, visitors[i], server)
	}
	if changed, err := keys.Reload(); changed || err != nil {
		t.Errorf("nothing changed: %v, %v", changed, err)
	}
	before := keys.QUICTokenKey()

	write(t, path, []byte("short"))
	if changed, err := keys.Reload(); changed || err == nil || !strings.Contains(err.Error(), "too short") {
		t.Errorf("a bad file: %v, %v", changed, err)
	}
	if !visit(t, visitors[0], server) {
		t.Error("after a bad file: full handshake")
	}

	write(t, path, bytes.Repeat([]byte("new secret"), 4))
	if changed, err := keys.Reload(); !changed || err != nil {
		t.Fatalf("a new secret: %v, %v", changed, err)
	}
	sibling := node(t, fromFileAt(t, path, now))
	if visit(t, visitors[1], sibling) {
		t.Error("a node that has never known the old secret resumed")
	}
	now.add(2 * time.Hour)
	if !visit(t, visitors[0], server) {
		t.Error("a ticket of the old secret: full handshake")
	}
	if !visit(t, visitors[0], sibling) {
		t.Error("the ticket after it was not made with the new secret")
	}
	if keys.QUICTokenKey() == before {
		t.Error("the key of tokens is still the old secret's")
	}
	late := node(t, New(Options{Secret: secret, Rotation: time.Hour, Now: now.Now}))
	from := func() (c *tls.Config) { // a client that comes from there
		c = client(tls.VersionTLS13)
		visit(t, c, late)
		return c
	}
	if !visit(t, from(), server) {
		t.Error("a ticket of a node that has the old secret for now: full handshake")
	}
	now.add(time.Hour)
	if visit(t, visitors[2], server) {
		t.Error("three periods later: a ticket of the old secret is good")
	}
	if visit(t, from(), server) {
		t.Error("three periods later: the old secret is not forgotten")
	}
	if changed, err := New(Options{}).Reload(); changed || err != nil {
		t.Errorf("without a file: %v, %v", changed, err)
	}
}

func TestMessagesDoNotShowSecrets(t *testing.T) {
	const word = "Xq7password"
	_, err := FromFile(secretFile(t, []byte(word)), 0)
	if err == nil || strings.Contains(err.Error(), word) {
		t.Errorf("error: %v", err)
	}
}
