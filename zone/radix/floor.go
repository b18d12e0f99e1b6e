package radix

import (
	"yushan/zone/arena"
)

// Floor returns the greatest entry whose key is not above key; ok is false if
// there is none. The entry's key is put together in buf, from its start: buf's
// contents are lost, and with a capacity of MaxKey nothing is allocated. key
// and buf may not overlap.
func (t Tree) Floor(key, buf []byte) (floorKey []byte, value uint32, ok bool) {
	if t.root == 0 {
		return nil, 0, false
	}
	// The best entry so far is the last one below the node at below, which is
	// reached with the first belowLen bytes of key and, if below has an edge,
	// that edge; or the entry that a passed node itself has.
	var (
		below    arena.Offset
		belowLen int
		edge     = -1
		selfLen  = -1
		self     uint32
	)
	pos := 0
	off := t.root
	for {
		d := decode(t.view.At(off))
		same := common(d.prefix, key[pos:])
		if same < len(d.prefix) {
			if pos+same < len(key) && d.prefix[same] < key[pos+same] {
				return t.last(off, append(buf[:0], key[:pos]...))
			}
			break
		}
		pos += same
		if d.twig.count > 0 {
			if i := d.twig.floor(key[pos:]); i >= 0 {
				return d.twig.appendSuffix(append(buf[:0], key[:pos]...), i), d.twig.entry(i).Value, true
			}
			break
		}
		if pos == len(key) || len(d.edges) == 0 {
			if d.hasEntry {
				return append(buf[:0], key[:pos]...), d.entry.Value, true
			}
			break
		}
		if d.hasEntry {
			below, selfLen, self = 0, pos, d.entry.Value
		}
		i := lowerEdges(d.edges, key[pos])
		if i > 0 {
			below, belowLen, edge = d.child(off, i-1), pos, int(d.edges[i-1])
		}
		if i == len(d.edges) || d.edges[i] != key[pos] {
			break
		}
		off = d.child(off, i)
		pos++
	}
	if below != 0 {
		buf = append(buf[:0], key[:belowLen]...)
		return t.last(below, append(buf, byte(edge)))
	}
	if selfLen >= 0 {
		return append(buf[:0], key[:selfLen]...), self, true
	}
	return nil, 0, false
}

// Last returns the greatest entry, with its key in buf as in Floor.
func (t Tree) Last(buf []byte) (key []byte, value uint32, ok bool) {
	if t.root == 0 {
		return nil, 0, false
	}
	return t.last(t.root, buf[:0])
}

// First returns the least entry, with its key in buf as in Floor.
func (t Tree) First(buf []byte) (key []byte, value uint32, ok bool) {
	if t.root == 0 {
		return nil, 0, false
	}
	buf = buf[:0]
	for off := t.root; ; {
		d := decode(t.view.At(off))
		buf = append(buf, d.prefix...)
		if d.hasEntry {
			return buf, d.entry.Value, true
		}
		if d.twig.count > 0 {
			return d.twig.appendSuffix(buf, 0), d.twig.entry(0).Value, true
		}
		buf = append(buf, d.edges[0])
		off = d.child(off, 0)
	}
}

// last returns the greatest entry at or below the node at off, which is
// reached by the bytes in buf.
func (t Tree) last(off arena.Offset, buf []byte) (key []byte, value uint32, ok bool) {
	for {
		d := decode(t.view.At(off))
		buf = append(buf, d.prefix...)
		if i := d.twig.count - 1; i >= 0 {
			return d.twig.appendSuffix(buf, i), d.twig.entry(i).Value, true
		}
		if len(d.edges) == 0 {
			return buf, d.entry.Value, true
		}
		i := len(d.edges) - 1
		buf = append(buf, d.edges[i])
		off = d.child(off, i)
	}
}

// lowerEdges returns how many of the sorted edges are below edge.
func lowerEdges(edges []byte, edge byte) int {
	lo, hi := 0, len(edges)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if edges[mid] < edge {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}
