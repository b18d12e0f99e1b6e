package zone

import (
	"encoding/binary"

	"yushan/zone/arena"
	"yushan/zone/radix"
)

// Compact returns the same zone in memory of its own, without the garbage that
// edits have left. What lies in the old memory is copied as it is, with new
// offsets; beside the two copies that takes a few bytes for each referral. The memory
// that is left behind is freed when no version that lies in it is in use.
func (z *Zone) Compact() *Zone {
	c := compaction{from: z.data, to: space{arena: arena.New(), spans: true}, moved: make(map[arena.Offset]movedReferral)}
	trees := arena.New()
	tree := func(from radix.Tree, move func(arena.Offset) arena.Offset) radix.Tree {
		b := radix.NewBuilder(trees)
		for key, e := range from.All() {
			b.Add(key, uint32(move(arena.Offset(e.Value))), e.Stop)
		}
		return b.Finish()
	}
	compact := &Zone{
		origin: z.origin, trees: trees, pool: newPool(), serial: z.serial,
		optOuts: z.optOuts, wildcards: z.wildcards, iterations: z.iterations, salt: z.salt, stats: z.stats,
	}
	c.pool = compact.pool
	compact.names = tree(z.names, c.node)
	compact.occluded = tree(z.occluded, c.node)
	compact.nsec3 = tree(z.nsec3, c.rrset)
	compact.siblings = tree(z.siblings, func(value arena.Offset) arena.Offset { return value })
	c.to.close()
	compact.store, compact.data = c.to.arena, c.to.arena.View()
	compact.naming.Store(z.naming.Load()) // which knows keys, not places
	compact.live = c.live
	compact.seal()
	return compact
}

// compaction copies what a zone consists of from one arena to another.
type compaction struct {
	from  arena.View
	to    space
	live  int64
	pool  *pool
	moved map[arena.Offset]movedReferral
}

// movedReferral is where a referral has got to, and whether several cuts share it.
type movedReferral struct {
	to     arena.Offset
	shared bool
}

func (c *compaction) copy(b []byte) arena.Offset {
	off, to := c.to.alloc(len(b))
	copy(to, b)
	c.live += roundUp(len(b))
	return off
}

func (c *compaction) node(off arena.Offset) arena.Offset {
	node := Node{c.from.At(off)}
	if node.b[0] == kindReferral {
		return c.referral(off)
	}
	header := 4
	if node.b[0] == kindCut {
		header = 8
	}
	b := append(make([]byte, 0, 128), node.b[:header+len(node.entries())]...)
	if node.b[0] == kindCut {
		binary.LittleEndian.PutUint32(b[4:], uint32(c.referral(node.referral(off))))
	}
	for e := b[header:]; len(e) > 0; e = e[entrySize:] {
		binary.LittleEndian.PutUint32(e[4:], uint32(c.rrset(arena.Offset(binary.LittleEndian.Uint32(e[4:])))))
	}
	return c.copy(b)
}

func (c *compaction) rrset(off arena.Offset) arena.Offset {
	set := RRset{c.from.At(off)}
	return c.copy(set.b[:set.length()])
}

func (c *compaction) referral(off arena.Offset) arena.Offset {
	r := Referral{c.from.At(off)}
	f := r.b[:r.length()]
	m, known := c.moved[off]
	switch {
	case !known:
		m.to = c.copy(f)
		c.moved[off] = m
	case !m.shared:
		m.shared = true
		c.moved[off] = m
		c.pool.put(c.pool.hash(f), m.to)
	}
	return m.to
}
