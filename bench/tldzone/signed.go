package tldzone

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/miekg/dns"

	"yushan/zone/sign"
)

// Signing says how a zone is signed. The zero value is what registries do: NSEC3 with
// opt-out.
type Signing struct {
	Denial Denial
	// Keys sign the zone; none: those of [Zone.Keys].
	Keys []*sign.Key
	// Inception and Expiration bound the validity of the signatures. Zero times stand for
	// the years 2025 to 2037, so that the file stays the same and of use.
	Inception, Expiration time.Time
	// Progress, unless nil, is told how many owner names of all that need it are signed.
	Progress func(done, total int)
}

// Denial is how a signed zone proves that names don't exist.
type Denial int

const (
	OptOut Denial = iota // NSEC3, without the delegations that have no DS records (RFC 5155 §6)
	NSEC3                // NSEC3 for all names
	NSEC                 // RFC 4034 §4
)

// What zero times stand for. After January 2038, time is negative in ldns 1.8.
var (
	inception  = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	expiration = time.Date(2038, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Keys returns a key-signing and a zone-signing key (ECDSA P-256) that follow from
// the seed: good for tests only.
func (z Zone) Keys() ([]*sign.Key, error) {
	z, err := z.complete()
	if err != nil {
		return nil, err
	}
	var keys []*sign.Key
	for _, flags := range []uint16{dns.ZONE | dns.SEP, dns.ZONE} {
		key, err := z.key(flags)
		if err != nil {
			return nil, fmt.Errorf("key of the synthetic zone: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (z Zone) key(flags uint16) (*sign.Key, error) {
	for try := uint64(0); ; try++ {
		seed := binary.BigEndian.AppendUint64([]byte("yushan synthetic zone "+z.Origin), z.Seed)
		seed = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(seed, flags), try)
		secret := sha256.Sum256(seed)
		private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret[:])
		if err != nil { // the one number of 2³² that is none of the curve
			continue
		}
		point, err := private.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		rr := &dns.DNSKEY{
			Hdr:       dns.RR_Header{Name: z.Origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET},
			Flags:     flags,
			Protocol:  3,
			Algorithm: dns.ECDSAP256SHA256,
			PublicKey: base64.StdEncoding.EncodeToString(point[1:]), // RFC 6605 §4: without the byte that says "uncompressed"
		}
		if rr.KeyTag() != 0 { // which miekg/dns takes for a missing one
			return &sign.Key{RR: rr, Private: private}, nil
		}
	}
}

// repeatable signs as its signer does, but for ECDSA without randomness (RFC 6979).
type repeatable struct{ crypto.Signer }

func (r repeatable) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if key, ok := r.Signer.(*ecdsa.PrivateKey); ok {
		return key.Sign(nil, digest, opts)
	}
	return r.Signer.Sign(random, digest, opts)
}

// WriteSigned writes the zone as [Zone.Write] does, and behind that what signing adds: DNSKEY,
// NSEC or NSEC3, RRSIG. With opt-out it holds some 500 bytes in memory for each delegation with
// DS records, else for each delegation. The error of an ended context is that of the context.
func (z Zone) WriteSigned(ctx context.Context, w io.Writer, s Signing) error {
	opts, err := z.signOptions(s)
	if err != nil {
		return err
	}
	z, err = z.complete()
	if err != nil {
		return err
	}
	records, err := z.own()
	if err != nil {
		return err
	}
	// With opt-out, delegations without DS have no part in what a signer makes.
	signable := func(secure bool) bool { return secure || s.Denial != OptOut }
	err = z.write(ctx, w, signable, func(c *chunk) { records = append(records, c.signable...) })
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<18)
	for rr, err := range sign.Stream(ctx, z.Origin, records, opts) {
		if err != nil {
			return err
		}
		switch rr.(type) {
		case *dns.RRSIG, *dns.NSEC, *dns.NSEC3, *dns.NSEC3PARAM, *dns.DNSKEY:
			out.WriteString(rr.String()) // an error stays in out
			out.WriteByte('\n')
		}
	}
	return out.Flush()
}

func (z Zone) signOptions(s Signing) (sign.Options, error) {
	opts := sign.Options{Denial: sign.NSEC3, Inception: s.Inception, Expiration: s.Expiration, Progress: s.Progress}
	switch s.Denial {
	case OptOut:
		opts.OptOut = true
	case NSEC3:
	case NSEC:
		opts.Denial = sign.NSEC
	default:
		return opts, fmt.Errorf("sign a synthetic zone: no denial of number %d", s.Denial)
	}
	if opts.Inception.IsZero() {
		opts.Inception = inception
	}
	if opts.Expiration.IsZero() {
		opts.Expiration = expiration
	}
	keys := s.Keys
	if len(keys) == 0 {
		var err error
		if keys, err = z.Keys(); err != nil {
			return opts, err
		}
	}
	for _, key := range keys {
		opts.Keys = append(opts.Keys, &sign.Key{RR: key.RR, Private: repeatable{key.Private}})
	}
	return opts, nil
}

// own returns the records of the header.
func (z *Zone) own() (records []dns.RR, err error) {
	parser := dns.NewZoneParser(strings.NewReader(z.header()), "", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records = append(records, rr)
	}
	return records, parser.Err()
}

// appendSignable appends records of a delegation. Its name servers are not signed: one that
// stands for all tells that there is a delegation.
func (z *Zone) appendSignable(dst []dns.RR, owner string, digests []digest) []dns.RR {
	owner += "."
	if z.Origin != "." {
		owner += z.Origin
	}
	header := func(rrtype uint16) dns.RR_Header {
		return dns.RR_Header{Name: owner, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
	}
	dst = append(dst, &dns.NS{Hdr: header(dns.TypeNS), Ns: "."})
	for _, g := range digests {
		dst = append(dst, &dns.DS{Hdr: header(dns.TypeDS), KeyTag: g.tag, Algorithm: g.algorithm,
			DigestType: g.kind, Digest: hex.EncodeToString(g.value)})
	}
	return dst
}
