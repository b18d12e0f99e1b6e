package zone

import (
	"bytes"
	"encoding/binary"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/radix"
)

// assembly is what building a zone and editing one have in common: it takes
// one owner after the other, in canonical order, decides what the owner is to
// the zone, and stores it. Everything above a name is placed before it.
type assembly struct {
	origin []byte
	files  []string // names of the files that records say they come from
	report *Report

	space                  space
	live                   int64 // bytes of data that the zone uses
	names, occluded, nsec3 sink
	encoder                encoder
	siblings               map[string]struct{} // keys of name servers that other cuts name

	// addresses returns those of a name server in the zone.
	addresses func(server []byte) addresses
	// intern stores a referral, or finds an equal one.
	intern func(fragment []byte) arena.Offset
	// named, if not nil, is told the keys of servers that a cut names without being above them.
	named func(server []byte)
	// postpone, if not nil, takes a cut whose referral cannot be made yet.
	postpone func(d *delegation)
	// partial says that only some names are placed, so that chains of denial
	// cannot be followed from one to the next.
	partial bool

	barrier  []byte // key of the cut or DNAME that hides what is below it; nil: none
	redirect bool   // the barrier is a DNAME

	group     group
	own, rest []rrset    // scratch of cut
	current   delegation // likewise
	list      []byte     // scratch of entries
	scratch   []byte
	server    []byte // scratch of noteSibling

	clock  uint32
	stats  Stats
	facts  facts
	chain  nsecChain
	hashes nsec3Chain
}

// sink is where entries of a tree go: to its builder, or to a transaction.
type sink interface {
	Set(key []byte, value uint32, stop bool)
}

// facts are what the assembly learns of the apex and of the zone as a whole.
type facts struct {
	apex
	wildcards int
	optOuts   int // NSEC3 RRsets with the opt-out flag
	expired   struct {
		count int
		first position
	}
}

// apex is what the checks of all names depend on.
type apex struct {
	soa, ns, param  bool
	signed          bool // the SOA is signed, so all of the zone must be
	serial, minimum uint32
	soaTTL          uint32
	paramAt         position
	iterations      uint16
	salt            []byte
}

// isBelow tells whether key is that of a name below the one with the key above.
func isBelow(key, above []byte) bool {
	return len(key) > len(above) && bytes.HasPrefix(key, above)
}

// place decides where the group belongs and stores it.
func (a *assembly) place() {
	g := &a.group
	if a.barrier != nil && !isBelow(g.key, a.barrier) {
		a.barrier, a.redirect = nil, false
	}
	a.takeNSEC3()
	isApex := len(g.key) == 0
	if isApex {
		a.readApex()
	}
	if len(g.sets) == 0 {
		return
	}
	if a.barrier != nil {
		a.hidden()
		return
	}
	a.checkOwner(isApex)
	if hasAsterisk(g.owner) {
		a.facts.wildcards++
	}
	if ns := g.find(TypeNS); ns != nil && !isApex {
		a.cut(ns)
		a.barrier, a.redirect = g.key, false
		return
	}
	redirect := g.find(TypeDNAME) != nil
	if redirect {
		a.barrier, a.redirect = g.key, true
	}
	a.names.Set(g.key, uint32(a.node(g.sets, true)), redirect)
	a.chain.add(a, g.find(TypeNSEC))
}

// hasAsterisk tells whether a label of name is the asterisk: then name is a
// wildcard, or makes one exist above it (RFC 4592 §2.2.2).
func hasAsterisk(name []byte) bool {
	for ; len(name) > 1; name = dname.Parent(name) {
		if dname.IsWildcard(name) {
			return true
		}
	}
	return false
}

// hidden stores names that a cut or a DNAME hides: glue, and what no query
// will ever see but a zone transfer must carry.
func (a *assembly) hidden() {
	a.checkHidden()
	a.occluded.Set(a.group.key, uint32(a.node(a.group.sets, false)), false)
	for i := range a.group.sets {
		if isAddress(a.group.sets[i].rrtype) {
			a.stats.Glue += len(a.group.sets[i].records)
		}
	}
}

func isAddress(rrtype uint16) bool { return rrtype == TypeA || rrtype == TypeAAAA }

// delegation is a cut about to be stored.
type delegation struct {
	key, owner []byte
	ns         []rr
	own        []byte       // entries of the RRsets for which the parent is authoritative
	referral   arena.Offset // the one that it has had; 0: none
}

// cut stores a delegation: its referral, DS and NSEC where the parent is
// authoritative for them, and the rest among the hidden names.
func (a *assembly) cut(ns *rrset) {
	g := &a.group
	own, rest := a.own[:0], a.rest[:0]
	var nsec *rrset
	for i := range g.sets {
		switch s := &g.sets[i]; s.rrtype {
		case TypeNS:
			if len(s.signatures) > 0 { // RFC 4035 §2.2
				a.warn(MisplacedRecord, s.signatures[0].at, "the RRSIG at %s covers the NS records of a delegation, which are the child's: it is ignored",
					dname.Display(g.owner))
			}
		case TypeNSEC:
			nsec = s
			own = append(own, *s)
		case TypeDS:
			own = append(own, *s)
		default:
			rest = append(rest, *s)
		}
	}
	a.own, a.rest = own, rest
	a.stats.Cuts++
	a.stats.Names++
	a.stats.RRsets++
	a.stats.Records += len(ns.records)
	d := &a.current
	*d = delegation{key: g.key, owner: g.owner, ns: ns.records, own: a.entries(own, true)}
	if a.postpone != nil {
		a.postpone(d)
	} else {
		a.delegate(d)
	}
	a.chain.add(a, nsec)
	if len(rest) > 0 {
		sets := g.sets
		g.sets = rest
		a.hidden()
		g.sets = sets
		a.stats.Names-- // counted as a cut
	}
}

// delegate stores what a query meets at a cut.
func (a *assembly) delegate(d *delegation) {
	value := a.referral(d)
	if len(d.own) > 0 {
		node := append(make([]byte, 0, 64), kindCut, 0)
		node = binary.LittleEndian.AppendUint16(node, uint16(len(d.own)/entrySize))
		node = binary.LittleEndian.AppendUint32(node, uint32(value))
		value = a.store(append(node, d.own...))
	}
	a.names.Set(d.key, uint32(value), true)
}

// referral returns the offset of the cut's referral; equal ones are stored once.
func (a *assembly) referral(d *delegation) arena.Offset {
	f, missing, ok := a.encoder.referral(d.owner, d.ns, func(server []byte) addresses {
		if !dname.IsSubdomain(server, a.origin) {
			return addresses{}
		}
		if !dname.IsSubdomain(server, d.owner) {
			a.noteSibling(server)
		}
		return a.addresses(server)
	})
	for _, server := range missing {
		a.warn(NoGlue, d.ns[0].at, "%s is delegated to %s, which has no address here, so that nobody can reach it",
			dname.Display(d.owner), dname.Display(server))
	}
	if !ok {
		a.fail(TooLarge, d.ns[0].at, "the referral to %s does not fit into any message", dname.Display(d.owner))
		return 0
	}
	if d.referral != 0 && (Referral{a.space.arena.View().At(d.referral)}).equals(f) {
		a.live += Referral{f}.owned()
		return d.referral
	}
	return a.intern(f)
}

// noteSibling notes that some cut names a server which is not below it.
func (a *assembly) noteSibling(server []byte) {
	a.server = dname.AppendKey(a.server[:0], server, len(a.origin))
	if a.named != nil {
		a.named(a.server)
	}
	if _, known := a.siblings[string(a.server)]; !known {
		a.siblings[string(a.server)] = struct{}{}
	}
}

// store puts a fragment into the arena.
func (a *assembly) store(f []byte) arena.Offset {
	off, b := a.space.alloc(len(f))
	copy(b, f)
	a.live += roundUp(len(f))
	return off
}

// roundUp returns how many bytes of an arena n bytes take.
func roundUp(n int) int64 { return int64(n+arena.Unit-1) &^ (arena.Unit - 1) }

// node stores the RRsets of a name, and their list.
func (a *assembly) node(sets []rrset, authoritative bool) arena.Offset {
	a.stats.Names++
	list := a.entries(sets, authoritative)
	node := append(make([]byte, 0, 128), kindNode, 0)
	node = binary.LittleEndian.AppendUint16(node, uint16(len(list)/entrySize))
	return a.store(append(node, list...))
}

// entries stores RRsets and returns their list, which is valid until the next call.
func (a *assembly) entries(sets []rrset, authoritative bool) []byte {
	list := a.list[:0]
	for i := range sets {
		s := &sets[i]
		if authoritative {
			a.checkSignatures(s)
		}
		off, ok := a.rrset(a.group.owner, s)
		if !ok {
			continue
		}
		list = binary.LittleEndian.AppendUint16(list, s.rrtype)
		list = append(list, 0, 0)
		list = binary.LittleEndian.AppendUint32(list, uint32(off))
	}
	a.list = list
	return list
}

func (a *assembly) rrset(owner []byte, s *rrset) (arena.Offset, bool) {
	a.stats.RRsets++
	a.stats.Records += len(s.records) + len(s.signatures)
	if s.stored != 0 {
		a.live += RRset{a.space.arena.View().At(s.stored)}.size()
		return s.stored, true
	}
	f, ok := a.encoder.rrset(owner, s.rrtype, s.records, s.signatures)
	if !ok {
		a.fail(TooLarge, s.first(), "the %s RRset of %s does not fit into any message", typeName(s.rrtype), dname.Display(owner))
		return 0, false
	}
	return a.store(f), true
}

// zone puts the parts together; nil if the report has errors.
func (a *assembly) zone(trees *arena.Arena, names, occluded, nsec3, siblings radix.Tree) *Zone {
	if !a.report.OK() {
		return nil
	}
	a.stats.OptOut = a.facts.optOuts > 0
	z := &Zone{
		origin: a.origin, names: names, occluded: occluded, nsec3: nsec3, siblings: siblings,
		store: a.space.arena, trees: trees, data: a.space.arena.View(), live: a.live,
		wildcards: a.facts.wildcards, optOuts: a.facts.optOuts, serial: a.facts.serial,
		iterations: a.facts.iterations, salt: a.facts.salt,
	}
	z.stats = a.stats
	z.seal()
	return z
}
