//go:build race

package h2

// With the race detector, sync.Pool forgets now and then on purpose.
const raceEnabled = true
