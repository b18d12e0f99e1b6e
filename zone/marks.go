package zone

import "sync/atomic"

// marks is a set of small numbers that several goroutines add to.
type marks []atomic.Uint64

func newMarks(below uint64) marks { return make(marks, (below+63)/64) }

// add adds n, and tells whether it was not there.
func (m marks) add(n uint64) bool {
	bit := uint64(1) << (n % 64)
	word := &m[n/64]
	// Looking first spares the cache line of what is marked twice.
	return word.Load()&bit == 0 && word.Or(bit)&bit == 0
}

func (m marks) has(n uint64) bool { return m[n/64].Load()>>(n%64)&1 == 1 }
