package verify

import (
	"fmt"
	"sync/atomic"
	"time"

	"yushan/zone/dname"
)

// problem is one way in which an answer is wrong.
type problem struct {
	rule rule
	text string // "" if there are examples enough
}

// wanted tells by rule whether there are examples enough.
type wanted [rules]atomic.Bool

// judge judges answers, one at a time.
type judge struct {
	zones  []*zone
	stream bool // answers come over TCP, TLS or QUIC
	enough *wanted
	keys   *verifier // of signatures; nil: they are not verified

	q        question
	m        message
	problems []problem

	steps      []step
	position   int  // of the last link of the chain, among the records
	referring  bool // the answer ends with a referral
	proofs     []denial
	proofsRead bool

	star     []byte   // a wildcard's name
	found    [][]byte // RDATA that is being compared
	expected [][]byte

	truncated bool // TC is set: what is missing is no mistake by itself
	// missing is how many RRsets were missing in a truncated answer, and missingBytes
	// how long they are. unknown: they can't be told.
	missing, missingBytes int
	unknown               bool
}

// check judges an answer. It returns false if the query isn't one whose answer
// can be judged.
func (j *judge) check(query, wire []byte, now time.Time) bool {
	j.problems = j.problems[:0]
	if !j.q.read(&j.m, query) {
		return false
	}
	if err := j.m.read(wire); err != nil {
		j.wrong(ruleMessage, "%v", err)
		return true
	}
	j.truncated = j.m.flags&flagTC != 0
	j.missing, j.missingBytes, j.unknown = 0, 0, false
	j.steps, j.position, j.referring = j.steps[:0], -1, false
	j.proofs, j.proofsRead = j.proofs[:0], false
	if j.keys != nil {
		j.keys.now = now
	}
	if !j.header() {
		return true
	}
	if j.rcode() == servFail && j.circular() {
		return true
	}
	if !j.walk() {
		return false
	}
	j.rest()
	j.judgeTruncation()
	return true
}

// wrong notes that a rule is broken. The text says what was found, and what was
// expected; arguments are formatted only if it is wanted.
func (j *judge) wrong(r rule, format string, args ...any) {
	p := problem{rule: r}
	if !j.enough[r].Load() {
		p.text = j.q.show(j.stream) + ": " + fmt.Sprintf(format, args...)
	}
	j.problems = append(j.problems, p)
}

// lacks notes that bytes of records are missing. In a truncated answer that is
// no mistake by itself.
func (j *judge) lacks(bytes int, r rule, format string, args ...any) {
	if j.truncated {
		j.missing++
		j.missingBytes += bytes
		return
	}
	j.wrong(r, format, args...)
}

// lacksProof is lacks for what can't be told how long it is.
func (j *judge) lacksProof(format string, args ...any) {
	if j.truncated {
		j.unknown = true
	}
	j.lacks(0, ruleDenial, format, args...)
}

// zoneOf returns the zone that answers for a name and type: the one with the longest
// name. For DS it is the one above a cut, if there is one (RFC 4035 §3.1.4.1).
func (j *judge) zoneOf(name []byte, qtype uint16) *zone {
	var best, apex *zone
	for _, z := range j.zones {
		origin := z.Origin()
		switch {
		case !dname.IsSubdomain(name, origin):
		case qtype == typeDS && len(name) == len(origin):
			apex = z
		case best == nil || len(origin) > len(best.Origin()):
			best = z
		}
	}
	if best == nil {
		return apex
	}
	return best
}
