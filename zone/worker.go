package zone

import (
	"bytes"
	"cmp"
	"slices"
	"sort"

	"yushan/zone/dname"
	"yushan/zone/radix"
)

// worker assembles segments, one after the other.
type worker struct {
	assembly
	c     *construction
	parts struct{ names, occluded, nsec3 *radix.PartBuilder }

	pieces       // all runs of the segment
	at, next int // the group's runs are those from at on, below next
	last     lastHosted
	records  []setRecord // scratch of readGroup
	found    []setRecord // scratch of addresses
	v4, v6   []rr        // likewise
}

// outcome is what a segment comes to.
type outcome struct {
	assembly
	names, occluded, nsec3 *radix.Part
}

func (c *construction) newWorker() *worker {
	w := &worker{c: c, assembly: assembly{origin: c.origin, files: c.files, space: space{arena: c.data, spans: true}}}
	w.parts.names, w.parts.occluded, w.parts.nsec3 = radix.NewPartBuilder(c.trees), radix.NewPartBuilder(c.trees), radix.NewPartBuilder(c.trees)
	a := &w.assembly
	a.names, a.occluded, a.nsec3 = w.parts.names, w.parts.occluded, w.parts.nsec3
	a.addresses = w.addresses
	a.intern = func(f []byte) offset {
		if (Referral{f}).owned() > 0 {
			return a.store(f)
		}
		return c.referrals.intern(f, a.store)
	}
	a.siblings = make(map[string]struct{})
	return w
}

// begin begins with another segment. What the apex says to all names it takes from there.
func (w *worker) begin(apex *assembly) {
	w.report, w.siblings = &Report{}, make(map[string]struct{})
	w.live, w.stats = 0, Stats{}
	w.facts = facts{apex: apex.facts.apex}
	w.chain, w.hashes = nsecChain{active: apex.chain.active}, nsec3Chain{}
	w.barrier, w.redirect = apex.barrier, apex.redirect
}

func (w *worker) run(s *segment) *outcome {
	w.gather(w.c.strands, s)
	for w.at = 0; w.at < len(w.refs); w.at = w.next {
		w.next = w.groupEnd(w.at)
		if w.next > w.at+1 || !w.hosted(&w.refs[w.at]) {
			w.readGroup()
			w.place()
		}
	}
	o := &outcome{assembly: w.assembly}
	o.names, o.occluded, o.nsec3 = w.parts.names.Cut(), w.parts.occluded.Cut(), w.parts.nsec3.Cut()
	o.barrier = bytes.Clone(o.barrier)
	return o
}

// close gives back memory that was not needed.
func (w *worker) close() {
	w.space.close()
	w.parts.names.Close()
	w.parts.occluded.Close()
	w.parts.nsec3.Close()
}

// start returns where the first record in canonical order is.
func (w *worker) start() position {
	strands := w.c.strands
	if len(strands) == 0 {
		return position{}
	}
	least := slices.MinFunc(strands, func(x, y *strand) int { return bytes.Compare(x.first, y.first) }).first
	w.gather(strands, &segment{from: least, to: append(bytes.Clone(least), 0)})
	w.at, w.next = 0, len(w.refs)
	return w.readRecords(w.records[:0], w.at, w.next)[0].at
}

// hosted places a delegation to servers that it shares with others, if there is
// nothing else to be said of it.
func (w *worker) hosted(r *ref) bool {
	key := w.key(r)
	if r.traits&traitHosted == 0 || w.chain.active || bytes.IndexByte(key, '*') >= 0 {
		return false
	}
	if w.barrier != nil && isBelow(key, w.barrier) {
		return false
	}
	referral, ok := w.last.find(w, r.hosting, key)
	if !ok {
		return false
	}
	w.barrier, w.redirect = key, false
	w.stats.Cuts++
	w.stats.Names++
	w.stats.RRsets++
	w.stats.Records += int(referral.records)
	w.assembly.names.Set(key, uint32(referral.off), true)
	return true
}

// readRecords appends the records of the runs from i on, below j, which have one
// owner, by set, and in the order of the file within a set.
func (w *worker) readRecords(dst []setRecord, i, j int) []setRecord {
	for k := range w.refs[i:j] {
		r := &w.refs[i+k]
		s := w.c.strands[r.strand]
		run, _ := s.run(int(r.run))
		dst = s.appendRecords(dst, run, w.c.hostings.all)
	}
	bySet := func(x, y setRecord) int { return cmp.Compare(x.set, y.set) }
	if !slices.IsSortedFunc(dst, bySet) {
		slices.SortStableFunc(dst, bySet)
	}
	return dst
}

func (w *worker) readGroup() {
	g := &w.group
	g.key = w.key(&w.refs[w.at])
	g.owner = dname.AppendFromKey(g.owner[:0], g.key, w.origin)
	g.sets = g.sets[:0]
	w.records = w.readRecords(w.records[:0], w.at, w.next)
	for i := range w.records {
		r := &w.records[i]
		set := g.set(uint16(r.set >> 1))
		if r.set&signatureSet != 0 {
			set.signatures = append(set.signatures, r.rr)
		} else {
			set.records = append(set.records, r.rr)
		}
	}
	w.settle()
}

// addresses finds the records of a name server of the group, which is a cut,
// wherever they are in the zone. They are valid until the next call.
func (w *worker) addresses(server []byte) (found addresses) {
	var buf [dname.MaxKey]byte
	key := dname.AppendKey(buf[:0], server, len(w.origin))
	records, hidden := w.found[:0], true
	if bytes.HasPrefix(key, w.group.key) {
		i := w.at + w.search(w.refs[w.at:], key)
		j := i
		for j < len(w.refs) && bytes.Equal(w.key(&w.refs[j]), key) {
			j++
		}
		records = w.readRecords(records, i, j)
		w.found = records
	} else if sibling := w.c.Builder.siblings.servers[string(key)]; sibling != nil {
		records, hidden = sibling.records, sibling.hidden
	}
	found.v4, found.v6 = w.v4[:0], w.v6[:0]
	var over4, over6 []rr
	for i := range records {
		r := &records[i]
		switch r.set {
		case setOrder(TypeA, nil):
			found.v4 = append(found.v4, r.rr)
		case setOrder(TypeAAAA, nil):
			found.v6 = append(found.v6, r.rr)
		case setOrder(TypeA, nil) | signatureSet:
			over4 = append(over4, r.rr)
		case setOrder(TypeAAAA, nil) | signatureSet:
			over6 = append(over6, r.rr)
		}
	}
	w.v4, w.v6 = found.v4, found.v6
	found.v4, found.v6 = w.uniform(TypeA, found.v4), w.uniform(TypeAAAA, found.v6)
	if hidden { // glue is nobody's to sign (RFC 4035 §2.2)
		return found
	}
	if len(over4) > 0 && len(found.v4) > 0 {
		found.signatures = w.order(TypeRRSIG, over4)
	}
	if len(over6) > 0 && len(found.v6) > 0 {
		found.signatures = append(found.signatures, w.order(TypeRRSIG, over6)...)
	}
	return found
}

// nearby is how many runs behind a cut are searched first: the addresses of its
// own servers are among them.
const nearby = 16

// search returns where in refs, which are sorted, the first run of key is or would be.
func (w *worker) search(refs []ref, key []byte) int {
	if len(refs) > nearby && bytes.Compare(w.key(&refs[nearby-1]), key) > 0 {
		refs = refs[:nearby]
	}
	return sort.Search(len(refs), func(i int) bool { return bytes.Compare(w.key(&refs[i]), key) >= 0 })
}

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
