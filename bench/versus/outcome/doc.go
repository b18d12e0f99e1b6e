// Package outcome is what a comparison of servers came to: figures by row, server and
// round, what they are held against, and what was run. It is written as JSON, and all that
// is said of a comparison follows from that alone.
//
//	trial ──► Outcome ──► JSON
//	             └─► Row.Judge ──► medians, ratios with their intervals, verdicts ──► render
//
// It may import bench/resample.
package outcome
