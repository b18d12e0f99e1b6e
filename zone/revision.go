package zone

import (
	"bytes"
	"slices"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/radix"
)

// revision is an edit being committed:
//
//  1. Each owner with changes is read from the base, changed, and placed anew,
//     from the apex down. Where that makes or unmakes a barrier, so is all that
//     lies below it.
//  2. Cuts whose name servers' addresses have changed join those that were
//     placed, and their referrals are made.
//  3. The trees are committed, and the chains of denial checked where they
//     were touched.
//
// What is not touched stays where it is, shared with the base.
type revision struct {
	assembly
	base    *Zone
	changes []change // by key

	names, occluded, nsec3 tree
	below                  [][]byte // keys of owners without changes to be placed anew
	above                  struct { // what hides the children of the last parent
		parent, barrier []byte
		redirect        bool
	}
	covered []byte // key of the barrier below which below lists all; nil: none

	decoder decoder
	owners  []byte // of those whose cuts are pending, in chunks
	pending []delegation
	naming  []namedBy // of those made
	servers [][]byte  // keys of names whose addresses have changed
	touched [][]byte  // keys of names that were, or are, among the authoritative ones
	hashes  [][]byte  // likewise of NSEC3 records
}

// tree is a tree being edited that remembers whether it was given an entry,
// and which.
type tree struct {
	*radix.Txn
	given bool
	last  radix.Entry
}

func (t *tree) Set(key []byte, value uint32, stop bool) {
	t.given, t.last = true, radix.Entry{Value: value, Stop: stop}
	t.Txn.Set(key, value, stop)
}

func newRevision(e *Edit) *revision {
	z := e.base
	r := &revision{
		base: z, changes: e.changes,
		names: tree{Txn: z.names.Edit()}, occluded: tree{Txn: z.occluded.Edit()}, nsec3: tree{Txn: z.nsec3.Edit()},
		assembly: assembly{
			origin: z.origin, files: e.files, report: &Report{}, space: space{arena: z.store}, live: z.live, stats: z.stats,
			siblings: make(map[string]struct{}), partial: true,
		},
	}
	// A name has three or four records, as a rule.
	r.names.Reserve(len(e.changes) / 4)
	r.occluded.Reserve(len(e.changes) / 4)
	r.pending = make([]delegation, 0, len(e.changes)/4)
	a := &r.assembly
	a.names, a.occluded, a.nsec3 = &r.names, &r.occluded, &r.nsec3
	a.addresses, a.intern, a.postpone = r.addresses, r.intern, r.postpone
	a.group.owner = z.origin
	new(decoder).read(z, z.locate(nil), &a.group)
	a.readApex()
	a.facts.wildcards, a.facts.optOuts = z.wildcards, z.optOuts
	a.report = e.report.clone() // what there is to say of the base's apex has been said
	return r
}

// run returns false if the zone has to be built anew.
func (r *revision) run() (z *Zone, report *Report, possible bool) {
	param := r.facts.apex
	for changes := r.changes; len(changes) > 0 || len(r.below) > 0; {
		var key []byte
		if len(r.below) == 0 || len(changes) > 0 && bytes.Compare(changes[0].key, r.below[0]) <= 0 {
			key = changes[0].key
		} else {
			key = r.below[0]
		}
		if len(r.below) > 0 && bytes.Equal(key, r.below[0]) {
			r.below = r.below[1:]
		}
		n := 0
		for n < len(changes) && bytes.Equal(changes[n].key, key) {
			n++
		}
		r.replace(key, changes[:n])
		changes = changes[n:]
		if len(key) == 0 && !r.facts.sameParam(&param) {
			return nil, nil, false // which records belong to the chain is decided anew
		}
	}
	r.reopenNamed()
	for i := range r.pending {
		d := &r.pending[i]
		r.named = func(server []byte) { r.naming = append(r.naming, namedBy{hashServer(server), d.key}) }
		r.delegate(d)
	}
	return r.finish(), r.report, true
}

func (a *apex) sameParam(b *apex) bool {
	return a.param == b.param && a.iterations == b.iterations && bytes.Equal(a.salt, b.salt)
}

// replace places one owner anew. key is kept.
func (r *revision) replace(key []byte, changes []change) {
	l := r.base.locate(key)
	before := noBarrier
	if l.name != 0 {
		before = kindOf(r.base.node(l.name))
	}
	g := &r.group
	g.key, g.owner = key, r.owner(key)
	r.decoder.fresh()
	r.decoder.read(r.base, l, g)
	r.withdraw(l)
	r.apply(changes)
	readdressed := slices.ContainsFunc(changes, func(c change) bool { return isAddress(c.covered()) || c.rrtype == TypeRRSIG && c.kind == removeRRset })
	r.settle()
	r.names.given, r.occluded.given, r.nsec3.given = false, false, false
	r.barrier, r.redirect = r.barrierAbove(key)
	r.place()
	if l.name != 0 && !r.names.given {
		r.names.Delete(key)
	}
	if l.occluded != 0 && !r.occluded.given {
		r.occluded.Delete(key)
	}
	if l.hashed != 0 || r.nsec3.given {
		hash, _ := hashOfKey(key)
		if !r.nsec3.given {
			r.nsec3.Delete(hash)
		}
		r.hashes = append(r.hashes, hash)
	}
	if l.name != 0 || r.names.given {
		r.touched = append(r.touched, key)
	}
	kind := noBarrier
	if r.names.given {
		kind = r.kindOf(r.names.last)
	}
	if readdressed || kind != before || (l.name != 0) != r.names.given { // glue has no signatures
		r.servers = append(r.servers, key)
	}
	if kind != before && (r.covered == nil || !isBelow(key, r.covered)) && r.base.mayHaveBelow(key) {
		r.cover(key)
	}
}

// owner returns the owner name of a key, for good.
func (r *revision) owner(key []byte) []byte {
	if cap(r.owners)-len(r.owners) < dname.MaxWire {
		r.owners = make([]byte, 0, ownersChunk)
	}
	start := len(r.owners)
	r.owners = dname.AppendFromKey(r.owners, key, r.origin)
	return r.owners[start:len(r.owners):len(r.owners)]
}

const ownersChunk = 8 << 10

// barrierKind says how a name hides what is below it.
type barrierKind uint8

const (
	noBarrier barrierKind = iota
	cutBarrier
	redirectBarrier
)

func (r *revision) kind(key []byte) barrierKind {
	if e, ok := r.names.Get(key); ok {
		return r.kindOf(e)
	}
	return noBarrier
}

func (r *revision) kindOf(e radix.Entry) barrierKind {
	switch {
	case !e.Stop:
		return noBarrier
	case e.Value == pendingCut:
		return cutBarrier
	}
	return kindOf(r.entryNode(e))
}

// kindOf returns what an authoritative name hides.
func kindOf(node Node) barrierKind {
	if node.IsCut() {
		return cutBarrier
	}
	if _, redirects := node.find(TypeDNAME); redirects {
		return redirectBarrier
	}
	return noBarrier
}

// pendingCut is the value of a cut whose referral is not made yet.
const pendingCut = 0

func (r *revision) entryNode(e radix.Entry) Node {
	return Node{r.space.arena.View().At(arena.Offset(e.Value))}
}

// barrierAbove returns the key of the cut or DNAME that hides the name with
// this key. All above key has been placed.
func (r *revision) barrierAbove(key []byte) (barrier []byte, redirect bool) {
	if len(key) == 0 {
		return nil, false
	}
	parent := key[:1+bytes.LastIndexByte(key[:len(key)-1], 0)]
	// The parent's parents come before it, so that nothing of what was found for
	// one of its children changes before the next.
	if r.above.parent == nil || !bytes.Equal(parent, r.above.parent) {
		r.above.parent, r.above.barrier, r.above.redirect = parent, nil, false
		for n := 0; n <= len(parent); n++ {
			if n > 0 && parent[n-1] != 0 {
				continue
			}
			if kind := r.kind(parent[:n]); kind != noBarrier {
				r.above.barrier, r.above.redirect = parent[:n:n], kind == redirectBarrier
				break
			}
		}
	}
	return r.above.barrier, r.above.redirect
}

// mayHaveBelow tells whether there may be names below the one with this key.
func (z *Zone) mayHaveBelow(key []byte) bool {
	// What a cut or a DNAME hides is not among the authoritative names.
	m := z.names.Descend(key)
	return m.Len == len(key) && !m.Stop || z.occluded.Descend(key).Len == len(key)
}

// cover lists all owners of the base below key, to be placed anew.
func (r *revision) cover(key []byte) {
	r.covered = key
	var keys [][]byte
	for _, t := range []radix.Tree{r.base.names, r.base.occluded} {
		for k := range t.Prefix(key) {
			if len(k) > len(key) {
				keys = append(keys, bytes.Clone(k))
			}
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	r.below = slices.CompactFunc(keys, bytes.Equal)
}

// withdraw takes the owner's data, which lie at l, out of the figures.
func (r *revision) withdraw(l location) {
	s := &r.stats
	if l.name != 0 {
		node := r.base.node(l.name)
		s.Names--
		if hasAsterisk(r.group.owner) {
			r.facts.wildcards--
		}
		if node.IsCut() {
			referral := r.base.Referral(node)
			s.Cuts--
			s.RRsets--
			s.Records -= referral.NS().Records
			r.live -= referral.owned()
		}
		r.withdrawNode(node)
	}
	if l.occluded != 0 {
		if l.name == 0 {
			s.Names--
		}
		node := r.base.node(l.occluded)
		r.withdrawNode(node)
		for off := range node.rrsets() {
			if set := (RRset{r.base.data.At(off)}); isAddress(set.Type()) {
				s.Glue -= set.Records().Records
			}
		}
	}
	if l.hashed != 0 {
		set := RRset{r.base.data.At(l.hashed)}
		r.withdrawSet(set)
		if p, _ := parseNSEC3(set.Records().Bytes[recordFixed:]); p.optOut {
			r.facts.optOuts--
		}
	}
}

func (r *revision) withdrawNode(node Node) {
	r.live -= node.size()
	for off := range node.rrsets() {
		r.withdrawSet(RRset{r.base.data.At(off)})
	}
}

func (r *revision) withdrawSet(set RRset) {
	r.stats.RRsets--
	r.stats.Records -= set.Records().Records + set.Signatures().Records
	r.live -= set.size()
}

// finish commits the trees.
func (r *revision) finish() *Zone {
	siblings := r.base.siblings.Edit()
	for key := range r.siblings {
		siblings.Set([]byte(key), 1, false)
	}
	names, nsec3 := r.names.Commit(), r.nsec3.Commit()
	r.checkApex(position{}, nsec3.Len() > 0)
	if _, ok := names.Get(nil); !ok || !r.facts.soa {
		return nil
	}
	z := r.zone(r.base.trees, names, r.occluded.Commit(), nsec3, siblings.Commit())
	if z == nil {
		return nil
	}
	z.pool = r.base.pool
	if n := r.base.naming.Load(); n != nil {
		n.note(r.naming)
		z.naming.Store(n)
	}
	r.checkChains(z)
	return z
}

// addresses finds the records of a name server as they are after the changes.
func (r *revision) addresses(server []byte) (found addresses) {
	var buf [dname.MaxKey]byte
	key := dname.AppendKey(buf[:0], server, len(r.origin))
	e, authoritative := r.names.Get(key)
	if !authoritative || e.Value == pendingCut || r.entryNode(e).IsCut() {
		var ok bool
		if e, ok = r.occluded.Get(key); !ok {
			return addresses{}
		}
		authoritative = false
	}
	var d decoder
	node, view := r.entryNode(e), r.space.arena.View()
	read := func(rrtype uint16) (records []rr) {
		off, ok := node.find(rrtype)
		if !ok {
			return nil
		}
		set := RRset{view.At(off)}
		if authoritative {
			found.signatures = d.part(found.signatures, server, set.Signatures())
		}
		return d.part(nil, server, set.Records())
	}
	found.v4, found.v6 = read(TypeA), read(TypeAAAA)
	return found
}

func (r *revision) intern(f []byte) arena.Offset {
	h := r.base.pool.hash(f)
	if off, ok := r.base.pool.find(r.space.arena, h, f); ok {
		return off
	}
	off := r.store(f)
	if (Referral{f}).owned() == 0 {
		r.base.pool.put(h, off)
	}
	return off
}
