package arena

import "fmt"

// A Dump is what an arena held at one moment: its chunks, in the order of their
// slots, each as far as it was handed out. Their lengths are all that is needed
// to give every chunk its slots again.
type Dump struct {
	Chunks [][]byte
	Bytes  int64 // handed out, as [Arena.Bytes] says
}

// Dump returns what the arena holds. The bytes of allocations whose writers have
// not finished are among them; those of later ones are not.
func (a *Arena) Dump() Dump {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := Dump{Bytes: a.bytes}
	for slot := 0; slot < len(a.chunks); {
		chunk := a.chunks[slot]
		next := slot + slotsOf(len(chunk))
		if slot == a.tail {
			chunk = chunk[:a.used]
		}
		d.Chunks = append(d.Chunks, chunk)
		slot = next
	}
	return d
}

// Restore returns an arena with what another one has dumped, at the same
// offsets, in the memory of the dump. What is allocated from then on comes
// behind. An error says that no arena can have been like that.
func Restore(d Dump) (*Arena, error) {
	a := New()
	for i, chunk := range d.Chunks {
		if len(chunk) == 0 || len(chunk)%Unit != 0 {
			return nil, fmt.Errorf("arena: chunk %d of %d bytes", i, len(chunk))
		}
		if len(a.chunks)+slotsOf(len(chunk)) > slots {
			return nil, fmt.Errorf("arena: more than %d chunks of %d bytes", slots, slotBytes)
		}
		a.reserved += int64(len(chunk))
		for rest := chunk[:len(chunk):len(chunk)]; ; rest = rest[slotBytes:] {
			a.chunks = append(a.chunks, rest)
			if len(rest) <= slotBytes {
				break
			}
		}
	}
	if d.Bytes < 0 || d.Bytes > a.reserved {
		return nil, fmt.Errorf("arena: %d bytes are in use of %d", d.Bytes, a.reserved)
	}
	a.bytes = d.Bytes
	if n := len(a.chunks); n > 0 { // the tail is full
		a.tail, a.used = n-1, len(a.chunks[n-1])
		a.next = min(max(firstChunk, roundUp(int(a.reserved/8))), slotBytes)
	}
	return a, nil
}

func slotsOf(bytes int) int { return max(1, (bytes+slotBytes-1)/slotBytes) }

// Holds tells whether n bytes at off are in the view, in one chunk, so that
// [View.At] returns as many. It is for offsets that come from outside.
func (v View) Holds(off Offset, n int) bool {
	slot, at := int(off>>slotBits), int(off%slotUnits)*Unit
	return off != 0 && slot < len(v.chunks) && n >= 0 && at <= len(v.chunks[slot])-n
}
