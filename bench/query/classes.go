package query

import (
	"cmp"
	"slices"

	"github.com/miekg/dns"
)

// classify puts the queries of a file or a capture into classes by their QTYPE: the
// most frequent have one each, and all others one together.
func (b *builder) classify() {
	s := b.set
	var counts [1 << 16]int
	for i := range s.queries {
		counts[s.Type(uint32(i))]++
	}
	var kinds []uint16
	for kind, n := range counts {
		if n > 0 {
			kinds = append(kinds, uint16(kind))
		}
	}
	slices.SortStableFunc(kinds, func(a, b uint16) int { return cmp.Compare(counts[b], counts[a]) })
	var class [1 << 16]uint8
	for i, kind := range kinds {
		if i == MaxClasses-1 && len(kinds) > MaxClasses {
			s.Classes = append(s.Classes, "other")
		}
		if i >= MaxClasses-1 && len(kinds) > MaxClasses {
			class[kind] = MaxClasses - 1
			continue
		}
		s.Classes = append(s.Classes, dns.Type(kind).String())
		class[kind] = uint8(i)
	}
	for i := range s.queries {
		s.queries[i].class = class[s.Type(uint32(i))]
	}
}
