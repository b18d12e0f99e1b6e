package udp

import "math/rand/v2"

// state is what a message with a slot's ID would be.
type state uint8

const (
	unused   state = iota // no query has had the ID
	underWay              // the answer that is waited for
	answered              // a duplicate
	lost                  // late
)

// none is no slot.
const none = 0xffff

// maxSlots leaves none out.
const maxSlots = none

// slot is what is known of a query while it is under way, and of the last one that
// was, afterwards.
type slot struct {
	due, sent     int64
	nonce         uint64
	index         uint32
	before, after uint16 // in the list that it is in
	state         state
}

// table gives IDs to the queries of one socket and finds the queries of answers.
//
//	take ──► [in a batch] ──begin──► under way, by due time ──end──► free, by age ──► take
//
// Both lists go through the slots themselves, so each step costs the same however
// many queries there are. The ID that is taken is the one that has been free for
// longest: a message that comes after its query's end is known for what it is
// until all the others have been used once more.
//
// A slot's number times an odd number is its ID. IDs look random to a server that
// hashes them, and one that sends back the next ID hits no other query,
// while the slots in use lie side by side in the cache.
type table struct {
	slots        []slot
	odd, inverse uint16 // odd·inverse = 1 modulo 2¹⁶

	fresh            int    // slots[fresh:] have never been taken
	oldest, youngest uint16 // under way
	free, lastFree   uint16 // that have been used
}

// newTable has room for so many queries under way, at most maxSlots.
func newTable(slots int) table {
	t := table{
		slots:  make([]slot, slots),
		odd:    uint16(rand.Uint32()) | 1,
		oldest: none, youngest: none, free: none, lastFree: none,
	}
	// Newton's iteration doubles the number of right bits; any odd number is its own
	// inverse modulo 8.
	t.inverse = t.odd
	for range 3 {
		t.inverse *= 2 - t.odd*t.inverse
	}
	return t
}

// full tells that there is nothing to take.
func (t *table) full() bool { return t.fresh == len(t.slots) && t.free == none }

// take takes a slot, and its ID, for a query that is going to be sent.
func (t *table) take() (number, id uint16) {
	if t.fresh < len(t.slots) {
		number = uint16(t.fresh)
		t.fresh++
		return number, number * t.odd
	}
	number = t.free
	t.free = t.slots[number].after
	if t.free == none {
		t.lastFree = none
	}
	return number, number * t.odd
}

// begin puts a query under way that has been sent. The slot's due, sent, nonce and
// index are set by the caller. Queries begin in the order that they are due.
func (t *table) begin(number uint16) {
	s := &t.slots[number]
	s.state = underWay
	s.before, s.after = t.youngest, none
	if t.youngest == none {
		t.oldest = number
	} else {
		t.slots[t.youngest].after = number
	}
	t.youngest = number
}

// end ends a query under way as answered or lost.
func (t *table) end(number uint16, as state) {
	s := &t.slots[number]
	if s.before == none {
		t.oldest = s.after
	} else {
		t.slots[s.before].after = s.after
	}
	if s.after == none {
		t.youngest = s.before
	} else {
		t.slots[s.after].before = s.before
	}
	s.state = as
	t.release(number)
}

// release makes a slot free that isn't under way.
func (t *table) release(number uint16) {
	t.slots[number].after = none
	if t.lastFree == none {
		t.free = number
	} else {
		t.slots[t.lastFree].after = number
	}
	t.lastFree = number
}

// find returns the slot with an ID, nil if no query has ever had it.
func (t *table) find(id uint16) (number uint16, s *slot) {
	number = id * t.inverse
	if int(number) >= len(t.slots) || t.slots[number].state == unused {
		return none, nil
	}
	return number, &t.slots[number]
}
