package zone

import (
	"bytes"
	"iter"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/master"
	"yushan/zone/radix"
)

// Records iterates over all records of the zone: the SOA record first, then by
// owner in canonical order, then by type, signatures behind what they cover.
// Owners are in lower case, RDATA is uncompressed. A record's slices are valid until the
// next step and must not be written to; it has no File, Line and Column.
//
// A zone built from these records is equal to this one.
func (z *Zone) Records() iter.Seq[master.Record] {
	return func(yield func(master.Record) bool) {
		for g := range z.groups() {
			first := g.find(TypeSOA)
			if first != nil && !first.each(g.owner, yield) {
				return
			}
			for i := range g.sets {
				if s := &g.sets[i]; s != first && !s.each(g.owner, yield) {
					return
				}
			}
		}
	}
}

// each yields the records of the RRset and the signatures over them, and
// reports whether to go on.
func (s *rrset) each(owner []byte, yield func(master.Record) bool) bool {
	record := master.Record{Owner: owner, Type: s.rrtype, Class: classIN}
	for _, records := range [][]rr{s.records, s.signatures} {
		for _, r := range records {
			record.RDATA, record.TTL, record.Line, record.Column = r.rdata, r.ttl, r.at.line, r.at.column
			if !yield(record) {
				return false
			}
		}
		record.Type = TypeRRSIG
	}
	return true
}

// groups iterates over the owners of the zone in canonical order. A group is
// valid until the next step.
func (z *Zone) groups() iter.Seq[*group] {
	return func(yield func(*group) bool) {
		names, hidden, hashed := newCursor(z.names), newCursor(z.occluded), newCursor(z.nsec3)
		defer names.stop()
		defer hidden.stop()
		defer hashed.stop()
		var (
			d       decoder
			g       group
			hashKey []byte
		)
		for {
			if hashed.ok {
				hashKey = appendHashKey(hashKey[:0], hashed.key)
			}
			// The least of the keys that the cursors are at is the next owner.
			var least []byte
			for _, c := range []struct {
				ok  bool
				key []byte
			}{{names.ok, names.key}, {hidden.ok, hidden.key}, {hashed.ok, hashKey}} {
				if c.ok && (least == nil || bytes.Compare(c.key, least) < 0) {
					least = c.key
				}
			}
			if least == nil {
				return
			}
			g.key = append(g.key[:0], least...)
			g.owner = dname.AppendFromKey(g.owner[:0], g.key, z.origin)
			l := location{name: names.take(names.key, g.key), occluded: hidden.take(hidden.key, g.key), hashed: hashed.take(hashKey, g.key)}
			d.buf = d.buf[:0]
			d.read(z, l, &g)
			if !yield(&g) {
				return
			}
		}
	}
}

// cursor is at one entry of a tree.
type cursor struct {
	next func() ([]byte, radix.Entry, bool)
	stop func()

	key   []byte
	entry radix.Entry
	ok    bool
}

func newCursor(tree radix.Tree) *cursor {
	c := &cursor{}
	c.next, c.stop = iter.Pull2(tree.All())
	c.step()
	return c
}

func (c *cursor) step() {
	c.key, c.entry, c.ok = c.next()
	if c.ok && c.key == nil {
		c.key = []byte{} // the apex
	}
}

// take returns the value of the entry and goes on to the next one, if at, the
// key that the entry stands for, is the wanted one; else 0.
func (c *cursor) take(at, wanted []byte) arena.Offset {
	if !c.ok || !bytes.Equal(at, wanted) {
		return 0
	}
	off := arena.Offset(c.entry.Value)
	c.step()
	return off
}

// feeder hands records to a builder in batches.
type feeder struct {
	b     *Builder
	batch master.Batch
	data  []byte // of the records in batch
}

// feedBytes is how large batches become.
const feedBytes = 256 << 10

func (f *feeder) group(g *group) {
	owner := f.keep(g.owner)
	for i := range g.sets {
		g.sets[i].each(owner, func(r master.Record) bool {
			r.RDATA = f.keep(r.RDATA)
			f.batch.Records = append(f.batch.Records, r)
			return true
		})
	}
	if len(f.data) > feedBytes {
		f.flush()
	}
}

func (f *feeder) keep(b []byte) []byte {
	at := len(f.data)
	f.data = append(f.data, b...)
	return f.data[at:len(f.data):len(f.data)]
}

func (f *feeder) flush() {
	f.b.AddBatch(&f.batch)
	f.batch.Seq++
	f.batch.Records, f.data = f.batch.Records[:0], f.data[:0]
}
