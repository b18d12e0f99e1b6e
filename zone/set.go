package zone

import (
	"bytes"
	"slices"

	"yushan/zone/dname"
)

// Set is the zones in service at one moment. It never changes: putting zones
// into service means putting another set in its place, all of them at once.
type Set struct {
	zones []*Zone
	table []int32 // open addressing by hash of the origin: index into zones, -1 for none
	depth int     // labels of the longest origin
}

// NewSet returns the set of the given zones. Of several zones with one origin
// the last one counts.
func NewSet(zones ...*Zone) *Set {
	s := &Set{}
	for _, z := range zones {
		if i := slices.IndexFunc(s.zones, func(other *Zone) bool { return bytes.Equal(other.origin, z.origin) }); i >= 0 {
			s.zones[i] = z
			continue
		}
		s.zones = append(s.zones, z)
		s.depth = max(s.depth, dname.Labels(z.origin))
	}
	size := 4
	for size < 2*len(s.zones) {
		size *= 2
	}
	s.table = make([]int32, size)
	for i := range s.table {
		s.table[i] = -1
	}
	for i, z := range s.zones {
		slot := hashOrigin(z.origin)
		for s.table[slot&uint32(size-1)] >= 0 {
			slot++
		}
		s.table[slot&uint32(size-1)] = int32(i)
	}
	return s
}

// Zones returns the zones of the set, in the order in which they were given.
// The slice must not be written to.
func (s *Set) Zones() []*Zone { return s.zones }

// Find returns the zone whose apex is the deepest one at or above name, which
// is in wire format and lower case; nil if there is none. starts are the
// positions of name's labels, the root's included.
func (s *Set) Find(name []byte, starts []uint8) *Zone {
	for _, at := range starts[max(0, len(starts)-1-s.depth):] {
		if z := s.get(name[at:]); z != nil {
			return z
		}
	}
	return nil
}

// FindAbove is [Set.Find] for zones whose apex is a proper ancestor of name:
// the side of a cut that answers for DS (RFC 4035 §3.1.4.1).
func (s *Set) FindAbove(name []byte, starts []uint8) *Zone {
	if len(starts) < 2 {
		return nil
	}
	return s.Find(name, starts[1:])
}

func (s *Set) get(origin []byte) *Zone {
	mask := uint32(len(s.table) - 1)
	for slot := hashOrigin(origin); ; slot++ {
		i := s.table[slot&mask]
		if i < 0 {
			return nil
		}
		if z := s.zones[i]; bytes.Equal(z.origin, origin) {
			return z
		}
	}
}

// hashOrigin is FNV-1a.
func hashOrigin(origin []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range origin {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}
