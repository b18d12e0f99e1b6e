package tldzone

import "math/bits"

// draw is a sequence of numbers that a seed, an index and a purpose determine. It is
// SplitMix64, which is here rather than of a library because zones must not change
// when that does.
type draw uint64

// What is drawn for a delegation. Each purpose has a sequence of its own, so that a
// change of one leaves the others as they were.
const (
	forName = iota
	forServers
	forDS
	forQueries
	purposes
)

const golden = 0x9e3779b97f4a7c15

func newDraw(seed uint64, index, purpose int) draw {
	return draw(mix(mix(seed+golden) + uint64(index)*purposes + uint64(purpose)))
}

func (d *draw) next() uint64 {
	*d += golden
	return mix(uint64(*d))
}

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below returns a number from 0 to n-1.
func (d *draw) below(n int) int {
	high, _ := bits.Mul64(d.next(), uint64(n))
	return int(high)
}

// share returns a number from 0 up to, but without, 1.
func (d *draw) share() float64 { return float64(d.next()>>11) / (1 << 53) }
