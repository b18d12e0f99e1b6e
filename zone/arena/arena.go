package arena

import (
	"fmt"
	"sync"
)

// An Offset says where in an arena something lies.
//
//	31            18 17                         0
//	┌───────────────┬───────────────────────────┐
//	│     slot      │  units of 4 bytes into it │   16,384 slots of 1 MiB: 16 GiB
//	└───────────────┴───────────────────────────┘
//
// Zero is the nil offset: it is never handed out. Offsets grow with time,
// except that a large allocation is ahead of the small ones that follow it.
//
// A slot is 1 MiB of addresses, and has a chunk of memory of at most that
// size: the first chunks are smaller, so that a small zone stays small. An
// allocation that deserves a chunk of its own takes as many slots in a row as
// it covers; the table's entries for them are tails of the same memory, and so
// any offset into it can be resolved like any other.
type Offset uint32

// Unit is the granularity of offsets, in bytes: every allocation starts at a
// multiple of it, and takes up a multiple of it.
const Unit = 4

const (
	slotBits  = 18 // of an offset: units in a slot
	slotUnits = 1 << slotBits
	slotBytes = slotUnits * Unit
	slots     = 1 << (32 - slotBits)

	firstChunk = 4 << 10
	blockMin   = 2 * hugePage
	blockMax   = 16 * hugePage
	largeBytes = slotBytes / 8 // above this, an allocation has its own chunk: at most an eighth of a chunk is wasted
)

// An Arena hands out space. The zero Arena is empty and ready for use. Its
// methods may be called by several goroutines at a time.
type Arena struct {
	mu       sync.Mutex
	chunks   [][]byte // by slot; entries are written once and shared with views
	tail     int      // slot of the chunk that is being filled
	used     int      // bytes handed out of that chunk
	next     int      // size of the next chunk
	block    []byte   // memory for chunks to come
	bytes    int64
	reserved int64
}

// New returns an empty arena. It takes no memory until the first allocation.
func New() *Arena { return new(Arena) }

// Alloc hands out n bytes, all zero, and says where they are. They belong to
// the caller, who may write them until others are told of the offset. Alloc
// panics when the 16 GiB that offsets can address are used up.
func (a *Arena) Alloc(n int) (Offset, []byte) {
	size := roundUp(max(n, 1))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += int64(size)
	if size > largeBytes {
		slot := a.addChunk(size)
		return Offset(slot) << slotBits, a.chunks[slot][:n:n]
	}
	if len(a.chunks) == 0 || a.used+size > len(a.chunks[a.tail]) {
		a.startChunk(size)
	}
	off := Offset(a.tail)<<slotBits | Offset(a.used/Unit)
	b := a.chunks[a.tail][a.used : a.used+n : a.used+n]
	a.used += size
	return off, b
}

// Trim gives back the end of the allocation of n bytes at off, of which only
// the first used bytes are needed, if nothing was allocated after it; else it
// does nothing and the rest is lost. The bytes given back must not have been
// written. It reports whether it did.
func (a *Arena) Trim(off Offset, n, used int) bool {
	n, used = roundUp(n), roundUp(used)
	a.mu.Lock()
	defer a.mu.Unlock()
	slot, start := int(off>>slotBits), int(off%slotUnits)*Unit
	if slot != a.tail || start+n != a.used {
		return false
	}
	a.used = start + used
	a.bytes -= int64(n - used)
	return true
}

// View returns a snapshot through which all that was allocated so far can be read.
func (a *Arena) View() View {
	a.mu.Lock()
	defer a.mu.Unlock()
	return View{a.chunks[:len(a.chunks):len(a.chunks)]}
}

// Bytes returns how many bytes were handed out, rounded up to units.
func (a *Arena) Bytes() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bytes
}

// Reserved returns how many bytes of memory the arena holds: those handed out
// and those kept for later.
func (a *Arena) Reserved() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reserved
}

// startChunk makes a chunk for size and what follows the new tail. Each is
// twice as large as the one before, up to a whole slot.
func (a *Arena) startChunk(size int) {
	a.next = max(a.next, firstChunk)
	for a.next < size+Unit {
		a.next *= 2
	}
	a.tail, a.used = a.addChunk(a.next), 0
	if a.tail == 0 {
		a.used = Unit // the nil offset
	}
	a.next = min(2*a.next, slotBytes)
}

// addChunk adds memory of size bytes to the table and returns its first slot.
func (a *Arena) addChunk(size int) (slot int) {
	if len(a.chunks) == 0 && size > largeBytes {
		a.startChunk(Unit) // slot 0 holds the nil offset
	}
	slot = len(a.chunks)
	if more := (size + slotBytes - 1) / slotBytes; slot+more > slots {
		panic(fmt.Sprintf("arena: no addresses left for %d bytes more: %d bytes are in use", size, a.bytes))
	}
	// Appending never changes an entry that a View can see.
	for rest := a.memory(size); ; rest = rest[slotBytes:] {
		a.chunks = append(a.chunks, rest)
		if len(rest) <= slotBytes {
			break
		}
	}
	a.reserved += int64(size)
	return slot
}

// memory returns memory for a chunk. A large arena takes it in blocks of several
// slots, an eighth of its size or less, for the sake of huge pages.
func (a *Arena) memory(size int) []byte {
	if size != slotBytes || a.reserved < blockMin {
		return make([]byte, size)
	}
	if len(a.block) == 0 {
		a.block = Memory(min(max(blockMin, int(a.reserved/8)&^(slotBytes-1)), blockMax))
	}
	m := a.block[:size:size]
	a.block = a.block[size:]
	return m
}

func roundUp(n int) int { return (n + Unit - 1) &^ (Unit - 1) }

// A View reads what an arena held when [Arena.View] was called. It is a small
// value to be copied, never changes, and may be used by several goroutines.
// The zero View holds nothing.
type View struct {
	chunks [][]byte
}

// End returns an offset above all that can be read through the view.
func (v View) End() uint64 { return uint64(len(v.chunks)) << slotBits }

// At returns the bytes from off to the end of its chunk. off must have come
// from [Arena.Alloc], or lie within such an allocation, before the view was
// made. Nobody may write the bytes, nor look at those that follow the
// allocation: they may belong to a writer.
func (v View) At(off Offset) []byte {
	return v.chunks[off>>slotBits][off%slotUnits*Unit:]
}

// Prefetch begins to bring the first bytes at off, some 64 to 128, into the
// processor's cache, and waits for nothing: who has something else to do until they
// are needed need not wait for them then. off is as for [View.At].
func (v View) Prefetch(off Offset) { prefetch(&v.At(off)[0]) }
