package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/radix"
)

// construction assembles a whole zone from sorted records in one pass.
type construction struct {
	assembly
	*Builder
	entries []entry
	next    int // index of the first record behind the group
	v4, v6  []rr

	trees     *arena.Arena
	referrals map[uint64]arena.Offset // all, by hash of the fragment
	pool      *pool                   // those that have been met twice
}

// builder is a radix.Builder as a sink.
type builder struct{ *radix.Builder }

func (b builder) Set(key []byte, value uint32, stop bool) { b.Add(key, value, stop) }

// Build makes the zone. The zone is nil if the report has errors.
func (b *Builder) Build() (*Zone, *Report) {
	report := &Report{}
	for _, r := range b.refused {
		r.finding.File = fileName(b.files, r.file)
		report.add(r.finding)
	}
	c := &construction{
		Builder: b, entries: b.sorted(),
		assembly: assembly{
			origin: b.origin, files: b.files, report: report, data: arena.New(),
			siblings: make(map[string]struct{}),
		},
		trees: arena.New(), referrals: make(map[uint64]arena.Offset), pool: newPool(),
	}
	zone := c.run()
	report.sort()
	if !report.OK() {
		return nil, report
	}
	return zone, report
}

func (c *construction) run() *Zone {
	names, occluded, nsec3 := radix.NewBuilder(c.trees), radix.NewBuilder(c.trees), radix.NewBuilder(c.trees)
	c.names, c.occluded, c.nsec3 = builder{names}, builder{occluded}, builder{nsec3}
	c.assembly.addresses, c.assembly.intern = c.addresses, c.intern
	for i := 0; i < len(c.entries); {
		c.next = c.nextOwner(i)
		c.readGroup(i, c.next)
		c.place()
		i = c.next
	}
	var start position
	if len(c.entries) > 0 {
		start = toRR(c.record(c.entries[0])).at
	}
	hashes := nsec3.Finish()
	c.checkApex(start, hashes.Len() > 0)
	switch {
	case hashes.Len() > 0:
		c.hashes.close(&c.assembly)
	case c.chain.count > 0:
		c.chain.close(&c.assembly)
	}
	z := c.zone(c.trees, names.Finish(), occluded.Finish(), hashes, c.siblingTree())
	if z != nil {
		z.pool = c.pool
	}
	return z
}

func (c *construction) siblingTree() radix.Tree {
	keys := make([]string, 0, len(c.siblings))
	for k := range c.siblings {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	tree := radix.NewBuilder(c.trees)
	for _, k := range keys {
		tree.Add([]byte(k), 1, false)
	}
	return tree.Finish()
}

// nextOwner returns the index of the first record behind i of another owner.
func (c *construction) nextOwner(i int) int {
	key := recordKey(c.record(c.entries[i]))
	prefix := c.entries[i].prefix
	j := i + 1
	for j < len(c.entries) && c.entries[j].prefix == prefix && bytes.Equal(recordKey(c.record(c.entries[j])), key) {
		j++
	}
	return j
}

func (c *construction) readGroup(i, j int) {
	g := &c.group
	g.key = recordKey(c.record(c.entries[i]))
	g.owner = dname.AppendFromKey(g.owner[:0], g.key, c.assembly.origin)
	g.sets = g.sets[:0]
	for _, e := range c.entries[i:j] {
		d := c.record(e)
		s := g.set(uint16(recordSet(d) >> 1))
		if recordSet(d)&1 == 1 {
			s.signatures = append(s.signatures, toRR(d))
		} else {
			s.records = append(s.records, toRR(d))
		}
	}
	c.settle()
}

// addresses finds the records of a name server wherever they are in the zone.
// They are valid until the next call.
func (c *construction) addresses(server []byte) (v4, v6 []rr) {
	var buf [dname.MaxKey]byte
	key := dname.AppendKey(buf[:0], server, len(c.assembly.origin))
	entries := c.entries
	if isBelow(key, c.group.key) {
		// Those of a cut's own servers are among the next ones.
		entries = entries[c.next:]
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
	v4, v6 = c.v4[:0], c.v6[:0]
	for ; i < len(entries) && bytes.Equal(recordKey(c.record(entries[i])), key); i++ {
		switch d := c.record(entries[i]); recordType(d) {
		case TypeA:
			v4 = append(v4, toRR(d))
		case TypeAAAA:
			v6 = append(v6, toRR(d))
		}
	}
	c.v4, c.v6 = v4, v6
	return c.uniform(TypeA, v4), c.uniform(TypeAAAA, v6)
}

// nearby is how many records behind a cut are searched first.
const nearby = 16

func (c *construction) intern(f []byte) arena.Offset {
	h := c.pool.hash(f)
	if off, ok := c.referrals[h]; ok && bytes.HasPrefix(c.data.View().At(off), f) {
		c.pool.put(h, off)
		return off
	}
	off := c.store(f)
	c.referrals[h] = off
	return off
}
