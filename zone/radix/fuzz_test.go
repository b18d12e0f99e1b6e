package radix

import (
	"maps"
	"slices"
	"testing"

	"yushan/zone/arena"
)

// FuzzEdits reads operations from bytes, does them to trees and to models, and
// compares. Keys are built from few letters, so that they collide.
func FuzzEdits(f *testing.F) {
	f.Add([]byte("\x00\x03abc\x01\x02ab\x02\x03abc"))
	f.Add([]byte("\x00\x00\x00\x01a\x03\x02\x01a\x00\x02ab\x03\x02\x00"))
	f.Add([]byte("\x00\x08example\x00\x01\x0cexample\x00ns1\x00\x03\x04\x02\x08example\x00\x03"))
	f.Add([]byte("\x00\xffa\x00\xfea\x01\xfdb\x03\x02\xffa\x03"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		base := model{}
		var ask []string
		next := func(n int) []byte {
			n = min(n, len(ops))
			b := ops[:n]
			ops = ops[n:]
			return b
		}
		key := func() string {
			n := 0
			if b := next(1); len(b) == 1 {
				n = int(b[0])
			}
			long := 0
			if n >= 250 { // a long key: one letter repeated
				long, n = 2*n-4, 1
			}
			k := next(n)
			for range min(long, long*len(k)) {
				k = append(slices.Clip(k), k[0])
			}
			ask = append(ask, string(k))
			return string(k)
		}
		a := arena.New()
		tree := base.build(a)
		x := tree.Edit()
		m := maps.Clone(base)
		type version struct {
			tree Tree
			m    model
		}
		var versions []version
		for value := uint32(1); len(ops) > 0 && value < 200; value++ {
			switch op := next(1)[0]; op % 6 {
			case 0, 1:
				k := key()
				m[k] = Entry{value << (op % 24), op%2 == 1}
				x.Set([]byte(k), m[k].Value, m[k].Stop)
			case 2:
				k := key()
				if _, has := m[k]; x.Delete([]byte(k)) != has {
					t.Fatalf("Delete(%q) = %v", k, !has)
				}
				delete(m, k)
			case 3:
				versions = append(versions, version{x.Commit(), maps.Clone(m)})
			case 4: // back to an old version
				if len(versions) > 0 {
					v := versions[int(op)/6%len(versions)]
					x, m = v.tree.Edit(), maps.Clone(v.m)
				}
			case 5: // start from a built tree
				x = m.build(a).Edit()
			}
		}
		versions = append(versions, version{x.Commit(), m})
		for i, v := range versions {
			if err := v.m.compare(v.tree, ask...); err != nil {
				t.Fatalf("version %d of %d: %v", i, len(versions), err)
			}
			if got, want := shape(v.tree), shape(v.m.build(arena.New())); got != want {
				t.Fatalf("version %d: edited:\n%s\nbuilt:\n%s", i, got, want)
			}
		}
	})
}
