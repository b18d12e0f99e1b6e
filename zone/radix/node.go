package radix

import (
	"encoding/binary"
	"math/bits"

	"yushan/zone/arena"
)

// A node is 4 to some 1,300 bytes in the arena; nothing in it is aligned but its start.
//
//	leaf    ┌─────────┬ ─ ─ ─ ─ ┬──────────┬───────────┐
//	        │1 S llllll│ length │  prefix  │   value   │
//	        └─────────┴ ─ ─ ─ ─ ┴──────────┴───────────┘
//	             1       (2)      l bytes        4
//
//	inner   ┌──────────┬─────────┬ ─ ─ ─ ─ ┬──────────┬ ─ ─ ─ ─ ─ ┬─────────┬───────────────┐
//	        │0 S V WW lll│ count-1 │ length │  prefix  │   value   │  edges  │     links     │
//	        └──────────┴─────────┴ ─ ─ ─ ─ ┴──────────┴ ─ ─ ─ ─ ─ ┴─────────┴───────────────┘
//	             1          1       (2)      l bytes       (4)       count    count × (WW+1)
//
//	S       the entry has the Stop flag
//	V       an inner node has an entry, and so a value
//	l       length of the prefix; when all its bits are set, length (16 bits) says it
//	prefix  the part of the keys between the edge that leads here and the end of this node
//	edges   the next byte of the keys below, one for each child, sorted
//	links   the children's offsets: how many units before this node each lies, in as
//	        few bytes as the farthest of them needs
//
// All integers are little-endian. A node's key is the concatenation of
// prefixes and edges from the root to the end of its own prefix. A node is
// written once, behind its children, so that those written together lie
// together: most links of a built tree take one or two bytes, and a descent's
// last steps stay on neighbouring cache lines.
//
// Invariants:
//
//  1. A leaf has an entry. An inner node without one has at least two
//     children, one with an entry at least one.
//  2. Edges ascend strictly.
//  3. S implies an entry.
//  4. A child lies before its parent in the arena, modulo 2³² units.
//  5. WW is the least that holds every link of the node.
//  6. Nothing outside a node is read when the node is: what lies beside it may
//     belong to a writer. Words are read where the node's own bytes make them up.
//  7. Once a tree that can reach the node was handed out it is never written again.
//
// Cost, for a key of k bytes that passes d nodes: Get, Descend, Floor visit each
// of the d nodes once, at one or two cache lines each, and compare k bytes;
// they allocate nothing. An edit decodes those d nodes on the heap, commit
// writes them anew. A name costs its leaf, 1 byte of header, its suffix and 4 bytes of
// value, and in its parent an edge and a link: 2 or 3 bytes.
const (
	flagLeaf  = 0x80
	flagStop  = 0x40
	flagValue = 0x20 // inner nodes only

	widthShift = 3
	widthMask  = 3

	leafLength  = 0x3f // as mask, and as the value that says: see length
	innerLength = 0x07

	linkBytesMax = 4
)

// decoded is what a node says, for code that need not be fast. Its slices are the arena's memory.
type decoded struct {
	prefix   []byte
	entry    Entry
	hasEntry bool
	edges    []byte
	links    []byte
	width    int // bytes of a link
	size     int // bytes of the node, rounded up to units
}

// decode reads the node at the start of n.
func decode(n []byte) decoded {
	var d decoded
	h, at := n[0], 1
	length, long := int(h&leafLength), leafLength
	count := 0
	if h&flagLeaf == 0 {
		length, long = int(h&innerLength), innerLength
		count = int(n[1]) + 1
		at = 2
	}
	if length == long {
		length = int(binary.LittleEndian.Uint16(n[at:]))
		at += 2
	}
	d.prefix = n[at : at+length]
	at += length
	if h&(flagLeaf|flagValue) != 0 {
		d.hasEntry = true
		d.entry = Entry{Value: binary.LittleEndian.Uint32(n[at:]), Stop: h&flagStop != 0}
		at += 4
	}
	if count > 0 {
		d.width = int(h>>widthShift&widthMask) + 1
		d.edges = n[at : at+count]
		at += count
		d.links = n[at : at+count*d.width]
		at += len(d.links)
	}
	d.size = (at + arena.Unit - 1) &^ (arena.Unit - 1)
	return d
}

// child returns the i-th child of the node, which lies at off.
func (d *decoded) child(off arena.Offset, i int) arena.Offset {
	var link [4]byte
	copy(link[:], d.links[i*d.width:(i+1)*d.width])
	return off - arena.Offset(binary.LittleEndian.Uint32(link[:]))
}

// A draft is a node about to be written.
type draft struct {
	prefix   []byte
	entry    Entry
	hasEntry bool
	edges    []byte
	children []arena.Offset // one for each edge
}

// widthAt returns how many bytes each link takes if the draft is written at off.
func (d *draft) widthAt(off arena.Offset) int {
	var all arena.Offset
	for _, c := range d.children {
		all |= off - c
	}
	return max(1, (bits.Len32(uint32(all))+7)/8)
}

// bytes returns how many bytes the node takes if its links take width bytes each.
func (d *draft) bytes(width int) int {
	size, long := 1, leafLength
	if len(d.edges) > 0 {
		size, long = 2, innerLength
	}
	if len(d.prefix) >= long {
		size += 2
	}
	if d.hasEntry {
		size += 4
	}
	return size + len(d.prefix) + len(d.edges)*(1+width)
}

// put writes the node to n, which will be read at off and has the right size.
func (d *draft) put(n []byte, off arena.Offset, width int) {
	h, long, at := byte(flagLeaf), leafLength, 1
	if len(d.edges) > 0 {
		h, long, at = byte(width-1)<<widthShift, innerLength, 2
		if d.hasEntry {
			h |= flagValue
		}
		n[1] = byte(len(d.edges) - 1)
	}
	if d.hasEntry && d.entry.Stop {
		h |= flagStop
	}
	n[0] = h | byte(min(len(d.prefix), long))
	if len(d.prefix) >= long {
		binary.LittleEndian.PutUint16(n[at:], uint16(len(d.prefix)))
		at += 2
	}
	at += copy(n[at:], d.prefix)
	if d.hasEntry {
		binary.LittleEndian.PutUint32(n[at:], d.entry.Value)
		at += 4
	}
	at += copy(n[at:], d.edges)
	for _, c := range d.children {
		for link, i := uint32(off-c), 0; i < width; i++ {
			n[at] = byte(link)
			link >>= 8
			at++
		}
	}
}

// A writer puts nodes into an arena. It takes space in spans, so that the nodes
// of one tree lie together whoever else uses the arena meanwhile.
type writer struct {
	arena *arena.Arena
	span  []byte // what is left of the span
	off   arena.Offset
	next  int // size of the next span
	start arena.Offset
	taken int   // size of this span
	bytes int64 // written, rounded up to units
}

const (
	spanFirst = 256
	spanMax   = 64 << 10
)

// write puts the node where there is room and returns where.
func (w *writer) write(d *draft) arena.Offset {
	off := w.off
	width := d.widthAt(off)
	n := d.bytes(width)
	size := (n + arena.Unit - 1) &^ (arena.Unit - 1)
	if size > len(w.span) {
		w.next = max(spanFirst, w.next, d.bytes(linkBytesMax)+arena.Unit)
		w.taken = w.next
		w.start, w.span = w.arena.Alloc(w.taken)
		w.off, w.next = w.start, min(2*w.next, spanMax)
		off = w.off
		width = d.widthAt(off)
		n = d.bytes(width)
		size = (n + arena.Unit - 1) &^ (arena.Unit - 1)
	}
	d.put(w.span[:n], off, width)
	w.span = w.span[size:]
	w.off += arena.Offset(size / arena.Unit)
	w.bytes += int64(size)
	return off
}

// close gives back what is left of the last span, if it can.
func (w *writer) close() {
	if len(w.span) > 0 {
		w.arena.Trim(w.start, w.taken, w.taken-len(w.span))
		w.span = nil
	}
	w.next = 0
}
