// Package master reads master files (zone files): RFC 1035 §5, with $TTL of
// RFC 2308 §4, unknown types of RFC 3597 and BIND's $GENERATE. Names may be
// written as U-labels; they become A-labels by IDNA2008.
//
// # A file's way
//
//	file ──► splitter ──► chunks ──► workers ──► deliver(*Batch)
//	         (split.go)              (parser.go)
//
// One goroutine reads the file block by block and cuts it at record boundaries.
// It looks only at what a boundary depends on: quotes, parentheses, comments,
// escapes and lines that begin with "$". $ORIGIN and $TTL are evaluated on the
// way, so that each chunk starts with its own origin and default TTL; $INCLUDE
// and $GENERATE are cut out and followed in place. Workers then parse chunks
// independently of each other. What a chunk's first lines may leave out, the
// last owner and the last stated TTL, is fetched from the chunk before, and
// only if it is needed.
//
// Memory is bounded by the number of workers, not by the size of the file:
// files are read, not mapped, so that a file that is truncated while it is read
// gives an error and not a fault.
//
// # Two ways to RDATA
//
// The types that make up nearly all of a TLD zone go from text to wire format
// without garbage (rdata.go; hot, as are lex.go, name.go, address.go,
// fields.go, bitmap.go and parser.go). All other types that miekg/dns knows are
// cut into tokens, their names made absolute and ASCII, and handed to its parser
// (general.go). Tests hold both ways against each other.
//
// # Decisions
//
// Where the RFCs leave room, the reader does the following.
//
//   - A quoted string ends on the line where it began. Inside parentheses it
//     may go on over line ends, as in Knot DNS.
//   - Parentheses don't nest, as in Knot DNS. So a forgotten ")" shows at the
//     next "(", and is reported where the first one stands.
//   - The owner is left out where the line begins with a blank. "( a A …" has the
//     owner a, as in BIND.
//   - After an unclosed parenthesis reading goes on at the next line that begins
//     with an owner or a directive; after any other error at the next record.
//   - A character-string of more than 255 bytes is an error and is not cut up.
//   - Quoted strings may follow each other without a blank; elsewhere a quote
//     next to another character is an error, except in SVCB parameters.
//   - A number that needs units has one for each figure: 1h30m, not 1h30. TTLs
//     above 2^31-1 are errors (RFC 2181 §8).
//   - An included file starts with the including file's origin (or that of the
//     directive), TTLs and last owner. What it sets is forgotten at its end.
//   - Files are UTF-8, lines end with LF or CR LF. A byte order mark at the start
//     is skipped. Control characters stand only in quotes, or escaped.
//   - Only class IN is read. Meta types (RFC 6895 §3.1) are errors in any spelling.
//   - Names are used as written; capitals stay.
package master
