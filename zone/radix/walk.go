package radix

import (
	"bytes"
	"iter"
	"slices"

	"yushan/zone/arena"
)

// All iterates over the entries in the byte order of their keys. A key is valid
// only until the next step.
func (t Tree) All() iter.Seq2[[]byte, Entry] { return t.Prefix(nil) }

// Prefix iterates over the entries whose keys begin with prefix, in byte order.
// A key is valid only until the next step. prefix is read when the iteration starts.
func (t Tree) Prefix(prefix []byte) iter.Seq2[[]byte, Entry] {
	return func(yield func([]byte, Entry) bool) {
		off, pos := t.root, 0
		if off == 0 {
			return
		}
		for {
			d := decode(t.view.At(off))
			same := common(d.prefix, prefix[pos:])
			if pos+same == len(prefix) {
				break // the rest of the node's prefix and all below belongs to it
			}
			if same < len(d.prefix) {
				return
			}
			if !d.isInner() {
				break // a twig may have some: walk looks at each
			}
			pos += same
			i := lowerEdges(d.edges, prefix[pos])
			if i == len(d.edges) || d.edges[i] != prefix[pos] {
				return
			}
			off = d.child(off, i)
			pos++
		}
		key := make([]byte, pos, MaxKey)
		copy(key, prefix)
		t.walk(off, key, prefix, yield)
	}
}

// walk yields what lies at and below the node at off, which is reached by key,
// and begins with prefix. It reports whether to go on.
func (t Tree) walk(off arena.Offset, key, prefix []byte, yield func([]byte, Entry) bool) bool {
	d := decode(t.view.At(off))
	key = append(key, d.prefix...)
	if d.hasEntry && bytes.HasPrefix(key, prefix) && !yield(slices.Clip(key), d.entry) {
		return false
	}
	for i := range d.twig.count {
		k := d.twig.appendSuffix(key, i)
		if bytes.HasPrefix(k, prefix) && !yield(slices.Clip(k), d.twig.entry(i)) {
			return false
		}
	}
	for i, edge := range d.edges {
		if !t.walk(d.child(off, i), append(key, edge), prefix, yield) {
			return false
		}
	}
	return true
}
