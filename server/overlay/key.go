package overlay

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// Key is a secret that nodes share to sign updates (RFC 8945).
type Key struct {
	Name      string // a domain name; both sides must call the key the same
	Algorithm string // "hmac-sha256", "hmac-sha384" or "hmac-sha512"; "" means the first
	Secret    string // in base64, 16 bytes at least; 32 are better
}

// minSecretBytes is the least that a secret may have: fewer bits than that can
// be guessed.
const minSecretBytes = 16

// algorithms are the MACs that can be used, and their sizes in bytes. SHA-1 and
// MD5 are left out on purpose (RFC 8945 §6).
var algorithms = map[string]int{
	dns.HmacSHA256: 32,
	dns.HmacSHA384: 48,
	dns.HmacSHA512: 64,
}

// check returns the key with its names as TSIG records have them: lower case,
// with the final dot. Errors never tell the secret.
func (k Key) check() (Key, error) {
	name, err := dname.ParseFQDN(k.Name)
	if err != nil {
		return k, fmt.Errorf("TSIG key %q: %w", k.Name, err)
	}
	if k.Algorithm == "" {
		k.Algorithm = dns.HmacSHA256
	}
	algorithm := dns.CanonicalName(k.Algorithm)
	if algorithms[algorithm] == 0 {
		return k, fmt.Errorf("TSIG key %q: algorithm %q is not one of hmac-sha256, hmac-sha384, hmac-sha512", k.Name, k.Algorithm)
	}
	secret, err := base64.StdEncoding.DecodeString(k.Secret)
	if err != nil {
		return k, fmt.Errorf("TSIG key %q: the secret is not in base64", k.Name)
	}
	if len(secret) < minSecretBytes {
		return k, fmt.Errorf("TSIG key %q: the secret has %d bytes, and needs %d at least", k.Name, len(secret), minSecretBytes)
	}
	return Key{Name: strings.ToLower(dname.String(name)), Algorithm: algorithm, Secret: k.Secret}, nil
}

func keysByName(keys []Key) (map[string]Key, error) {
	byName := map[string]Key{}
	for _, k := range keys {
		k, err := k.check()
		if err != nil {
			return nil, err
		}
		if _, there := byName[k.Name]; there {
			return nil, fmt.Errorf("TSIG key %q is there twice", k.Name)
		}
		byName[k.Name] = k
	}
	return byName, nil
}
