package query

import (
	"bytes"
	"encoding/binary"

	"yushan/zone"
	"yushan/zone/dname"
)

// addAddresses adds the addresses that the zone has of the names in an answer
// (RFC 1035 §3.3.9 and §3.3.11, 2782), and of SVCB and HTTPS what their targets
// lead to (RFC 9460 §4.1), as far as there is room: no resolver depends on
// them. at is where the records of set begin.
func (w *Worker) addAddresses(set zone.RRset, at int) {
	m := &w.message
	targets := set.Targets()
	if len(targets) == 0 || m.full || m.n >= maxTarget {
		return // beyond, names may have been expanded and are not where Targets says
	}
	var done nodes
	service := set.Type() == typeSVCB || set.Type() == typeHTTPS
	for ; len(targets) >= 2; targets = targets[2:] {
		place := at + int(binary.LittleEndian.Uint16(targets))
		target := m.appendName(w.ownerBuf[:0], place)
		dname.Lower(target)
		if service && len(target) == 1 { // RFC 9460 §2.5: "." is the owner itself
			place, target = w.at, w.name
		}
		if !dname.IsSubdomain(target, w.zone.Origin()) {
			continue
		}
		node, ok := w.zone.Addresses(dname.AppendKey(w.keyScratch[:0], target, len(w.zone.Origin())))
		if !ok || !done.add(node) {
			continue
		}
		for _, rrtype := range [...]uint16{typeA, typeAAAA} {
			if addresses, ok := w.zone.RRset(node, rrtype); ok {
				w.putOptional(addresses, names{owner: m.pointee(place)})
			}
		}
		if service && !bytes.Equal(target, w.name) {
			if next, ok := w.zone.RRset(node, set.Type()); ok {
				w.putOptional(next, names{owner: m.pointee(place), name: m.pointee(place), length: len(target)})
			}
		}
	}
}

// putOptional adds an address RRset, with its signatures, if there is room for both.
func (w *Worker) putOptional(set zone.RRset, at names) {
	m := &w.message
	before := *m
	at.fragment = m.n
	if !m.put(additional, set.Records(), at) {
		return
	}
	at.fragment = m.n
	if w.query.do && !m.put(additional, set.Signatures(), at) {
		*m = before
	}
}

// pointee returns the place of the labels of the name at a place: the place
// itself, or where a pointer there leads.
func (m *message) pointee(at int) int {
	for m.buf[at] >= 0xc0 {
		at = int(binary.BigEndian.Uint16(m.buf[at:]) & (maxTarget - 1))
	}
	return at
}

// nodes is a small set of nodes; when it is full it takes in no more.
type nodes struct {
	count int
	list  [32]zone.Node
}

// add notes node, and returns false if it was there or no room is left.
func (s *nodes) add(node zone.Node) bool {
	if s.count == len(s.list) {
		return false
	}
	for i := range s.count {
		if s.list[i].Is(node) {
			return false
		}
	}
	s.list[s.count] = node
	s.count++
	return true
}
