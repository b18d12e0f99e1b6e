package radix

import (
	"fmt"

	"yushan/zone/arena"
)

// Raw is what makes a tree of an arena's memory.
type Raw struct {
	Root           arena.Offset // 0: the tree is empty
	Entries        int64
	Bytes, Garbage int64 // as the methods of [Tree] say
}

// Raw returns what [FromRaw] makes the same tree of, in an arena with the same memory.
func (t Tree) Raw() Raw {
	s := t.stats()
	return Raw{t.root, int64(s.entries), s.bytes, s.garbage}
}

// FromRaw returns the tree that r says is in a. That the memory holds one is not
// looked at: see [Tree.Verify].
func FromRaw(a *arena.Arena, r Raw) (Tree, error) {
	t := Tree{view: a.View(), root: r.Root, info: &info{a, int(r.Entries), r.Bytes, r.Garbage}}
	if r.Entries < 0 || r.Bytes < 0 || r.Garbage < 0 || r.Bytes > a.Bytes() || r.Garbage > a.Bytes()-r.Bytes ||
		(r.Root == 0) != (r.Entries == 0) || r.Root != 0 && !t.view.Holds(r.Root, arena.Unit) {
		return Tree{}, fmt.Errorf("radix: no tree of %d entries in %d bytes has its root at %d", r.Entries, r.Bytes, r.Root)
	}
	return t, nil
}
