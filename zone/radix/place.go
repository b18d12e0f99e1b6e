package radix

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"

	"yushan/zone/arena"
)

// A Placed is an entry and where its value lies: the bytes of the arena from
// Place up to Place+3, in bytes from the start of the arena's addresses, are this
// entry's alone. So four bits, or numbers, can be kept for each entry of a tree
// beside it, without a change to the tree.
type Placed struct {
	Entry
	Place uint64
}

// Locate returns the entry for key. It allocates nothing.
func (t Tree) Locate(key []byte) (p Placed, ok bool) {
	off := t.root
	if off == 0 {
		return Placed{}, false
	}
	for {
		n := t.view.At(off)
		h, at := n[0], 2
		if h&(kindMask|innerLength) != 0 {
			d := decode(n)
			if len(key) < len(d.prefix) || common(d.prefix, key) < len(d.prefix) {
				return Placed{}, false
			}
			key = key[len(d.prefix):]
			switch {
			case d.twig.count > 0:
				if len(key) == 0 {
					return Placed{}, false
				}
				return d.twig.locate(off, key)
			case len(key) == 0:
				return Placed{d.entry, addressOf(off, d.valueAt())}, d.hasEntry
			case !d.isInner():
				return Placed{}, false
			}
			at = d.valueAt()
			if d.hasEntry {
				at += 4
			}
		} else if len(key) == 0 {
			return Placed{}, false
		}
		edge, count := key[0], int(n[1])+1
		var i int
		if count <= sparseMax {
			for i < count && n[at+i] < edge {
				i++
			}
			if i == count || n[at+i] != edge {
				return Placed{}, false
			}
		} else {
			word := binary.LittleEndian.Uint64(n[at+indexWords+int(edge/64)*wordBytes:])
			bit := uint64(1) << (edge % 64)
			if word&bit == 0 {
				return Placed{}, false
			}
			i = int(n[at+int(edge/64)]) + bits.OnesCount64(word&(bit-1))
			at += indexBytes
		}
		width := int(h>>widthShift&widthMask) + 1
		var link [4]byte
		copy(link[:], n[at+count+i*width:at+count+(i+1)*width])
		off -= arena.Offset(binary.LittleEndian.Uint32(link[:]))
		key = key[1:]
	}
}

// addressOf returns the place of byte at of the node at off.
func addressOf(off arena.Offset, at int) uint64 { return uint64(off)*arena.Unit + uint64(at) }

// valueAt returns where in the node the value of its own entry is.
func (d *decoded) valueAt() int { return d.start + len(d.prefix) }

func (t *twig) locate(off arena.Offset, suffix []byte) (p Placed, ok bool) {
	head := headOf(suffix)
	from, to := t.search(head)
	for i := from; i < to; i++ {
		if same, whole := t.match(i, suffix, head); whole && same == len(suffix) {
			return t.placed(off, i), true
		}
	}
	return Placed{}, false
}

func (t *twig) placed(off arena.Offset, i int) Placed {
	value, _ := t.record(i)
	return Placed{t.entry(i), addressOf(off, value)}
}

// Places iterates over the entries as [Tree.All] does, with their places.
func (t Tree) Places() iter.Seq2[[]byte, Placed] {
	return func(yield func([]byte, Placed) bool) {
		if t.root != 0 {
			t.places(t.root, make([]byte, 0, MaxKey), yield)
		}
	}
}

func (t Tree) places(off arena.Offset, key []byte, yield func([]byte, Placed) bool) bool {
	d := decode(t.view.At(off))
	key = append(key, d.prefix...)
	if d.hasEntry && !yield(slices.Clip(key), Placed{d.entry, addressOf(off, d.valueAt())}) {
		return false
	}
	for i := range d.twig.count {
		if !yield(slices.Clip(d.twig.appendSuffix(key, i)), d.twig.placed(off, i)) {
			return false
		}
	}
	for i, edge := range d.edges {
		if !t.places(d.child(off, i), append(key, edge), yield) {
			return false
		}
	}
	return true
}
