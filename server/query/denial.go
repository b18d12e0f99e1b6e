package query

import (
	"encoding/binary"

	"yushan/zone"
	"yushan/zone/dname"
)

// noData denies a type at a name that exists (RFC 2308 §2.2): the name itself,
// an empty non-terminal (node is then zero), or the wildcard below encloser that
// stands for it.
func (w *Worker) noData(node zone.Node, encloser []byte) {
	w.putSOA()
	w.proveExpansions()
	if !w.query.do || w.message.full {
		return
	}
	switch w.zone.Denial() {
	case zone.NSEC:
		if encloser == nil {
			w.putNSEC(w.key) // matches, or covers an empty non-terminal (RFC 4035 §3.1.3.1)
			return
		}
		w.putNSEC(w.wildcardKey(encloser)) // RFC 4035 §3.1.3.4
		w.putNSEC(w.key)
	case zone.NSEC3:
		if encloser == nil {
			w.proveNoData3(w.name)
			return
		}
		w.proveEncloser3(encloser) // RFC 5155 §7.2.5
		w.coverWildcard3(encloser)
	}
}

// nxDomain denies a name (RFC 2308 §2.1) and the wildcard that could stand for it.
func (w *Worker) nxDomain(match zone.Match) {
	w.message.rcode = nxDomain
	w.putSOA()
	w.proveExpansions()
	if !w.query.do || w.message.full {
		return
	}
	switch encloser := w.ancestor(match.Len); w.zone.Denial() {
	case zone.NSEC: // RFC 4035 §3.1.3.2
		w.putNSEC(w.key)
		w.putNSEC(w.wildcardKey(encloser))
	case zone.NSEC3: // RFC 5155 §7.2.2
		encloser = w.proveEncloser3(encloser)
		w.coverWildcard3(encloser)
	}
}

// noteExpansion notes the proof that the name which a wildcard stands for does
// not exist itself (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6). It is written by
// proveExpansions, when a chain of CNAMEs has no more answers. encloser is nil if
// no wildcard was used.
func (w *Worker) noteExpansion(encloser []byte) {
	if encloser == nil || !w.query.do || w.message.full {
		return
	}
	switch w.zone.Denial() {
	case zone.NSEC:
		if owner, nsec, ok := w.zone.NSEC(w.key, w.floorBuf[:0]); ok {
			w.expansions.add(nsec, dname.AppendFromKey(w.ownerBuf[:0], owner, w.zone.Origin()))
		}
	case zone.NSEC3:
		d, _ := w.zone.NSEC3(w.zone.Hash(w.nextCloser(encloser)))
		w.expansions.add(d.RRset, d.AppendOwner(w.ownerBuf[:0], w.zone.Origin()))
	}
}

// proveExpansions writes the proofs that were noted.
func (w *Worker) proveExpansions() {
	x := &w.expansions
	for i := 0; i < x.count && !w.message.full; i++ {
		if w.proofs.add(x.sets[i]) {
			w.putOwned(x.sets[i], x.owners[i][:x.size[i]])
		}
	}
	x.count = 0
}

// expansions are proofs to be written: one for each link of a chain.
type expansions struct {
	count  int // still to be written
	used   int // places of sets that are not empty
	sets   [maxLinks]zone.RRset
	owners [maxLinks][dname.MaxWire]byte
	size   [maxLinks]uint8
}

func (x *expansions) add(set zone.RRset, owner []byte) {
	x.sets[x.count] = set
	x.size[x.count] = uint8(copy(x.owners[x.count][:], owner))
	x.count++
	x.used = max(x.used, x.count)
}

// putSOA adds the SOA record of a negative answer (RFC 2308 §3).
func (w *Worker) putSOA() {
	m := &w.message
	at := w.putSet(authority, w.zone.SOA(), len(w.zone.Origin()))
	if m.full || w.zone.NegativeTTL() == w.zone.SOA().TTL() {
		return
	}
	for at < m.n {
		rdata := m.rdata(at)
		binary.BigEndian.PutUint32(m.buf[rdata-6:], w.zone.NegativeTTL())
		at = rdata + int(binary.BigEndian.Uint16(m.buf[rdata-2:]))
	}
}

// wildcard returns the wildcard name below encloser, in scratch memory.
func (w *Worker) wildcard(encloser []byte) []byte {
	return append(append(w.scratch[:0], 1, '*'), encloser...)
}

// wildcardKey returns the key of the wildcard below encloser, in scratch memory.
func (w *Worker) wildcardKey(encloser []byte) []byte {
	return dname.AppendKey(w.keyScratch[:0], w.wildcard(encloser), len(w.zone.Origin()))
}

// proofs are the denial records that the response holds already.
type proofs struct {
	count int
	sets  [3 * (maxLinks + 1)]zone.RRset
}

// add notes set, and returns false if it was there.
func (p *proofs) add(set zone.RRset) bool {
	for _, s := range p.sets[:p.count] {
		if s.Is(set) {
			return false
		}
	}
	if p.count < len(p.sets) {
		p.sets[p.count] = set
		p.count++
	}
	return true
}

// putNSEC adds the NSEC record that matches or covers the name with this key.
func (w *Worker) putNSEC(key []byte) {
	owner, nsec, ok := w.zone.NSEC(key, w.floorBuf[:0])
	if !ok || !w.proofs.add(nsec) {
		return
	}
	w.putOwned(nsec, dname.AppendFromKey(w.ownerBuf[:0], owner, w.zone.Origin()))
}

// putNSEC3 adds an NSEC3 record.
func (w *Worker) putNSEC3(d zone.Denial3) {
	if !w.proofs.add(d.RRset) {
		return
	}
	w.putOwned(d.RRset, d.AppendOwner(w.ownerBuf[:0], w.zone.Origin()))
}

// cover3 adds the NSEC3 record that covers name, or matches it.
func (w *Worker) cover3(name []byte) {
	d, _ := w.zone.NSEC3(w.zone.Hash(name))
	w.putNSEC3(d)
}

// coverWildcard3 adds the NSEC3 record that covers the wildcard below encloser, or
// matches it.
func (w *Worker) coverWildcard3(encloser []byte) {
	if len(encloser) == len(w.zone.Origin()) {
		w.putNSEC3(w.zone.ApexWildcardNSEC3())
		return
	}
	w.cover3(w.wildcard(encloser))
}

// proveEncloser3 proves which is the closest encloser of the name, and that
// nothing is below it towards the name (RFC 5155 §7.2.1). Where opt-out left
// names out of the chain that is the closest one that can be proven, which is
// returned.
func (w *Worker) proveEncloser3(encloser []byte) []byte {
	for {
		d, matches := w.match3(encloser)
		if matches || len(encloser) <= len(w.zone.Origin()) {
			w.putNSEC3(d)
			break
		}
		encloser = dname.Parent(encloser)
	}
	if len(encloser) < len(w.name) {
		w.cover3(w.nextCloser(encloser))
	}
	return encloser
}

func (w *Worker) match3(name []byte) (d zone.Denial3, matches bool) {
	if len(name) == len(w.zone.Origin()) {
		return w.zone.ApexNSEC3()
	}
	return w.zone.NSEC3(w.zone.Hash(name))
}

// proveNoData3 proves what types a name has (RFC 5155 §7.2.3), or, where
// opt-out left it out of the chain, that nothing signed is there (§7.2.4). name
// is the one that is looked up, or a cut above it (§7.2.7).
func (w *Worker) proveNoData3(name []byte) {
	if d, matches := w.match3(name); matches {
		w.putNSEC3(d)
		return
	}
	w.proveEncloser3(dname.Parent(name))
}

// putOwned adds a denial RRset and its signatures under an owner name that need
// not be in the message.
func (w *Worker) putOwned(set zone.RRset, owner []byte) {
	m := &w.message
	if w.endsWith(owner) {
		w.putSet(authority, set, len(owner))
		return
	}
	records, signatures := set.Records(), set.Signatures()
	if m.n+len(owner)+len(records.Bytes)+len(signatures.Bytes) >= maxTarget {
		m.full = m.full || !m.putUncompressed(authority, records, owner) || !m.putUncompressed(authority, signatures, owner)
		return
	}
	at := names{owner: m.n, name: w.at, length: len(w.name)}
	if !w.putOwner(owner) || !m.putBehindOwner(authority, records, at) {
		m.full = true
		return
	}
	at.fragment = m.n
	if !m.put(authority, signatures, at) {
		m.full = true
	}
}

// putOwner writes an owner name, compressed as far as it ends like the name that
// is looked up.
func (w *Worker) putOwner(owner []byte) bool {
	m := &w.message
	at := names{name: w.at, length: len(w.name)}
	b := m.buf[:m.n]
	for rest := owner; ; rest = dname.Parent(rest) {
		if n := len(rest); n == 1 || w.endsWith(rest) {
			if n == 1 {
				b = append(b, 0)
			} else {
				b = binary.BigEndian.AppendUint16(b, 0xc000|uint16(m.target(zone.ToSuffix|zone.Pointer(n), &at)))
			}
			break
		}
		if len(b)+1+int(rest[0])+2 > m.room {
			return false
		}
		b = append(b, rest[:1+rest[0]]...)
	}
	if len(b) > m.room {
		return false
	}
	m.n = len(b)
	return true
}

// endsWith tells whether suffix is the name that is looked up, or an ancestor of it.
func (w *Worker) endsWith(suffix []byte) bool {
	_, ok := w.label(len(suffix))
	return ok && string(w.name[len(w.name)-len(suffix):]) == string(suffix)
}
