package verify

import (
	"bytes"

	"yushan/bench/zonefile"
)

// final judges the answer about a name that exists, or for which a wildcard stands in,
// and is no alias.
func (j *judge) final(z *zone, owner []byte, place zonefile.Place) {
	var found bool
	switch j.q.qtype {
	case typeANY, typeRRSIG:
		found = j.some(z, owner, place.Node)
	default:
		if found = place.Node.Has(j.q.qtype); found {
			if set := j.holds(z, answer, owner, place.Node, j.q.qtype, ruleAnswer); set != nil {
				j.inOrder(set)
			}
		}
	}
	if !found {
		j.negative(z, owner, place, noError)
		return
	}
	j.proveExpansion(z, owner, place)
	j.expectRcode(noError, owner, "exists, with the type")
	j.expectAA(true, "the zone has the name")
}

// some judges the answer to ANY and RRSIG, for which any part of what there is will do
// (RFC 8482 §4.1, §7). It returns false if there is nothing.
func (j *judge) some(z *zone, owner []byte, node zonefile.Node) bool {
	if node.Empty() || j.q.qtype == typeRRSIG && !node.Has(typeRRSIG) {
		return false
	}
	n := 0
	for i := range j.m.sets {
		set := &j.m.sets[i]
		if set.section != answer || set.class != classIN || !bytes.Equal(set.owner, owner) {
			continue
		}
		if n++; set.used {
			continue
		}
		switch expected := node.RRset(set.rrtype); {
		case set.rrtype == typeRRSIG:
			signatures := node.Signatures(set.covered)
			j.compare(set, signatures, ruleRRSIG)
			j.expectTTL(set, signatures.MinTTL, signatures.MaxTTL)
		case j.q.qtype == typeRRSIG:
		case expected.Len > 0:
			j.compare(set, expected, ruleAnswer)
			j.expectTTL(set, expected.MinTTL, expected.MaxTTL)
			j.signatures(z, set, node)
		case set.rrtype == typeHINFO && set.len == 1 && twoStrings(j.m.records[set.first].rdata): // RFC 8482 §4.2
			set.used = true
		}
	}
	j.unknown = true // how much of it a server wants to send
	if n == 0 {
		j.lacks(0, ruleAnswer, "the answer section is empty, but there are records")
	}
	return true
}

// twoStrings tells whether RDATA is two character-strings (RFC 1035 §3.3.2).
func twoStrings(rdata []byte) bool {
	for range 2 {
		if len(rdata) == 0 || len(rdata) <= int(rdata[0]) {
			return false
		}
		rdata = rdata[1+int(rdata[0]):]
	}
	return len(rdata) == 0
}
