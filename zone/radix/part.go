package radix

import "yushan/zone/arena"

// A Part is a run of neighbouring entries of a tree to be. Most of them are in
// subtrees that are written already.
type Part struct {
	paths   []byte // of the pieces, end to end
	pieces  []piece
	entries int   // in the subtrees
	bytes   int64 // of their nodes

	first []byte // key of the first entry
	spine int    // how much of it the last one shares
}

// A piece is an entry or, if off isn't 0, a finished subtree: that below the
// last byte of its path, which is an edge of a node that will be there.
type piece struct {
	end   int // of its path in Part.paths
	off   arena.Offset
	entry Entry
}

// take adds the entry of a node at an end of the part, and all that is below it.
func (p *Part) take(b *Builder, f *frame) {
	path := b.last[:f.depth]
	if f.hasEntry {
		p.add(piece{entry: f.entry}, path)
	}
	for i, l := range f.limbs {
		if l.count == 0 {
			p.add(piece{off: l.off}, path, f.edges[i])
			continue
		}
		for _, it := range b.a.items[l.first : l.first+l.count] {
			p.add(piece{entry: it.entry}, b.a.keys[it.start:it.end])
		}
	}
}

func (p *Part) add(what piece, path []byte, edge ...byte) {
	p.paths = append(append(p.paths, path...), edge...)
	what.end = len(p.paths)
	p.pieces = append(p.pieces, what)
	if what.off == 0 {
		p.entries--
	}
}

// A PartBuilder makes the parts of a tree. So several goroutines can make one
// tree: each has a PartBuilder for runs of keys, and one [Builder] joins what
// they made, in order.
//
// What is above the first key of a part, and above the last, depends on the
// neighbours too, and is left to the Builder. Any other node belongs to one part
// with all that is below it: if a key before the part led into it, so would the first
// key of the part, which lies between; likewise for keys behind it, and the last one.
//
// It is for one goroutine.
type PartBuilder struct{ b Builder }

// NewPartBuilder returns a builder that puts its nodes into a.
func NewPartBuilder(a *arena.Arena) *PartBuilder {
	return &PartBuilder{Builder{a: assembler{arena: a}, part: new(Part)}}
}

// Set adds an entry to the part. Its key must be above the part's others, in byte
// order, and at most MaxKey bytes long; Set panics if it isn't. key is copied.
func (p *PartBuilder) Set(key []byte, value uint32, stop bool) {
	part := p.b.part
	if len(p.b.open) == 0 {
		part.first, part.spine = append(part.first, key...), len(key)
	}
	p.b.Add(key, value, stop)
	part.spine = common(part.first[:part.spine], key)
}

// Cut ends the part, and starts another one, which may have any keys.
func (p *PartBuilder) Cut() *Part {
	b, part := &p.b, p.b.part
	for i := range b.open {
		part.take(b, &b.open[i])
	}
	part.entries += b.entries
	part.bytes = b.a.written
	b.last, b.open, b.entries, b.part = b.last[:0], b.open[:0], 0, new(Part)
	b.a.keys, b.a.items, b.a.written = b.a.keys[:0], b.a.items[:0], 0
	return part
}

// Close gives back the memory that no part has needed.
func (p *PartBuilder) Close() { p.b.a.release() }

// Join adds the entries of part, which must be above all that were added before,
// and be in the arena of b; Join panics if they aren't.
func (b *Builder) Join(part *Part) {
	b.a.exact = true
	start := 0
	for _, piece := range part.pieces {
		path := part.paths[start:piece.end]
		start = piece.end
		if piece.off == 0 {
			b.Add(path, piece.entry.Value, piece.entry.Stop)
		} else {
			b.advance(path).grafted = piece.off
		}
	}
	b.entries += part.entries
	b.a.written += part.bytes
}
