//go:build race

package doh

// With the race detector, sync.Pool forgets now and then on purpose.
const raceDetector = true
