//go:build !race

package doh

const raceDetector = false
