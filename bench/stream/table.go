package stream

import "math/bits"

// maxDepth is how many queries may be under way on one connection: half of the IDs of
// DNS, so that the other half tells late answers from unexpected ones.
const maxDepth = 1 << 15

// maxSlots is how many IDs there are: with more slots, those of numbers that an ID cannot
// have in full would not be found by it.
const maxSlots = 1 << 16

// table is the queries of one connection, by their number: a ring with room for four
// times as many as may be under way, or maxSlots. A slot keeps its query after its end
// until it is used again, so that another answer can be told from one that belongs to
// nothing.
type table struct {
	slots []slot
	next  uint32 // number of the next query
	inUse int    // under way
	// earliest is no later than when the first one under way was due.
	earliest int64
}

type slot struct {
	flight
	number uint32
	state  slotState
}

type slotState uint8

const (
	unused slotState = iota
	underWay
	answered
	givenUp
)

func newTable(depth int) table {
	return table{slots: make([]slot, min(1<<bits.Len(uint(max(4*depth, 8)-1)), maxSlots))}
}

// reset forgets everything.
func (t *table) reset() {
	clear(t.slots)
	t.next, t.inUse = 0, 0
}

// position is where a query is that has the number, if it is there at all.
func (t *table) position(number uint32) int { return int(number) & (len(t.slots) - 1) }

// add puts a query where none is under way. There must be fewer under way than
// there are slots.
func (t *table) add(f flight) *slot {
	for {
		s := &t.slots[t.position(t.next)]
		number := t.next
		t.next++
		if s.state != underWay {
			if t.inUse == 0 || f.due < t.earliest {
				t.earliest = f.due
			}
			t.inUse++
			*s = slot{f, number, underWay}
			return s
		}
	}
}

// end ends a query that is under way.
func (t *table) end(s *slot, state slotState) {
	s.state = state
	t.inUse--
}

// expired calls f for each query under way that was due at that time or before. f may
// end it, and no other.
func (t *table) expired(due int64, f func(*slot)) {
	if t.inUse == 0 || t.earliest > due {
		return
	}
	first := true
	for i := range t.slots {
		s := &t.slots[i]
		if s.state == underWay && s.due <= due {
			f(s)
		}
		if s.state == underWay && (first || s.due < t.earliest) {
			t.earliest, first = s.due, false
		}
	}
}

// each calls f for each query under way. f may end it, and no other.
func (t *table) each(f func(*slot)) {
	for i := 0; i < len(t.slots) && t.inUse > 0; i++ {
		if t.slots[i].state == underWay {
			f(&t.slots[i])
		}
	}
}
