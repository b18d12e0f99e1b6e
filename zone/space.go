package zone

import "yushan/zone/arena"

type offset = arena.Offset

// space hands out memory of an arena. With spans it takes much of it at a time,
// so that goroutines which fill one arena do not wait for each other.
type space struct {
	arena *arena.Arena
	spans bool

	start offset
	taken int    // size of the span
	used  int    // bytes of it
	span  []byte // the whole span
	next  int    // size of the next one
}

const (
	firstSpan = 1 << 10
	maxSpan   = 16 << 10
)

func (s *space) alloc(n int) (offset, []byte) {
	size := int(roundUp(n))
	if !s.spans || size > maxSpan/4 {
		return s.arena.Alloc(n)
	}
	if s.used+size > s.taken {
		s.close()
		s.next = min(max(2*s.next, firstSpan, int(roundUp(2*n))), maxSpan)
		s.taken = s.next
		s.start, s.span = s.arena.Alloc(s.taken)
	}
	off := s.start + offset(s.used/arena.Unit)
	b := s.span[s.used : s.used+n : s.used+n]
	s.used += size
	return off, b
}

// close gives back what is left of the span, if it can.
func (s *space) close() {
	if s.taken > 0 {
		s.arena.Trim(s.start, s.taken, s.used)
	}
	s.start, s.taken, s.used, s.span = 0, 0, 0, nil
}
