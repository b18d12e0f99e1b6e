package transfer

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"os"
	"regexp"
	"strings"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// Key is a TSIG key. Its secret appears in no text and no error.
type Key struct {
	name      string // canonical, with the final dot
	algorithm string // likewise: "hmac-sha256."
	secret    []byte
}

var algorithms = map[string]func() hash.Hash{
	dns.HmacSHA1:   sha1.New,
	dns.HmacSHA224: sha256.New224,
	dns.HmacSHA256: sha256.New,
	dns.HmacSHA384: sha512.New384,
	dns.HmacSHA512: sha512.New,
}

// NewKey makes a key from its name, the algorithm ("hmac-sha256"; "" means that one) and the
// secret in base64.
func NewKey(name, algorithm, secret string) (*Key, error) {
	wire, err := dname.ParseFQDN(name)
	if err != nil {
		return nil, fmt.Errorf("TSIG key %q: its name: %w", name, err)
	}
	dname.Lower(wire)
	if algorithm == "" {
		algorithm = "hmac-sha256"
	}
	k := &Key{name: dname.String(wire), algorithm: dns.CanonicalName(algorithm)}
	if algorithms[k.algorithm] == nil {
		return nil, fmt.Errorf("TSIG key %s: algorithm %q: expected hmac-sha1, -sha224, -sha256, -sha384 or -sha512", k.name, algorithm)
	}
	// The error would quote the secret.
	if k.secret, err = base64.StdEncoding.DecodeString(secret); err != nil || len(k.secret) == 0 {
		return nil, fmt.Errorf("TSIG key %s: its secret is not in base64", k.name)
	}
	return k, nil
}

// ParseKey reads a key as dig -y does: [algorithm:]name:secret.
func ParseKey(text string) (*Key, error) {
	parts := strings.Split(strings.TrimSpace(text), ":")
	switch len(parts) {
	case 2:
		return NewKey(parts[0], "", parts[1])
	case 3:
		return NewKey(parts[1], parts[0], parts[2])
	}
	return nil, errors.New("TSIG key: expected [algorithm:]name:secret")
}

// clause is a key in configuration files of BIND, as tsig-keygen writes it.
var clause = regexp.MustCompile(`^\s*key\s+"?([^"\s{]+)"?\s*\{\s*algorithm\s+"?([^"\s;]+)"?\s*;\s*secret\s+"?([^"\s;]+)"?\s*;\s*\}\s*;?\s*$`)

// ReadKey reads a key from a file, so that the secret is not on a command line: as [ParseKey]
// has it, or as tsig-keygen writes it.
func ReadKey(path string) (*Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("TSIG key: %w", err)
	}
	var k *Key
	if m := clause.FindSubmatch(text); m != nil {
		k, err = NewKey(string(m[1]), string(m[2]), string(m[3]))
	} else {
		k, err = ParseKey(string(text))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// String is the key's name and algorithm.
func (k *Key) String() string {
	return fmt.Sprintf("%s (%s)", k.name, strings.TrimSuffix(k.algorithm, "."))
}

// Format keeps the secret out of what any verb prints.
func (k *Key) Format(f fmt.State, verb rune) { fmt.Fprint(f, k.String()) }
