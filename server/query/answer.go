package query

import (
	"encoding/binary"

	"yushan/zone"
	"yushan/zone/dname"
)

// answer follows RFC 1034 §4.3.2 in the zone that was chosen, with wildcards by
// RFC 4592 and DNAME by RFC 6672. One turn of the loop answers for one name;
// CNAME and DNAME lead to the next.
func (w *Worker) answer() {
	m := &w.message
	m.aa = true
	w.at = headerSize
	match := w.found()
	for links := 0; !m.full; links++ {
		next := false
		switch match.Kind {
		case zone.Cut:
			w.atCut(match)
		case zone.Redirect:
			next = w.redirect(match)
		case zone.Exact:
			next = w.exact(match.Node, nil)
		case zone.Empty:
			w.noData(zone.Node{}, nil)
		case zone.Missing:
			next = w.missing(match)
		}
		if !next || links == maxLinks-1 || m.full {
			break
		}
		w.setKey()
		match = w.zone.Find(w.key)
	}
	w.proveExpansions()
}

// names returns the places of names for a fragment whose owner is the name that
// is looked up, or ends it and is ownerLen bytes long.
func (w *Worker) names(ownerLen int) names {
	at := names{owner: w.at, name: w.at, length: len(w.name), fragment: w.message.n}
	if ownerLen < len(w.name) {
		at.owner = w.message.target(zone.ToSuffix|zone.Pointer(ownerLen), &at)
	}
	return at
}

// putSet puts an RRset that the response must hold into a section, and with DO
// its signatures (RFC 4035 §3.1.1). It returns where the records begin.
func (w *Worker) putSet(section int, set zone.RRset, ownerLen int) (at int) {
	m := &w.message
	at = m.n
	places := w.names(ownerLen)
	if !m.put(section, set.Records(), places) {
		m.full = true
		return at
	}
	if w.query.do {
		places.fragment = m.n
		if !m.put(section, set.Signatures(), places) {
			m.full = true
		}
	}
	return at
}

// exact answers from the records of a node: the name itself, or the wildcard
// that stands for it, whose closest encloser is then given. It returns true if
// the name that is now set has to be looked up in turn.
func (w *Worker) exact(node zone.Node, encloser []byte) (next bool) {
	m, qtype := &w.message, w.query.qtype
	set, found := w.choose(node, qtype)
	if !found {
		// No NSEC beside a CNAME is no reason to stop at it: NODATA could not be
		// proven by an NSEC3 record that has the bit of CNAME (RFC 6840 §4.3).
		if cname, ok := w.zone.RRset(node, typeCNAME); ok && qtype != typeRRSIG {
			at := w.putSet(answer, cname, len(w.name))
			w.noteExpansion(encloser)
			return !m.full && w.follow(m.rdata(at))
		}
		w.noData(node, encloser)
		return false
	}
	w.noteExpansion(encloser)
	if qtype == typeRRSIG {
		if !m.put(answer, set.Signatures(), w.names(len(w.name))) {
			m.full = true
		}
		return false
	}
	at := w.putSet(answer, set, len(w.name))
	w.proveExpansions() // the authority section, before the additional one
	w.addAddresses(set, at)
	return false
}

// choose returns the RRset at node that answers qtype. ANY gets one RRset, and
// RRSIG the signatures of that same one (RFC 8482 §4.1).
func (w *Worker) choose(node zone.Node, qtype uint16) (set zone.RRset, ok bool) {
	switch qtype {
	case typeANY:
		return w.zone.AnyRRset(node)
	case typeRRSIG:
		set, ok = w.zone.AnyRRset(node)
		return set, ok && set.Signatures().Records > 0
	}
	return w.zone.RRset(node, qtype)
}

// missing answers for a name that does not exist: by a wildcard
// (RFC 1034 §4.3.2 step 3c, RFC 4592 §3.3), or by denying it.
func (w *Worker) missing(match zone.Match) (next bool) {
	if node, ok := w.zone.Wildcard(w.key[:match.Len], w.scratch[:0]); ok {
		if node.IsZero() {
			w.noData(node, w.ancestor(match.Len))
			return false
		}
		return w.exact(node, w.ancestor(match.Len))
	}
	w.nxDomain(match)
	return false
}

// follow makes the target of a CNAME, which stands at the given place of the
// message, the name that is looked up. It returns false if the answer ends here:
// the target is not in the zone, is hidden by the overlay, or has been looked up
// before.
func (w *Worker) follow(at int) bool {
	w.seen.add(w.name)
	target := w.message.appendName(w.ownerBuf[:0], at)
	dname.Lower(target)
	if !dname.IsSubdomain(target, w.zone.Origin()) || w.seen.has(target) {
		return false
	}
	w.setName(target)
	w.at = at
	return w.overlay.Zone(w.name, w.starts) == nil
}

// redirect answers for a name below a DNAME (RFC 6672 §3.2): the DNAME, and the
// CNAME that it stands for.
func (w *Worker) redirect(match zone.Match) (next bool) {
	m := &w.message
	set, ok := w.zone.RRset(match.Node, typeDNAME)
	if !ok {
		m.rcode = servFail
		return false
	}
	owner := w.ancestor(match.Len)
	targetAt, there := w.redirects.find(set)
	if !there {
		at := w.putSet(answer, set, len(owner))
		if m.full {
			return false
		}
		targetAt = m.rdata(at)
		w.redirects.add(set, targetAt)
	}
	prefix := w.name[:len(w.name)-len(owner)]
	target := m.appendName(w.scratch[:0], targetAt)
	if len(prefix)+len(target) > dname.MaxWire {
		m.rcode = yxDomain // RFC 6672 §2.3
		return false
	}
	if !w.putSynthesized(set.TTL(), targetAt, len(prefix), len(target)) || w.query.qtype == typeCNAME {
		return false // the CNAME is what was asked for
	}
	return w.follow(m.n - w.synthesized)
}

// putSynthesized writes the CNAME record that a DNAME stands for: labels bytes
// of the name that was looked up, then the DNAME's target, by a pointer.
func (w *Worker) putSynthesized(ttl uint32, targetAt, labels, targetLen int) bool {
	m := &w.message
	tail := 2
	if targetLen == 1 {
		tail = 1 // the root needs no pointer
	}
	w.synthesized = labels + tail
	if m.n+2+recordSize+w.synthesized > m.room || targetAt >= maxTarget || w.at >= maxTarget {
		m.full = true
		return false
	}
	original := m.appendName(w.scratch[:0], w.at) // in the case in which it was asked
	b := binary.BigEndian.AppendUint16(m.buf[:m.n], 0xc000|uint16(w.at))
	b = binary.BigEndian.AppendUint16(b, typeCNAME)
	b = binary.BigEndian.AppendUint16(b, classIN)
	b = binary.BigEndian.AppendUint32(b, ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(w.synthesized))
	b = append(b, original[:labels]...)
	if tail == 2 {
		b = binary.BigEndian.AppendUint16(b, 0xc000|uint16(targetAt))
	} else {
		b = append(b, 0)
	}
	m.n = len(b)
	m.counts[answer]++
	return true
}
