// Package result is what came of a run, as the reports, comparisons and thresholds
// read it, and as it is written to and read from JSON.
//
//	bench.Run ──► Result ──► JSON file ──► Result ──► report, compare, threshold
//
// All times in it are nanoseconds unless a name says otherwise. It imports nothing
// of yushan.
package result
