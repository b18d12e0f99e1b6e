package zone

import (
	"yushan/zone/arena"
	"yushan/zone/radix"
)

// A Lookup is a name to be found by [FindTogether].
type Lookup struct {
	Zone  *Zone  // nil: there is nothing to find
	Key   []byte // as for [Zone.Find]
	Match        // what [Zone.Find] returns

	step radix.Step
	at   radix.Match
}

// togetherMax is how many lookups go on at a time.
const togetherMax = 64

// FindTogether finds all of the names, at less cost than one after the other: most
// of the time a lookup in a large zone waits for memory, and here the lookups
// wait side by side. It allocates nothing.
func FindTogether(lookups []Lookup) {
	for ; len(lookups) > togetherMax; lookups = lookups[togetherMax:] {
		findTogether(lookups[:togetherMax])
	}
	findTogether(lookups)
}

func findTogether(lookups []Lookup) {
	var list [togetherMax]uint8 // those that are on their way
	n := 0
	for i := range lookups {
		if l := &lookups[i]; l.Zone != nil {
			l.step = l.Zone.names.Start()
			list[n] = uint8(i)
			n++
		}
	}
	for n > 0 {
		left := 0
		for _, i := range list[:n] {
			l := &lookups[i]
			m, done := l.Zone.names.Step(&l.step, l.Key)
			if !done {
				list[left] = i
				left++
				continue
			}
			l.at = m
			if m.Found {
				l.Zone.data.Prefetch(arena.Offset(m.Value))
			}
		}
		n = left
	}
	for i := range lookups {
		if l := &lookups[i]; l.Zone != nil {
			l.Match = l.Zone.matched(l.at, l.Key)
		}
	}
}
