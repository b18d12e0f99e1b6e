// Package chart draws plots as SVG, inside of an HTML page or as files of their own.
//
//	Plot (axes, series, heat map, marks) ──► Figure: legend, the plot for three
//	                                         widths of the page, and its read-out
//	Bars (groups of bars, an axis)   ──► Document: a file with a style of its own
//
// Colours are CSS classes, so that the page decides on them for light and dark grounds;
// series differ by dashes or shape as well where they could be taken for each other.
// The page shows the width that fits, and its script the values at the pointer from the
// figure's data-readout. Nothing is drawn that isn't finite.
//
// All texts are escaped. It imports nothing of yushan.
package chart
