// Package cli is what the project's commands have in common: how a command line is
// read and what its mistakes look like, exit codes, completion of shells, and the
// reference in Markdown.
//
//	main ──► Program.Main ──► kong ──► Run method of the chosen command, with *Console
//
// It imports nothing of yushan.
package cli
