// Package verify holds answers of a server against the zones that it serves.
//
//	Submit(query's index, answer) ──► seen before? ──► queue ──► workers ──► Close: Verified
//	                                                                │
//	     message.go    the bytes become RRsets                      │
//	     header.go     header, question, EDNS, size                 │
//	     walk.go       RFC 1034 §4.3.2, name by name ◄──────────────┘
//	       answer.go     the RRsets of the answer section, ANY, RRSIG
//	       referral.go   NS, DS and glue
//	       negative.go   SOA; nsec.go and nsec3.go judge what is proved
//	     rrset.go      one RRset against the zone's; signature.go its signatures
//	     rest.go       what is left over in each section
//	     truncated.go  whether TC was called for
//
// # Rules
//
// A rule that an answer breaks is counted under its name, with examples.
//
//	message         it can't be read, or has bytes behind its last record (RFC 1035 §4.1)
//	header          opcode, RD or a reserved bit is another one (RFC 1035 §4.1.1)
//	question        it is not repeated (RFC 1035 §4.1.2)
//	rcode           another RCODE: NXDOMAIN for names that don't exist, after a chain
//	                that of its end (RFC 6604 §3), REFUSED outside of all zones
//	aa              AA is clear in an answer, or set in a referral (RFC 1035 §4.1.1)
//	tc              TC over a stream, or although all would have had room (RFC 2181 §9)
//	size            a datagram is larger than the client takes (RFC 6891 §6.2.3)
//	edns            OPT is missing, or not asked for, or not as it has to be (RFC 6891 §6)
//	answer          an RRset is missing in the answer section, or isn't the zone's;
//	                also the CNAME that a DNAME makes (RFC 6672 §3.1)
//	answer-extra    the answer section has an RRset that doesn't belong there
//	section-order   a CNAME comes after what it leads to (RFC 1034 §4.3.1)
//	referral-ns     the NS records of the cut are missing, or aren't the zone's
//	ds              DS is missing in a referral, or isn't the zone's (RFC 4035 §3.1.4)
//	glue-missing    addresses of name servers below the cut (RFC 9471 §3.1)
//	glue-extra      addresses in a referral that the zone doesn't have
//	soa             is missing where there is no such name or type (RFC 2308 §3)
//	denial          the proof is missing, or proves something else (RFC 4035 §3.1.3,
//	                RFC 5155 §7.2)
//	authority-extra the authority section has an RRset that doesn't belong there
//	additional      the additional section has an RRset that isn't the zone's, or that
//	                nothing leads to
//	rrsig           signatures are missing, or aren't the zone's (RFC 4035 §3.1.1)
//	signature       a signature isn't valid by the zone's keys, or not at this time
//	                (RFC 4035 §5.3); only if asked for
//	ttl             a TTL isn't the zone's (RFC 2308 §3 for SOA in the authority section)
//	dnssec-unasked  records of DNSSEC without DO (RFC 4035 §3.1, RFC 3225 §3)
//	class           a record is not of class IN
//
// # What is left free
//
// Servers may add the NS records of the apex, and addresses and other records of
// names that are led to, if they are the zone's; may leave out addresses that
// are not glue of the cut itself; answer ANY and RRSIG with a part of what there is
// (RFC 8482); and end a chain where it leaves the zone, or goes in circles, or has
// five links. Compression, the order of records in an RRset, the case of letters, and
// EDNS options are free too.
//
// All zones that the server has must be given: an address from another one looks as if
// it were made up. What is not a plain question of class IN (transfers, other opcodes,
// types that are no data) is not judged, nor are wildcards that delegate or substitute
// (RFC 4592 §4.2 leaves it open).
//
// The package was written from the RFCs, and shares no code with the engine that
// it judges. It may import bench/procstat, bench/query, bench/result, bench/zonefile,
// zone/master (to show records), zone/dname and miekg/dns (signatures).
package verify
