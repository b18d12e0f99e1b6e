// Package sample makes results of runs that never were, for tests of what reads
// results: seeded, plausible, and one for each thing that can happen to a run.
//
//	Options ──► a simulated server ──► result.Result
//
// Only tests use it. It imports bench/result.
package sample
