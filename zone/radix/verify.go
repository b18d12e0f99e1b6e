package radix

import (
	"bytes"
	"errors"
	"fmt"

	"yushan/zone/arena"
)

// Verify tells whether the memory of a tree from [FromRaw] holds one: whether
// lookups, iterations and edits stay within it, end, and find keys in order. It
// calls entry for each entry, in order; a key is valid until entry returns, and an
// error of entry ends it. It never reads outside the arena, whatever is in there.
func (t Tree) Verify(entry func(key []byte, e Entry) error) (err error) {
	defer func() { // a node that runs over the end of its chunk
		if p := recover(); p != nil {
			err = fmt.Errorf("radix: damaged: %v", p)
		}
	}()
	v := verifier{tree: t, entry: entry, left: t.Bytes()}
	if t.root == 0 {
		return nil
	}
	if err := v.node(t.root, make([]byte, 0, MaxKey)); err != nil {
		return fmt.Errorf("radix: %w", err)
	}
	if v.left != 0 || v.entries != t.Len() {
		return fmt.Errorf("radix: %d entries are expected, there are %d, %d bytes are left over", t.Len(), v.entries, v.left)
	}
	return nil
}

type verifier struct {
	tree    Tree
	entry   func([]byte, Entry) error
	last    []byte // the key before
	entries int
	left    int64 // bytes that nodes still may have: what ends the walk of a graph that is no tree
}

var errDepth = errors.New("a key is too long")

// node verifies the subtree at off, which key leads to.
func (v *verifier) node(off arena.Offset, key []byte) error {
	if !v.tree.view.Holds(off, arena.Unit) {
		return fmt.Errorf("a node is said to be at %d", off)
	}
	n := v.tree.view.At(off)
	d := decode(n)
	_ = n[:d.size] // or panic
	if v.left -= int64(d.size); v.left < 0 {
		return errors.New("there are more nodes than there should be")
	}
	if len(key)+len(d.prefix) > MaxKey {
		return errDepth
	}
	key = append(key, d.prefix...)
	switch {
	case d.twig.count > 0:
		return v.twig(&d.twig, key)
	case d.hasEntry:
		if err := v.take(key, d.entry); err != nil {
			return err
		}
	}
	if !d.isInner() {
		return nil
	}
	if len(d.edges) < 2 && !d.hasEntry {
		return errors.New("a node has one child and no entry")
	}
	if err := verifyIndex(n, &d); err != nil {
		return err
	}
	if len(key) == MaxKey {
		return errDepth
	}
	for i, edge := range d.edges {
		if i > 0 && edge <= d.edges[i-1] {
			return errors.New("edges are not in order")
		}
		if err := v.node(d.child(off, i), append(key, edge)); err != nil {
			return err
		}
	}
	return nil
}

// verifyIndex tells whether the index of an inner node says the same as its edges.
func verifyIndex(n []byte, d *decoded) error {
	if len(d.edges) <= sparseMax {
		return nil
	}
	var index [indexBytes]byte
	putIndex(index[:], d.edges)
	at := cap(n) - cap(d.edges) // where in n the edges are
	if bytes.Equal(n[at-indexBytes:at], index[:]) {
		return nil
	}
	return errors.New("the index of a node is damaged")
}

// twig verifies the entries of a twig, which key leads to.
func (v *verifier) twig(t *twig, key []byte) error {
	if t.count < 2 || t.count > twigMax || t.n[t.ends] != 0 {
		return errors.New("a twig is damaged")
	}
	for i := range t.count {
		inHead := 1 + int(t.mark(i)&markBytes)
		rest := int(t.n[t.ends+i+1]) - int(t.n[t.ends+i])
		if rest < 0 || inHead < headBytes && (rest > 0 || t.head(i)<<(8*inHead) != 0) {
			return errors.New("a twig's suffix is damaged")
		}
		if len(key)+inHead+rest > MaxKey {
			return errDepth
		}
		k := t.appendSuffix(key, i)
		if i > 0 && bytes.HasPrefix(k, v.last) {
			return errors.New("a twig's key is the prefix of another")
		}
		if err := v.take(k, t.entry(i)); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) take(key []byte, e Entry) error {
	if v.entries > 0 && bytes.Compare(key, v.last) <= 0 {
		return errors.New("keys are not in order")
	}
	v.entries++
	v.last = append(v.last[:0], key...)
	return v.entry(key, e)
}
