package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/radix"
)

// assembly is a zone in the making: one pass over the sorted records, owner by
// owner, so that everything above a name has been seen before it.
type assembly struct {
	*Builder
	report  *Report
	entries []entry

	data, trees            *arena.Arena
	names, occluded, nsec3 *radix.Builder
	encoder                encoder
	referrals              map[uint64]arena.Offset // by hash of the fragment
	seed                   maphash.Seed
	siblings               map[string]struct{} // keys of name servers that other cuts name

	barrier  []byte // key of the cut or DNAME that hides what is below it; nil: none
	redirect bool   // the barrier is a DNAME

	group   group
	scratch []byte

	clock  uint32
	stats  Stats
	facts  facts
	chain  nsecChain
	hashes nsec3Chain
}

// facts are what the assembly learns of the apex.
type facts struct {
	soa, apexNS, param bool
	signed             bool // the SOA is signed, so all of the zone must be
	serial, minimum    uint32
	soaTTL             uint32
	iterations         uint16
	salt               []byte
	optOut             bool
	wildcards          int
	expired            struct {
		count int
		first position
	}
}

// group is all the records of one owner.
type group struct {
	key, owner []byte
	sets       []rrset
}

// rrset is the records of one type at one owner, and the signatures over them.
type rrset struct {
	rrtype              uint16
	records, signatures []rr
}

func (g *group) find(rrtype uint16) *rrset {
	for i := range g.sets {
		if g.sets[i].rrtype == rrtype {
			return &g.sets[i]
		}
	}
	return nil
}

func (a *assembly) run() {
	a.seed = maphash.MakeSeed()
	a.siblings = make(map[string]struct{})
	for i := 0; i < len(a.entries); {
		j := a.nextOwner(i)
		a.readGroup(i, j)
		a.place()
		i = j
	}
}

// nextOwner returns the index of the first record behind i of another owner.
func (a *assembly) nextOwner(i int) int {
	key := recordKey(a.record(a.entries[i]))
	prefix := a.entries[i].prefix
	j := i + 1
	for j < len(a.entries) && a.entries[j].prefix == prefix && bytes.Equal(recordKey(a.record(a.entries[j])), key) {
		j++
	}
	return j
}

func (a *assembly) readGroup(i, j int) {
	g := &a.group
	g.key = recordKey(a.record(a.entries[i]))
	g.owner = dname.AppendFromKey(g.owner[:0], g.key, a.origin)
	sets := g.sets[:0]
	for _, e := range a.entries[i:j] {
		d := a.record(e)
		covered := uint16(recordSet(d) >> 1)
		if len(sets) == 0 || sets[len(sets)-1].rrtype != covered {
			if len(sets) < cap(sets) {
				sets = sets[:len(sets)+1]
				s := &sets[len(sets)-1]
				s.rrtype, s.records, s.signatures = covered, s.records[:0], s.signatures[:0]
			} else {
				sets = append(sets, rrset{rrtype: covered})
			}
		}
		s := &sets[len(sets)-1]
		if recordSet(d)&1 == 1 {
			s.signatures = append(s.signatures, toRR(d))
		} else {
			s.records = append(s.records, toRR(d))
		}
	}
	for k := range sets {
		sets[k].records = a.order(sets[k].rrtype, sets[k].records)
		sets[k].signatures = a.order(TypeRRSIG, sets[k].signatures)
		a.checkTTL(&sets[k])
	}
	g.sets = sets
}

// order puts records into canonical order (RFC 4034 §6.3) and removes
// duplicates (RFC 2181 §5).
func (a *assembly) order(rrtype uint16, records []rr) []rr {
	if len(records) < 2 {
		return records
	}
	compare := func(x, y rr) int { return bytes.Compare(x.rdata, y.rdata) }
	if _, named := namesOf[rrtype]; named {
		compare = func(x, y rr) int {
			s := appendCanonical(a.scratch[:0], rrtype, x.rdata)
			n := len(s)
			s = appendCanonical(s, rrtype, y.rdata)
			a.scratch = s
			return bytes.Compare(s[:n], s[n:])
		}
	}
	slices.SortStableFunc(records, compare)
	return slices.CompactFunc(records, func(x, y rr) bool { return compare(x, y) == 0 })
}

// place decides where the group belongs and stores it.
func (a *assembly) place() {
	g := &a.group
	if a.barrier != nil && !(len(g.key) > len(a.barrier) && bytes.HasPrefix(g.key, a.barrier)) {
		a.barrier, a.redirect = nil, false
	}
	if a.takeNSEC3() && len(g.sets) == 0 {
		return
	}
	if a.barrier != nil {
		a.hidden()
		return
	}
	apex := len(g.key) == 0
	if apex {
		a.readApex()
	}
	a.checkOwner(apex)
	if hasAsterisk(g.owner) {
		a.facts.wildcards++
	}
	ns, dnameSet := g.find(TypeNS), g.find(TypeDNAME)
	switch {
	case ns != nil && len(ns.records) > 0 && !apex:
		a.cut(ns)
		a.barrier, a.redirect = g.key, false
		return
	case dnameSet != nil && len(dnameSet.records) > 0:
		a.names.Add(g.key, uint32(a.node(g.sets, true)), true)
		a.barrier, a.redirect = g.key, true
	default:
		a.names.Add(g.key, uint32(a.node(g.sets, true)), false)
	}
	a.chain.add(a, g)
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
	a.occluded.Add(a.group.key, uint32(a.node(a.group.sets, false)), false)
	for i := range a.group.sets {
		if t := a.group.sets[i].rrtype; t == TypeA || t == TypeAAAA {
			a.stats.Glue += len(a.group.sets[i].records)
		}
	}
}

// cut stores a delegation: its referral, DS and NSEC where the parent is
// authoritative for them, and the rest among the hidden names.
func (a *assembly) cut(ns *rrset) {
	g := &a.group
	a.stats.Cuts++
	a.stats.Names++
	a.stats.RRsets++
	a.stats.Records += len(ns.records)
	referral := a.referral(ns)
	var own, rest []rrset
	for _, s := range g.sets {
		switch s.rrtype {
		case TypeNS:
		case TypeDS, TypeNSEC:
			own = append(own, s)
		default:
			rest = append(rest, s)
		}
	}
	value := referral
	if len(own) > 0 {
		value = a.entryList(kindCut, referral, own, true)
	}
	a.names.Add(g.key, uint32(value), true)
	if len(rest) > 0 {
		a.group.sets = rest
		a.hidden()
	}
	a.chain.add(a, &group{key: g.key, owner: g.owner, sets: own})
}

// referral returns the offset of the cut's referral; equal ones are stored once.
func (a *assembly) referral(ns *rrset) arena.Offset {
	cut := a.group.owner
	f, missing, ok := a.encoder.referral(cut, ns.records, func(server []byte) (v4, v6 []rr) {
		v4, v6 = a.addresses(server)
		if len(v4)+len(v6) > 0 && !dname.IsSubdomain(server, cut) {
			a.siblings[string(dname.AppendKey(nil, server, len(a.origin)))] = struct{}{}
		}
		return v4, v6
	})
	for _, server := range missing {
		a.warn(NoGlue, ns.records[0].at, "%s is delegated to %s, which has no address here, so that nobody can reach it",
			dname.Display(cut), dname.Display(server))
	}
	if !ok {
		a.fail(TooLarge, ns.records[0].at, "the referral to %s does not fit into any message", dname.Display(cut))
		return 0
	}
	return a.intern(f)
}

// addresses returns the A and AAAA records at server, from wherever they are.
func (a *assembly) addresses(server []byte) (v4, v6 []rr) {
	if !dname.IsSubdomain(server, a.origin) {
		return nil, nil
	}
	key := dname.AppendKey(nil, server, len(a.origin))
	var prefix [8]byte
	copy(prefix[:], key)
	wanted := binary.BigEndian.Uint64(prefix[:])
	i, _ := slices.BinarySearchFunc(a.entries, wanted, func(e entry, prefix uint64) int {
		if e.prefix != prefix {
			return cmp.Compare(e.prefix, prefix)
		}
		return bytes.Compare(recordKey(a.record(e)), key)
	})
	for ; i < len(a.entries) && bytes.Equal(recordKey(a.record(a.entries[i])), key); i++ {
		switch d := a.record(a.entries[i]); recordType(d) {
		case TypeA:
			v4 = append(v4, toRR(d))
		case TypeAAAA:
			v6 = append(v6, toRR(d))
		}
	}
	return a.uniform(TypeA, v4), a.uniform(TypeAAAA, v6)
}

func (a *assembly) uniform(rrtype uint16, records []rr) []rr {
	records = a.order(rrtype, records)
	for i := range records {
		records[i].ttl = lowestTTL(records)
	}
	return records
}

// intern stores a referral, or finds the one that is the same.
func (a *assembly) intern(f []byte) arena.Offset {
	h := maphash.Bytes(a.seed, f)
	if off, ok := a.referrals[h]; ok && bytes.HasPrefix(a.data.View().At(off), f) {
		return off
	}
	off := a.store(f)
	a.referrals[h] = off
	return off
}

func (a *assembly) store(f []byte) arena.Offset {
	off, b := a.data.Alloc(len(f))
	copy(b, f)
	return off
}

// node stores the RRsets of a name, and their list.
func (a *assembly) node(sets []rrset, authoritative bool) arena.Offset {
	return a.entryList(kindNode, 0, sets, authoritative)
}

func (a *assembly) entryList(kind byte, referral arena.Offset, sets []rrset, authoritative bool) arena.Offset {
	list := []byte{kind, 0, 0, 0}
	if kind == kindCut {
		list = binary.LittleEndian.AppendUint32(list, uint32(referral))
	} else {
		a.stats.Names++
	}
	count := 0
	for i := range sets {
		s := &sets[i]
		if len(s.records) == 0 {
			a.warn(OrphanSignature, s.signatures[0].at, "the RRSIG at %s covers %s, which is not there: it is ignored",
				dname.Display(a.group.owner), typeName(s.rrtype))
			continue
		}
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
		count++
	}
	binary.LittleEndian.PutUint16(list[2:], uint16(count))
	return a.store(list)
}

func (a *assembly) rrset(owner []byte, s *rrset) (arena.Offset, bool) {
	f, ok := a.encoder.rrset(owner, s.rrtype, s.records, s.signatures)
	if !ok {
		a.fail(TooLarge, s.records[0].at, "the %s RRset of %s does not fit into any message", typeName(s.rrtype), dname.Display(owner))
		return 0, false
	}
	a.stats.RRsets++
	a.stats.Records += len(s.records) + len(s.signatures)
	return a.store(f), true
}

// finish puts the parts together.
func (a *assembly) finish() *Zone {
	a.checkApex()
	z := &Zone{
		origin: a.origin, names: a.names.Finish(), occluded: a.occluded.Finish(), nsec3: a.nsec3.Finish(),
		wildcards: a.facts.wildcards, serial: a.facts.serial,
		iterations: a.facts.iterations, salt: a.facts.salt,
		store: a.data, trees: a.trees,
	}
	siblings := radix.NewBuilder(a.trees)
	keys := make([]string, 0, len(a.siblings))
	for k := range a.siblings {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		siblings.Add([]byte(k), 1, false)
	}
	z.siblings = siblings.Finish()
	switch {
	case z.nsec3.Len() > 0:
		a.stats.Denial = NSEC3
		a.hashes.close(a)
	case a.chain.count > 0:
		a.stats.Denial = NSEC
		a.chain.close(a)
	}
	a.stats.OptOut = a.facts.optOut
	z.stats = a.stats
	if !a.report.OK() {
		return nil
	}
	z.data = a.data.View()
	z.seal()
	return z
}
