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

// From iterates over the entries whose keys are not below key, in byte order. A
// key is valid only until the next step. key is read while the iteration goes on.
func (t Tree) From(key []byte) iter.Seq2[[]byte, Entry] {
	return func(yield func([]byte, Entry) bool) {
		if t.root != 0 {
			t.walkFrom(t.root, make([]byte, 0, MaxKey), key, yield)
		}
	}
}

// walkFrom is walk for keys that are not below from.
func (t Tree) walkFrom(off arena.Offset, key, from []byte, yield func([]byte, Entry) bool) bool {
	d := decode(t.view.At(off))
	whole := append(key, d.prefix...)
	if !bytes.HasPrefix(from, whole) { // all is on one side
		if bytes.Compare(whole, from) < 0 {
			return true
		}
		return t.walk(off, key, nil, yield)
	}
	key = whole
	if d.hasEntry && len(key) == len(from) && !yield(slices.Clip(key), d.entry) {
		return false
	}
	for i := range d.twig.count {
		k := d.twig.appendSuffix(key, i)
		if bytes.Compare(k, from) >= 0 && !yield(slices.Clip(k), d.twig.entry(i)) {
			return false
		}
	}
	for i, edge := range d.edges {
		switch {
		case len(key) == len(from) || edge > from[len(key)]:
			if !t.walk(d.child(off, i), append(key, edge), nil, yield) {
				return false
			}
		case edge == from[len(key)]:
			if !t.walkFrom(d.child(off, i), append(key, edge), from, yield) {
				return false
			}
		}
	}
	return true
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
