package zone

import (
	"bytes"
	"cmp"
	"slices"

	"yushan/zone/arena"
	"yushan/zone/dname"
)

// group is all the records of one owner.
type group struct {
	key, owner []byte
	sets       []rrset // by type; each has records
}

// rrset is the records of one type at one owner, and the signatures over them.
type rrset struct {
	rrtype              uint16
	records, signatures []rr
	stored              arena.Offset // where exactly this lies already; 0: nowhere
}

// first is where the RRset was read.
func (s *rrset) first() position { return s.records[0].at }

func (g *group) find(rrtype uint16) *rrset {
	for i := range g.sets {
		if g.sets[i].rrtype == rrtype {
			return &g.sets[i]
		}
	}
	return nil
}

// set returns the RRset of rrtype for records to be added: the last one if it
// has that type, else a new one, which uses memory of earlier groups.
func (g *group) set(rrtype uint16) *rrset {
	n := len(g.sets)
	if n > 0 && g.sets[n-1].rrtype == rrtype {
		return &g.sets[n-1]
	}
	if n == cap(g.sets) {
		g.sets = append(g.sets, rrset{})
	}
	g.sets = g.sets[:n+1]
	s := &g.sets[n]
	*s = rrset{rrtype: rrtype, records: s.records[:0], signatures: s.signatures[:0]}
	return s
}

// settle puts the RRsets of the group that are not stored yet into the form in
// which they will be, and drops signatures over nothing.
func (a *assembly) settle() {
	kept := a.group.sets[:0]
	for i := range a.group.sets {
		s := &a.group.sets[i]
		if len(s.records) == 0 {
			if len(s.signatures) > 0 {
				a.warn(OrphanSignature, s.signatures[0].at, "the RRSIG at %s covers %s, which is not there: it is ignored",
					dname.Display(a.group.owner), typeName(s.rrtype))
			}
			continue
		}
		if s.stored == 0 {
			s.records = a.order(s.rrtype, s.records)
			s.signatures = a.order(TypeRRSIG, s.signatures)
			a.checkTTL(s)
		}
		// Swapping keeps the memory of dropped sets for later groups.
		kept = kept[:len(kept)+1]
		if last := &kept[len(kept)-1]; last != s {
			*last, *s = *s, *last
		}
	}
	a.group.sets = kept
}

// order puts records into canonical order (RFC 4034 §6.3) and makes one of
// duplicates (RFC 2181 §5). Which case its names have, and that its TTL is the
// lowest, does not depend on the order in which they came: a zone is what its
// records say, wherever in its files they stand.
func (a *assembly) order(rrtype uint16, records []rr) []rr {
	if len(records) < 2 {
		return records
	}
	slices.SortStableFunc(records, func(x, y rr) int {
		return cmp.Or(a.compareRDATA(rrtype, x.rdata, y.rdata), bytes.Compare(x.rdata, y.rdata))
	})
	kept := records[:1]
	for _, r := range records[1:] {
		if last := &kept[len(kept)-1]; a.compareRDATA(rrtype, last.rdata, r.rdata) == 0 {
			last.ttl = min(last.ttl, r.ttl)
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

func (a *assembly) compareRDATA(rrtype uint16, x, y []byte) int {
	if namesOf(rrtype).count == 0 {
		return bytes.Compare(x, y)
	}
	s := appendCanonical(a.scratch[:0], rrtype, x)
	n := len(s)
	s = appendCanonical(s, rrtype, y)
	a.scratch = s
	return bytes.Compare(s[:n], s[n:])
}

// uniform returns address records as a message has them.
func (a *assembly) uniform(rrtype uint16, records []rr) []rr {
	records = a.order(rrtype, records)
	if len(records) > 1 {
		ttl := lowestTTL(records)
		for i := range records {
			records[i].ttl = ttl
		}
	}
	return records
}
