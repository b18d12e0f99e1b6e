package verify

import (
	"bytes"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
)

// nsecCovers tells whether an NSEC record says that a name of the zone lies in its gap
// (RFC 4034 §4.1.1). The last record's next name is the apex.
func nsecCovers(owner, rdata, apex, name []byte) bool {
	n, ok := dname.Check(rdata)
	if !ok {
		return false
	}
	next := rdata[:n]
	return dname.Compare(owner, name) < 0 && (dname.Equal(next, apex) || dname.Compare(name, next) < 0)
}

// bitmapOfNSEC returns the types, nil if the record is broken.
func bitmapOfNSEC(rdata []byte) []byte {
	n, ok := dname.Check(rdata)
	if !ok {
		return nil
	}
	return rdata[n:]
}

func (j *judge) nsecCovering(z *zone, name []byte) *denial {
	for i := range j.proofs {
		d := &j.proofs[i]
		if d.zone == z && j.m.sets[d.set].rrtype == typeNSEC && nsecCovers(j.m.sets[d.set].owner, j.rdataOf(d), z.Origin(), name) {
			return d
		}
	}
	return nil
}

func (j *judge) nsecMatching(z *zone, name []byte) *denial {
	for i := range j.proofs {
		d := &j.proofs[i]
		if d.zone == z && j.m.sets[d.set].rrtype == typeNSEC && bytes.Equal(j.m.sets[d.set].owner, name) {
			return d
		}
	}
	return nil
}

// nsecWithout judges the NSEC record that matches a node or, if that is an empty
// non-terminal, covers it and leads to a name below it.
func (j *judge) nsecWithout(z *zone, node zonefile.Node) {
	owner := node.Name()
	if !node.Empty() {
		if d := j.nsecMatching(z, owner); j.use(d) {
			j.without(j.rdataOf(d), bitmapOfNSEC, owner)
		} else {
			j.lacksProof("no NSEC record matches %s", name(owner))
		}
		return
	}
	d := j.nsecCovering(z, owner)
	if !j.use(d) {
		j.lacksProof("no NSEC record covers %s, an empty non-terminal", name(owner))
		return
	}
	rdata := j.rdataOf(d)
	if n, _ := dname.Check(rdata); !dname.IsSubdomain(rdata[:n], owner) {
		j.wrong(ruleDenial, "the NSEC record over %s doesn't say that names are below it", name(owner))
	}
}
