//go:build race

package overquic

const raceDetector = true
