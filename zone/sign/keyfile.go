package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// Key files are BIND's: K<origin>+<algorithm>+<key tag>.key holds the DNSKEY
// record in presentation form, the file that ends in .private the private key.

// FileName returns the name of the key's two files without their ending.
func (k *Key) FileName() string {
	owner, err := dname.ParseFQDN(k.RR.Hdr.Name)
	if err != nil {
		owner = dname.Root
	}
	dname.Lower(owner)
	var b strings.Builder
	b.WriteByte('K')
	for _, c := range []byte(dname.String(owner)) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default: // such as the slash of RFC 2317 names
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	fmt.Fprintf(&b, "+%03d+%05d", k.RR.Algorithm, k.RR.KeyTag())
	return b.String()
}

// Write stores the key in dir, which is made if need be, and returns the path of its two files without
// their ending. Only the owner may read the private one. Files that are there
// already are left alone, and are an error: another key may have the same tag.
func (k *Key) Write(dir string) (path string, err error) {
	path = filepath.Join(dir, k.FileName())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("write key: %w", err)
	}
	private := k.RR.PrivateKeyString(k.Private)
	if private == "" {
		return "", fmt.Errorf("write key %s: a %T cannot be exported", path, k.Private)
	}
	now := time.Now().UTC().Format("20060102150405")
	for _, field := range []string{"Created", "Publish", "Activate"} {
		private += field + ": " + now + "\n"
	}
	if err := writeNew(path+".private", private, 0o600); err != nil {
		return "", fmt.Errorf("write key: %w", err)
	}
	role := "zone-signing"
	if k.IsKSK() {
		role = "key-signing"
	}
	public := fmt.Sprintf("; This is a %s key, keyid %d, for %s\n%s IN DNSKEY %d %d %d %s\n",
		role, k.RR.KeyTag(), k.RR.Hdr.Name,
		k.RR.Hdr.Name, k.RR.Flags, k.RR.Protocol, k.RR.Algorithm, k.RR.PublicKey)
	if err := writeNew(path+".key", public, 0o644); err != nil {
		os.Remove(path + ".private")
		return "", fmt.Errorf("write key: %w", err)
	}
	return path, nil
}

func writeNew(path, text string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err = f.WriteString(text); err == nil {
		err = f.Sync()
	}
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}

// ReadKey reads a key from its two files. path may end in .key, in .private,
// or in neither.
func ReadKey(path string) (*Key, error) {
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".key"), ".private")
	public, err := os.ReadFile(path + ".key")
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	private, err := os.ReadFile(path + ".private")
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, err := parseKey(public, private)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	return key, nil
}

func parseKey(public, private []byte) (*Key, error) {
	parser := dns.NewZoneParser(bytes.NewReader(public), ".", "")
	parser.SetDefaultTTL(0)
	var rr *dns.DNSKEY
	for next, ok := parser.Next(); ok; next, ok = parser.Next() {
		key, isKey := next.(*dns.DNSKEY)
		if !isKey || rr != nil {
			return nil, errors.New("expected one DNSKEY record and nothing else in the .key file")
		}
		rr = key
	}
	if err := parser.Err(); err != nil {
		return nil, err
	}
	if rr == nil {
		return nil, errors.New("no DNSKEY record in the .key file")
	}
	secret, err := rr.ReadPrivateKey(bytes.NewReader(private), "")
	if err != nil {
		return nil, fmt.Errorf(".private file: %w", err)
	}
	signer, err := usable(secret)
	if err != nil {
		return nil, fmt.Errorf(".private file: %w", err)
	}
	key := &Key{RR: rr, Private: signer}
	if err := key.checkPair(); err != nil {
		return nil, err
	}
	return key, nil
}

var errIncomplete = errors.New("the key is incomplete")

// usable checks a private key as miekg/dns read it, with whatever fields the file
// happened to have, and makes it complete.
func usable(secret crypto.PrivateKey) (crypto.Signer, error) {
	switch key := secret.(type) {
	case *rsa.PrivateKey:
		if key.D == nil || key.Primes[0] == nil || key.Primes[1] == nil {
			return nil, errIncomplete
		}
		if err := key.Validate(); err != nil {
			return nil, err
		}
		key.Precompute() // once, not for each signature
		return key, nil
	case *ecdsa.PrivateKey:
		raw, err := key.Bytes()
		if err != nil {
			return nil, err
		}
		return ecdsa.ParseRawPrivateKey(key.Curve, raw)
	case ed25519.PrivateKey:
		if len(key) != ed25519.PrivateKeySize {
			return nil, errIncomplete
		}
		return key, nil
	}
	return nil, fmt.Errorf("cannot sign with a %T", secret)
}
