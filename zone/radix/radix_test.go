package radix

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"yushan/zone/arena"
)

var zoneEntries = model{
	"":                              {1, false},
	"com\x00":                       {2, false},
	"com\x00example\x00":            {3, true},
	"com\x00example\x00ns\x00a\x00": {4, false},
	"edu\x00":                       {5, false},
	"example\x00":                   {6, true},
	"example\x00ns1\x00":            {7, false},
	"example-shop\x00":              {8, true},
	"examples\x00":                  {9, true},
	"*\x00":                         {10, false},
	"a\x00b\x00c\x00d\x00":          {11, false},
}

func TestDescend(t *testing.T) {
	tree := zoneEntries.build(arena.New())
	for _, test := range []struct {
		key  string
		want Match
	}{
		{"", Match{0, 1, true, false}},
		{"com\x00", Match{4, 2, true, false}},
		{"com\x00example\x00", Match{12, 3, true, true}},
		{"com\x00example\x00www\x00", Match{12, 3, true, true}},
		{"com\x00example\x00ns\x00a\x00", Match{12, 3, true, true}}, // hidden below the cut
		{"com\x00exampl", Match{Len: 10}},
		{"com\x00exampl\x00", Match{Len: 10}},
		{"com\x00examplee\x00", Match{Len: 11}},
		{"example\x00", Match{8, 6, true, true}},
		{"example-shop\x00x", Match{13, 8, true, true}},
		{"example-", Match{Len: 8}},
		{"edu\x00x\x00", Match{Len: 4}},
		{"a\x00b\x00", Match{Len: 4}}, // an empty non-terminal
		{"a\x00b\x00x\x00", Match{Len: 4}},
		{"zz\x00", Match{Len: 0}},
	} {
		if got := tree.Descend([]byte(test.key)); got != test.want {
			t.Errorf("Descend(%q) = %+v, want %+v", test.key, got, test.want)
		}
	}
	if v, ok := tree.Get([]byte("com\x00example\x00ns\x00a\x00")); !ok || v != 4 {
		t.Errorf("Get does not find the entry below a Stop: %d, %v", v, ok)
	}
	if err := zoneEntries.compare(tree); err != nil {
		t.Error(err)
	}
}

func TestEmptyTree(t *testing.T) {
	for name, tree := range map[string]Tree{"zero": {}, "built": NewBuilder(arena.New()).Finish()} {
		if err := (model{}).compare(tree, "x", "yy"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		x := tree.Edit()
		if x.Delete([]byte("x")) {
			t.Errorf("%s: Delete finds something", name)
		}
		x.Set([]byte("x"), 1, false)
		next := x.Commit()
		if err := (model{"x": {1, false}}).compare(next); err != nil {
			t.Errorf("%s, with an entry: %v", name, err)
		}
		x = next.Edit()
		x.Delete([]byte("x"))
		if err := (model{}).compare(x.Commit()); err != nil {
			t.Errorf("%s, without it again: %v", name, err)
		}
	}
}

func TestShapes(t *testing.T) {
	long := strings.Repeat("long-", MaxKey/5)
	all := model{}
	for c := range 256 {
		all[string([]byte{byte(c)})] = Entry{uint32(c), c%2 == 0}
		all[string([]byte{byte(c), 'x', byte(c)})] = Entry{uint32(c) << 20, c%3 == 0}
	}
	for name, m := range map[string]model{
		"the empty key":  {"": {5, true}},
		"one key":        {"abc": {5, false}},
		"a common start": {"abc": {5, false}, "abd": {6, true}},
		"a chain":        {"": {1, false}, "a": {2, false}, "ab": {3, true}, "abc": {4, false}},
		"long prefixes": {long: {1, true}, long[:400]: {2, false}, long[:400] + "!": {3, false}, long[:70] + "x" + long[:300]: {4, false},
			long[:70] + "x" + long[:63]: {5, true}, long[:70] + "x" + long[:62]: {6, false}, "l" + long[:7]: {1, false}, "l" + long[:6] + "ab": {1, false}, "l" + long[:6] + "ac": {1, false}},
		"every byte": all,
	} {
		t.Run(name, func(t *testing.T) {
			built := m.build(arena.New())
			if err := m.compare(built, long, long[:300]); err != nil {
				t.Errorf("built: %v", err)
			}
			x := Tree{}.Edit()
			for k, e := range m {
				x.Set([]byte(k), e.Value, e.Stop)
			}
			edited := x.Commit()
			if err := m.compare(edited, long, long[:300]); err != nil {
				t.Errorf("edited: %v", err)
			}
			if shape(built) != shape(edited) {
				t.Errorf("built:\n%s\nedited:\n%s", shape(built), shape(edited))
			}
		})
	}
}

func TestEveryCountOfChildren(t *testing.T) {
	for count := range 257 {
		for _, stride := range []int{1, 3, 255} {
			m := model{}
			for i := range count {
				m[string([]byte{'k', byte(i * stride)})] = Entry{uint32(i), false}
			}
			tree := m.build(arena.New())
			for c := range 256 {
				key := string([]byte{'k', byte(c)})
				e, has := m[key]
				if v, ok := tree.Get([]byte(key)); ok != has || v != e.Value {
					t.Fatalf("%d children, stride %d: Get(%q) = %d, %v; want %d, %v", count, stride, key, v, ok, e.Value, has)
				}
			}
		}
	}
}

func TestBuilderRefusesDisorder(t *testing.T) {
	for _, keys := range [][]string{
		{"b", "a"}, {"a", "a"}, {"ab", "a"}, {"", ""}, {"a", ""}, {"a", "b", "aa"},
		{strings.Repeat("x", MaxKey+1)},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("keys %q were taken", keys)
				}
			}()
			b := NewBuilder(arena.New())
			for _, k := range keys {
				b.Add([]byte(k), 0, false)
			}
		}()
	}
}

// randomKey makes keys that often share prefixes and often are prefixes of one another.
func randomKey(r *rand.Rand) string {
	var key []byte
	for range r.IntN(5) {
		switch r.IntN(12) {
		case 0:
			key = append(key, byte(r.IntN(256)))
		case 1:
			key = append(key, strings.Repeat("p", r.IntN(80))...)
		case 2, 3, 4:
			key = append(key, "ab\x00"[r.IntN(3)])
		default:
			key = append(key, []string{"ab\x00", "abc\x00", "ns1\x00", "example\x00", "exam"}[r.IntN(5)]...)
		}
	}
	return string(key)
}

// apply changes txn and m alike.
func apply(r *rand.Rand, x *Txn, m model) error {
	key := randomKey(r)
	if r.IntN(2) == 0 { // one that is there
		for k := range m {
			key = k
			break
		}
	}
	if _, has := m[key]; r.IntN(5) < 2 {
		delete(m, key)
		if got := x.Delete([]byte(key)); got != has {
			return fmt.Errorf("Delete(%q) = %v, want %v", key, got, has)
		}
	} else {
		m[key] = Entry{r.Uint32(), r.IntN(3) == 0}
		x.Set([]byte(key), m[key].Value, m[key].Stop)
	}
	if x.Len() != len(m) {
		return fmt.Errorf("Txn.Len() = %d, want %d", x.Len(), len(m))
	}
	want, has := m[key]
	if got, ok := x.Get([]byte(key)); got != want || ok != has {
		return fmt.Errorf("Txn.Get(%q) = %+v, %v; want %+v, %v", key, got, ok, want, has)
	}
	return nil
}

func TestAgainstModel(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 3))
		m := model{}
		for range r.IntN(300) {
			m[randomKey(r)] = Entry{r.Uint32(), r.IntN(3) == 0}
		}
		tree := m.build(arena.New())
		built := tree
		before := maps.Clone(m)
		if err := m.compare(tree); err != nil {
			t.Fatalf("seed %d, built: %v", seed, err)
		}
		// Twenty transactions in a row; each version stays what it was.
		type version struct {
			tree Tree
			m    model
		}
		versions := []version{{built, before}}
		for range 20 {
			x := tree.Edit()
			for range r.IntN(40) {
				if err := apply(r, x, m); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			tree = x.Commit()
			versions = append(versions, version{tree, maps.Clone(m)})
			if got, want := shape(tree), shape(m.build(arena.New())); got != want {
				t.Fatalf("seed %d: edited:\n%s\nbuilt:\n%s", seed, got, want)
			}
		}
		// Forks from every version, edited by turns in the same arena.
		var forks []*Txn
		var models []model
		for _, v := range versions {
			forks = append(forks, v.tree.Edit())
			models = append(models, maps.Clone(v.m))
		}
		for round := range 40 {
			for i := range forks {
				if err := apply(r, forks[i], models[i]); err != nil {
					t.Fatalf("seed %d, fork %d: %v", seed, i, err)
				}
				if round%10 == 9 {
					fork := forks[i].Commit()
					if err := models[i].compare(fork); err != nil {
						t.Fatalf("seed %d, fork %d: %v", seed, i, err)
					}
				}
			}
		}
		for i, v := range versions {
			if err := v.m.compare(v.tree); err != nil {
				t.Fatalf("seed %d: version %d changed: %v", seed, i, err)
			}
		}
	}
}

func TestStopIteration(t *testing.T) {
	tree := zoneEntries.build(arena.New())
	for stop := range len(zoneEntries) {
		n := 0
		for range tree.All() {
			if n++; n > stop {
				break
			}
		}
		if n != stop+1 {
			t.Errorf("iterated over %d entries after breaking at %d", n, stop+1)
		}
	}
}

func TestGarbageAndUnchanged(t *testing.T) {
	a := arena.New()
	tree := zoneEntries.build(a)
	if tree.Garbage() != 0 {
		t.Errorf("a built tree has %d bytes of garbage", tree.Garbage())
	}
	x := tree.Edit()
	x.Set([]byte("edu\x00"), 5, false) // as it is
	x.Delete([]byte("nothing"))
	used := a.Bytes()
	if same := x.Commit(); same.root != tree.root || a.Bytes() != used {
		t.Error("a transaction without changes made a new tree")
	}
	x.Set([]byte("edu\x00"), 6, false)
	next := x.Commit()
	if next.Garbage() == 0 || tree.Garbage() != 0 {
		t.Errorf("after a change: garbage %d in the new tree, %d in the old", next.Garbage(), tree.Garbage())
	}
	if live, grown := next.Bytes()+next.Garbage(), tree.Bytes()+a.Bytes()-used; live != grown {
		t.Errorf("live bytes and garbage are %d, the arena has %d for them", live, grown)
	}
	for i := range 100 {
		x.Set([]byte("edu\x00"), uint32(i), false)
	}
	if many := x.Commit(); many.Bytes()+many.Garbage() > next.Bytes()+next.Garbage()+200 {
		t.Error("a node that changed often in one transaction was written often")
	}
}

func TestLookupsDoNotAllocate(t *testing.T) {
	tree := zoneEntries.build(arena.New())
	buf := make([]byte, 0, MaxKey)
	keys := [][]byte{[]byte("com\x00example\x00www\x00"), []byte("edu\x00"), []byte("zz\x00"), []byte("")}
	var sink uint32
	for name, f := range map[string]func(key []byte){
		"Get":     func(key []byte) { v, _ := tree.Get(key); sink += v },
		"Descend": func(key []byte) { sink += tree.Descend(key).Value },
		"Floor":   func(key []byte) { _, v, _ := tree.Floor(key, buf); sink += v },
		"Last":    func(key []byte) { _, v, _ := tree.Last(buf); sink += v },
		"First":   func(key []byte) { _, v, _ := tree.First(buf); sink += v },
	} {
		if n := testing.AllocsPerRun(100, func() {
			for _, k := range keys {
				f(k)
			}
		}); n != 0 {
			t.Errorf("%s makes %v allocations", name, n)
		}
	}
}

// Readers use old versions while a writer makes new ones in the same arena. Run with -race.
func TestReadersBesideWriter(t *testing.T) {
	const names = 500
	b := NewBuilder(arena.New())
	for i := range names {
		b.Add(fmt.Appendf(nil, "name-%04d\x00", i), 0, i%2 == 0)
	}
	versions := make(chan Tree, 4)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			buf := make([]byte, 0, MaxKey)
			for tree := range versions {
				var want uint32
				for i := range names {
					key := fmt.Appendf(nil, "name-%04d\x00", i)
					v, ok := tree.Get(key)
					if i == 0 {
						want = v
					}
					_, floor, _ := tree.Floor(append(key, 'x'), buf)
					if m := tree.Descend(key); !ok || v != want || m.Value != want || floor != want {
						t.Errorf("Get(%q) = %d, %v; Descend: %+v; Floor: %d; want %d", key, v, ok, m, floor, want)
						return
					}
				}
			}
		})
	}
	tree := b.Finish()
	for version := range 100 {
		versions <- tree
		x := tree.Edit()
		for i := range names {
			x.Set(fmt.Appendf(nil, "name-%04d\x00", i), uint32(version+1), i%3 == 0)
		}
		tree = x.Commit()
	}
	close(versions)
	wg.Wait()
}
