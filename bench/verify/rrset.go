package verify

import (
	"bytes"
	"slices"

	"yushan/bench/zonefile"
)

// holds judges whether a section has an RRset as the zone has it, with its
// signatures if they are due. owner is the name that it has in the answer, which a
// wildcard's isn't. It returns the RRset of the answer, nil if it is missing.
func (j *judge) holds(z *zone, section uint8, owner []byte, node zonefile.Node, rrtype uint16, r rule) *rrset {
	expected := node.RRset(rrtype)
	set := j.m.find(section, owner, rrtype)
	if set == nil {
		j.lacks(j.sizeOf(z, owner, node, rrtype), r, "the %s section lacks %s",
			sections[section], shownZoneSet{owner, expected})
		return nil
	}
	j.compare(set, expected, r)
	j.expectTTL(set, expected.MinTTL, expected.MaxTTL)
	j.signatures(z, set, node)
	return set
}

// sizeOf is how long an RRset and its signatures are without compression.
func (j *judge) sizeOf(z *zone, owner []byte, node zonefile.Node, rrtype uint16) (bytes int) {
	for rdata := range node.RRset(rrtype).All() {
		bytes += recordBytes(owner, rdata)
	}
	if j.q.do && z.signed {
		for rdata := range node.Signatures(rrtype).All() {
			bytes += recordBytes(owner, rdata)
		}
	}
	return bytes
}

func recordBytes(owner, rdata []byte) int { return len(owner) + 10 + len(rdata) }

// compare judges the records of an RRset.
func (j *judge) compare(set *rrset, expected zonefile.RRset, r rule) {
	set.used = true
	if set.len == 1 && expected.Len == 1 && bytes.Equal(j.m.records[set.first].rdata, expected.First()) {
		return
	}
	j.expected = j.expected[:0]
	for rdata := range expected.All() {
		j.expected = append(j.expected, rdata)
	}
	j.compareExpected(set, r)
}

// compareExpected is compare with j.expected, which is sorted.
func (j *judge) compareExpected(set *rrset, r rule) {
	j.found = j.m.rdata(j.found[:0], set)
	slices.SortFunc(j.found, bytes.Compare)
	found, expected := j.found, j.expected
	extra := r
	if r == ruleGlueMissing {
		extra = ruleGlueExtra
	}
	for len(found) > 0 || len(expected) > 0 {
		order := 1
		switch {
		case len(expected) == 0:
			order = -1
		case len(found) > 0:
			order = bytes.Compare(found[0], expected[0])
		}
		switch {
		case order == 0:
			found, expected = found[1:], expected[1:]
			continue
		case order > 0:
			j.lacks(recordBytes(set.owner, expected[0]), r, "the %s section lacks a record: %s", sections[set.section], shownRecord{set.owner, set.rrtype, set.minTTL, expected[0]})
			expected = expected[1:]
			if j.truncated {
				continue
			}
		case contains(j.expected, found[0]):
			j.wrong(extra, "a record is there twice: %s", shownRecord{set.owner, set.rrtype, set.minTTL, found[0]})
		case len(expected) > 0:
			j.wrong(extra, "found %s, expected %s", shownRecord{set.owner, set.rrtype, set.minTTL, found[0]}, shownRDATA{set.rrtype, expected[0]})
		default:
			j.wrong(extra, "found %s, which the zone doesn't have", shownRecord{set.owner, set.rrtype, set.minTTL, found[0]})
		}
		return // one example is enough
	}
}

func contains(list [][]byte, rdata []byte) bool {
	_, found := slices.BinarySearchFunc(list, rdata, bytes.Compare)
	return found
}

// same tells whether an RRset of the answer has the records of the zone's.
func (j *judge) same(set *rrset, expected zonefile.RRset) bool {
	if set.len != expected.Len {
		return false
	}
	j.found = j.m.rdata(j.found[:0], set)
	slices.SortFunc(j.found, bytes.Compare)
	i := 0
	for rdata := range expected.All() {
		if i == len(j.found) || !bytes.Equal(rdata, j.found[i]) {
			return false
		}
		i++
	}
	return i == len(j.found)
}

// expectTTL judges the TTL of an RRset. The zone file may give records different ones.
func (j *judge) expectTTL(set *rrset, minTTL, maxTTL uint32) {
	if set.minTTL >= minTTL && set.maxTTL <= maxTTL {
		return
	}
	found := set.minTTL
	if found >= minTTL {
		found = set.maxTTL
	}
	j.wrong(ruleTTL, "the TTL of %s %s in the %s section is %d, expected %d", name(set.owner), typeName(set.rrtype), sections[set.section], found, minTTL)
}

// signatures judges those of an RRset, which is the zone's of a node.
func (j *judge) signatures(z *zone, set *rrset, node zonefile.Node) {
	if !j.q.do || !z.signed {
		return
	}
	expected := node.Signatures(set.rrtype)
	if expected.Len == 0 {
		return
	}
	signatures := j.m.findSignatures(set.section, set.owner, set.rrtype)
	if signatures == nil {
		j.lacks(recordBytes(set.owner, expected.First())*expected.Len, ruleRRSIG, "the %s section lacks the signature of %s %s", sections[set.section], name(set.owner), typeName(set.rrtype))
		return
	}
	j.compare(signatures, expected, ruleRRSIG)
	// RFC 4034 §3: the TTL of a signature is that of what it covers.
	if signatures.minTTL != set.minTTL || signatures.maxTTL != set.maxTTL {
		j.expectTTL(signatures, expected.MinTTL, expected.MaxTTL)
	}
	if j.keys != nil {
		j.verify(z, node, set.rrtype)
	}
}
