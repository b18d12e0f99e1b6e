// Package dname handles domain names in wire format (RFC 1035 §3.1): reading
// and writing their presentation form, comparing them in canonical order, and
// turning them into the keys of the zone's radix tree.
//
// A name is a []byte: labels, each behind its length byte, ended by the root
// label. It is at most [MaxWire] bytes long and never compressed. Functions
// that take a name trust it to be valid; [Check] decides whether bytes from
// outside are.
//
// Names travel in three forms:
//
//	presentation  "ns1.台灣."             what people write; U-labels allowed
//	wire          \x03ns1\x0cxn--kpry57d\x00   what packets and records hold
//	key           "ns1\x00" below 台灣.     what the radix tree sorts by
//
// Presentation text becomes wire by [Parse] (master files, config, command
// line) and comes back by [String] or, with U-labels, [Display]. Wire becomes a
// key by [AppendKey], and comes back by [AppendFromKey].
//
// The package imports only golang.org/x/net/idna, for the conversion between
// A-labels and U-labels. Whether a U-label may be registered is not judged here.
package dname
