package doh

import (
	"encoding/binary"
	"math"

	"yushan/server/doh/exchange"
)

// freshness is for how many seconds a cache may keep a response, RFC 8484 §5.1:
//
//	answer                the smallest TTL of the answer section
//	NXDOMAIN, no data     min(TTL, MINIMUM) of the SOA (RFC 2308 §5), and not
//	                      longer than aliases in the answer section live
//	referral              the smallest TTL of the authority section; the RFC leaves
//	                      that open, and a resolver keeps its NS and DS no longer
//	all else              not at all: REFUSED, SERVFAIL, a truncated message and the
//	                      like are about this moment
//
// It trusts the message, which the engine made, but no more than to return NoStore
// for one that makes no sense.
func freshness(message []byte) int64 {
	if len(message) < headerBytes || message[2]&flagTC != 0 {
		return exchange.NoStore
	}
	rcode := message[3] & rcodeMask
	if rcode != noError && rcode != nxDomain {
		return exchange.NoStore
	}
	s := scanner{message: message, at: headerBytes}
	s.questions(section(message, 4))
	answers, authority := section(message, 6), section(message, 8)
	smallest := uint32(math.MaxUint32)
	for range answers {
		r := s.record()
		smallest = min(smallest, r.ttl)
	}
	negative := false
	authoritySmallest := uint32(math.MaxUint32)
	for range authority {
		r := s.record()
		authoritySmallest = min(authoritySmallest, r.ttl)
		if r.rrtype == typeSOA && len(r.data) > 4 {
			negative = true
			smallest = min(smallest, r.ttl, seconds(binary.BigEndian.Uint32(r.data[len(r.data)-4:])))
		}
	}
	switch {
	case s.failed:
		return exchange.NoStore
	case answers > 0 || negative:
	case authority > 0 && rcode == noError:
		smallest = authoritySmallest
	default:
		return exchange.NoStore
	}
	return int64(smallest)
}
