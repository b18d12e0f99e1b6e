// Versus compares yushan with other name servers, side by side on this machine. It is what
// bench/compare runs when all programs are there:
//
//	bench/compare ──► versus ──► trial: zones, servers by turns, clients
//	                                └─► outcome ──► render: table, Markdown, SVG
//	                                       └─► JSON, which render reads again
//
// It may import what is below it, internal/cli and internal/terminal.
package main
