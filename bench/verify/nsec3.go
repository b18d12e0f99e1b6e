package verify

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"

	"yushan/zone/dname"
)

// hashBytes is the length of a hash: SHA-1 is the only algorithm (RFC 5155 §11).
const hashBytes = sha1.Size

var base32Hex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// hashLabel is the length of a hash as a label.
const hashLabel = hashBytes * 8 / 5

// decodeHash reads the first label of the owner of an NSEC3 record.
func decodeHash(hash *[hashBytes]byte, owner []byte) bool {
	if owner[0] != hashLabel {
		return false
	}
	n, err := base32Hex.Decode(hash[:], owner[1:1+hashLabel])
	return err == nil && n == hashBytes
}

// hashOf hashes a name, which is in lower case, with the parameters that stand at the
// beginning of an NSEC3 or NSEC3PARAM record (RFC 5155 §5).
func hashOf(name, rdata []byte) (hash [hashBytes]byte, ok bool) {
	if len(rdata) < 5 || rdata[0] != 1 || len(rdata) < 5+int(rdata[4]) {
		return hash, false
	}
	iterations, salt := int(rdata[2])<<8|int(rdata[3]), rdata[5:5+int(rdata[4])]
	var buf [dname.MaxWire + 255]byte
	hash = sha1.Sum(append(append(buf[:0], name...), salt...))
	for range iterations {
		hash = sha1.Sum(append(append(buf[:0], hash[:]...), salt...))
	}
	return hash, true
}

// nextHash returns the hash that a record leads to.
func nextHash(rdata []byte) []byte {
	if len(rdata) < 5 || len(rdata) < 6+int(rdata[4]) {
		return nil
	}
	rest := rdata[5+int(rdata[4]):]
	if len(rest) < 1+int(rest[0]) {
		return nil
	}
	return rest[1 : 1+int(rest[0])]
}

func bitmapOfNSEC3(rdata []byte) []byte {
	return rdata[6+int(rdata[4])+len(nextHash(rdata)):]
}

func optOut(rdata []byte) bool { return rdata[1]&1 != 0 }

// nsec3Covers tells whether a hash lies in the gap of a record. The last record leads
// to the first.
func nsec3Covers(d *denial, rdata []byte, hash [hashBytes]byte) bool {
	next := nextHash(rdata)
	if len(next) != hashBytes {
		return false
	}
	after, before := bytes.Compare(d.hash[:], hash[:]) < 0, bytes.Compare(hash[:], next) < 0
	if bytes.Compare(d.hash[:], next) < 0 {
		return after && before
	}
	return (after || before) && hash != d.hash
}

// find returns the NSEC3 record that matches the hash of a name, or covers it.
func (j *judge) nsec3(z *zone, name []byte, fits func(*denial, []byte, [hashBytes]byte) bool) *denial {
	var hash [hashBytes]byte
	var params []byte // that hash was made with
	for i := range j.proofs {
		d := &j.proofs[i]
		if d.zone != z || j.m.sets[d.set].rrtype != typeNSEC3 {
			continue
		}
		rdata := j.rdataOf(d)
		if params == nil || !bytes.Equal(params[2:5+int(params[4])], rdata[2:5+int(rdata[4])]) {
			var ok bool
			if hash, ok = hashOf(name, rdata); !ok {
				continue
			}
			params = rdata
		}
		if fits(d, rdata, hash) {
			return d
		}
	}
	return nil
}

func (j *judge) nsec3Matching(z *zone, name []byte) *denial {
	return j.nsec3(z, name, func(d *denial, _ []byte, hash [hashBytes]byte) bool { return hash == d.hash })
}

func (j *judge) nsec3Covering(z *zone, name []byte) *denial {
	return j.nsec3(z, name, nsec3Covers)
}

// paramsOf are the parameters by which the answer hashes: of its first NSEC3 record, or
// the zone's.
func (j *judge) paramsOf(z *zone) []byte {
	for i := range j.proofs {
		if d := &j.proofs[i]; d.zone == z && j.m.sets[d.set].rrtype == typeNSEC3 {
			return j.rdataOf(d)
		}
	}
	return z.apex.RRset(typeNSEC3PARAM).First()
}

// hasNSEC3 tells whether the zone has an NSEC3 record that matches a name.
func (z *zone) hasNSEC3(name, params []byte) bool {
	hash, ok := hashOf(name, params)
	if !ok || hashLabel+1+len(z.Origin()) > dname.MaxWire {
		return false
	}
	var owner [dname.MaxWire]byte
	owner[0] = hashLabel
	base32Hex.Encode(owner[1:], hash[:])
	n := 1 + hashLabel + copy(owner[1+hashLabel:], z.Origin())
	return z.Node(owner[:n]).Has(typeNSEC3)
}

// proveEncloser judges the closest encloser proof of a name (RFC 5155 §7.2.1), and
// returns the closest encloser; nil if the proof is missing. With unsigned the
// next closer name lies in a gap that may have delegations (§7.2.4).
func (j *judge) proveEncloser(z *zone, owner []byte, unsigned bool) (encloser []byte) {
	next := owner
	for above := owner; len(above) > len(z.Origin()); {
		next, above = above, dname.Parent(above)
		if j.use(j.nsec3Matching(z, above)) {
			encloser = above
			break
		}
	}
	if encloser == nil {
		j.lacksProof("no NSEC3 record matches a name above %s", name(owner))
		return nil
	}
	d := j.nsec3Covering(z, next)
	switch {
	case !j.use(d):
		j.lacksProof("no NSEC3 record covers %s, below the closest encloser %s", name(next), name(encloser))
	case unsigned && !optOut(j.rdataOf(d)):
		j.wrong(ruleDenial, "the NSEC3 record that covers %s isn't opt-out", name(next))
	}
	return encloser
}
