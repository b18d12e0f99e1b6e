package cert

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const (
	certificateType = "CERTIFICATE"
	publicKeyType   = "PUBLIC KEY"
	encryptedType   = "ENCRYPTED PRIVATE KEY"

	// maxFileBytes is more than any chain needs.
	maxFileBytes = 1 << 20

	othersRead fs.FileMode = 0o004
)

// readFile reads a whole file, and tells its mode.
func readFile(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path) // before opening: a pipe would block
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, 0, err
	}
	if len(content) > maxFileBytes {
		return nil, 0, fmt.Errorf("%s: longer than %d bytes: this is not a certificate or key", path, maxFileBytes)
	}
	return content, info.Mode(), nil
}

// isPrivateKey tells PKCS #8, PKCS #1 and SEC 1 by the words of their PEM header.
func isPrivateKey(blockType string) bool { return strings.HasSuffix(blockType, "PRIVATE KEY") }

func holdsPrivateKey(content []byte) bool {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if isPrivateKey(block.Type) {
			return true
		}
	}
	return false
}

// describe names what a PEM file holds, for messages about a file that should hold
// something else.
func describe(content []byte) string {
	var types []string
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if !slices.Contains(types, block.Type) {
			types = append(types, block.Type)
		}
	}
	switch {
	case len(types) > 0:
		return "it holds " + strings.Join(types, ", ")
	case len(bytes.TrimSpace(content)) == 0:
		return "it is empty"
	case content[0] == 0x30: // an ASN.1 SEQUENCE
		return "it looks like DER: convert it with openssl"
	case bytes.Contains(content, []byte("-----BEGIN")):
		return "it has a damaged or cut off PEM block"
	}
	return "it is not PEM"
}

// parseChain reads all certificates of a file.
func parseChain(content []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != certificateType {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the file: %w", len(chain)+1, err)
		}
		chain = append(chain, c)
	}
	// pem.Decode skips what it can't read, so a damaged block would be missing silently.
	if n := bytes.Count(content, []byte("-----BEGIN "+certificateType+"-----")); n > len(chain) && len(chain) > 0 {
		return nil, fmt.Errorf("%d of %d certificates are damaged or cut off", n-len(chain), n)
	}
	if len(chain) == 0 {
		err := errors.New("no certificate found, " + describe(content))
		if holdsPrivateKey(content) {
			err = fmt.Errorf("%w: are certificate and key swapped?", err)
		}
		return nil, err
	}
	return chain, nil
}

// parsePrivateKey reads the first private key of a file.
func parsePrivateKey(content []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if !isPrivateKey(block.Type) {
			continue
		}
		if block.Type == encryptedType || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, errors.New("the private key is encrypted, and nobody is there to type the passphrase: store it without one, as by: openssl pkey -in KEY -out PLAIN")
		}
		return decodePrivateKey(block.Type, block.Bytes)
	}
	err := errors.New("no private key found, " + describe(content))
	if bytes.Contains(content, []byte("-----BEGIN "+certificateType+"-----")) {
		err = fmt.Errorf("%w: are certificate and key swapped?", err)
	}
	return nil, err
}

func decodePrivateKey(blockType string, der []byte) (crypto.Signer, error) {
	var key any
	var err error
	switch blockType {
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	default:
		return nil, fmt.Errorf("a private key of the form %q cannot be used: convert it as by: openssl pkey -in KEY -out NEW", blockType)
	}
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return signer, usable(signer.Public())
}

// parsePublicKey reads the public half of a file's key, which may be all that it has.
func parsePublicKey(content []byte) (crypto.PublicKey, error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != publicKeyType {
			continue
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("public key: %w", err)
		}
		return key, usable(key)
	}
	signer, err := parsePrivateKey(content)
	if err != nil {
		return nil, err
	}
	return signer.Public(), nil
}

// minRSABits is what crypto/tls still signs with; [pair.parse] warns long before.
const minRSABits = 1024

// usable reports a key that TLS cannot sign with.
func usable(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return fmt.Errorf("the key is on the curve %s: expected P-256, P-384 or P-521", key.Params().Name)
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return fmt.Errorf("the RSA key has %d bits: expected at least 2048, or better ECDSA P-256", bits)
		}
		return nil
	case ed25519.PublicKey:
		return nil
	}
	return fmt.Errorf("keys of type %T do not work in TLS: expected ECDSA P-256 or RSA", key)
}

func equalKeys(a, b crypto.PublicKey) bool {
	eq, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && eq.Equal(b)
}
