package sign

import (
	"crypto"
	_ "crypto/sha256" // the hashes that the algorithms name
	_ "crypto/sha512"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// Key is a DNSKEY record and the private key that belongs to it. Private may
// be any crypto.Signer, so also one that asks a hardware module.
type Key struct {
	RR      *dns.DNSKEY
	Private crypto.Signer
}

// algorithms lists what [GenerateKey] makes: the size of a new key in bits, and
// the hash that is signed (0: the algorithm hashes the message itself). They are
// those that RFC 8624 §3.1 does not warn a signer of.
var algorithms = map[uint8]struct {
	bits int
	hash crypto.Hash
}{
	dns.RSASHA256:       {2048, crypto.SHA256},
	dns.RSASHA512:       {2048, crypto.SHA512},
	dns.ECDSAP256SHA256: {256, crypto.SHA256},
	dns.ECDSAP384SHA384: {384, crypto.SHA384},
	dns.ED25519:         {256, 0},
}

// GenerateKey makes a new key for the zone origin, which may be written with
// U-labels. ksk sets the SEP flag (RFC 4034 §2.1.1); a key that is to
// sign the zone alone usually has it.
func GenerateKey(origin string, algorithm uint8, ksk bool) (*Key, error) {
	params, ok := algorithms[algorithm]
	if !ok {
		return nil, fmt.Errorf("generate key: %w", unsupported(algorithm))
	}
	name, err := dname.ParseFQDN(origin)
	if err != nil {
		return nil, fmt.Errorf("generate key for %q: %w", origin, err)
	}
	dname.Lower(name)
	rr := &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: dname.String(name), Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET},
		Flags:     dns.ZONE,
		Protocol:  3, // the only value there is (RFC 4034 §2.1.2)
		Algorithm: algorithm,
	}
	if ksk {
		rr.Flags |= dns.SEP
	}
	for {
		private, err := rr.Generate(params.bits)
		if err != nil {
			return nil, fmt.Errorf("generate key for %q: %w", origin, err)
		}
		// miekg/dns takes the key tag 0 for a missing one.
		if rr.KeyTag() != 0 {
			return &Key{RR: rr, Private: private.(crypto.Signer)}, nil
		}
	}
}

// IsKSK tells whether the key has the SEP flag.
func (k *Key) IsKSK() bool {
	return k.RR.Flags&dns.SEP != 0
}

// DS returns the record that the parent zone publishes for this key, with a
// SHA-256 digest (RFC 4509).
func (k *Key) DS() *dns.DS {
	return k.RR.ToDS(dns.SHA256)
}

// check makes sure that the key can sign the zone origin and that its two
// halves belong together.
func (k *Key) check(origin []byte) error {
	if k == nil || k.RR == nil || k.Private == nil {
		return errors.New("incomplete key")
	}
	if _, ok := algorithms[k.RR.Algorithm]; !ok {
		return unsupported(k.RR.Algorithm)
	}
	owner, err := dname.ParseFQDN(k.RR.Hdr.Name)
	if err != nil || !dname.Equal(owner, origin) {
		return fmt.Errorf("it belongs to %s, not to %s", k.RR.Hdr.Name, dname.Display(origin))
	}
	if k.RR.Flags&dns.ZONE == 0 || k.RR.Flags&dns.REVOKE != 0 || k.RR.Protocol != 3 {
		return fmt.Errorf("flags %d, protocol %d: not a zone key in use (RFC 4034 §2.1, RFC 5011 §2.1)", k.RR.Flags, k.RR.Protocol)
	}
	return k.checkPair()
}

// checkPair signs something and verifies it: the one test that works for every
// crypto.Signer.
func (k *Key) checkPair() error {
	rr := *k.RR
	rr.Hdr.Rrtype, rr.Hdr.Class = dns.TypeDNSKEY, dns.ClassINET
	now := time.Now()
	sig := &dns.RRSIG{
		Algorithm:  rr.Algorithm,
		KeyTag:     rr.KeyTag(),
		SignerName: rr.Hdr.Name,
		Inception:  uint32(now.Unix()),
		Expiration: uint32(now.Add(time.Hour).Unix()),
	}
	set := []dns.RR{&rr}
	if err := sig.Sign(k.Private, set); err != nil {
		return fmt.Errorf("trial signature: %w", err)
	}
	if err := sig.Verify(&rr, set); err != nil {
		return errors.New("the private key does not belong to the public key")
	}
	return nil
}

func unsupported(algorithm uint8) error {
	if name := dns.AlgorithmToString[algorithm]; name != "" {
		return fmt.Errorf("cannot sign with algorithm %d (%s)", algorithm, name)
	}
	return fmt.Errorf("cannot sign with algorithm %d", algorithm)
}
