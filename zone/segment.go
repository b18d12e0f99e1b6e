package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"yushan/zone/dname"
	"yushan/zone/radix"
)

// segment is a run of owners being assembled, by one goroutine.
type segment struct {
	assembly
	whole    *construction
	from, to int // indices of the records
	next     int // index of the first record behind the group
	v4, v6   []rr

	names, occluded, nsec3 recorder
	done                   chan struct{} // closed when the segment is assembled
}

// recorder keeps the entries of a tree until it is their turn. Keys are kept.
type recorder []treeEntry

type treeEntry struct {
	key   []byte
	value uint32
	stop  bool
}

func (r *recorder) Set(key []byte, value uint32, stop bool) {
	*r = append(*r, treeEntry{key, value, stop})
}

func (r *recorder) deliver(tree *radix.Builder) {
	for _, e := range *r {
		tree.Add(e.key, e.value, e.stop)
	}
	*r = nil
}

func (c *construction) newSegment(from, to int) *segment {
	s := &segment{
		whole: c, from: from, to: to, done: make(chan struct{}),
		assembly: assembly{
			origin: c.origin, files: c.files, report: &Report{}, siblings: make(map[string]struct{}),
			space: space{arena: c.data, spans: true},
		},
	}
	a := &s.assembly
	a.names, a.occluded, a.nsec3 = &s.names, &s.occluded, &s.nsec3
	a.addresses = s.addresses
	a.intern = func(f []byte) offset { return c.referrals.intern(f, a.store) }
	return s
}

// follow tells the segment what the apex says to all names.
func (s *segment) follow(apex *assembly) {
	s.facts.apex = apex.facts.apex
	s.chain.active = apex.chain.active
	s.barrier, s.redirect = apex.barrier, apex.redirect
}

func (s *segment) run() {
	for i := s.from; i < s.to; i = s.next {
		s.next = s.whole.nextOwner(i)
		s.readGroup(i, s.next)
		s.place()
	}
	s.space.close()
}

func (s *segment) deliver(names, occluded, nsec3 *radix.Builder) {
	s.names.deliver(names)
	s.occluded.deliver(occluded)
	s.nsec3.deliver(nsec3)
}

func (s *segment) readGroup(i, j int) {
	g := &s.group
	g.key = s.whole.key(i)
	g.owner = dname.AppendFromKey(g.owner[:0], g.key, s.origin)
	g.sets = g.sets[:0]
	for _, e := range s.whole.entries[i:j] {
		d := s.whole.record(e)
		set := g.set(uint16(recordSet(d) >> 1))
		if recordSet(d)&signatureSet != 0 {
			set.signatures = append(set.signatures, toRR(d))
		} else {
			set.records = append(set.records, toRR(d))
		}
	}
	s.settle()
}

// addresses finds the records of a name server wherever they are in the zone.
// They are valid until the next call.
func (s *segment) addresses(server []byte) (found addresses) {
	var buf [dname.MaxKey]byte
	key := dname.AppendKey(buf[:0], server, len(s.origin))
	c, entries := s.whole, s.whole.entries
	if isBelow(key, s.group.key) {
		// Those of a cut's own servers are among the next ones.
		entries = entries[s.next:]
		if len(entries) > nearby && bytes.Compare(recordKey(c.record(entries[nearby-1])), key) > 0 {
			entries = entries[:nearby]
		}
	}
	var prefix [8]byte
	copy(prefix[:], key)
	wanted := binary.BigEndian.Uint64(prefix[:])
	i, _ := slices.BinarySearchFunc(entries, wanted, func(e entry, prefix uint64) int {
		if e.prefix != prefix {
			return cmp.Compare(e.prefix, prefix)
		}
		return bytes.Compare(recordKey(c.record(e)), key)
	})
	found.v4, found.v6 = s.v4[:0], s.v6[:0]
	var over4, over6 []rr
	for ; i < len(entries) && bytes.Equal(recordKey(c.record(entries[i])), key); i++ {
		d := c.record(entries[i])
		switch recordSet(d) {
		case setOrder(TypeA, nil):
			found.v4 = append(found.v4, toRR(d))
		case setOrder(TypeAAAA, nil):
			found.v6 = append(found.v6, toRR(d))
		case setOrder(TypeA, nil) | signatureSet:
			over4 = append(over4, toRR(d))
		case setOrder(TypeAAAA, nil) | signatureSet:
			over6 = append(over6, toRR(d))
		}
	}
	s.v4, s.v6 = found.v4, found.v6
	found.v4, found.v6 = s.uniform(TypeA, found.v4), s.uniform(TypeAAAA, found.v6)
	if len(over4)+len(over6) > 0 && !c.hidden(key) { // glue is nobody's to sign (RFC 4035 §2.2)
		if len(found.v4) > 0 {
			found.signatures = s.order(TypeRRSIG, over4)
		}
		if len(found.v6) > 0 {
			found.signatures = append(found.signatures, s.order(TypeRRSIG, over6)...)
		}
	}
	return found
}

// hidden tells whether the name with this key is at or below a zone cut.
func (c *construction) hidden(key []byte) bool {
	for n := 1; n <= len(key); n++ {
		if key[n-1] != 0 {
			continue
		}
		i, _ := slices.BinarySearchFunc(c.entries, key[:n], func(e entry, key []byte) int {
			return bytes.Compare(recordKey(c.record(e)), key)
		})
		for ; i < len(c.entries) && bytes.Equal(recordKey(c.record(c.entries[i])), key[:n]); i++ {
			if recordType(c.record(c.entries[i])) == TypeNS {
				return true
			}
		}
	}
	return false
}

// nearby is how many records behind a cut are searched first.
const nearby = 16

// absorb adds what the next part of the zone has come to.
func (a *assembly) absorb(next *assembly) {
	a.report.merge(next.report)
	a.live += next.live
	a.stats.Records += next.stats.Records
	a.stats.RRsets += next.stats.RRsets
	a.stats.Names += next.stats.Names
	a.stats.Cuts += next.stats.Cuts
	a.stats.Glue += next.stats.Glue
	a.facts.wildcards += next.facts.wildcards
	a.facts.optOuts += next.facts.optOuts
	if a.facts.expired.count == 0 {
		a.facts.expired.first = next.facts.expired.first
	}
	a.facts.expired.count += next.facts.expired.count
	for k := range next.siblings {
		a.siblings[k] = struct{}{}
	}
	a.chain.join(a, &next.chain)
	a.hashes.join(a, &next.hashes)
}
