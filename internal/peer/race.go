//go:build race

package peer

// raceDetector tells whether the test runs with it.
const raceDetector = true
