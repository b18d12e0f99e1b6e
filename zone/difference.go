package zone

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// difference compares the records of a zone's files, in any order, with those
// of a zone that is there, the base, and keeps only what is not in there:
//
//	record ── in the base? ──yes──► marked         (1 bit)
//	               └─no───────────► added   ─┐
//	what has no mark at the end ─► removed ──┴─► an edit of the base
//
// So reading the same again takes next to no memory, whatever the size of the
// zone, and what did not change stays where it is.
//
// A record is in the base if it would be stored there as what is there, byte by
// byte and with the same TTL. Its mark is at the place where it lies: an RRset of n
// records takes more than n units of the arena, and so n bits from its offset on
// are its own; NS records of cuts may share one referral, and are marked at the
// place of the cut's entry in the tree, which has four bits, and a map for more.
//
// What a zone does not keep as its files have it, such as the higher of two TTLs,
// counts as changed until all has been read: then it turns out to be in vain (vain.go).
//
// Duplicates are marked once. That the outcome is the same as that of
// building all records is due to duplicates coming to the same in any
// order ([assembly.order]).
type difference struct {
	base    *Zone
	limit   int    // changes beyond which it is given up
	tooMany func() // called then, once or more

	sets  marks // of records in RRsets, by unit of the arena
	cuts  marks // of NS records, by byte of the arena of the trees
	found atomic.Int64

	mu      sync.Mutex // guards what follows
	further map[furtherNS]struct{}
	added   []change
	refused []refused
}

// furtherNS is an NS record of a cut beyond the fourth.
type furtherNS struct {
	place uint64
	index int
}

// placeBits is how many bits there are for each entry of a tree.
const placeBits = 4

func newDifference(base *Zone, limit int, tooMany func()) *difference {
	return &difference{
		base: base, limit: limit, tooMany: tooMany,
		sets: newMarks(base.data.End()), cuts: newMarks(base.names.View().End() * arena.Unit),
		further: make(map[furtherNS]struct{}),
	}
}

// addBatch takes records in. The memory of the batch may be reused afterwards.
func (d *difference) addBatch(batch *master.Batch) {
	var (
		at      finder
		added   []change
		no      []refused
		memory  []byte
		found   int64
		further []furtherNS
	)
	for i := range batch.Records {
		r := &batch.Records[i]
		switch {
		case !dname.IsSubdomain(r.Owner, d.base.origin):
			no = append(no, refused{outsideFinding(r, d.base.origin), r.File})
			continue
		case !wellFormed(r.Type, r.RDATA):
			no = append(no, refused{malformedFinding(r), r.File})
			continue
		}
		at.find(d.base, r.Owner)
		switch where, n := at.record(d.base, r); {
		case where == inReferral && n >= placeBits:
			further = append(further, furtherNS{at.place, n})
			continue
		case where == inReferral && d.cuts.add(at.place+uint64(n)),
			where == inRRset && d.sets.add(uint64(n)):
			found++
			continue
		case where != nowhere:
			continue // a duplicate
		}
		if cap(memory)-len(memory) < len(at.key)+len(r.RDATA) {
			memory = make([]byte, 0, 16<<10+len(at.key)+len(r.RDATA))
		}
		start := len(memory)
		memory = append(memory, at.key...)
		rdata := len(memory)
		memory = append(memory, r.RDATA...)
		added = append(added, change{
			kind: add, key: memory[start:rdata:rdata], rrtype: r.Type,
			rr: rr{ttl: r.TTL, rdata: memory[rdata:len(memory):len(memory)], at: position{r.File, r.Line, r.Column}},
		})
	}
	d.found.Add(found)
	if len(added)+len(no)+len(further) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.added = append(d.added, added...)
	d.refused = append(d.refused, no...)
	for _, f := range further {
		if _, known := d.further[f]; !known {
			d.further[f] = struct{}{}
			d.found.Add(1)
		}
	}
	if len(d.added) > d.limit {
		d.tooMany()
	}
}

// whereabouts say in what a record was found.
type whereabouts uint8

const (
	nowhere whereabouts = iota
	inRRset
	inReferral
)

// finder looks records up in a zone, the records of one owner mostly in a row.
type finder struct {
	owner        []byte // that the rest belongs to
	key          []byte
	name, hidden Node
	hashed       arena.Offset
	place        uint64 // of the name's entry
	buf          [dname.MaxKey]byte
}

func (f *finder) find(z *Zone, owner []byte) {
	if f.owner != nil && bytes.Equal(f.owner, owner) {
		return
	}
	f.owner = owner
	f.key = dname.AppendKey(f.buf[:0], owner, len(z.origin))
	f.name, f.hidden, f.hashed = Node{}, Node{}, 0
	if p, ok := z.names.Locate(f.key); ok {
		f.name, f.place = z.node(arena.Offset(p.Value)), p.Place
	}
	if off, ok := z.occluded.Get(f.key); ok {
		f.hidden = z.node(arena.Offset(off))
	}
	if z.nsec3.Len() > 0 {
		if hash, ok := hashOfKey(f.key); ok {
			off, _ := z.nsec3.Get(hash)
			f.hashed = arena.Offset(off)
		}
	}
}

// record returns where in the zone the record is: as the n-th of the cut's NS
// records, or at unit n of the arena, in a manner of speaking.
func (f *finder) record(z *Zone, r *master.Record) (where whereabouts, n int) {
	if r.Type == TypeNS && !f.name.IsZero() && f.name.IsCut() {
		if n = z.Referral(f.name).NS().index(r); n >= 0 {
			return inReferral, n
		}
		return nowhere, 0
	}
	covered := uint16(setOrder(r.Type, r.RDATA) >> 1)
	in := func(off arena.Offset) bool {
		set := RRset{z.data.At(off)}
		part, before := set.Records(), 0
		if r.Type == TypeRRSIG {
			part, before = set.Signatures(), part.Records
		}
		i := part.index(r)
		n = int(off) + before + i
		return i >= 0
	}
	for _, node := range [2]Node{f.name, f.hidden} {
		if !node.IsZero() {
			if off, ok := node.find(covered); ok && in(off) {
				return inRRset, n
			}
		}
	}
	if f.hashed != 0 && covered == TypeNSEC3 && in(f.hashed) {
		return inRRset, n
	}
	return nowhere, 0
}

// index returns which of the records in p is r, -1 if none is: with the same TTL
// and, but for the case of what pointers stand for, the same bytes.
func (p Part) index(r *master.Record) int {
	fixups := p.Fixups
	for at, i := 0, 0; at < len(p.Bytes); i++ {
		h := p.Bytes[at:]
		body := at + recordFixed
		end := body + int(binary.BigEndian.Uint16(h[recordFixed-2:]))
		fixups = fixups[2:] // the owner
		pointers := 0
		for 2*pointers < len(fixups) && le16(fixups[2*pointers:]) < end {
			pointers++
		}
		if binary.BigEndian.Uint32(h[6:]) == r.TTL && p.holds(body, end, fixups[:2*pointers], r) {
			return i
		}
		fixups = fixups[2*pointers:]
		at = end
	}
	return -1
}

// holds tells whether the RDATA from body to end, with pointers at the given
// places, is that of r.
func (p Part) holds(body, end int, pointers []byte, r *master.Record) bool {
	rdata := r.RDATA
	for ; len(pointers) > 0; pointers = pointers[2:] {
		at := le16(pointers)
		plain := at - body
		if len(rdata) < plain || !bytes.Equal(p.Bytes[body:at], rdata[:plain]) {
			return false
		}
		rdata = rdata[plain:]
		n, ok := dname.Check(rdata)
		if !ok {
			return false
		}
		var buf [dname.MaxWire]byte
		if !dname.Equal(rdata[:n], p.appendName(buf[:0], r.Owner, Pointer(binary.BigEndian.Uint16(p.Bytes[at:])))) {
			return false
		}
		rdata, body = rdata[n:], at+2
	}
	return bytes.Equal(p.Bytes[body:end], rdata)
}

// removed returns the records of the base that have no mark, to be removed.
// They are more than the limit if ok is false.
func (d *difference) removed() (changes []change, ok bool) {
	z := d.base
	missing := z.stats.Records - int(d.found.Load())
	if missing > d.limit {
		return nil, false
	}
	var dec decoder
	// take adds those of the records in p for which marked says false.
	take := func(key []byte, rrtype uint16, p Part, marked func(i int) bool) {
		whole := true
		for i := range p.Records {
			whole = whole && marked(i)
		}
		if whole {
			return
		}
		key = bytes.Clone(key)
		for i, r := range dec.part(nil, dname.AppendFromKey(nil, key, z.origin), p) {
			if !marked(i) {
				changes = append(changes, change{kind: remove, key: key, rrtype: rrtype, rr: r})
			}
		}
	}
	takeSet := func(key []byte, off arena.Offset) {
		set := RRset{z.data.At(off)}
		records := set.Records()
		take(key, set.Type(), records, func(i int) bool { return d.sets.has(uint64(off) + uint64(i)) })
		take(key, TypeRRSIG, set.Signatures(), func(i int) bool { return d.sets.has(uint64(off) + uint64(records.Records+i)) })
	}
	for key, p := range z.names.Places() {
		if len(changes) == missing {
			return changes, true
		}
		node := z.node(arena.Offset(p.Value))
		if node.IsCut() {
			take(key, TypeNS, z.Referral(node).NS(), func(i int) bool {
				if i < placeBits {
					return d.cuts.has(p.Place + uint64(i))
				}
				_, marked := d.further[furtherNS{p.Place, i}]
				return marked
			})
		}
		for off := range node.rrsets() {
			takeSet(key, off)
		}
	}
	for key, e := range z.occluded.All() {
		for off := range z.node(arena.Offset(e.Value)).rrsets() {
			takeSet(key, off)
		}
	}
	for hash, e := range z.nsec3.All() {
		takeSet(appendHashKey(nil, hash), arena.Offset(e.Value))
	}
	return changes, true
}

// refuse reports the records that cannot be in the zone.
func (d *difference) refuse(report *Report, files []string) {
	for _, r := range d.refused {
		r.finding.File = fileName(files, r.file)
		report.add(r.finding)
	}
}

// commit returns the base with the changes, and the base itself if there are
// none. possible is false if so much, or such a thing, has changed that the zone
// has to be built anew.
func (d *difference) commit(files []string) (z *Zone, report *Report, changes Changes, possible bool) {
	removed, ok := d.removed()
	if !ok || len(d.added)+len(removed) > d.limit {
		return nil, nil, Changes{}, false
	}
	e := d.base.Edit()
	e.files = files
	d.refuse(e.report, files)
	// A record whose TTL or spelling changes is removed before it is added.
	e.changes = slices.Concat(removed, d.added)
	d.dropVain(e)
	for i := range e.changes {
		if e.changes[i].kind == add {
			changes.Added++
		} else {
			changes.Removed++
		}
	}
	if z, report, possible = e.commit(); !possible {
		return nil, nil, Changes{}, false
	}
	return z, report, changes, true
}
