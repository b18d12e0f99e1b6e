package verify

import (
	"bytes"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
)

// denial is an NSEC or NSEC3 record of the authority section that is the zone's.
type denial struct {
	zone *zone
	set  int // in message.sets
	// Of NSEC3: the hash in the owner name.
	hash [hashBytes]byte
}

// readProofs finds the NSEC and NSEC3 records that the answer has from the zones.
func (j *judge) readProofs() {
	if j.proofsRead {
		return
	}
	j.proofsRead = true
	for i := range j.m.sets {
		set := &j.m.sets[i]
		if set.section != authority || set.class != classIN || set.rrtype != typeNSEC && set.rrtype != typeNSEC3 {
			continue
		}
		z, node := j.ownerOf(set)
		if z == nil {
			j.wrong(ruleDenial, "found %s, which the zone doesn't have", shownRecord{set.owner, set.rrtype, set.minTTL, j.m.records[set.first].rdata})
			set.used = true
			continue
		}
		d := denial{zone: z, set: i}
		if rdata := j.rdataOf(&d); set.rrtype == typeNSEC && bitmapOfNSEC(rdata) == nil ||
			set.rrtype == typeNSEC3 && (!decodeHash(&d.hash, set.owner) || nextHash(rdata) == nil) {
			continue // the zone itself is broken
		}
		expected := node.RRset(set.rrtype)
		j.expectTTL(set, min(expected.MinTTL, z.negativeTTL), expected.MaxTTL) // RFC 9077 §3
		j.signatures(z, set, node)
		j.proofs = append(j.proofs, d)
	}
}

// ownerOf returns the zone of the answer's steps that has an RRset just so.
func (j *judge) ownerOf(set *rrset) (*zone, zonefile.Node) {
	for i := len(j.steps) - 1; i >= 0; i-- {
		z := j.steps[i].zone
		if !dname.IsSubdomain(set.owner, z.Origin()) {
			continue
		}
		if node := z.Node(set.owner); node.Has(set.rrtype) && j.same(set, node.RRset(set.rrtype)) {
			return z, node
		}
	}
	return nil, zonefile.Node{}
}

// use notes that a record has its place in the answer.
func (j *judge) use(d *denial) bool {
	if d == nil {
		return false
	}
	j.m.sets[d.set].used = true
	return true
}

func (j *judge) rdataOf(d *denial) []byte { return j.m.records[j.m.sets[d.set].first].rdata }

// byNSEC3 tells by what the answer proves something about a zone. A zone that is about
// to change may have both.
func (j *judge) byNSEC3(z *zone) bool {
	for i := range j.proofs {
		if j.proofs[i].zone == z {
			return j.m.sets[j.proofs[i].set].rrtype == typeNSEC3
		}
	}
	return !z.nsec
}

// proveExpansion judges the proof that a wildcard stands in rightly: no closer
// name exists (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6).
func (j *judge) proveExpansion(z *zone, owner []byte, place zonefile.Place) {
	if place.Kind != zonefile.Wildcard || !j.q.do || !z.nsec && !z.nsec3 ||
		j.q.qtype == typeNSEC { // RFC 4592 §4.6: not meant to stand in
		return
	}
	j.readProofs()
	if !j.byNSEC3(z) {
		if !j.use(j.nsecCovering(z, owner)) {
			j.lacksProof("no NSEC record covers %s, for which a wildcard stands in", name(owner))
		}
		return
	}
	if next := nextCloser(owner, place.Encloser.Name()); !j.use(j.nsec3Covering(z, next)) {
		j.lacksProof("no NSEC3 record covers %s, the next closer name below the wildcard's parent", name(next))
	}
}

// proveNoName judges the proof that a name doesn't exist, nor a wildcard for it (RFC 4035
// §3.1.3.2, RFC 5155 §7.2.2).
func (j *judge) proveNoName(z *zone, owner []byte, place zonefile.Place) {
	if !j.byNSEC3(z) {
		if !j.use(j.nsecCovering(z, owner)) {
			j.lacksProof("no NSEC record covers %s", name(owner))
		}
		j.star = wildcardAt(j.star[:0], place.Encloser.Name())
		if !j.use(j.nsecCovering(z, j.star)) {
			j.lacksProof("no NSEC record covers %s", name(j.star))
		}
		return
	}
	encloser := j.proveEncloser(z, owner, false)
	if encloser == nil {
		return
	}
	j.star = wildcardAt(j.star[:0], encloser)
	if !j.use(j.nsec3Covering(z, j.star)) {
		j.lacksProof("no NSEC3 record covers %s", name(j.star))
	}
}

// proveNoType judges the proof that a name, or the wildcard that stands in for it,
// doesn't have the type (RFC 4035 §3.1.3.1 and §3.1.3.4, RFC 5155 §7.2.3 to §7.2.5).
func (j *judge) proveNoType(z *zone, owner []byte, place zonefile.Place) {
	wildcard := place.Kind == zonefile.Wildcard
	if !j.byNSEC3(z) {
		if wildcard && !j.use(j.nsecCovering(z, owner)) {
			j.lacksProof("no NSEC record covers %s, for which a wildcard stands in", name(owner))
		}
		j.nsecWithout(z, place.Node)
		return
	}
	if wildcard {
		j.proveEncloser(z, owner, false)
	}
	node := place.Node.Name()
	d := j.nsec3Matching(z, node)
	switch {
	case j.use(d):
		j.without(j.rdataOf(d), bitmapOfNSEC3, node)
	case wildcard || z.hasNSEC3(node, j.paramsOf(z)):
		j.lacksProof("no NSEC3 record matches %s", name(node))
	default:
		// A cut without DS, or an empty non-terminal above such cuts only.
		j.proveEncloser(z, owner, true)
	}
}

// proveNoDS judges the proof that a delegation is not signed (RFC 4035 §3.1.4, RFC 5155
// §7.2.7).
func (j *judge) proveNoDS(z *zone, cut []byte) {
	if !z.nsec && !z.nsec3 {
		return
	}
	j.readProofs()
	if !j.byNSEC3(z) {
		if d := j.nsecMatching(z, cut); j.use(d) {
			j.delegation(j.rdataOf(d), bitmapOfNSEC, cut)
		} else {
			j.lacksProof("no NSEC record matches %s", name(cut))
		}
		return
	}
	if d := j.nsec3Matching(z, cut); j.use(d) {
		j.delegation(j.rdataOf(d), bitmapOfNSEC3, cut)
		return
	}
	if z.hasNSEC3(cut, j.paramsOf(z)) {
		j.lacksProof("no NSEC3 record matches %s", name(cut))
		return
	}
	j.proveEncloser(z, cut, true)
}

// without judges the types of a record that matches the name in a negative answer.
func (j *judge) without(rdata []byte, bitmapOf func([]byte) []byte, owner []byte) {
	bitmap := bitmapOf(rdata)
	if hasType(bitmap, j.q.qtype) {
		j.wrong(ruleDenial, "the proof says that %s has the type %s", name(owner), typeName(j.q.qtype))
	}
	if hasType(bitmap, typeCNAME) && j.q.qtype != typeNSEC && j.q.qtype != typeNSEC3 && j.q.qtype != typeRRSIG {
		j.wrong(ruleDenial, "the proof says that %s is an alias", name(owner)) // RFC 6840 §4.3
	}
}

// delegation judges the types of a record that matches an unsigned delegation.
func (j *judge) delegation(rdata []byte, bitmapOf func([]byte) []byte, cut []byte) {
	if bitmap := bitmapOf(rdata); !hasType(bitmap, typeNS) || hasType(bitmap, typeDS) || hasType(bitmap, typeSOA) {
		j.wrong(ruleDenial, "the proof doesn't say that %s is a delegation without DS", name(cut))
	}
}

// hasType looks a type up in a bitmap (RFC 4034 §4.1.2).
func hasType(bitmap []byte, rrtype uint16) bool {
	for len(bitmap) >= 2 && len(bitmap) >= 2+int(bitmap[1]) {
		window, length := bitmap[0], int(bitmap[1])
		if window == byte(rrtype>>8) {
			at := int(rrtype&0xFF) / 8
			return at < length && bitmap[2+at]&(0x80>>(rrtype%8)) != 0
		}
		bitmap = bitmap[2+length:]
	}
	return false
}

// nextCloser is the name that is one label longer than an encloser of owner.
func nextCloser(owner, encloser []byte) []byte {
	for {
		above := dname.Parent(owner)
		if len(above) <= len(encloser) {
			return owner
		}
		owner = above
	}
}

// wildcardAt appends the wildcard right below a name.
func wildcardAt(dst, encloser []byte) []byte {
	return append(append(dst, 1, '*'), encloser...)
}

// relevant tells whether a record says anything about the names of the answer, those
// above them, or wildcards there.
func (j *judge) relevant(d *denial) bool {
	var buf [dname.MaxWire + 2]byte
	for _, s := range j.steps {
		if s.zone != d.zone {
			continue
		}
		for above := s.name; len(above) >= len(s.zone.Origin()); above = dname.Parent(above) {
			star := wildcardAt(buf[:0], above)
			if j.concerns(d, above) || len(star) <= dname.MaxWire && j.concerns(d, star) {
				return true
			}
			if len(above) == 1 {
				break
			}
		}
	}
	return false
}

func (j *judge) concerns(d *denial, name []byte) bool {
	if j.m.sets[d.set].rrtype == typeNSEC {
		owner := j.m.sets[d.set].owner
		return bytes.Equal(owner, name) || nsecCovers(owner, j.rdataOf(d), d.zone.Origin(), name)
	}
	hash, ok := hashOf(name, j.rdataOf(d))
	return ok && (hash == d.hash || nsec3Covers(d, j.rdataOf(d), hash))
}
