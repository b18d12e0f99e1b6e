package radix

import (
	"bytes"
	"slices"

	"yushan/zone/arena"
)

// A merger makes a tree of another one and changes to it. It goes down only
// where changes lead, with all of them at once, and writes what it comes back
// from: so cost and garbage are in proportion to the nodes that change, each of
// which is written once.
type merger struct {
	a    assembler
	view arena.View // of the base
	lost int64      // bytes of the base's nodes that the new tree does not have

	// Stacks of finished children: a fork's begin at its bottom.
	edges []byte
	limbs []limb

	// A leaf's or a twig's entries, changes made; the keys are in memory.
	list   []change
	memory []byte
}

// A subtree of the base is a node and all below it, but not the first bytes of
// the node's prefix. There may be none: then off is 0.
type subtree struct {
	off  arena.Offset
	skip int
}

// merge returns base with the changes, which are sorted and all make a
// difference. entries is how many it then has.
func merge(base Tree, changes []change, entries int) Tree {
	m := merger{a: assembler{arena: base.info.arena}, view: base.view}
	t := Tree{info: &info{arena: base.info.arena, entries: entries}}
	if root := m.merge(subtree{off: base.root}, make([]byte, 0, MaxKey), changes, false); root.isEmpty() {
		m.a.release()
	} else {
		t.root = m.a.close(root)
	}
	t.info.bytes = base.info.bytes - m.lost + m.a.written - m.a.dropped
	t.info.garbage = base.info.garbage + m.lost + m.a.dropped
	t.view = t.info.arena.View()
	return t
}

// isEmpty reports whether nothing is left of a subtree.
func (l *limb) isEmpty() bool { return l.off == 0 && l.count == 0 }

// merge returns s, to which path leads, with changes to keys that begin with
// path. If a twig may become of the node above, it needs the entries of an
// unchanged leaf or twig.
func (m *merger) merge(s subtree, path []byte, changes []change, twigAbove bool) limb {
	switch {
	case s.off == 0:
		return m.build(path, changes)
	case len(changes) == 0 && s.skip > 0:
		return m.shorten(s, path)
	case len(changes) == 0:
		return m.keep(s.off, path, twigAbove)
	}
	d := decode(m.view.At(s.off))
	prefix := d.prefix[s.skip:]
	if !d.isInner() {
		m.lost += int64(d.size)
		return m.build(path, m.entries(&d, append(path, prefix...), changes))
	}
	from := len(path)
	same := common(prefix, changes[0].key[from:])
	same = min(same, common(prefix, changes[len(changes)-1].key[from:]))
	n := fork{path: append(path, prefix[:same]...), from: from, bottom: len(m.limbs)}
	if same < len(prefix) {
		// A node for what is common comes above the one that is there.
		below := children{edges: prefix[same : same+1], only: subtree{s.off, s.skip + same + 1}}
		m.descend(&n, below, n.take(changes), false)
		return m.finish(&n)
	}
	m.lost += int64(d.size)
	n.entry, n.hasEntry = d.entry, d.hasEntry
	below := children{edges: d.edges, node: &d, off: s.off}
	rest := n.take(changes)
	m.descend(&n, below, rest, !n.hasEntry && m.mayBeTwig(below, changes, rest, len(n.path)))
	return m.finish(&n)
}

// children are those of a node of the base, or the only one of a new node.
type children struct {
	edges []byte
	node  *decoded
	off   arena.Offset // of node
	only  subtree
}

func (c *children) at(i int) subtree {
	if c.node == nil {
		return c.only
	}
	return subtree{off: c.node.child(c.off, i)}
}

// A fork is a node being made.
type fork struct {
	path     []byte // to its end
	from     int    // where its prefix begins
	entry    Entry
	hasEntry bool
	bottom   int // of its children
}

// take makes the change to the fork's own entry, and returns the others.
func (n *fork) take(changes []change) []change {
	if len(changes[0].key) > len(n.path) {
		return changes
	}
	n.entry, n.hasEntry = changes[0].is, changes[0].has
	return changes[1:]
}

// descend merges the changes into the children of n, and adds new children.
func (m *merger) descend(n *fork, below children, changes []change, twig bool) {
	depth := len(n.path)
	for i := 0; i < len(below.edges) || len(changes) > 0; {
		var s subtree
		edge := 256
		if len(changes) > 0 {
			edge = int(changes[0].key[depth])
		}
		if i < len(below.edges) && int(below.edges[i]) <= edge {
			edge, s = int(below.edges[i]), below.at(i)
			i++
		}
		k := 0
		for k < len(changes) && int(changes[k].key[depth]) == edge {
			k++
		}
		if l := m.merge(s, append(n.path, byte(edge)), changes[:k], twig); !l.isEmpty() {
			m.edges, m.limbs = append(m.edges, byte(edge)), append(m.limbs, l)
		}
		changes = changes[k:]
	}
}

// finish makes a limb of the fork, whose children are finished.
func (m *merger) finish(n *fork) (l limb) {
	edges, limbs := m.edges[n.bottom:], m.limbs[n.bottom:]
	switch {
	case len(edges) == 0 && n.hasEntry:
		l = m.a.leaf(n.path, n.entry)
	case len(edges) == 0: // nothing is left
	case len(edges) == 1 && !n.hasEntry:
		l = m.lengthen(n, edges[0], limbs[0])
	default:
		l = m.a.inner(n.path, n.from, n.entry, n.hasEntry, edges, limbs)
	}
	m.edges, m.limbs = m.edges[:n.bottom], m.limbs[:n.bottom]
	return l
}

// build makes a limb of changes alone, all of which are entries.
func (m *merger) build(path []byte, changes []change) limb {
	switch len(changes) {
	case 0:
		return limb{}
	case 1:
		return m.a.leaf(changes[0].key, changes[0].is)
	}
	first, from := changes[0].key, len(path)
	end := from + common(first[from:], changes[len(changes)-1].key[from:])
	n := fork{path: append(path, first[from:end]...), from: from, bottom: len(m.limbs)}
	m.descend(&n, children{}, n.take(changes), false)
	return m.finish(&n)
}

// entries returns the entries of the leaf or twig d, to whose end path leads,
// with the changes. They are valid until the next call.
func (m *merger) entries(d *decoded, path []byte, changes []change) []change {
	list := m.list[:0]
	m.memory = m.memory[:0]
	there := func(suffix []byte, e Entry) {
		for len(changes) > 0 {
			order := bytes.Compare(changes[0].key, suffix)
			if order > 0 {
				break
			}
			if changes[0].has {
				list = append(list, changes[0])
			}
			changes = changes[1:]
			if order == 0 {
				return
			}
		}
		list = append(list, change{key: suffix, is: e, has: true})
	}
	for i := range max(d.twig.count, 1) {
		start := len(m.memory)
		m.memory = append(m.memory, path...)
		e := d.entry
		if d.twig.count > 0 {
			m.memory = d.twig.appendSuffix(m.memory, i)
			e = d.twig.entry(i)
		}
		there(m.memory[start:len(m.memory):len(m.memory)], e)
	}
	m.list = append(list, changes...) // the base has none of them
	return m.list
}

// mayBeTwig tells whether a twig may become of a node of the base. Nothing but
// deletions can make one, and only where what else is there is small. all are the
// changes, the rest those beyond the node's own entry, which depth bytes lead to.
func (m *merger) mayBeTwig(below children, all, rest []change, depth int) bool {
	if !slices.ContainsFunc(all, func(c change) bool { return !c.has }) {
		return false
	}
	count := 0
	for i, edge := range below.edges {
		for len(rest) > 0 && rest[0].key[depth] < edge {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].key[depth] == edge {
			continue
		}
		switch n := m.view.At(below.at(i).off); {
		case n[0]&flagLeaf != 0:
			count++
		case n[0]&kindMask == kindTwig:
			count += int(n[1]) + 1
		default:
			return false
		}
		if count > twigMax {
			return false
		}
	}
	return true
}

// keep makes a limb of an unchanged node.
func (m *merger) keep(off arena.Offset, path []byte, twigAbove bool) limb {
	if !twigAbove {
		return limb{off: off}
	}
	d := decode(m.view.At(off))
	if d.isInner() {
		return limb{off: off}
	}
	l := m.pushAll(&d, append(path, d.prefix...))
	l.off, l.size = off, d.size
	return l
}

// pushAll makes a limb of the entries of the leaf or twig d, to whose end path leads.
func (m *merger) pushAll(d *decoded, path []byte) limb {
	l := limb{first: len(m.a.items)}
	if d.hasEntry {
		m.a.push(path, d.entry)
	}
	for i := range d.twig.count {
		m.a.push(d.twig.appendSuffix(path, i), d.twig.entry(i))
	}
	l.count = len(m.a.items) - l.first
	return l
}

// shorten makes a limb of an unchanged subtree below a new node, which has the
// first bytes of its prefix.
func (m *merger) shorten(s subtree, path []byte) limb {
	d := decode(m.view.At(s.off))
	m.lost += int64(d.size)
	if !d.isInner() {
		return m.pushAll(&d, append(path, d.prefix[s.skip:]...))
	}
	return limb{off: m.rewrite(&d, s.off, d.prefix[s.skip:])}
}

// lengthen makes one limb of a fork without an entry and its only child.
func (m *merger) lengthen(n *fork, edge byte, l limb) limb {
	if l.count > 0 { // its prefix is not written, or will be written anew
		m.a.dropped += int64(l.size)
		l.off, l.size = 0, 0
		return l
	}
	d := decode(m.a.arena.View().At(l.off)) // it may have been written by m
	m.a.dropped += int64(d.size)
	return limb{off: m.rewrite(&d, l.off, slices.Concat(n.path[n.from:], []byte{edge}, d.prefix))}
}

// rewrite writes the inner node d, which lies at off, with another prefix.
func (m *merger) rewrite(d *decoded, off arena.Offset, prefix []byte) arena.Offset {
	w := draft{prefix: prefix, entry: d.entry, hasEntry: d.hasEntry, edges: d.edges, children: m.a.spare[:0]}
	for i := range d.edges {
		w.children = append(w.children, d.child(off, i))
	}
	m.a.spare = w.children
	return m.a.write(&w)
}
