// Package query answers DNS queries: request bytes in, response bytes out. It
// is one function without side effects, shared by all transports.
//
//	frontend ─ bytes ─► Engine.Answer
//	                      │ parse.go       header, question, EDNS; what is no query ends here
//	                      │ overlay.go     names that the overlay has, before all zones
//	                      │ answer.go      RFC 1034 §4.3.2, name by name along CNAME and DNAME
//	                      │   referral.go    at a zone cut
//	                      │   denial.go      what does not exist, and its proof: NSEC, NSEC3
//	                      │   additional.go  addresses of names in the answer
//	                      │ message.go     copies records of the zone, resolves their pointers
//	                      │   expand.go      in full what pointers of a large message do not reach
//	                      │ edns.go        OPT with what was asked for
//	frontend ◄─ bytes ─ ──┘
//
// A frontend that has several queries at once lets them be read ahead (ahead.go),
// before it has them answered one by one: then their lookups go on side by side, and
// the memory of a large zone is waited for once and not once a query.
//
// All of these are hot: they work on integers and on the memory of one
// [Worker], take nothing from the heap, lock nothing, ask no clock and log
// nothing. What happens is counted in plain memory, which others see when the
// worker's goroutine publishes it (counters.go), once for a batch. Cold, and free
// to use miekg/dns, are chaos.go, tsig.go and update.go.
//
// An [Engine] is immutable: the zones it answers from and its options are given
// when it is made. A reload makes another one. The overlay, which changes while the
// engine is in service, takes care of that itself. The package may import zone and its
// parts, and server/overlay, and nothing else of yushan.
package query
