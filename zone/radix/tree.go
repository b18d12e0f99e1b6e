package radix

import (
	"encoding/binary"
	"math/bits"

	"yushan/zone/arena"
)

// MaxKey is the length of the longest key that a tree takes, in bytes.
const MaxKey = 510

// An Entry is what a tree holds for a key.
type Entry struct {
	Value uint32
	Stop  bool // Descend goes no further
}

// A Tree is an immutable ordered map from keys to entries. It is a small value
// to be copied; any number of goroutines may use it. The zero Tree is empty.
type Tree struct {
	view arena.View
	root arena.Offset // 0: the tree is empty
	info *info        // nil in the zero Tree
}

// info is what a tree knows about itself and no lookup asks for.
type info struct {
	arena   *arena.Arena
	entries int
	bytes   int64
	garbage int64
}

// Len returns the number of entries.
func (t Tree) Len() int { return t.stats().entries }

// Bytes returns how many bytes of the arena the tree's nodes take up.
func (t Tree) Bytes() int64 { return t.stats().bytes }

// Garbage returns how many bytes of the arena went to nodes that this tree's
// ancestors had, back to the one that was built, and that it has no longer.
func (t Tree) Garbage() int64 { return t.stats().garbage }

// View returns the view of the arena through which the tree is read.
func (t Tree) View() arena.View { return t.view }

func (t Tree) stats() info {
	if t.info == nil {
		return info{}
	}
	return *t.info
}

// A Match says how far a key leads into a tree.
type Match struct {
	Len   int    // bytes of the key that were followed
	Value uint32 // if Found
	Found bool   // there is an entry for these Len bytes
	Stop  bool   // and it has the Stop flag
}

// Get returns the value of the entry for key. It allocates nothing.
func (t Tree) Get(key []byte) (value uint32, ok bool) {
	m := descend(t.view, t.root, key, 0)
	return m.Value, m.Found && m.Len == len(key)
}

// Descend follows key from the root. It ends
//
//   - at the first entry on the way that has the Stop flag: Found, Stop, and
//     Len is the length of that entry's key;
//   - at the entry for key itself: Found, and Len == len(key);
//   - where the tree ends: Len is the greatest number of bytes of key with
//     which some key of the tree begins. It is len(key) if there are keys
//     below key, but no entry for it.
//
// It allocates nothing.
func (t Tree) Descend(key []byte) Match {
	return descend(t.view, t.root, key, flagStop)
}

// descend follows key from the node at off, which ends at entries that have a
// flag of stopAt.
func descend(view arena.View, off arena.Offset, key []byte, stopAt byte) Match {
	if off == 0 {
		return Match{}
	}
	for pos := 0; ; pos++ {
		link, m := step(view.At(off), key, pos, stopAt)
		if link == 0 {
			return m
		}
		pos = m.Len
		off -= link
	}
}

// step follows key through the node n, to which its first pos bytes lead. If it
// goes on with the byte after m.Len, the child is link units before n; if link is
// 0, the descent ends with m.
//
// Most nodes on the way are inner nodes without a prefix and an entry. What
// others need is in functions of their own, so that this one has registers enough.
func step(n, key []byte, pos int, stopAt byte) (link arena.Offset, m Match) {
	h, at := n[0], 2
	if h&(kindMask|innerLength) != 0 {
		if h&flagLeaf != 0 {
			return 0, descendLeaf(n, key, pos, stopAt)
		}
		if h&kindMask == kindTwig {
			return 0, descendTwig(n, key, pos, stopAt)
		}
		if at, m = enterInner(n, key, pos, stopAt); at == 0 {
			return 0, m
		}
		pos = m.Len
	}
	if pos >= len(key) {
		return 0, Match{Len: pos}
	}

	edge, count := key[pos], int(n[1])+1
	var i int
	if count <= sparseMax {
		// The lowest top bit set in found marks the first byte that is edge.
		// It is an edge, or what follows them.
		const ones, tops = 0x0101010101010101, 0x8080808080808080
		x := binary.LittleEndian.Uint64(n[at:]) ^ uint64(edge)*ones
		found := (x - ones) &^ x & tops
		i = bits.TrailingZeros64(found) / 8
		if i >= count {
			return 0, Match{Len: pos}
		}
	} else {
		word := binary.LittleEndian.Uint64(n[at+indexWords+int(edge/64)*wordBytes:])
		bit := uint64(1) << (edge % 64)
		if word&bit == 0 {
			return 0, Match{Len: pos}
		}
		i = int(n[at+int(edge/64)]) + bits.OnesCount64(word&(bit-1))
		at += indexBytes
	}
	// The last four bytes up to the link's end are the node's own: its header
	// and an edge come before the first link. The shift is 32 less the link's bits.
	width := int(h>>widthShift&widthMask) + 1
	word := binary.LittleEndian.Uint32(n[at+count+(i+1)*width-4:])
	return arena.Offset(word >> (24 - h&(widthMask<<widthShift))), Match{Len: pos}
}

// descendLeaf ends a descent that led to the leaf n with the first pos bytes of key.
func descendLeaf(n, key []byte, pos int, stopAt byte) Match {
	at, length := 1, int(n[0]&leafLength)
	if length == leafLength {
		at, length = 3, int(binary.LittleEndian.Uint16(n[1:]))
	}
	same := common(n[at:at+length], key[pos:])
	pos += same
	if same < length || pos < len(key) && n[0]&stopAt == 0 {
		return Match{Len: pos}
	}
	return Match{pos, binary.LittleEndian.Uint32(n[at+length:]), true, n[0]&flagStop != 0}
}

// enterInner follows key through the prefix of the inner node n, past its
// entry. If the descent ends there it returns 0 and the match; else where in n
// its index or edges begin, and in m.Len how much of key was followed.
func enterInner(n, key []byte, pos int, stopAt byte) (at int, m Match) {
	h, at := n[0], 2
	length := int(h & innerLength)
	if length == innerLength {
		at, length = 4, int(binary.LittleEndian.Uint16(n[2:]))
	}
	same := common(n[at:at+length], key[pos:])
	pos += same
	if same < length {
		return 0, Match{Len: pos}
	}
	at += length
	if h&flagValue != 0 {
		if pos == len(key) || h&stopAt != 0 {
			return 0, Match{pos, binary.LittleEndian.Uint32(n[at:]), true, h&flagStop != 0}
		}
		at += 4
	}
	return at, Match{Len: pos}
}

// common returns the length of the longest common prefix.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
