//go:build race

package main

// raceDetector makes the tests run a command that looks for races, too.
const raceDetector = true
