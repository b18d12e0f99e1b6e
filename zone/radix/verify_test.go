package radix

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"yushan/zone/arena"
)

// fromRaw returns the tree in memory of its own.
func fromRaw(t *testing.T, tree Tree, change func(Raw, [][]byte) Raw) (Tree, error) {
	t.Helper()
	d := tree.info.arena.Dump()
	d.Chunks = slices.Clone(d.Chunks)
	for i := range d.Chunks {
		d.Chunks[i] = bytes.Clone(d.Chunks[i])
	}
	raw := change(tree.Raw(), d.Chunks)
	a, err := arena.Restore(d)
	if err != nil {
		t.Fatal(err)
	}
	return FromRaw(a, raw)
}

func unchanged(r Raw, _ [][]byte) Raw { return r }

// randomTree has keys that meet each other often.
func randomTree(seed uint64, n int) Tree {
	r := rand.New(rand.NewPCG(seed, 7))
	x := Tree{}.Edit()
	for range n {
		key := make([]byte, 1+r.IntN(12))
		for i := range key {
			key[i] = "abcdefghijklm\x00\x01\xff"[r.IntN(16)]
		}
		x.Set(key, r.Uint32(), r.IntN(2) == 0)
	}
	return x.Commit()
}

func TestVerify(t *testing.T) {
	for _, n := range []int{0, 1, 2, 5, 30, 1000, 20_000} {
		tree := randomTree(uint64(n), n)
		again, err := fromRaw(t, tree, unchanged)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for k, e := range tree.All() {
			want = append(want, fmt.Sprint(k, e))
		}
		if err := again.Verify(func(k []byte, e Entry) error {
			got = append(got, fmt.Sprint(k, e))
			return nil
		}); err != nil {
			t.Errorf("a tree of %d entries: %v", tree.Len(), err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("a tree of %d entries is verified with %d others", len(want), len(got))
		}
		if a, b := again.Raw(), tree.Raw(); a != b {
			t.Errorf("%+v, expected %+v", a, b)
		}
		stop := errors.New("stop")
		if err := again.Verify(func([]byte, Entry) error { return stop }); n > 0 && !errors.Is(err, stop) {
			t.Errorf("Verify says %v, expected %v", err, stop)
		}
	}
}

// Of a tree with changed bytes Verify says what is wrong, or all that can be done
// with it ends, and finds keys in order.
func TestVerifyDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	refused := 0
	const rounds = 1200
	for i := range rounds {
		tree := randomTree(uint64(i%30), []int{1, 3, 20, 60, 300, 3000}[i%6])
		damaged, err := fromRaw(t, tree, func(raw Raw, chunks [][]byte) Raw {
			for range 1 + r.IntN(3) {
				chunk := chunks[r.IntN(len(chunks))]
				chunk[r.IntN(len(chunk))] ^= 1 << r.IntN(8)
			}
			return raw
		})
		if err != nil {
			t.Fatal(err)
		}
		var keys [][]byte
		if err := damaged.Verify(func(k []byte, _ Entry) error {
			keys = append(keys, bytes.Clone(k))
			return nil
		}); err != nil {
			refused++
			continue
		}
		x := damaged.Edit()
		for _, k := range keys {
			value, ok := damaged.Get(k)
			floor, other, found := damaged.Floor(k, nil)
			if !ok || !found || value != other || !bytes.Equal(floor, k) {
				t.Fatalf("round %d: key %q was verified and is not found", i, k)
			}
			damaged.Descend(append(k, 'a', 0))
			damaged.Floor(append(k, 0xff), nil)
			x.Delete(k)
		}
		if tree := x.Commit(); tree.Len() != 0 {
			t.Fatalf("round %d: %d entries stay", i, tree.Len())
		}
	}
	if refused < rounds/10 || refused > rounds*9/10 {
		t.Errorf("%d of %d trees were refused: the test is too rough, or Verify", refused, rounds)
	}
}

func TestFromRawRefuses(t *testing.T) {
	tree := randomTree(5, 300)
	for what, change := range map[string]func(Raw) Raw{
		"root of nothing":     func(r Raw) Raw { r.Entries = 0; return r },
		"no root":             func(r Raw) Raw { r.Root = 0; return r },
		"root elsewhere":      func(r Raw) Raw { r.Root = 1 << 31; return r },
		"too many bytes":      func(r Raw) Raw { r.Bytes = 1 << 40; return r },
		"bytes that overflow": func(r Raw) Raw { r.Bytes, r.Garbage = math.MaxInt64, 1; return r },
		"bytes out of range":  func(r Raw) Raw { r.Garbage = -1; return r },
		"negative entries":    func(r Raw) Raw { r.Entries = -1; return r },
	} {
		if _, err := fromRaw(t, tree, func(r Raw, _ [][]byte) Raw { return change(r) }); err == nil {
			t.Errorf("%s: there is a tree", what)
		}
	}
	wrong, err := fromRaw(t, tree, func(r Raw, _ [][]byte) Raw { r.Entries++; return r })
	if err != nil {
		t.Fatal(err)
	}
	if err := wrong.Verify(func([]byte, Entry) error { return nil }); err == nil {
		t.Error("a tree of more entries than there are is verified")
	}
}
