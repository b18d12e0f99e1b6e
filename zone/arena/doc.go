// Package arena is an append-only store of bytes, in chunks that the garbage
// collector need not scan and that never move.
//
// An [Arena] hands out space, at its tail only, and takes none back: what was
// published stays as it is for as long as anyone holds it. So all versions of
// a zone can share one arena, and two versions derived from one base can never
// overwrite each other. A [View] is a snapshot of the table of chunks; readers
// find bytes through it without a lock.
//
//	off, b := a.Alloc(len(data))
//	copy(b, data)
//	view := a.View()          // sees all that was allocated before
//	view.At(off)[:len(data)]  // the same bytes, for ever
//
// [Arena.Dump] gives the chunks themselves, to be kept in a file, and [Restore]
// makes an arena of them again.
//
// Memory goes back to the runtime when the arena and all its views are gone.
// Getting rid of garbage earlier means copying what lives into a new arena.
package arena
