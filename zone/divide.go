package zone

import (
	"bytes"
	"slices"
)

// segment is a range of keys: from from on, below to. No to is no end.
type segment struct {
	from, to []byte
	made     *outcome      // nil if the construction was cancelled
	done     chan struct{} // closed when it is made
}

// segments divides what follows the apex into segments of about so many runs, as
// the marks of all strands lie. What a cut or a DNAME hides is in the
// segment of the one that hides it; at the apex one hides all.
func (c *construction) segments(runs int) (segments []*segment) {
	from := pastApex
	for _, to := range c.boundaries(runs) {
		if bytes.Compare(from, to) < 0 {
			segments = append(segments, &segment{from: from, to: to, done: make(chan struct{})})
			from = to
		}
	}
	return append(segments, &segment{from: from, done: make(chan struct{})})
}

func (c *construction) boundaries(runs int) (keys [][]byte) {
	total, marks := 0, 0
	for _, s := range c.strands {
		total += s.runs
		marks += len(s.marks)
	}
	parts := min(total/runs, maxSegments)
	if parts < 2 {
		return nil
	}
	// Some marks are enough to see where the others lie.
	every := max(1, marks/(parts*samples))
	i := 0
	for _, s := range c.strands {
		for ; i < len(s.marks); i += every {
			keys = append(keys, s.mark(i))
		}
		i -= len(s.marks)
	}
	slices.SortFunc(keys, bytes.Compare)
	barriers := make(map[string]bool)
	n := 0
	for i := range parts - 1 {
		key := keys[(i+1)*len(keys)/parts]
		keys[n] = bytes.Clone(c.unhidden(key, barriers))
		n++
	}
	return keys[:n]
}

// maxSegments keeps what a segment has of a strand from being next to nothing.
const maxSegments = 512

// samples is how many marks are looked at for each segment.
const samples = 16

// unhidden returns the key of the name, at or above the one with this key, that no
// other above it hides. It remembers in barriers what it has found.
func (c *construction) unhidden(key []byte, barriers map[string]bool) []byte {
	for n := 1; n < len(key); n++ {
		if key[n-1] != 0 {
			continue
		}
		hides, known := barriers[string(key[:n])]
		if !known {
			hides = c.isBarrier(key[:n])
			barriers[string(key[:n])] = hides
		}
		if hides {
			return key[:n]
		}
	}
	return key
}

// isBarrier tells whether some run of this key has NS or DNAME records.
func (c *construction) isBarrier(key []byte) bool {
	var keys []byte
	for _, s := range c.strands {
		if bytes.Compare(s.last, key) < 0 || bytes.Compare(s.first, key) > 0 {
			continue
		}
		keys = keys[:0]
		for off, before := s.seek(key), 0; off < len(s.data); {
			at := len(keys)
			keys, off = s.appendKey(keys, before, off)
			before = at
			var r run
			r, off = s.run(off)
			order := bytes.Compare(keys[at:], key)
			if order > 0 {
				break
			}
			if order == 0 && r.traits&traitBarrier != 0 {
				return true
			}
		}
	}
	return false
}
