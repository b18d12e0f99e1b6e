package radix

import "yushan/zone/arena"

// An assembler writes trees to an arena, from the leaves up, for Builder and
// merger alike. A finished subtree is a limb. As long as it may become part of a
// twig it isn't written: its entries wait on a stack, the entries of a later
// sibling above those of an earlier one.
type assembler struct {
	arena   *arena.Arena
	keys    []byte // of the items, end to end
	items   []item
	spare   []arena.Offset
	written int64 // bytes of nodes
	dropped int64 // bytes of nodes whose entries were written again, in a twig

	// Space is taken in spans, so that the nodes of one tree lie together
	// whoever else uses the arena meanwhile. If it is exact, each node has its own:
	// that of a node which joins parts must lie behind theirs (invariant 4).
	span  []byte // what is left of it
	at    arena.Offset
	start arena.Offset
	taken int // bytes of the span
	next  int // bytes of the next one
	exact bool
}

const (
	spanFirst = 256
	spanMax   = 64 << 10
)

// An item is an entry that waits, with its whole key.
type item struct {
	start, end int // in keys
	entry      Entry
}

// A limb is a finished subtree: an inner node at off; or count items from
// first on, that off has already as a leaf or a twig of size bytes if it isn't 0.
type limb struct {
	off   arena.Offset
	first int
	count int
	size  int
}

// leaf makes a limb of one entry.
func (a *assembler) leaf(key []byte, e Entry) limb {
	a.push(key, e)
	return limb{first: len(a.items) - 1, count: 1}
}

func (a *assembler) push(key []byte, e Entry) {
	start := len(a.keys)
	a.keys = append(a.keys, key...)
	a.items = append(a.items, item{start, len(a.keys), e})
}

// inner makes a limb of a node whose children are finished; its prefix is
// path[from:], where path leads from the root to its end.
func (a *assembler) inner(path []byte, from int, e Entry, hasEntry bool, edges []byte, limbs []limb) limb {
	if !hasEntry {
		if count := a.fitTwig(limbs, len(path)); count > 0 {
			for _, l := range limbs {
				a.dropped += int64(l.size)
			}
			return limb{first: limbs[0].first, count: count}
		}
	}
	d := draft{prefix: path[from:], entry: e, hasEntry: hasEntry, edges: edges, children: a.spare[:0]}
	for _, l := range limbs {
		d.children = append(d.children, a.settle(l, len(path)+1))
	}
	a.spare = d.children
	a.pop(limbs)
	return limb{off: a.write(&d)}
}

// pop forgets the items of limbs, which are the last ones.
func (a *assembler) pop(limbs []limb) {
	for _, l := range limbs {
		if l.count > 0 {
			a.keys = a.keys[:a.items[l.first].start]
			a.items = a.items[:l.first]
			return
		}
	}
}

// fitTwig returns how many entries the limbs have in all if they can make one
// twig whose prefix ends at depth, else 0.
func (a *assembler) fitTwig(limbs []limb, depth int) (count int) {
	for _, l := range limbs {
		if l.count == 0 {
			return 0
		}
		count += l.count
	}
	if count > twigMax {
		return 0
	}
	first, rest := limbs[0].first, 0
	for _, it := range a.items[first : first+count] {
		rest += max(0, it.end-it.start-depth-headBytes)
	}
	if rest > twigRest {
		return 0
	}
	return count
}

// settle writes the limb, if it isn't in the arena as it is, and returns where
// it is. Its prefix begins at depth.
func (a *assembler) settle(l limb, depth int) arena.Offset {
	if l.off != 0 {
		return l.off
	}
	items := a.items[l.first : l.first+l.count]
	key := a.keys[items[0].start:items[0].end]
	if len(items) == 1 {
		return a.write(&draft{prefix: key[depth:], entry: items[0].entry, hasEntry: true})
	}
	last := items[len(items)-1]
	end := depth + common(key[depth:], a.keys[last.start+depth:last.end])
	rest := 0
	for _, it := range items {
		rest += max(0, it.end-it.start-end-headBytes)
	}
	size := twigBytes(end-depth, len(items), rest)
	if roundUp(size) > len(a.span) {
		a.startSpan(size)
	}
	t := putTwig(a.span[:size], key[depth:end], len(items))
	for i, it := range items {
		t.set(i, a.keys[it.start+end:it.end], it.entry)
	}
	return a.advance(size)
}

// write writes the node where there is room and returns where.
func (a *assembler) write(d *draft) arena.Offset {
	width := d.widthAt(a.at)
	size := d.bytes(width)
	if roundUp(size) > len(a.span) {
		a.startSpan(d.bytes(linkBytesMax))
		width = d.widthAt(a.at)
		size = d.bytes(width)
	}
	d.put(a.span[:size], a.at, width)
	return a.advance(size)
}

// startSpan takes a span with room for a node of size bytes.
func (a *assembler) startSpan(size int) {
	a.taken = max(spanFirst, a.next, roundUp(size))
	if a.exact {
		a.taken = roundUp(size)
	}
	a.start, a.span = a.arena.Alloc(a.taken)
	a.at = a.start
	a.next = min(2*a.taken, spanMax)
}

// advance leaves behind a node of size bytes and returns where it is.
func (a *assembler) advance(size int) (off arena.Offset) {
	off, size = a.at, roundUp(size)
	a.span = a.span[size:]
	a.at += arena.Offset(size / arena.Unit)
	a.written += int64(size)
	if a.exact {
		a.release()
	}
	return off
}

// close ends the work with the root, and gives back what is left of the last span, if it can.
func (a *assembler) close(root limb) arena.Offset {
	off := a.settle(root, 0)
	a.release()
	return off
}

// release gives back what is left of the last span, if it can.
func (a *assembler) release() {
	if len(a.span) > 0 {
		a.arena.Trim(a.start, a.taken, a.taken-len(a.span))
	}
	a.span = nil
}
