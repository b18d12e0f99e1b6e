package verify

import (
	"bytes"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
)

// rest judges the RRsets that have not found their place.
func (j *judge) rest() {
	j.restOfAuthority()
	for i := range j.m.sets {
		set := &j.m.sets[i]
		switch {
		case set.used:
		case set.class != classIN:
			j.wrong(ruleClass, "%s %s is of class %d, expected IN", name(set.owner), typeName(set.rrtype), set.class)
		case set.section == additional:
			j.addition(set)
		case set.rrtype == typeRRSIG && set.section == authority && j.covering(set) != nil && !j.covering(set).used:
			// It is what the RRset that it covers is.
		case j.unasked(set):
			j.wrong(ruleUnasked, "%s in the %s section without DO: %s", typeName(set.rrtype), sections[set.section], j.shown(set))
		default:
			r := ruleAnswerExtra
			if set.section == authority {
				r = ruleAuthorityExtra
			}
			j.wrong(r, "the %s section has what doesn't belong there: %s", sections[set.section], j.shown(set))
		}
	}
}

// shown is the first record of an RRset.
func (j *judge) shown(set *rrset) shownRecord {
	return shownRecord{set.owner, set.rrtype, set.minTTL, j.m.records[set.first].rdata}
}

// unasked tells whether an RRset is one of DNSSEC, and DO is not set.
func (j *judge) unasked(set *rrset) bool {
	if j.q.do {
		return false
	}
	switch set.rrtype {
	case typeRRSIG, typeNSEC, typeNSEC3, typeDS:
		return true
	}
	return false
}

// covering returns the RRset that signatures belong to.
func (j *judge) covering(signatures *rrset) *rrset {
	return j.m.find(signatures.section, signatures.owner, signatures.covered)
}

// restOfAuthority finds a place for the NS records of the apex, which may come with each
// answer that is no referral, and for proofs that weren't needed but hold.
func (j *judge) restOfAuthority() {
	if len(j.steps) == 0 {
		return
	}
	if j.q.do {
		j.readProofs()
	}
	for i := range j.proofs {
		d := &j.proofs[i]
		if set := &j.m.sets[d.set]; !set.used && j.relevant(d) {
			set.used = true
		}
	}
	if j.referring {
		return
	}
	for _, s := range j.steps {
		if set := j.m.find(authority, s.zone.Origin(), typeNS); set != nil && !set.used {
			expected := s.zone.apex.RRset(typeNS)
			j.compare(set, expected, ruleAuthorityExtra)
			j.expectTTL(set, expected.MinTTL, expected.MaxTTL)
			j.signatures(s.zone, set, s.zone.apex)
		}
	}
}

// addition judges an RRset of the additional section that is not required.
func (j *judge) addition(set *rrset) {
	address := set.rrtype == typeA || set.rrtype == typeAAAA
	r := ruleAdditional
	if j.referring && address {
		r = ruleGlueExtra
	}
	if j.unasked(set) {
		j.wrong(ruleUnasked, "%s in the additional section without DO: %s", typeName(set.rrtype), j.shown(set))
		return
	}
	if address && !j.ledTo(set.owner) {
		j.wrong(r, "nothing leads to %s", j.shown(set))
		return
	}
	var otherTTL zonefile.RRset // the same records, but for their TTL
	for _, z := range j.zones {
		if !dname.IsSubdomain(set.owner, z.Origin()) {
			continue
		}
		node := z.Node(set.owner)
		if node.IsZero() {
			if place := z.Lookup(set.owner); place.Kind == zonefile.Wildcard {
				node = place.Node
			}
		}
		expected := node.RRset(set.rrtype)
		if set.rrtype == typeRRSIG {
			expected = node.Signatures(set.covered)
		}
		switch {
		case set.rrtype == typeRRSIG && j.covering(set) == nil:
		case expected.Len == 0 || !j.same(set, expected) && !(j.truncated && j.someOf(set, expected)):
		case set.minTTL >= expected.MinTTL && set.maxTTL <= expected.MaxTTL:
			return
		case set.rrtype == typeNSEC || set.rrtype == typeNSEC3:
			return // knotd's proofs beside SVCB (RFC 9460 §4.1), with TTLs by RFC 9077
		default:
			otherTTL = expected
		}
	}
	if otherTTL.Len > 0 {
		j.expectTTL(set, otherTTL.MinTTL, otherTTL.MaxTTL)
		return
	}
	j.wrong(r, "the additional section has what the zone doesn't have, or has in another form: %s", j.shown(set))
}

// someOf tells whether all records of an RRset are a zone's.
func (j *judge) someOf(set *rrset, expected zonefile.RRset) bool {
	j.expected = j.expected[:0]
	for rdata := range expected.All() {
		j.expected = append(j.expected, rdata)
	}
	j.found = j.m.rdata(j.found[:0], set)
	for _, rdata := range j.found {
		if !contains(j.expected, rdata) {
			return false
		}
	}
	return true
}

// ledTo tells whether a record of the answer has a name in its RDATA, or is of a type
// whose owner can be meant (RFC 9460 §2.5.2).
func (j *judge) ledTo(target []byte) bool {
	for i := range j.m.records {
		set := &j.m.sets[j.m.records[i].set]
		rdata := j.m.records[i].rdata
		switch set.rrtype {
		case typeRRSIG, typeNSEC, typeSOA:
			continue
		case typeNAPTR:
			return true // to an SRV record and its targets, for which alone there may be room (RFC 3403 §4.2)
		case typeSVCB, typeHTTPS:
			if len(rdata) > 2 && (bytes.Equal(set.owner, target) || startsWith(rdata[2:], target)) {
				return true
			}
			continue
		}
		layout := zonefile.LayoutOf(set.rrtype)
		if layout.Names == 0 || len(rdata) < int(layout.Before) {
			continue
		}
		rest := rdata[layout.Before:]
		for range layout.Strings {
			rest = rest[1+int(rest[0]):]
		}
		for range layout.Names {
			n, _ := dname.Check(rest)
			if bytes.Equal(rest[:n], target) {
				return true
			}
			rest = rest[n:]
		}
	}
	return false
}

// startsWith tells whether RDATA begins with a name.
func startsWith(rdata, name []byte) bool {
	n, ok := dname.Check(rdata)
	return ok && dname.Equal(rdata[:n], name)
}
