package zone

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"

	"yushan/zone/arena"
)

const hashBytes = 20 // SHA-1, the only algorithm there is (RFC 5155 §11)

// base32Hex is the encoding of RFC 4648 §7 in the lower case of owner names.
var base32Hex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// Hash is the hash of an owner name: the name of an NSEC3 record.
type Hash [hashBytes]byte

// Denial3 is an NSEC3 RRset and the hash that its owner name is made of.
type Denial3 struct {
	Owner Hash
	RRset RRset
}

// AppendOwner appends the owner name of the NSEC3 record, below the given apex,
// to dst (RFC 5155 §3).
func (d *Denial3) AppendOwner(dst, apex []byte) []byte {
	dst = append(dst, hashBytes*8/5)
	return append(base32Hex.AppendEncode(dst, d.Owner[:]), apex...)
}

// Hash returns the hash of name, which is in wire format and lower case, with
// the parameters of the zone (RFC 5155 §5). With the parameters that RFC 9276
// wants it is one SHA-1, which costs less than a cache miss; so no cut keeps
// the place of its proof, and nothing has to be renumbered when the chain changes.
func (z *Zone) Hash(name []byte) Hash {
	var buf [512]byte
	h := Hash(sha1.Sum(append(append(buf[:0], name...), z.salt...)))
	for range z.iterations {
		h = sha1.Sum(append(append(buf[:0], h[:]...), z.salt...))
	}
	return h
}

// NSEC3 returns the NSEC3 record at hash, or else the one that covers it: the
// last before it, and the last of all for a hash before the first.
func (z *Zone) NSEC3(hash Hash) (d Denial3, matches bool) {
	owner, value, ok := z.nsec3.Floor(hash[:], d.Owner[:0])
	if !ok {
		owner, value, ok = z.nsec3.Last(d.Owner[:0])
	}
	if !ok {
		return d, false
	}
	matches = bytes.Equal(owner, hash[:])
	copy(d.Owner[:], owner)
	d.RRset = RRset{z.data.At(arena.Offset(value))}
	return d, matches
}

// ApexNSEC3 is the NSEC3 record that matches the apex, the closest encloser of
// nearly every name that does not exist in a registry's zone; false if the
// chain lacks it.
func (z *Zone) ApexNSEC3() (Denial3, bool) { return z.apexNSEC3, z.apexProven }

// ApexWildcardNSEC3 is the NSEC3 record that covers, or matches, the wildcard
// below the apex: the other half of what denies such a name (RFC 5155 §7.2.2).
func (z *Zone) ApexWildcardNSEC3() Denial3 { return z.apexWildcard3 }

func (z *Zone) sealNSEC3() {
	if z.nsec3.Len() == 0 {
		return
	}
	z.apexNSEC3, z.apexProven = z.NSEC3(z.Hash(z.origin))
	z.apexWildcard3, _ = z.NSEC3(z.Hash(append([]byte("\x01*"), z.origin...)))
}

// hashOfKey returns the hash that makes up the owner name of an NSEC3 record.
func hashOfKey(key []byte) (hash []byte, ok bool) {
	const label = hashBytes * 8 / 5
	if len(key) != label+1 || bytes.IndexByte(key, 0) != label {
		return nil, false
	}
	hash = make([]byte, hashBytes)
	n, err := base32Hex.Decode(hash, key[:label])
	return hash, err == nil && n == hashBytes
}

// nsec3Fields are the fields of an NSEC3 record that make the chain (RFC 5155 §3.2).
type nsec3Fields struct {
	optOut     bool
	iterations uint16
	salt, next []byte
}

// parseNSEC3 returns false if the record is not of the only hash algorithm.
func parseNSEC3(p []byte) (f nsec3Fields, ok bool) {
	if len(p) < 6 || p[0] != 1 {
		return f, false
	}
	salt := 5 + int(p[4])
	if len(p) <= salt || len(p) < salt+1+int(p[salt]) {
		return f, false
	}
	return nsec3Fields{p[1]&1 == 1, binary.BigEndian.Uint16(p[2:]), p[5:salt], p[salt+1 : salt+1+int(p[salt])]}, true
}
