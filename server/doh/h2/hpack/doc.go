// Package hpack reads and writes header blocks of HTTP/2 (RFC 7541) without
// allocating: a field is a pair of byte slices that are valid until the next one is
// read.
//
//	header block ─► Reader.Next ─► name, value, Kind   (decoder.go, string.go, huffman.go)
//	                   │ ▲
//	                   ▼ │ what the client indexes
//	                 table                               (table.go, static.go)
//
//	Encoder, Append… ─► header block                     (encoder.go)
//
// It stands beside golang.org/x/net/http2/hpack because that one makes a string of
// each literal, keeps two maps for each connection's dynamic table, and doesn't bound
// what it holds to the byte. A block of a DNS client takes half as long here, and a field that
// enters the table a fifth (BenchmarkDecode, BenchmarkIndex). The tests compare the two on random blocks.
//
// What the reader of a field wants to know about it, such as which field it is and
// whether its characters are legal, is asked once when it enters the dynamic table
// and remembered there as a [Kind], since most fields of most requests are references to
// that table.
//
// A connection's memory is at most the size of its dynamic table as RFC 7541 §4.1
// counts it: bytes of names and values, and 8 for each entry where §4.1 counts 32.
// It grows as needed, and an empty table has none.
//
// The package imports nothing.
package hpack
