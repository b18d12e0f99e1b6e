package verify

import (
	"bytes"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
)

const (
	// maxLinks is how many CNAMEs and DNAMEs are followed, as servers do that don't
	// notice circles.
	maxLinks = 16
	// freeLinks is after how many a server may end its answer: knotd does after
	// five.
	freeLinks = 5
)

// step is one name that the answer is about: the question's, or one that an alias led
// to.
type step struct {
	zone *zone
	name []byte
}

// walk judges the answer and authority sections as the name is looked up (RFC 1034
// §4.3.2): aliases are followed, and their end is a cut, an RRset, or nothing. It returns
// false if there is no right answer: on the way is a wildcard that delegates or
// substitutes (RFC 4592 §4.2, RFC 6672 §3.3).
func (j *judge) walk() bool {
	owner := j.q.name
	z := j.zoneOf(owner, j.q.qtype)
	if z == nil {
		j.expectRcode(refused, owner, "is in none of the zones")
		j.expectAA(false, "no zone has the name")
		return true
	}
	for {
		j.steps = append(j.steps, step{z, owner})
		place := z.Lookup(owner)
		var target []byte
		switch {
		case place.Kind == zonefile.Wildcard && (place.Node.Has(typeNS) || place.Node.Has(typeDNAME)):
			return false
		case place.Kind == zonefile.Delegated && !j.parental(owner, place.Node):
			j.referral(z, place.Node)
			return true
		case place.Kind == zonefile.Substituted:
			if target = j.substituted(z, owner, place.Node); target == nil {
				return true
			}
		case place.Kind == zonefile.Nothing:
			j.negative(z, owner, place, nxDomain)
			return true
		case j.follows(owner, place.Node):
			if set := j.holds(z, answer, owner, place.Node, typeCNAME, ruleAnswer); set != nil {
				j.inOrder(set)
			}
			j.proveExpansion(z, owner, place)
			target = place.Node.RRset(typeCNAME).First()
		default:
			j.final(z, owner, place)
			return true
		}
		last := z
		if z = j.next(z, target); z == nil {
			j.steps = append(j.steps, step{last, target}) // proofs may be about it
			// What comes after it in a truncated answer can't be seen.
			if rcode := j.rcode(); !j.truncated || rcode != nxDomain && rcode != yxDomain {
				j.expectRcode(noError, target, "is where the answer ends")
			}
			j.expectAA(true, "the zone has the name")
			return true
		}
		owner = target
	}
}

// circular tells whether aliases lead in circles, or on and on: a server may say that
// it fails (RFC 1034 §3.6.2).
func (j *judge) circular() bool {
	owner := j.q.name
	for range maxLinks {
		z := j.zoneOf(owner, j.q.qtype)
		if z == nil {
			return false
		}
		switch place := z.Lookup(owner); {
		case place.Kind == zonefile.Substituted:
			if owner = substitute(owner, place.Node); owner == nil {
				return false
			}
		case place.Kind != zonefile.Delegated && place.Node.Has(typeCNAME):
			owner = place.Node.RRset(typeCNAME).First()
		default:
			return false
		}
	}
	return true
}

// parental tells whether the zone above a cut answers with authority: for DS at
// the cut (RFC 4035 §3.1.4.1), and for NSEC if the server does.
func (j *judge) parental(owner []byte, cut zonefile.Node) bool {
	if !bytes.Equal(owner, cut.Name()) {
		return false
	}
	return j.q.qtype == typeDS || j.q.qtype == typeNSEC && j.m.find(answer, owner, typeNSEC) != nil
}

// follows tells whether a node is an alias for the type that is asked for. Types that
// may stand beside CNAME can be taken either way.
func (j *judge) follows(owner []byte, node zonefile.Node) bool {
	if !node.Has(typeCNAME) {
		return false
	}
	switch j.q.qtype {
	case typeCNAME, typeANY:
		return false
	case typeRRSIG, typeNSEC, typeNSEC3:
		return j.m.find(answer, owner, typeCNAME) != nil
	}
	return true
}

// next returns the zone in which an answer goes on at a target, nil if it ends.
func (j *judge) next(z *zone, target []byte) *zone {
	for _, s := range j.steps {
		if bytes.Equal(s.name, target) {
			return nil
		}
	}
	if len(j.steps) > maxLinks {
		return nil
	}
	best, inside := j.zoneOf(target, j.q.qtype), dname.IsSubdomain(target, z.Origin())
	switch {
	case inside && best == z && len(j.steps) < freeLinks && j.q.qtype != typeANY && j.q.qtype != typeCNAME:
		return z
	case best != nil && j.goesOn(best, target):
		return best
	case inside && best != z && j.goesOn(z, target):
		return z
	}
	return nil
}

// goesOn tells whether the answer says something about a name in a zone.
func (j *judge) goesOn(z *zone, target []byte) bool {
	for i := range j.m.sets {
		if s := &j.m.sets[i]; s.section == answer && s.rrtype != typeRRSIG && bytes.Equal(s.owner, target) {
			return true
		}
	}
	switch place := z.Lookup(target); place.Kind {
	case zonefile.Delegated:
		if !j.parental(target, place.Node) {
			return j.m.find(authority, place.Node.Name(), typeNS) != nil && j.m.find(authority, place.Node.Name(), typeSOA) == nil
		}
	case zonefile.Substituted:
		return j.m.find(answer, place.Node.Name(), typeDNAME) != nil
	}
	return j.m.find(authority, z.Origin(), typeSOA) != nil
}

// substituted judges a DNAME and the CNAME that it makes, and returns what that leads
// to; nil if the name would be too long.
func (j *judge) substituted(z *zone, owner []byte, node zonefile.Node) []byte {
	j.holds(z, answer, node.Name(), node, typeDNAME, ruleAnswer)
	j.expectAA(true, "the zone has the name")
	target := substitute(owner, node)
	if target == nil {
		j.expectRcode(yxDomain, owner, "becomes too long by DNAME (RFC 6672 §2.2)")
		return nil
	}
	set := j.m.find(answer, owner, typeCNAME)
	if set == nil {
		j.lacks(recordBytes(owner, target), ruleAnswer, "the answer section lacks the CNAME of %s that DNAME makes, to %s", name(owner), name(target))
		return target
	}
	j.inOrder(set)
	j.expected = append(j.expected[:0], target)
	set.used = true
	j.compareExpected(set, ruleAnswer)
	if dnameSet := node.RRset(typeDNAME); set.maxTTL != 0 { // as RFC 2672 had it
		j.expectTTL(set, dnameSet.MinTTL, dnameSet.MaxTTL)
	}
	return target
}

// substitute returns a name below a DNAME with the target in the place of the owner
// (RFC 6672 §2.2); nil if it would be too long.
func substitute(owner []byte, node zonefile.Node) []byte {
	above := len(owner) - len(node.Name())
	to := node.RRset(typeDNAME).First()
	if above+len(to) > dname.MaxWire {
		return nil
	}
	return append(append(make([]byte, 0, above+len(to)), owner[:above]...), to...)
}

// inOrder judges whether an RRset of the chain comes after those that lead to it.
func (j *judge) inOrder(set *rrset) {
	if set.first < j.position {
		j.wrong(ruleOrder, "%s %s comes before the alias that leads to it", name(set.owner), typeName(set.rrtype))
	}
	j.position = set.first
}
