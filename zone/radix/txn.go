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
	n := &edit{prefix: d.prefix, entry: d.entry, hasEntry: d.hasEntry}
	n.edges = slices.Clone(d.edges)
	n.children = make([]child, len(d.edges))
	for i := range n.children {
		n.children[i].off = d.child(c.off, i)
	}
	x.info.bytes -= int64(d.size)
	x.info.garbage += int64(d.size)
	c.off, c.edit = 0, n
	return n
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
	w := writer{arena: x.info.arena}
	root := x.write(&w, x.root)
	w.close()
	x.info.bytes += w.bytes
	info := x.info
	*x = *Tree{view: info.arena.View(), root: root, info: &info}.Edit()
	return x.base
}

// write writes the changed nodes at and below c, and returns where it leads.
func (x *Txn) write(w *writer, c child) arena.Offset {
	n := c.edit
	if n == nil {
		return c.off
	}
	d := draft{prefix: n.prefix, entry: n.entry, hasEntry: n.hasEntry, edges: n.edges}
	d.children = make([]arena.Offset, len(n.children))
	for i, c := range n.children {
		d.children[i] = x.write(w, c)
	}
	return w.write(&d)
}
