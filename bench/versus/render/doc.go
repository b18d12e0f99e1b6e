// Package render shows what a comparison came to: as a table for terminals, and as a report
// in Markdown with pictures in SVG. All of it follows from the outcome alone, so a report can
// be written again from the JSON of one.
//
// Where yushan loses, and which targets it misses, is said first.
//
// It may import bench/versus/outcome and, of bench/report, chart, plain and units.
package render
