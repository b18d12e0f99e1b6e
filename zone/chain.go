package zone

import (
	"bytes"
	"encoding/binary"
	"slices"

	"yushan/zone/dname"
)

// nsecChain follows the NSEC records of the zone in canonical order, which is
// the order in which names are placed (RFC 4034 §4.1.1).
type nsecChain struct {
	active bool
	count  int
	first  []byte // owner of the first NSEC record
	next   []byte // owner that the last NSEC record points to
	from   position
}

// add goes on to the group that was placed last; nsec is nil if it has none.
func (c *nsecChain) add(a *assembly, nsec *rrset) {
	if !c.active || a.partial {
		return
	}
	owner := a.group.owner
	if nsec == nil {
		a.lacksNSEC(a.group.sets[0].first(), owner)
		return
	}
	if c.count == 0 {
		c.first = bytes.Clone(owner)
	} else {
		c.link(a, owner)
	}
	c.follow(nsec)
}

// link checks that the last record points to owner.
func (c *nsecChain) link(a *assembly, owner []byte) {
	if !bytes.Equal(c.next, owner) {
		a.warn(BrokenNSEC, c.from, "the NSEC record points to %s: the next name with one is %s", dname.Display(c.next), dname.Display(owner))
	}
}

// join goes on with the chain of the names behind those that were followed.
func (c *nsecChain) join(a *assembly, next *nsecChain) {
	switch {
	case next.count == 0:
	case c.count == 0:
		*c = *next
	default:
		c.link(a, next.first)
		c.count, c.next, c.from = c.count+next.count, next.next, next.from
	}
}

func (a *assembly) lacksNSEC(at position, owner []byte) {
	a.warn(BrokenNSEC, at, "%s has no NSEC record: what it lacks cannot be proven", dname.Display(owner))
}

func (c *nsecChain) follow(s *rrset) {
	n, _ := dname.Check(s.records[0].rdata)
	c.count++
	c.next = dname.AppendLower(c.next[:0], s.records[0].rdata[:n])
	c.from = s.records[0].at
}

func (c *nsecChain) close(a *assembly) {
	if !bytes.Equal(c.next, a.origin) {
		a.warn(BrokenNSEC, c.from, "the last NSEC record points to %s: it must point to the apex", dname.Display(c.next))
	}
}

// nsec3Chain follows the NSEC3 records in the order of their hashes, which is
// the order of their owner names too.
type nsec3Chain struct {
	first, next []byte // hash of the first record, and where the last one points to; nil before the first
	start       rr     // the first record
	from        position
}

// maxIterations is where resolvers stopped to validate when BIND, Knot, Unbound
// and PowerDNS agreed on a limit in 2021; each iteration is a SHA-1 for each name
// that a negative answer hashes.
const maxIterations = 150

// readParam learns the parameters of the zone's hashes (RFC 5155 §4).
func (a *assembly) readParam(s *rrset) {
	for _, r := range s.records {
		p := r.rdata
		if p[0] != 1 || p[1] != 0 {
			a.warn(NSEC3Param, r.at, "NSEC3PARAM with algorithm %d and flags %d: only algorithm 1 with flags 0 is used (RFC 5155 §4.1.2)", p[0], p[1])
			continue
		}
		a.facts.param, a.facts.paramAt = true, r.at
		a.facts.iterations = binary.BigEndian.Uint16(p[2:])
		a.facts.salt = bytes.Clone(p[5 : 5+int(p[4])])
		switch {
		case a.facts.iterations > maxIterations:
			a.fail(NSEC3Iterations, r.at, "NSEC3 with %d additional iterations: more than %d make every negative answer expensive, and no resolver validates them (RFC 9276 §3.2)", a.facts.iterations, maxIterations)
		case a.facts.iterations > 0:
			a.warn(NSEC3Iterations, r.at, "NSEC3 with %d additional iterations: RFC 9276 wants 0, and resolvers may treat the zone as unsigned", a.facts.iterations)
		}
		return
	}
}

// takeNSEC3 moves an NSEC3 RRset with the zone's parameters out of the group:
// its owner is not a name that can be asked for (RFC 5155 §7.2.8).
func (a *assembly) takeNSEC3() {
	g := &a.group
	s := g.find(TypeNSEC3)
	if s == nil || !a.facts.param {
		return
	}
	hash, ok := hashOfKey(g.key)
	p, parsed := parseNSEC3(s.records[0].rdata)
	if !ok || !parsed || p.iterations != a.facts.iterations || !bytes.Equal(p.salt, a.facts.salt) {
		a.warn(BrokenNSEC3, s.first(), "the NSEC3 record at %s does not belong to the chain of the NSEC3PARAM record", dname.Display(g.owner))
		return
	}
	if p.optOut {
		a.facts.optOuts++
	}
	a.hashes.add(a, s, hash, p.next)
	a.checkSignatures(s)
	if off, ok := a.rrset(a.origin, s); ok {
		a.nsec3.Set(hash, uint32(off), false)
	}
	g.sets = slices.DeleteFunc(g.sets, func(s rrset) bool { return s.rrtype == TypeNSEC3 })
	for i := range g.sets {
		a.warn(MisplacedRecord, g.sets[i].first(), "%s at the owner name of an NSEC3 record", typeName(g.sets[i].rrtype))
	}
}

func (c *nsec3Chain) add(a *assembly, s *rrset, hash, next []byte) {
	if a.partial {
		return
	}
	if c.first == nil {
		c.first, c.start = hash, s.records[0]
	} else {
		c.link(a, hash)
	}
	c.next, c.from = append(c.next[:0], next...), s.first()
}

// link checks that the last record points to hash.
func (c *nsec3Chain) link(a *assembly, hash []byte) {
	if !bytes.Equal(c.next, hash) {
		a.warn(BrokenNSEC3, c.from, "the NSEC3 record points to hash %s: the next one is %s", base32Hex.EncodeToString(c.next), base32Hex.EncodeToString(hash))
	}
}

// join goes on with the chain of the names behind those that were followed.
func (c *nsec3Chain) join(a *assembly, next *nsec3Chain) {
	switch {
	case next.first == nil:
	case c.first == nil:
		*c = *next
	default:
		c.link(a, next.first)
		c.next, c.from = next.next, next.from
	}
}

func (c *nsec3Chain) close(a *assembly) {
	a.checkDenialTTL(TypeNSEC3, c.start)
	if !bytes.Equal(c.next, c.first) {
		a.warn(BrokenNSEC3, c.from, "the last NSEC3 record points to hash %s: it must point to the first, %s",
			base32Hex.EncodeToString(c.next), base32Hex.EncodeToString(c.first))
	}
}
