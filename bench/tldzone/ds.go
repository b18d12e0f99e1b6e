package tldzone

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/miekg/dns"
)

// digest is the data of a DS record. Nobody has a key that it is of.
type digest struct {
	tag       uint16
	algorithm uint8
	kind      uint8
	value     []byte
}

// digests returns the DS records of the i-th delegation: none for most, one, or two for those
// who change their key.
func (z *Zone) digests(i int) (all []digest) {
	d := newDraw(z.Seed, i, forDS)
	if d.share() >= z.SignedShare {
		return nil
	}
	for range 1 + max(0, d.below(20)-18) {
		one := digest{tag: uint16(d.next()), kind: dns.SHA256}
		switch n := d.below(20); {
		case n < 13:
			one.algorithm = dns.ECDSAP256SHA256
		case n < 19:
			one.algorithm = dns.RSASHA256
		default:
			one.algorithm = dns.ED25519
		}
		bytes := 32
		if d.below(50) == 0 {
			one.kind, bytes = dns.SHA384, 48
		}
		for len(one.value) < bytes {
			one.value = binary.BigEndian.AppendUint64(one.value, d.next())
		}
		all = append(all, one)
	}
	return all
}

// append appends the record.
func (g *digest) append(dst, owner []byte) []byte {
	dst = append(append(dst, owner...), " DS "...)
	dst = strconv.AppendUint(dst, uint64(g.tag), 10)
	dst = strconv.AppendUint(append(dst, ' '), uint64(g.algorithm), 10)
	dst = strconv.AppendUint(append(dst, ' '), uint64(g.kind), 10)
	return append(hex.AppendEncode(append(dst, ' '), g.value), '\n')
}
