// Package report shows the result of a run: as text for a terminal, as a page of
// HTML, as CSV, and in the formats of HdrHistogram.
//
//	result.Result ──► Text    what matters, on a screen or two
//	              ├─► HTML    one file with plots, which asks nobody for anything
//	              ├─► CSV     a line an interval, for spreadsheets and scripts
//	              ├─► HDRLog  an interval histogram a line, for HdrHistogram's tools
//	              └─► HGRM    the percentiles of the whole run, for its plotters
//
// The words that Text and HTML share are in findings.go. Both show texts that come from
// outside (errors, names in queries) with everything escaped that a terminal or a
// browser would take for more than text.
//
// It may import bench/result and the packages below it.
package report
