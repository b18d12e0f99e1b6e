package radix

import (
	"fmt"

	"yushan/zone/arena"
)

// A Builder makes a tree in one pass over sorted keys, from the leaves up: each
// node is written once, in its final form, behind its children. It holds only
// the nodes on the way to the last key. It is for one goroutine.
type Builder struct {
	a       assembler
	last    []byte
	open    []frame // the way to last: nodes that may still get children; depths ascend strictly
	entries int
	part    *Part // that is being made, if not a whole tree
}

// A frame is a node that is not yet finished. The first depth bytes of the last
// key lead to its end.
type frame struct {
	depth    int
	entry    Entry
	hasEntry bool
	edges    []byte
	limbs    []limb       // one for each edge
	grafted  arena.Offset // if not 0, a subtree that a part has brought: all below depth-1
}

// NewBuilder returns a builder that puts its tree into a.
func NewBuilder(a *arena.Arena) *Builder {
	return &Builder{a: assembler{arena: a}}
}

// Add adds an entry. Its key must be above all that were added before, in byte
// order, and at most MaxKey bytes long; Add panics if it isn't. key is copied.
func (b *Builder) Add(key []byte, value uint32, stop bool) {
	f := b.advance(key)
	f.entry, f.hasEntry = Entry{value, stop}, true
	b.entries++
}

// advance opens a node for key.
func (b *Builder) advance(key []byte) *frame {
	checkKey(key)
	same := common(b.last, key)
	if len(b.open) > 0 && (same == len(key) || same < len(b.last) && key[same] < b.last[same]) {
		panic(fmt.Sprintf("radix: key %q is added behind %q", key, b.last))
	}
	b.closeBelow(same)
	b.last = append(b.last[:same], key[same:]...)
	return b.push(len(key))
}

// Finish returns the tree. The builder is not to be used afterwards.
func (b *Builder) Finish() Tree {
	t := Tree{info: &info{arena: b.a.arena, entries: b.entries}}
	if b.entries > 0 {
		b.closeBelow(b.open[0].depth)
		t.root = b.a.close(b.finish(&b.open[0], 0))
	}
	t.info.bytes = b.a.written
	t.view = b.a.arena.View()
	return t
}

// closeBelow finishes the open nodes that end after the first depth bytes of the
// last key, so that the last open node, if any, ends at or before depth; it
// ends at depth if any was finished.
func (b *Builder) closeBelow(depth int) {
	for len(b.open) > 0 {
		i := len(b.open) - 1
		if b.open[i].depth <= depth {
			return
		}
		if i == 0 || b.open[i-1].depth < depth {
			// The next key leaves the way to the last one here: a node without
			// an entry gets between the two that are there.
			b.push(depth)
			i++
			b.open[i-1], b.open[i] = b.open[i], b.open[i-1]
		}
		parent, child := &b.open[i-1], &b.open[i]
		if b.part != nil && child.depth <= b.part.spine {
			b.part.take(b, child)
			b.a.pop(child.limbs)
		} else {
			parent.edges = append(parent.edges, b.last[parent.depth])
			parent.limbs = append(parent.limbs, b.finish(child, parent.depth+1))
		}
		b.open = b.open[:i]
	}
}

// finish makes a limb of the node f, whose prefix begins at from in the last key.
func (b *Builder) finish(f *frame, from int) limb {
	path := b.last[:f.depth]
	if f.grafted != 0 {
		if from != f.depth {
			panic(fmt.Sprintf("radix: no node above the subtree at %q", path))
		}
		return limb{off: f.grafted}
	}
	if len(f.edges) == 0 {
		return b.a.leaf(path, f.entry)
	}
	return b.a.inner(path, from, f.entry, f.hasEntry, f.edges, f.limbs)
}

// push opens a node without entry and children, and uses the memory of one that was closed.
func (b *Builder) push(depth int) *frame {
	n := len(b.open)
	if n == cap(b.open) {
		b.open = append(b.open, frame{})
	}
	b.open = b.open[:n+1]
	f := &b.open[n]
	*f = frame{depth: depth, edges: f.edges[:0], limbs: f.limbs[:0]}
	return f
}

func checkKey(key []byte) {
	if len(key) > MaxKey {
		panic(fmt.Sprintf("radix: a key of %d bytes is longer than %d", len(key), MaxKey))
	}
}
