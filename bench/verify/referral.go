package verify

import (
	"yushan/bench/zonefile"
	"yushan/zone/dname"
)

// referral judges the answer for a name at or below a cut.
func (j *judge) referral(z *zone, cut zonefile.Node) {
	j.referring = true
	j.expectRcode(noError, cut.Name(), "is delegated")
	// RFC 1035 §4.1.1: AA is about the first owner name in the answer section.
	j.expectAA(len(j.steps) > 1, "AA is for names of the zone, and this one is delegated")
	owner := cut.Name()
	j.holds(z, authority, owner, cut, typeNS, ruleReferral)
	switch {
	case !j.q.do:
	case cut.Has(typeDS) && z.signed:
		j.holds(z, authority, owner, cut, typeDS, ruleDS)
	case cut.Has(typeDS):
		if set := j.m.find(authority, owner, typeDS); set != nil {
			j.compare(set, cut.RRset(typeDS), ruleDS)
		}
	default:
		j.proveNoDS(z, owner)
	}
	for target := range cut.RRset(typeNS).All() {
		if dname.IsSubdomain(target, owner) {
			j.glue(z, target, typeA)
			j.glue(z, target, typeAAAA)
		}
	}
}

// glue judges the addresses of a name server that lies at or below the cut: without
// them nobody could reach it.
func (j *judge) glue(z *zone, server []byte, rrtype uint16) {
	expected := z.Node(server).RRset(rrtype)
	if expected.Len == 0 {
		return
	}
	set := j.m.find(additional, server, rrtype)
	if set == nil {
		j.lacks(recordBytes(server, expected.First())*expected.Len, ruleGlueMissing, "glue is missing: %s", shownZoneSet{server, expected})
		return
	}
	j.compare(set, expected, ruleGlueMissing)
	j.expectTTL(set, expected.MinTTL, expected.MaxTTL)
}
