package zone

import (
	"bytes"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// dropVain takes those changes out of an edit of the base that come to what is
// there: a zone does not keep all records as its files have them, so that some count
// as added, and others as removed, each time they are read. Those of an RRset
// get one TTL, duplicates are one record, signatures over nothing are ignored.
// Warnings about them are reported as if they were new.
//
// Whether the NS records of a delegation keep their signatures depends on what
// is above it. So changes that come to such signatures are vain if all are.
func (d *difference) dropVain(e *Edit) {
	e.sort()
	v := vanity{base: d.base, assembly: assembly{origin: d.base.origin, files: e.files, report: &Report{}}}
	kept := e.changes[:0]
	var doubtful []change
	warnings := &Report{}
	for changes := e.changes; len(changes) > 0; {
		n := 1
		for n < len(changes) && bytes.Equal(changes[n].key, changes[0].key) {
			n++
		}
		switch v.judge(changes[:n]) {
		case fruitful:
			kept = append(kept, changes[:n]...)
		case undecided:
			doubtful = append(doubtful, changes[:n]...)
		case vain:
			warnings.merge(v.report)
		}
		changes = changes[n:]
	}
	e.report.merge(warnings)
	if e.changes = kept; len(kept) > 0 {
		e.changes = append(kept, doubtful...)
	}
}

// vanity places the changes of one owner after the other, in no zone.
type vanity struct {
	assembly
	base    *Zone
	decoder decoder
}

// verdict says what the changes of an owner come to.
type verdict uint8

const (
	fruitful  verdict = iota
	vain              // to what the base has
	undecided         // likewise, if the name stays a cut
)

// judge judges the changes of one owner, and leaves in v.report what there is to
// say of them.
func (v *vanity) judge(changes []change) verdict {
	g := &v.group
	g.key, *v.report = changes[0].key, Report{}
	g.owner = dname.AppendFromKey(g.owner[:0], g.key, v.origin)
	at := v.base.locate(g.key)
	v.decoder.buf = v.decoder.buf[:0]
	v.decoder.read(v.base, at, g)
	before := len(g.sets)
	v.apply(changes)
	v.settle()
	if len(g.sets) != before {
		return fruitful
	}
	judgement := vain
	for i := range g.sets {
		s := &g.sets[i]
		if s.stored != 0 {
			continue
		}
		records, signatures, isCut := v.base.parts(at, s.rrtype)
		if !records.are(g.owner, s.records) {
			return fruitful
		}
		if isCut && len(s.signatures) > 0 {
			judgement = undecided
		} else if !signatures.are(g.owner, s.signatures) {
			return fruitful
		}
	}
	return judgement
}

// parts returns the RRset of rrtype at l, empty if there is none. isCut tells
// whether it is the NS RRset of a delegation.
func (z *Zone) parts(l location, rrtype uint16) (records, signatures Part, isCut bool) {
	if l.name != 0 && rrtype == TypeNS {
		if node := z.node(l.name); node.IsCut() {
			return z.Referral(node).NS(), Part{}, true
		}
	}
	for _, off := range [2]arena.Offset{l.name, l.occluded} {
		if off == 0 {
			continue
		}
		if set, ok := z.RRset(z.node(off), rrtype); ok {
			return set.Records(), set.Signatures(), false
		}
	}
	if l.hashed != 0 && rrtype == TypeNSEC3 {
		set := RRset{z.data.At(l.hashed)}
		return set.Records(), set.Signatures(), false
	}
	return Part{}, Part{}, false
}

// are tells whether p holds these records and no others; no two of them are equal.
func (p Part) are(owner []byte, records []rr) bool {
	if p.Records != len(records) {
		return false
	}
	for i := range records {
		if p.index(&master.Record{Owner: owner, TTL: records[i].ttl, RDATA: records[i].rdata}) < 0 {
			return false
		}
	}
	return true
}
