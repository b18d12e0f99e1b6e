// Package image keeps zones in files, as they lie in memory, so that a server
// that starts need not read and lay out their master files again: an image of a
// million delegations is read in the time of two dozen milliseconds.
//
//	zone.Zone ─ Snapshot ─► Directory.Write ─► DIR/tw.image ─► Directory.Open ─► Image.Load ─► zone.Zone
//
// An image is a copy, never the source: its header names the files that the
// zone was read from, as they were then, and whoever opens it decides by
// [Image.Header] whether it is still of any use before its memory is read.
//
// # Format
//
// All integers are little-endian; strings and lists begin with their length.
//
//	 0  magic          8 bytes, "yushan\r\n"
//	 8  format         u32: of what is drawn here
//	12  layout         u32: of the memory, zone.SnapshotLayout
//	16  file size      u64
//	24  head bytes     u32
//	28  checksum       u32: CRC-32C of the 28 bytes before it, and of the head
//	32  head           origin, serial u32, written i64 (ns since 1970), build,
//	                   sources: { path, device u64, inode u64, size i64, mtime and ctime: i64 (s) u32 (ns) }
//	                   whole u32: 1 if the warnings are about all of the zone
//	                   warnings u32, those that were kept: { code, file, line u32, column u32, message }
//	                   facts: zone.Snapshot.Facts
//	                   chunks of data, chunks of trees: their lengths, u32 each
//	                   checksums: CRC-32C of each 256 KiB of memory
//	    zeros          up to a multiple of 4096
//	    memory         the chunks of data and of trees, end to end, to the end of the file
//
// # Writing
//
// A file is written under another name, synced and renamed, and the directory
// synced: whenever the process or the machine ends, there is the old image or
// the new one, whole. What a killed writer leaves behind, the next one overwrites.
// A lock lets one process at a time write in a directory.
//
// [Directory.Sweep] removes the images of zones that nobody wants any more: one that
// lay there for years would else be the last that is known of a zone that comes
// back. What has not the name and the first bytes of an image of the same user is
// left alone.
//
// # Builds
//
// Format and layout say whether an image can be read. Whether its zone is one that
// the program would make of the same files, checks included, only the build that
// made it can tell: [Build] names the one that runs. An image of another build is
// no substitute for the files, but may be the last that is known of a zone.
//
// # Trust
//
// Checksums find what disks, crashes and other versions do to a file. They are no
// signature: an image is believed because it is an ordinary file that belongs to
// the user who reads it, or to root, and that nobody else may write. [Directory.Open]
// checks that, and follows no symbolic link. Whoever can write as that user
// could as well change the master file, or the process.
//
// Load is for those who serve at once: it verifies the checksums and the apex, and
// nothing more of the memory. A zone in memory that was tampered with could make
// lookups panic, or go round in circles. zone.Zone.Verify finds all of that, in
// time that grows with the zone; a server calls it once it serves. LoadVerified
// does that first.
//
// The memory is read, not mapped: somebody who truncates the file then does no
// harm to a process that serves from it, it may be replaced at any time, and with
// huge pages reading is nearly as fast.
//
// The package may import zone.
package image
