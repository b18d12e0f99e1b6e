package radix

import (
	"encoding/binary"
	"math/bits"

	"yushan/zone/arena"
)

// Nodes are of three kinds. Nothing in a node is aligned but its start, at a
// unit of the arena; all integers are little-endian.
//
//	leaf    ┌──────────┬─ ─ ─ ─ ┬──────────┬─────────┐
//	        │1 S llllll│ length │  prefix  │  value  │
//	        └──────────┴─ ─ ─ ─ ┴──────────┴─────────┘
//	             1        (2)     l bytes       4
//
//	inner   ┌────────────┬─────────┬─ ─ ─ ─ ┬──────────┬─ ─ ─ ─ ─┬─ ─ ─ ─┬─────────┬────────────────┐
//	        │0 S V WW lll│ count-1 │ length │  prefix  │  value  │ index  │  edges  │     links      │
//	        └────────────┴─────────┴─ ─ ─ ─ ┴──────────┴─ ─ ─ ─ ─┴─ ─ ─ ─┴─────────┴────────────────┘
//	              1           1       (2)     l bytes      (4)     (36)     count    count × (WW+1)
//
//	twig    ┌────────────┬─────────┬─ ─ ─ ─ ┬──────────┬───────────┬───────────┬───────────┬─────────┐
//	        │0 1 0 lllll │ count-1 │ length │  prefix  │   heads   │   ends    │   marks   │ records │
//	        └────────────┴─────────┴─ ─ ─ ─ ┴──────────┴───────────┴───────────┴───────────┴─────────┘
//	              1           1       (2)     l bytes    4 × count   1 + count   count / 2
//
//	S       the entry has the Stop flag
//	V       an inner node has an entry, and so a value
//	l       length of the prefix; when all its bits are set, length (16 bits) says it
//	prefix  the part of the keys between the edge that leads here and the end of this node
//	index   if there are more than 8 children, another spelling of edges: a set of
//	        256 bits in four words, and before it, for each word, one byte that says
//	        how many edges are in those before it. Edge e is in word e/64
//	edges   the next byte of the keys below, one for each child, sorted
//	links   the children's offsets: how many units before this node each lies, in as
//	        few bytes as the farthest of them needs; if edges and links are less
//	        than 8 bytes, zeros fill up
//
// A twig stands for a small subtree: it holds all entries below it. twig.go
// says what its parts are.
//
// A node's key is the concatenation of prefixes and edges from the root to the
// end of its own prefix. A node is written once, behind its children, so that
// those written together lie together: most links of a built tree take one or
// two bytes.
//
// Invariants:
//
//  1. A leaf has an entry. An inner node without one has at least two
//     children, one with an entry at least one.
//  2. Edges ascend strictly; so do the keys of a twig.
//  3. S implies an entry.
//  4. A child lies before its parent in the arena, modulo 2³² units.
//  5. WW is the least that holds every link of the node.
//  6. Nothing outside a node is read when the node is: what lies beside it may
//     belong to a writer. Words are read where the node's own bytes make them up.
//  7. Once a tree that can reach the node was handed out it is never written again.
//  8. A subtree is a twig if and only if it may be one: it has 2 to twigMax
//     entries, none of their keys is a prefix of another, and its records have
//     room (twigRest). So equal sets of entries make equal trees, whatever their history.
//
// Cost, for a key of k bytes that passes d nodes: Get, Descend and Floor visit
// each of the d nodes once, at one or two cache lines each, three or four for
// a twig, and compare k bytes; they allocate nothing. Among a million names under
// a TLD d is about 6, and all inner nodes together take less than 1 MiB: only
// the twig, the last, is likely to be missing in the processor's caches. An edit decodes those d nodes on the heap, and commit writes
// them anew, the twig's entries one by one. An entry in a twig takes 9½ bytes and what its key has beyond the
// four bytes that follow the twig's prefix.
const (
	flagLeaf  = 0x80
	flagStop  = 0x40
	flagValue = 0x20 // inner nodes only

	kindMask = flagLeaf | flagStop | flagValue
	kindTwig = flagStop // Stop without an entry: no inner node is that

	widthShift = 3
	widthMask  = 3

	// Masks of l, and the values of l that say: see length.
	leafLength  = 0x3f
	innerLength = 0x07
	twigLength  = 0x1f

	linkBytesMax = 4

	sparseMax  = 8 // children of an inner node without an index: their edges are compared as one word
	wordBytes  = 8
	indexWords = 256 / 64
	indexBytes = indexWords + indexWords*wordBytes
)

// decoded is what a node says, for code that need not be fast. Its slices are the arena's memory.
type decoded struct {
	prefix   []byte
	start    int // of the prefix in the node
	entry    Entry
	hasEntry bool
	edges    []byte
	links    []byte
	width    int // bytes of a link
	twig     twig
	size     int // bytes of the node, rounded up to units
}

// decode reads the node at the start of n.
func decode(n []byte) decoded {
	var d decoded
	h, at := n[0], 2
	count := int(n[1]) + 1
	var length, long int
	switch {
	case h&flagLeaf != 0:
		length, long = int(h&leafLength), leafLength
		at, count = 1, 0
	case h&kindMask == kindTwig:
		length, long = int(h&twigLength), twigLength
	default:
		length, long = int(h&innerLength), innerLength
	}
	if length == long {
		length = int(binary.LittleEndian.Uint16(n[at:]))
		at += 2
	}
	d.start = at
	d.prefix = n[at : at+length]
	at += length
	switch {
	case h&kindMask == kindTwig:
		d.twig = twigAt(n, at, count)
		at = d.twig.end()
	default:
		if h&(flagLeaf|flagValue) != 0 {
			d.hasEntry = true
			d.entry = Entry{Value: binary.LittleEndian.Uint32(n[at:]), Stop: h&flagStop != 0}
			at += 4
		}
		if count > 0 {
			d.width = int(h>>widthShift&widthMask) + 1
			if count > sparseMax {
				at += indexBytes
			}
			d.edges = n[at : at+count]
			at += count
			d.links = n[at : at+count*d.width]
			at += max(len(d.links), wordBytes-count)
		}
	}
	d.size = roundUp(at)
	return d
}

// isInner reports whether the node is neither a leaf nor a twig.
func (d *decoded) isInner() bool { return len(d.edges) > 0 }

// child returns the i-th child of the node, which lies at off.
func (d *decoded) child(off arena.Offset, i int) arena.Offset {
	var link [4]byte
	copy(link[:], d.links[i*d.width:(i+1)*d.width])
	return off - arena.Offset(binary.LittleEndian.Uint32(link[:]))
}

// A draft is a leaf or an inner node about to be written.
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
	size += len(d.prefix)
	switch count := len(d.edges); {
	case count > sparseMax:
		size += indexBytes + count*(1+width)
	case count > 0:
		size += max(count*(1+width), wordBytes)
	}
	return size
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
	at = putPrefix(n, at, d.prefix, long)
	if d.hasEntry {
		binary.LittleEndian.PutUint32(n[at:], d.entry.Value)
		at += 4
	}
	if len(d.edges) > sparseMax {
		putIndex(n[at:at+indexBytes], d.edges)
		at += indexBytes
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

// putIndex writes the index of the edges to n.
func putIndex(n, edges []byte) {
	var set [indexWords]uint64
	for _, e := range edges {
		set[e/64] |= 1 << (e % 64)
	}
	before := 0
	for i, word := range set {
		n[i] = byte(before) // 192 at most: 3 words are before the last
		before += bits.OnesCount64(word)
		binary.LittleEndian.PutUint64(n[indexWords+i*wordBytes:], word)
	}
}

// putPrefix writes the prefix, and before it its length if that needs to be said; it returns where both end.
func putPrefix(n []byte, at int, prefix []byte, long int) int {
	if len(prefix) >= long {
		binary.LittleEndian.PutUint16(n[at:], uint16(len(prefix)))
		at += 2
	}
	return at + copy(n[at:], prefix)
}

func roundUp(n int) int { return (n + arena.Unit - 1) &^ (arena.Unit - 1) }
