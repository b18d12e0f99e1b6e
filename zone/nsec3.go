package zone

import (
	"bytes"
	"crypto/sha1"

	"yushan/zone/arena"
)

// Hash is the hash of an owner name: the name of an NSEC3 record.
type Hash [hashBytes]byte

// Denial3 is an NSEC3 RRset and the hash that its owner name is made of.
type Denial3 struct {
	Owner Hash
	RRset RRset
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

func (z *Zone) sealNSEC3() {
	if z.nsec3.Len() > 0 {
		z.apexNSEC3, z.apexProven = z.NSEC3(z.Hash(z.origin))
	}
}
