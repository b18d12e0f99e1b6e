package query

import "yushan/server/overlay"

// overlayZone returns the zone of the overlay that answers the question, nil if none
// does. It goes before all configured zones, cuts and wildcards in them included;
// but DS of its apex is the parent's (RFC 4035 §3.1.4.1), if that is here.
func (e *Engine) overlayZone(q *question) *overlay.Zone {
	z := e.overlay.Zone(q.name, q.starts)
	if z != nil && q.query.qtype == typeDS && len(z.Apex()) == len(q.name) && e.zones.Find(q.name, q.starts) != nil {
		return nil
	}
	return z
}

// answerOverlay answers from a zone of the overlay, which has no cuts, no
// wildcards, no CNAMEs and no signatures, so that nothing is left of RFC 1034
// §4.3.2 but a single step.
func (w *Worker) answerOverlay(z *overlay.Zone) {
	m, qtype := &w.message, w.query.qtype
	m.aa = true
	texts, exists := z.TXT(w.name)
	isApex := len(w.name) == len(z.Apex())
	if qtype == typeANY { // RFC 8482 §4.1: one RRset
		qtype = typeTXT
		if isApex {
			qtype = typeNS
		}
	}
	switch {
	case !exists:
		m.rcode = nxDomain
	case qtype == typeTXT && len(texts) > 0:
		w.putOverlay(answer, typeTXT, w.name, texts...)
		return
	case qtype == typeNS && isApex:
		w.putOverlay(answer, typeNS, w.name, z.NS()...)
		return
	case qtype == typeSOA && isApex:
		w.putOverlay(answer, typeSOA, w.name, z.SOA())
		return
	}
	w.putOverlay(authority, typeSOA, z.Apex(), z.SOA())
}

// putOverlay puts an RRset of the overlay into a section. owner is the question's
// name, or ends it.
func (w *Worker) putOverlay(section int, rrtype uint16, owner []byte, rdatas ...[]byte) {
	at := headerSize + len(w.name) - len(owner)
	for _, rdata := range rdatas {
		if !w.message.putRecord(section, at, rrtype, classIN, overlay.TTLSeconds, rdata) {
			w.message.full = true
			return
		}
	}
}
