package tlsa

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// Selector is the part of a certificate that a record is about (RFC 6698 §2.1.2).
type Selector uint8

// Selectors.
const (
	Cert Selector = 0
	SPKI Selector = 1
)

// String is the selector's acronym (RFC 7218 §2.2).
func (s Selector) String() string {
	switch s {
	case Cert:
		return "Cert"
	case SPKI:
		return "SPKI"
	}
	return fmt.Sprintf("selector %d", uint8(s))
}

// Matching is how a record presents that part (RFC 6698 §2.1.3).
type Matching uint8

// Matching types.
const (
	Full   Matching = 0
	SHA256 Matching = 1
	SHA512 Matching = 2
)

// String is the matching type's acronym (RFC 7218 §2.3).
func (m Matching) String() string {
	switch m {
	case Full:
		return "Full"
	case SHA256:
		return "SHA2-256"
	case SHA512:
		return "SHA2-512"
	}
	return fmt.Sprintf("matching type %d", uint8(m))
}

// daneEE is the only usage here: the server's own certificate or key, by no CA
// (RFC 6698 §2.1.1, usage 3).
const daneEE = 3

// Transport is the second label of a TLSA record's owner.
type Transport string

// Transports. See the package's description for [QUIC].
const (
	TCP  Transport = "tcp"
	UDP  Transport = "udp"
	QUIC Transport = "quic"
)

// Owner is the name of the TLSA records of a service (RFC 6698 §3), absolute, in
// A-labels and lower case. host may be in U-labels, and without final dot.
func Owner(port uint16, transport Transport, host string) (string, error) {
	wire, err := dname.ParseFQDN(host)
	switch {
	case err != nil:
		return "", fmt.Errorf("host %q: %w", host, err)
	case len(wire) == 1:
		return "", errors.New("the root is not a host")
	case port == 0:
		return "", errors.New("port 0: expected 1 to 65535")
	}
	owner := fmt.Sprintf("_%d._%s.%s", port, transport, dname.String(dname.AppendLower(nil, wire)))
	if _, err := dname.ParseFQDN(owner); err != nil {
		return "", fmt.Errorf("owner %q: %w", owner, err)
	}
	return owner, nil
}

// Records returns an RRset that is true for each of keys, the current one first:
// DANE-EE SPKI SHA2-256. Equal keys give one record, nil ones none, so that the next
// key of a source without one may be passed as it is.
func Records(owner string, ttlSeconds uint32, keys ...crypto.PublicKey) ([]*dns.TLSA, error) {
	var out []*dns.TLSA
	for _, key := range keys {
		if key == nil {
			continue
		}
		spki, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, err
		}
		rr := record(owner, ttlSeconds, SPKI, SHA256, spki)
		if !contains(out, rr) {
			out = append(out, rr)
		}
	}
	return out, nil
}

func contains(set []*dns.TLSA, rr *dns.TLSA) bool {
	for _, have := range set {
		if have.Certificate == rr.Certificate {
			return true
		}
	}
	return false
}

// Record returns a DANE-EE record of a certificate, with selector and matching type of choice.
func Record(owner string, ttlSeconds uint32, leaf *x509.Certificate, selector Selector, matching Matching) (*dns.TLSA, error) {
	var data []byte
	switch selector {
	case Cert:
		data = leaf.Raw
	case SPKI:
		data = leaf.RawSubjectPublicKeyInfo
	default:
		return nil, fmt.Errorf("%v: expected 0 (Cert) or 1 (SPKI)", selector)
	}
	if matching > SHA512 {
		return nil, fmt.Errorf("%v: expected 0 (Full), 1 (SHA2-256) or 2 (SHA2-512)", matching)
	}
	return record(owner, ttlSeconds, selector, matching, data), nil
}

func record(owner string, ttlSeconds uint32, selector Selector, matching Matching, data []byte) *dns.TLSA {
	switch matching {
	case SHA256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case SHA512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return &dns.TLSA{
		Hdr:   dns.RR_Header{Name: owner, Rrtype: dns.TypeTLSA, Class: dns.ClassINET, Ttl: ttlSeconds},
		Usage: daneEE, Selector: uint8(selector), MatchingType: uint8(matching),
		Certificate: hex.EncodeToString(data),
	}
}

// Pin is the key's SPKI fingerprint (RFC 7469 §2.4): SHA-256 in base64, as kdig's
// +tls-pin and, after "sha256//", curl's --pinnedpubkey take it.
func Pin(key crypto.PublicKey) (string, error) {
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(spki)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}
