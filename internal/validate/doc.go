// Package validate judges signed answers as a validating resolver does: it
// trusts nothing but the zone's keys and what it can prove from one response.
//
// It is the tests' second opinion on what yushan answers, so it shares no code
// with the zone store or the query engine; the cryptography is miekg/dns's.
//
//	v, err := validate.FromAnchor(".", anchors, dnskeyAnswer, at)
//	result, err := v.Check(response)
//
// Check is stricter than a resolver, which makes do with what it gets. From an
// authoritative server it wants that every signature holds, that TTLs are the
// signed ones, that nothing is left over in the answer section, and that the
// proofs of RFC 4035 §5.4, RFC 5155 §8 and RFC 6840 §4 are complete.
// [Result].Unused names proofs that nobody needed.
//
// Files: validate.go is the way of thought, from the question to the end of
// the chain; rrsets.go sorts and verifies records; denial.go says what can be
// denied, nsec.go and nsec3.go how; keys.go checks keys against trust anchors.
package validate
