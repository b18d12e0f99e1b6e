package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// Edit collects changes to a zone. The zone stays as it is, and in service; one
// that has the changes comes from Commit. Several edits may start from one
// zone, at the same time too; each is for one goroutine, and for one Commit.
//
// Changes to the same owner are made in the order in which they were asked
// for. What counts is what they come to: a name may lack its CNAME's target or
// have two SOA records in between.
type Edit struct {
	base    *Zone
	report  *Report
	changes []change
	full    [][]change // chunks of those before
	memory  []byte     // of the changes, in chunks
	files   []string   // names of the files that changes say they come from
}

// change is one change of one owner.
type change struct {
	kind   changeKind
	key    []byte
	rrtype uint16
	rr     rr // of add and remove
}

type changeKind uint8

const (
	add changeKind = iota
	remove
	removeRRset
)

// Edit starts an edit of the zone.
func (z *Zone) Edit() *Edit { return &Edit{base: z, report: &Report{}} }

// Add adds a record. One that the zone has already is not added again; a TTL
// that differs from that of the RRset lowers it or is lowered (RFC 2181 §5.2).
// The memory of the record may be reused. A record outside the zone is ignored,
// with a warning; RDATA that its type does not permit is an error.
func (e *Edit) Add(r master.Record) { e.change(add, r) }

// Remove removes the record with this owner, type and RDATA, whatever its TTL.
// That it is not there is an error (RFC 1995: the difference is from another
// version); for an RRSIG record a warning, as a zone does not keep those over nothing.
func (e *Edit) Remove(r master.Record) { e.change(remove, r) }

// RemoveRRset removes all records of one type at owner, which is in wire
// format, and the signatures over them; with [TypeRRSIG], all signatures at
// owner. It is no error if there is none.
func (e *Edit) RemoveRRset(owner []byte, rrtype uint16) {
	e.change(removeRRset, master.Record{Owner: owner, Type: rrtype})
}

func (e *Edit) change(kind changeKind, r master.Record) {
	at := position{line: r.Line, column: r.Column}
	switch {
	case !dname.IsSubdomain(r.Owner, e.base.origin):
		e.report.add(outsideFinding(&r, e.base.origin))
		return
	case kind != removeRRset && !wellFormed(r.Type, r.RDATA):
		e.report.add(malformedFinding(&r))
		return
	}
	if cap(e.memory)-len(e.memory) < dname.MaxKey+len(r.RDATA) {
		e.memory = make([]byte, 0, 64<<10+dname.MaxKey+len(r.RDATA))
	}
	start := len(e.memory)
	e.memory = dname.AppendKey(e.memory, r.Owner, len(e.base.origin))
	rdata := len(e.memory)
	e.memory = append(e.memory, r.RDATA...)
	if len(e.changes) == changesChunk { // an array that grows would leave five times its size as garbage
		e.full, e.changes = append(e.full, e.changes), nil
	}
	if e.changes == nil {
		e.changes = make([]change, 0, changesChunk)
	}
	e.changes = append(e.changes, change{
		kind: kind, key: e.memory[start:rdata:rdata], rrtype: r.Type,
		rr: rr{ttl: r.TTL, rdata: e.memory[rdata:len(e.memory):len(e.memory)], at: at},
	})
}

const changesChunk = 512

// Commit returns the zone with the changes, and what there is to say about
// them and their consequences. The zone is nil if the report has errors. The cost is
// proportional to the changes and to what they move from one side of a zone
// cut to the other. Two changes cost a walk over the whole zone: that of the
// parameters of NSEC3, always, and the first one of an address of a name server
// which cuts elsewhere name too; later versions know who names it.
func (e *Edit) Commit() (*Zone, *Report) {
	zone, report, possible := e.commit()
	if !possible {
		zone, report = e.rebuild()
	}
	report.sort()
	return zone, report
}

// commit returns false if the zone has to be built anew.
func (e *Edit) commit() (zone *Zone, report *Report, possible bool) {
	e.sort()
	if len(e.changes) == 0 {
		if !e.report.OK() {
			return nil, e.report, true
		}
		return e.base, e.report, true
	}
	return newRevision(e).run()
}

// sort sorts the changes by key, those of one in the order in which they were
// asked for.
func (e *Edit) sort() {
	// Changes are large, and a few bytes of their keys decide nearly always.
	type place struct {
		prefix uint64
		index  int
		*change
	}
	order := make([]place, 0, len(e.full)*changesChunk+len(e.changes))
	for _, chunk := range append(e.full, e.changes) {
		for i := range chunk {
			var prefix [8]byte
			copy(prefix[:], chunk[i].key)
			order = append(order, place{binary.BigEndian.Uint64(prefix[:]), len(order), &chunk[i]})
		}
	}
	slices.SortFunc(order, func(x, y place) int {
		if x.prefix != y.prefix {
			return cmp.Compare(x.prefix, y.prefix)
		}
		return cmp.Or(bytes.Compare(x.key, y.key), cmp.Compare(x.index, y.index))
	})
	sorted := make([]change, len(order))
	for i, p := range order {
		sorted[i] = *p.change
	}
	e.full, e.changes = nil, sorted
}

// apply makes changes to the group.
func (a *assembly) apply(changes []change) {
	for i := range changes {
		c := &changes[i]
		switch c.kind {
		case add:
			a.group.add(c)
		case remove:
			a.removeRecord(c)
		case removeRRset:
			a.group.removeRRset(c.rrtype)
		}
	}
	slices.SortStableFunc(a.group.sets, func(x, y rrset) int { return int(x.rrtype) - int(y.rrtype) })
}

// covered returns the type of the RRset that a record belongs to.
func (c *change) covered() uint16 { return uint16(setOrder(c.rrtype, c.rr.rdata) >> 1) }

func (g *group) add(c *change) {
	s := g.find(c.covered())
	if s == nil {
		s = g.set(c.covered())
	}
	s.stored = 0
	if c.rrtype == TypeRRSIG {
		s.signatures = append(s.signatures, c.rr)
	} else {
		s.records = append(s.records, c.rr)
	}
}

func (a *assembly) removeRecord(c *change) {
	if s := a.group.find(c.covered()); s != nil {
		records := &s.records
		if c.rrtype == TypeRRSIG {
			records = &s.signatures
		}
		before := len(*records)
		*records = slices.DeleteFunc(*records, func(r rr) bool { return a.compareRDATA(c.rrtype, r.rdata, c.rr.rdata) == 0 })
		if len(*records) < before {
			s.stored = 0
			return
		}
	}
	severity := Error
	if c.rrtype == TypeRRSIG {
		severity = Warning
	}
	a.find(severity, NoSuchRecord, c.rr.at, "%s has no such %s record to be removed", dname.Display(a.group.owner), typeName(c.rrtype))
}

func (g *group) removeRRset(rrtype uint16) {
	for i := range g.sets {
		s := &g.sets[i]
		switch {
		case rrtype == TypeRRSIG:
			if len(s.signatures) > 0 {
				s.signatures, s.stored = s.signatures[:0], 0
			}
		case s.rrtype == rrtype:
			s.records, s.signatures, s.stored = s.records[:0], s.signatures[:0], 0
		}
	}
}

// rebuild builds the zone with the changes from all its records.
func (e *Edit) rebuild() (*Zone, *Report) {
	a := assembly{origin: e.base.origin, report: e.report.clone()}
	f := feeder{b: NewBuilder(e.base.origin)}
	changes := e.changes
	// take applies the changes to the group's owner and hands it over.
	take := func() {
		n := 0
		for n < len(changes) && bytes.Equal(changes[n].key, a.group.key) {
			n++
		}
		a.apply(changes[:n])
		changes = changes[n:]
		f.group(&a.group)
	}
	startNew := func() {
		a.group.key = changes[0].key
		a.group.owner = dname.AppendFromKey(nil, changes[0].key, e.base.origin)
		a.group.sets = a.group.sets[:0]
	}
	for g := range e.base.groups() {
		for len(changes) > 0 && bytes.Compare(changes[0].key, g.key) < 0 {
			startNew()
			take()
		}
		a.group = *g
		take()
		*g = group{} // its memory is the assembly's now
	}
	for len(changes) > 0 {
		startNew()
		take()
	}
	f.flush()
	zone, report := f.b.Build()
	a.report.merge(report)
	if !a.report.OK() {
		return nil, a.report
	}
	return zone, a.report
}

func outsideFinding(r *master.Record, origin []byte) Finding {
	return Finding{
		Severity: Warning, Code: OutOfZone, Line: int(r.Line), Column: int(r.Column),
		Message: fmt.Sprintf("%s is not at or below %s: the record is ignored", dname.Display(r.Owner), dname.Display(origin)),
	}
}

func malformedFinding(r *master.Record) Finding {
	return Finding{
		Severity: Error, Code: MalformedRDATA, Line: int(r.Line), Column: int(r.Column),
		Message: fmt.Sprintf("the RDATA of %s %s is not that of the type", dname.Display(r.Owner), typeName(r.Type)),
	}
}
