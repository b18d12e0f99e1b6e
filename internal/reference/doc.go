// Package reference answers DNS queries slowly and plainly. It is the second,
// independent opinion that the engine of yushan/server/query is compared with
// in tests; nothing that serves queries imports it.
//
// It shares no code with the zone store or the engine: a zone is a map from
// names to RRsets, every search is a scan, and every step of an answer is
// written in the order in which the RFCs tell it, so that a reader who knows
// DNS can hold the code beside RFC 1034 §4.3.2, RFC 4592, RFC 6672, RFC 4035
// §3.1 and RFC 5155 §7.2 and tick off line by line. Files, in the order of a
// query's way:
//
//	message.go     the query is read, and judged as a message
//	engine.go      what is decided without looking into a zone
//	zone.go        the zone as a map; names that exist; cuts
//	resolve.go     the walk through the zone: referral, DNAME, CNAME, wildcard
//	denial.go      which NSEC and NSEC3 records prove what
//	additional.go  glue, and addresses of servers
//
// Three more files judge responses: compare.go tells two of them apart in DNS's own
// notation, udp.go says what may be left out to save space, and padding.go what has
// to be added to hide a response's length.
package reference
