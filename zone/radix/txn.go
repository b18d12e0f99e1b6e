package radix

import (
	"bytes"
	"slices"

	"yushan/zone/arena"
)

// A Txn collects changes to a tree. It leaves that tree as it is: the nodes on
// the way to a change are decoded into memory of the transaction, changed
// there, and written to the arena by Commit, each once however often it
// changed. Transactions may start from the same tree at the same time; each is
// for one goroutine.
type Txn struct {
	base    Tree
	root    child
	info    info // of the tree that Commit will return, less what it will write
	touched bool
}

// A child is where an edge leads: to a node of the base tree, or to a draft.
// Both are zero if it leads nowhere, as the root of an empty tree.
type child struct {
	off  arena.Offset
	edit *edit
}

// An edit is a node that was changed. Its prefix may be the arena's memory: it
// is cut or replaced, never written.
type edit struct {
	prefix   []byte
	entry    Entry
	hasEntry bool
	edges    []byte
	children []child
}

// Edit starts a transaction. Editing the zero Tree makes a new arena.
func (t Tree) Edit() *Txn {
	if t.info == nil {
		t.info = &info{arena: arena.New()}
	}
	return &Txn{base: t, root: child{off: t.root}, info: *t.info}
}

// Len returns the number of entries, changes included.
func (x *Txn) Len() int { return x.info.entries }

// Get returns the entry for key, changes included.
func (x *Txn) Get(key []byte) (e Entry, ok bool) {
	c := x.root
	for c.edit != nil {
		n := c.edit
		if !bytes.HasPrefix(key, n.prefix) {
			return Entry{}, false
		}
		key = key[len(n.prefix):]
		if len(key) == 0 {
			return n.entry, n.hasEntry
		}
		i, found := slices.BinarySearch(n.edges, key[0])
		if !found {
			return Entry{}, false
		}
		c, key = n.children[i], key[1:]
	}
	m := descend(x.base.view, c.off, key, 0)
	return Entry{m.Value, m.Stop}, m.Found && m.Len == len(key)
}

// Set adds an entry or replaces the one that key has. key is at most MaxKey
// bytes long, or Set panics; it is copied.
func (x *Txn) Set(key []byte, value uint32, stop bool) {
	checkKey(key)
	entry := Entry{value, stop}
	old, exists := x.Get(key)
	if exists && old == entry {
		return
	}
	if !exists {
		x.info.entries++
	}
	x.touched = true
	if x.root == (child{}) {
		x.root.edit = newLeaf(key, entry)
		return
	}
	at := &x.root
	for {
		n := x.open(at)
		same := common(n.prefix, key)
		if same < len(n.prefix) {
			// key leaves within the prefix: a node for what is common comes above n.
			above := &edit{prefix: n.prefix[:same], edges: []byte{n.prefix[same]}, children: []child{{edit: n}}}
			n.prefix = n.prefix[same+1:]
			at.edit = above
			n = above
		}
		key = key[same:]
		if len(key) == 0 {
			n.entry, n.hasEntry = entry, true
			return
		}
		i, found := slices.BinarySearch(n.edges, key[0])
		if !found {
			n.edges = slices.Insert(n.edges, i, key[0])
			n.children = slices.Insert(n.children, i, child{edit: newLeaf(key[1:], entry)})
			return
		}
		at, key = &n.children[i], key[1:]
	}
}

// Delete removes the entry for key and reports whether there was one. Entries
// below key stay.
func (x *Txn) Delete(key []byte) bool {
	if _, exists := x.Get(key); !exists {
		return false
	}
	x.info.entries--
	x.touched = true
	at := &x.root
	var parent *child // of at, if it isn't the root
	index := 0        // of at in its parent
	n := x.open(at)
	for key = key[len(n.prefix):]; len(key) > 0; key = key[1+len(n.prefix):] {
		i, _ := slices.BinarySearch(n.edges, key[0])
		parent, index = at, i
		at = &n.children[i]
		n = x.open(at)
	}
	n.entry, n.hasEntry = Entry{}, false
	switch {
	case len(n.edges) > 0:
		x.join(at)
	case parent == nil:
		*at = child{}
	default:
		p := parent.edit
		p.edges = slices.Delete(p.edges, index, index+1)
		p.children = slices.Delete(p.children, index, index+1)
		x.join(parent)
	}
	return true
}

// join makes one node of the node at and its child if the child is its only
// one and it has no entry itself (invariant 1).
func (x *Txn) join(at *child) {
	n := at.edit
	if n.hasEntry || len(n.edges) != 1 {
		return
	}
	only := x.open(&n.children[0])
	only.prefix = slices.Concat(n.prefix, n.edges, only.prefix)
	at.edit = only
}

// open returns the node that c leads to for changing. A node of the base tree
// is decoded and becomes garbage.
func (x *Txn) open(c *child) *edit {
	if c.edit != nil {
		return c.edit
	}
	d := decode(x.base.view.At(c.off))
	x.info.bytes -= int64(d.size)
	x.info.garbage += int64(d.size)
	n := &edit{prefix: d.prefix, entry: d.entry, hasEntry: d.hasEntry}
	if d.twig.count > 0 {
		suffixes := make([][]byte, d.twig.count)
		entries := make([]Entry, d.twig.count)
		for i := range suffixes {
			suffixes[i], entries[i] = d.twig.appendSuffix(nil, i), d.twig.entry(i)
		}
		n.unfold(suffixes, entries)
	} else {
		n.edges = slices.Clone(d.edges)
		n.children = make([]child, len(d.edges))
		for i := range n.children {
			n.children[i].off = d.child(c.off, i)
		}
	}
	c.off, c.edit = 0, n
	return n
}

// unfold makes of a twig the tree that it stands for: n gets children for the
// suffixes, which are sorted, two or more, and begin with different bytes.
func (n *edit) unfold(suffixes [][]byte, entries []Entry) {
	for len(suffixes) > 0 {
		first, count := suffixes[0], 1
		for count < len(suffixes) && suffixes[count][0] == first[0] {
			count++
		}
		below := &edit{prefix: first[1:]}
		if count == 1 {
			below.entry, below.hasEntry = entries[0], true
		} else {
			same := common(first, suffixes[count-1])
			below.prefix = first[1:same]
			for i := range count {
				suffixes[i] = suffixes[i][same:]
			}
			below.unfold(suffixes[:count], entries[:count])
		}
		n.edges = append(n.edges, first[0])
		n.children = append(n.children, child{edit: below})
		suffixes, entries = suffixes[count:], entries[count:]
	}
}

func newLeaf(suffix []byte, entry Entry) *edit {
	return &edit{prefix: slices.Clone(suffix), entry: entry, hasEntry: true}
}

// Commit writes the changes and returns the tree that has them. The
// transaction may go on: it then starts from that tree.
func (x *Txn) Commit() Tree {
	if !x.touched {
		return x.base
	}
	a := assembler{arena: x.info.arena}
	var root arena.Offset
	if x.root != (child{}) {
		root = a.close(x.finish(&a, x.root, make([]byte, 0, MaxKey), false))
	}
	x.info.bytes += a.written - a.dropped
	x.info.garbage += a.dropped
	info := x.info
	*x = *Tree{view: info.arena.View(), root: root, info: &info}.Edit()
	return x.base
}

// finish makes a limb of the node that c and path lead to. The node above it
// says whether it might become a twig: then the entries of an unchanged leaf or twig are needed.
func (x *Txn) finish(a *assembler, c child, path []byte, twigAbove bool) limb {
	if c.edit == nil {
		return x.keep(a, c.off, path, twigAbove)
	}
	n, from := c.edit, len(path)
	path = append(path, n.prefix...)
	if len(n.edges) == 0 {
		return a.leaf(path, n.entry)
	}
	limbs := make([]limb, len(n.edges))
	for i, edge := range n.edges {
		limbs[i] = x.finish(a, n.children[i], append(path, edge), !n.hasEntry && len(n.edges) <= twigMax)
	}
	return a.inner(path, from, n.entry, n.hasEntry, n.edges, limbs)
}

// keep makes a limb of an unchanged node.
func (x *Txn) keep(a *assembler, off arena.Offset, path []byte, twigAbove bool) limb {
	l := limb{off: off}
	if !twigAbove {
		return l
	}
	d := decode(x.base.view.At(off))
	if d.isInner() {
		return l
	}
	l.first, l.size = len(a.items), d.size
	path = append(path, d.prefix...)
	if d.hasEntry {
		a.push(path, d.entry)
	}
	for i := range d.twig.count {
		a.push(d.twig.appendSuffix(path, i), d.twig.entry(i))
	}
	l.count = len(a.items) - l.first
	return l
}
