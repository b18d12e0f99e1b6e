package radix

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"yushan/zone/arena"
)

// joined makes the tree of m out of parts that end at the given numbers of keys, by
// several builders in turn.
func (m model) joined(a *arena.Arena, builders int, cuts ...int) Tree {
	made := make([]*PartBuilder, builders)
	for i := range made {
		made[i] = NewPartBuilder(a)
	}
	keys := slices.Sorted(maps.Keys(m))
	cuts = append(slices.Clone(cuts), len(keys))
	slices.Sort(cuts)
	b := NewBuilder(a)
	start := 0
	for i, end := range cuts {
		p := made[i%builders]
		for _, k := range keys[start:end] {
			p.Set([]byte(k), m[k].Value, m[k].Stop)
		}
		b.Join(p.Cut())
		start = end
	}
	for _, p := range made {
		p.Close()
	}
	return b.Finish()
}

// Parts come to the tree that all keys together come to, wherever they are cut.
func TestJoin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 400 {
		m := model{}
		letters := 2 + round%5
		for range r.IntN(300) {
			key := make([]byte, r.IntN(3+round%20))
			for i := range key {
				key[i] = byte('a' + r.IntN(letters))
			}
			m[string(key)] = Entry{r.Uint32(), r.IntN(2) == 0}
		}
		if round%7 == 0 {
			m[strings.Repeat("a", MaxKey)] = Entry{1, true}
		}
		var cuts []int
		for range r.IntN(1 + round%40) {
			cuts = append(cuts, r.IntN(len(m)+1))
		}
		want := m.build(arena.New())
		got := m.joined(arena.New(), 1+round%3, cuts...)
		if err := check(got); err != nil {
			t.Fatalf("round %d, cut at %d: %v", round, cuts, err)
		}
		if shape(got) != shape(want) {
			t.Fatalf("round %d, cut at %d:\n%s\nexpected\n%s", round, cuts, shape(got), shape(want))
		}
		if err := m.compare(got); err != nil {
			t.Fatalf("round %d, cut at %d: %v", round, cuts, err)
		}
	}
}

// Builders on many goroutines share an arena.
func TestJoinConcurrent(t *testing.T) {
	const parts, each = 40, 2000
	a := arena.New()
	made := make([]*Part, parts)
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			b := NewPartBuilder(a)
			defer b.Close()
			for i := w; i < parts; i += 4 {
				for k := range each {
					b.Set(fmt.Appendf(nil, "%05x", (i*each+k)/2*3+k%2), uint32(i*each+k), false)
				}
				made[i] = b.Cut()
			}
		})
	}
	workers.Wait()
	b := NewBuilder(a)
	for _, p := range made {
		b.Join(p)
	}
	tree := b.Finish()
	if err := check(tree); err != nil {
		t.Fatal(err)
	}
	if tree.Len() != parts*each {
		t.Fatalf("%d entries, expected %d", tree.Len(), parts*each)
	}
	last := -1
	for _, e := range tree.All() {
		if int(e.Value) != last+1 {
			t.Fatalf("value %d behind %d", e.Value, last)
		}
		last++
	}
}

// A part without entries changes nothing, and parts that are out of order are
// refused.
func TestJoinOrder(t *testing.T) {
	p := NewPartBuilder(arena.New())
	part := func(keys ...string) *Part {
		for _, k := range keys {
			p.Set([]byte(k), 1, false)
		}
		return p.Cut()
	}
	b := NewBuilder(p.b.a.arena)
	b.Join(part())
	b.Join(part("b", "c"))
	b.Join(part())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a part below the last one was joined")
			}
		}()
		b.Join(part("bb"))
	}()
}
