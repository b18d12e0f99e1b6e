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

// descend follows key from the node at off, which ends at entries that have a flag of stopAt.
func descend(view arena.View, off arena.Offset, key []byte, stopAt byte) Match {
	if off == 0 {
		return Match{}
	}
	pos := 0
	for {
		n := view.At(off)
		h := n[0]
		if h&flagLeaf != 0 {
			at, length := 1, int(h&leafLength)
			if length == leafLength {
				at, length = 3, int(binary.LittleEndian.Uint16(n[1:]))
			}
			same := common(n[at:at+length], key[pos:])
			pos += same
			if same < length || pos < len(key) && h&stopAt == 0 {
				return Match{Len: pos}
			}
			return Match{pos, binary.LittleEndian.Uint32(n[at+length:]), true, h&flagStop != 0}
		}

		at, count := 2, int(n[1])+1
		if h&kindMask == kindTwig {
			length := int(h & twigLength)
			if length == twigLength {
				at, length = 4, int(binary.LittleEndian.Uint16(n[2:]))
			}
			same := common(n[at:at+length], key[pos:])
			pos += same
			if same < length {
				return Match{Len: pos}
			}
			twig := twigAt(n, at+length, count)
			m := twig.descend(key[pos:], stopAt)
			m.Len += pos
			return m
		}
		if length := int(h & innerLength); length > 0 {
			if length == innerLength {
				at, length = 4, int(binary.LittleEndian.Uint16(n[2:]))
			}
			same := common(n[at:at+length], key[pos:])
			pos += same
			if same < length {
				return Match{Len: pos}
			}
			at += length
		}
		if h&flagValue != 0 {
			if pos == len(key) || h&stopAt != 0 {
				return Match{pos, binary.LittleEndian.Uint32(n[at:]), true, h&flagStop != 0}
			}
			at += 4
		} else if pos == len(key) {
			return Match{Len: pos}
		}
		i := findEdge(n[at:], count, key[pos])
		if i < 0 {
			return Match{Len: pos}
		}
		off -= link(n, at+count, i, h)
		pos++
	}
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

// findEdge returns the index of edge among the count sorted bytes at the start
// of n, or -1. Behind them come at least as many bytes of links (invariant 6).
func findEdge(n []byte, count int, edge byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	switch {
	case count == 1:
		if n[0] == edge {
			return 0
		}
	case count <= 4:
		x := binary.LittleEndian.Uint32(n) ^ uint32(edge)*(ones&0xffffffff)
		// The lowest top bit set marks the first zero byte of x: 4 if there is none.
		i := bits.TrailingZeros32((x-ones&0xffffffff)&^x&(tops&0xffffffff)) / 8
		if i < count {
			return i
		}
	default:
		for i := 0; i < count; i += 8 {
			x := binary.LittleEndian.Uint64(n[i:]) ^ uint64(edge)*ones
			if found := (x - ones) &^ x & tops; found != 0 {
				i += bits.TrailingZeros64(found) / 8
				if i < count {
					return i
				}
				return -1
			}
		}
	}
	return -1
}

// link returns how many units before the node n its i-th child lies. The links
// begin at byte links of n, and h is the node's first byte.
func link(n []byte, links, i int, h byte) arena.Offset {
	width := int(h>>widthShift&widthMask) + 1
	// The last four bytes up to the link's end are the node's own: its header
	// and at least one edge come before the first link.
	end := links + (i+1)*width
	word := binary.LittleEndian.Uint32(n[end-4:])
	return arena.Offset(word >> (32 - 8*uint(width)&31))
}
