// Package plain writes text for terminals: tables, lines of a width, and texts from
// outside without what a terminal would act upon. It imports nothing of yushan.
package plain
