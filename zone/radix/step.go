package radix

import "yushan/zone/arena"

// A Step is a [Tree.Descend] on its way. Who follows several keys takes a step of
// each in turn: while the memory of one node is on its way to the processor, the
// others go on. The zero Step isn't one.
type Step struct {
	off arena.Offset // of the node that comes next; 0: there is none
	pos int          // how much of the key leads to it
}

// Start returns the first step, from the root.
func (t *Tree) Start() Step { return Step{off: t.root} }

// Step takes one step and asks for the memory that the next one will need. When
// there is none, done is true, and m is what Descend returns for the key. s must come
// from Start of the same tree, and the key must stay the same.
func (t *Tree) Step(s *Step, key []byte) (m Match, done bool) {
	if s.off == 0 {
		return Match{}, true
	}
	link, m := step(t.view.At(s.off), key, s.pos, flagStop)
	if link == 0 {
		return m, true
	}
	s.off -= link
	s.pos = m.Len + 1
	t.view.Prefetch(s.off)
	return m, false
}
