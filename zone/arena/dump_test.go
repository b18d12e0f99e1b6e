package arena

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// pieces are allocations with what was written there.
type pieces map[Offset][]byte

func (p pieces) alloc(a *Arena, r *rand.Rand, n int) {
	off, b := a.Alloc(n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	p[off] = bytes.Clone(b)
}

func (p pieces) check(t *testing.T, what string, v View) {
	t.Helper()
	for off, want := range p {
		if !v.Holds(off, len(want)) || !bytes.Equal(v.At(off)[:len(want)], want) {
			t.Fatalf("%s: %d bytes at %d are gone", what, len(want), off)
		}
	}
}

func TestDumpAndRestore(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		a, all := New(), pieces{}
		for range 1 + r.IntN(3000) {
			n := 1 + r.IntN(400)
			switch r.IntN(500) {
			case 0:
				n = largeBytes + r.IntN(3*slotBytes)
			case 1:
				n = r.IntN(largeBytes)
			}
			all.alloc(a, r, n)
		}
		d := a.Dump()
		before := clone(all)
		all.alloc(a, r, 100) // is not in the dump
		for i := range d.Chunks {
			d.Chunks[i] = bytes.Clone(d.Chunks[i])
		}
		again, err := Restore(d)
		if err != nil {
			t.Fatal(err)
		}
		before.check(t, "restored", again.View())
		if again.Bytes() != d.Bytes {
			t.Errorf("Bytes() = %d, expected %d", again.Bytes(), d.Bytes)
		}
		for range 100 {
			before.alloc(again, r, 1+r.IntN(2*largeBytes))
		}
		before.check(t, "restored and used", again.View())
		// Once more, with chunks of both.
		if again, err = Restore(again.Dump()); err != nil {
			t.Fatal(err)
		}
		before.check(t, "restored twice", again.View())
	}
}

func clone(p pieces) pieces {
	c := pieces{}
	for off, b := range p {
		c[off] = b
	}
	return c
}

func TestRestoreOfNothing(t *testing.T) {
	a, err := Restore(New().Dump())
	if err != nil {
		t.Fatal(err)
	}
	if off, b := a.Alloc(8); off == 0 || len(b) != 8 {
		t.Errorf("nothing can be allocated: %d bytes at %d", len(b), off)
	}
}

func TestRestoreRefuses(t *testing.T) {
	huge := make([]byte, slotBytes)
	for what, d := range map[string]Dump{
		"an empty chunk":        {Chunks: [][]byte{{}}},
		"an odd chunk":          {Chunks: [][]byte{make([]byte, 7)}},
		"more than was there":   {Chunks: [][]byte{make([]byte, 8)}, Bytes: 12},
		"less than nothing":     {Chunks: [][]byte{make([]byte, 8)}, Bytes: -1},
		"more than can be told": {Chunks: slices.Repeat([][]byte{huge}, slots+1)},
	} {
		if _, err := Restore(d); err == nil {
			t.Errorf("%s: there is an arena", what)
		}
	}
}

func TestHolds(t *testing.T) {
	a := New()
	off, _ := a.Alloc(largeBytes + 4)
	v := a.View()
	for _, tt := range []struct {
		off  Offset
		n    int
		want bool
	}{
		{0, 4, false}, {off, largeBytes + 4, true}, {off, largeBytes + 5, false}, {off + 1, largeBytes, true}, {off + 1, largeBytes + 4, false},
		{off, -1, false}, {off + largeBytes/Unit + 1, 0, true}, {off + largeBytes/Unit + 2, 0, false}, {1<<32 - 1, 0, false},
	} {
		if got := v.Holds(tt.off, tt.n); got != tt.want {
			t.Errorf("Holds(%d, %d) = %v, expected %v", tt.off, tt.n, got, tt.want)
		}
	}
}

func TestMemory(t *testing.T) {
	for _, n := range []int{0, 1, 4096, 2*hugePage - 1, 2 * hugePage, 5*hugePage + 12345} {
		b := Memory(n)
		if len(b) != n || cap(b) < n || n > 0 && len(bytes.Trim(b, "\x00")) > 0 {
			t.Errorf("Memory(%d) has %d bytes, or not all are zero", n, len(b))
		}
		if n >= 2*hugePage && cap(b) != n {
			t.Errorf("Memory(%d) has room for %d", n, cap(b))
		}
		for i := range b {
			b[i] = 1
		}
	}
}
