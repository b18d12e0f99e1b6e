package query

import "yushan/zone"

// atCut answers for a name at or below a zone cut.
func (w *Worker) atCut(match zone.Match) {
	cut := w.ancestor(match.Len)
	if len(cut) == len(w.name) && w.query.qtype == typeDS {
		w.answerDS(match.Node)
		return
	}
	w.refer(match, cut)
}

// answerDS answers for the parent's side of a cut (RFC 4035 §3.1.4.1).
func (w *Worker) answerDS(node zone.Node) {
	if ds, ok := w.zone.RRset(node, typeDS); ok {
		w.putSet(answer, ds, len(w.name))
		return
	}
	w.noData(node, nil)
}

// refer writes a referral (RFC 1034 §4.3.2 step 3b): the name servers of the
// child zone, whether it is signed (RFC 4035 §3.1.4), and glue. All but the
// middle is copied as it is.
func (w *Worker) refer(match zone.Match, cut []byte) {
	m := &w.message
	if m.counts[answer] == 0 {
		m.aa = false
	}
	referral := w.zone.Referral(match.Node)
	ns, at := referral.NS(), w.names(len(cut))
	if !m.put(authority, ns, at) {
		m.full = true
		return
	}
	if w.query.do && w.zone.Denial() != zone.Unsigned {
		w.proveChild(match.Node, cut)
	}
	w.proveExpansions()
	if at.fragment+len(ns.Bytes) >= maxTarget {
		// Glue cannot point to the names of hundreds of servers that were expanded.
		m.full = m.full || referral.Required().Records > 0
		return
	}
	if m.full || !m.putGlue(referral.Required(), at) {
		m.full = true // RFC 9471 §3
		return
	}
	w.putOptionalGlue(referral.Optional(), at)
	if w.query.do {
		w.putOptionalGlue(referral.Signatures(), at)
	}
}

// putOptionalGlue adds what fits of the addresses that a resolver could find
// elsewhere, or of the signatures over them, RRset by RRset.
func (w *Worker) putOptionalGlue(glue zone.Part, at names) {
	m := &w.message
	if m.putGlue(glue, at) {
		return
	}
	for b := glue.Bytes; len(b) > 0; {
		n, records := recordLength(b), 1
		for n < len(b) && string(b[:4]) == string(b[n:n+4]) { // same owner, same type
			n += recordLength(b[n:])
			records++
		}
		if !m.putGlue(zone.Part{Records: records, Bytes: b[:n]}, at) {
			return
		}
		b = b[n:]
	}
}

// proveChild adds DS, or the proof that there is none.
func (w *Worker) proveChild(node zone.Node, cut []byte) {
	if ds, ok := w.zone.RRset(node, typeDS); ok {
		w.putSet(authority, ds, len(cut))
		return
	}
	if nsec, ok := w.zone.RRset(node, typeNSEC); ok {
		w.putSet(authority, nsec, len(cut))
		return
	}
	if w.zone.Denial() == zone.NSEC3 {
		w.proveNoData3(cut)
	}
}
