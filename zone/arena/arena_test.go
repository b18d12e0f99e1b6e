package arena

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestAllocIsZeroedAlignedAndStable(t *testing.T) {
	type piece struct {
		off  Offset
		want []byte
	}
	a := New()
	r := rand.New(rand.NewPCG(1, 2))
	var pieces []piece
	var seen View
	for i := range 20_000 {
		n := r.IntN(300)
		switch {
		case i%4000 == 1:
			n = largeBytes + r.IntN(3*slotBytes)
		case i%500 == 1:
			n = r.IntN(largeBytes)
		}
		off, b := a.Alloc(n)
		if off == 0 {
			t.Fatalf("allocation %d of %d bytes got the nil offset", i, n)
		}
		if len(b) != n || cap(b) != n {
			t.Fatalf("allocation of %d bytes has len %d, cap %d", n, len(b), cap(b))
		}
		for _, c := range b {
			if c != 0 {
				t.Fatalf("allocation %d of %d bytes is not zero", i, n)
			}
		}
		fill := make([]byte, n)
		for j := range fill {
			fill[j] = byte(i*31 + j*7 + 1)
		}
		copy(b, fill)
		pieces = append(pieces, piece{off, fill})
		if i == 10_000 {
			seen = a.View()
		}
	}
	view := a.View()
	var sum int64
	for i, p := range pieces {
		sum += int64(roundUp(max(len(p.want), 1)))
		if got := view.At(p.off)[:len(p.want)]; !bytes.Equal(got, p.want) {
			t.Fatalf("allocation %d at %d changed", i, p.off)
		}
		if i <= 10_000 && !bytes.Equal(seen.At(p.off)[:len(p.want)], p.want) {
			t.Fatalf("an earlier view lost allocation %d", i)
		}
	}
	if a.Bytes() != sum {
		t.Errorf("Bytes() = %d, want %d", a.Bytes(), sum)
	}
	if a.Reserved() < sum {
		t.Errorf("Reserved() = %d is less than the %d bytes handed out", a.Reserved(), sum)
	}
}

func TestInsideOfLargeAllocation(t *testing.T) {
	for _, size := range []int{largeBytes + 1, slotBytes - 1, slotBytes, slotBytes + 1, 5*slotBytes + 12} {
		a := New()
		off, b := a.Alloc(size)
		for i := 0; i+8 <= size; i += 8 {
			binary.LittleEndian.PutUint64(b[i:], uint64(i))
		}
		view := a.View()
		if got := view.At(off)[:size]; &got[0] != &b[0] {
			t.Errorf("%d bytes: At does not return the allocation as a whole", size)
		}
		for i := 0; i+8 <= size; i += 4088 {
			at := view.At(off + Offset(i/Unit))
			if got := binary.LittleEndian.Uint64(at); got != uint64(i) {
				t.Fatalf("%d bytes: at byte %d there is %d", size, i, got)
			}
		}
		after, c := a.Alloc(16)
		if after == 0 || len(c) != 16 {
			t.Errorf("%d bytes: no small allocation after it", size)
		}
	}
}

func TestSmallArenaIsSmall(t *testing.T) {
	a := New()
	if a.Reserved() != 0 {
		t.Errorf("an empty arena holds %d bytes", a.Reserved())
	}
	for range 1000 {
		a.Alloc(3)
	}
	if got := a.Reserved(); got > 8<<10 {
		t.Errorf("4,000 bytes take %d bytes of memory", got)
	}
	for range 250_000 {
		a.Alloc(29)
	}
	if got := a.Reserved(); got > a.Bytes()+slotBytes+largeBytes {
		t.Errorf("%d bytes take %d bytes of memory", a.Bytes(), got)
	}
}

func TestTrim(t *testing.T) {
	a := New()
	off, _ := a.Alloc(1000)
	if !a.Trim(off, 1000, 10) {
		t.Error("the newest allocation could not be trimmed")
	}
	if a.Bytes() != 12 {
		t.Errorf("Bytes() = %d after trimming to 10, want 12", a.Bytes())
	}
	next, _ := a.Alloc(1000)
	if next != off+3 {
		t.Errorf("after trimming the next allocation is at %d, want %d", next, off+3)
	}
	if a.Trim(off, 12, 0) {
		t.Error("an allocation that another one follows was trimmed")
	}
	large, _ := a.Alloc(slotBytes)
	if a.Trim(large, slotBytes, 0) {
		t.Error("an allocation with a chunk of its own was trimmed")
	}
	if !a.Trim(next, 1000, 0) {
		t.Error("the end of the tail could not be trimmed")
	}
	// To the very end of a chunk, where the next offset is in another slot.
	full := New()
	full.Alloc(1)
	rest := firstChunk - int(full.Bytes()) - Unit
	off, _ = full.Alloc(rest)
	if !full.Trim(off, rest, 4) {
		t.Error("an allocation that fills its chunk could not be trimmed")
	}
	if next, _ := full.Alloc(4); next != off+1 {
		t.Errorf("after trimming a full chunk the next allocation is at %d, want %d", next, off+1)
	}
}

func TestConcurrentAlloc(t *testing.T) {
	a := New()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			var mine []Offset
			for i := range 5000 {
				off, b := a.Alloc(1 + i%200)
				for j := range b {
					b[j] = byte(g + 1)
				}
				mine = append(mine, off)
				view := a.View()
				for _, at := range []int{0, i / 2, i} {
					if c := view.At(mine[at])[0]; c != byte(g+1) {
						t.Errorf("goroutine %d reads %d", g+1, c)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// What follows the last bytes of a chunk may not be memory at all.
func TestPrefetchAtTheEnd(t *testing.T) {
	a := New()
	for _, n := range []int{1, 100, largeBytes, 3 * slotBytes} {
		off, b := a.Alloc(n)
		b[n-1] = 7
		end := off + Offset((n-1)/Unit)
		view := a.View()
		view.Prefetch(end)
		if got := view.At(end)[(n-1)%Unit]; got != 7 {
			t.Errorf("%d bytes: the last one is %d, expected 7", n, got)
		}
	}
}

func TestViewDoesNotAllocate(t *testing.T) {
	a := New()
	off, _ := a.Alloc(8)
	var sink byte
	if n := testing.AllocsPerRun(100, func() { sink += a.View().At(off)[0] }); n != 0 {
		t.Errorf("View and At make %v allocations", n)
	}
}
