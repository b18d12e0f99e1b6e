package radix

import (
	"encoding/binary"
	"math/bits"

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
	// The best that was passed: the last entry at or below the node best, which
	// the first bestLen bytes of key and bestEdge lead to; or, if best is 0 and
	// bestLen isn't negative, the entry for those bytes.
	var best arena.Offset
	var bestEdge byte
	bestLen := -1
	pos := 0
	for off := t.root; ; {
		n := t.view.At(off)
		h, at, count := n[0], 2, int(n[1])+1
		if h&flagLeaf != 0 || h&kindMask == kindTwig {
			d := decode(n)
			same, order := comparePrefix(d.prefix, key[pos:])
			if order > 0 {
				break
			}
			if order < 0 {
				return t.last(off, append(buf[:0], key[:pos]...))
			}
			pos += same
			if d.hasEntry {
				return append(buf[:0], key[:pos]...), d.entry.Value, true
			}
			i := d.twig.floor(key[pos:])
			if i < 0 {
				break
			}
			return d.twig.appendSuffix(append(buf[:0], key[:pos]...), i), d.twig.entry(i).Value, true
		}
		if h&(flagValue|innerLength) != 0 {
			length := int(h & innerLength)
			if length == innerLength {
				at, length = 4, int(binary.LittleEndian.Uint16(n[2:]))
			}
			same, order := comparePrefix(n[at:at+length], key[pos:])
			if order > 0 {
				break
			}
			if order < 0 {
				return t.last(off, append(buf[:0], key[:pos]...))
			}
			pos += same
			at += length
			if h&flagValue != 0 {
				value = binary.LittleEndian.Uint32(n[at:])
				best, bestLen = 0, pos
				at += 4
			}
		}
		if pos >= len(key) {
			break
		}

		edge := key[pos]
		lower := 0 // how many edges are below edge
		if count <= sparseMax {
			for _, e := range n[at : at+count] {
				lower += int((uint64(e) - uint64(edge)) >> 63)
			}
		} else {
			word := binary.LittleEndian.Uint64(n[at+indexWords+int(edge/64)*wordBytes:])
			lower = int(n[at+int(edge/64)]) + bits.OnesCount64(word&(1<<(edge%64)-1))
			at += indexBytes
		}
		width := int(h>>widthShift&widthMask) + 1
		links := n[at : at+count+count*width] // edges too: they are before the first link
		if lower > 0 {
			best, bestLen, bestEdge = off-readLink(links, count+lower*width, width), pos, links[lower-1]
		}
		if lower == count || links[lower] != edge {
			break
		}
		off -= readLink(links, count+(lower+1)*width, width)
		pos++
	}
	switch {
	case best != 0:
		return t.last(best, append(append(buf[:0], key[:bestLen]...), bestEdge))
	case bestLen >= 0:
		return append(buf[:0], key[:bestLen]...), value, true
	}
	return nil, 0, false
}

// comparePrefix returns whether keys that begin with prefix are all below s
// (-1), all above s or equal to it (1), or neither because s begins with it
// (0); and how many bytes of it s has.
func comparePrefix(prefix, s []byte) (same, order int) {
	same = common(prefix, s)
	switch {
	case same == len(prefix):
		return same, 0
	case same < len(s) && prefix[same] < s[same]:
		return same, -1
	}
	return same, 1
}

// readLink returns the link of width bytes that ends at end in b.
func readLink(b []byte, end, width int) (link arena.Offset) {
	for i := end - 1; i >= end-width; i-- {
		link = link<<8 | arena.Offset(b[i])
	}
	return link
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
