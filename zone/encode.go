package zone

import (
	"encoding/binary"

	"yushan/zone/dname"
)

// rr is one record while a zone is being built. Slices belong to the builder.
type rr struct {
	ttl   uint32
	rdata []byte
	at    position
}

// position is where a record was read.
type position struct {
	file         uint16
	line, column uint32
}

// encoder lays records out for the arena. It is reused; what it returns is
// valid until its next use.
type encoder struct {
	owner    []byte // lower case
	wildcard bool

	out      []byte // the records so far
	fixups   []byte
	targets  []byte
	suffixes []suffix // names written in full, which later names may point to
	servers  []Pointer
	fragment []byte
	signed   []signedBy // scratch of referral
}

// signedBy is an RRSIG record and its owner.
type signedBy struct {
	owner Pointer
	rr    rr
}

// suffix is a name, or the end of one, that stands at a position of out.
type suffix struct {
	at   int
	name []byte
}

// The table of suffixes is searched in a row; beyond some dozens of names a
// shorter answer is not worth the time to find it.
const maxSuffixes = 48

func (e *encoder) reset(owner []byte) {
	e.owner, e.wildcard = owner, dname.IsWildcard(owner)
	e.out, e.fixups, e.targets, e.suffixes = e.out[:0], e.fixups[:0], e.targets[:0], e.suffixes[:0]
}

// rrset lays out an RRset with its signatures. ok is false if it is too large
// for any message.
func (e *encoder) rrset(owner []byte, rrtype uint16, records, signatures []rr) (fragment []byte, ok bool) {
	e.reset(owner)
	for _, r := range records {
		e.record(rrtype, r)
	}
	recordBytes, recordFixups := len(e.out), len(e.fixups)
	for _, r := range signatures {
		at := len(e.out) - recordBytes
		e.fixups = binary.LittleEndian.AppendUint16(e.fixups, uint16(at))
		e.plain(ToOwner, TypeRRSIG, r)
	}
	if len(e.out) > maxRRsetBytes {
		return nil, false
	}
	f := binary.LittleEndian.AppendUint32(e.fragment[:0], records[0].ttl)
	for _, n := range []int{len(records), len(signatures), recordBytes, len(e.out) - recordBytes,
		recordFixups / 2, (len(e.fixups) - recordFixups) / 2, len(e.targets) / 2, int(rrtype)} {
		f = binary.LittleEndian.AppendUint16(f, uint16(n))
	}
	f = append(append(append(f, e.fixups...), e.targets...), e.out...)
	e.fragment = f
	return f, true
}

// maxRRsetBytes leaves room for a question and an OPT record in the largest
// message, so that every RRset can be answered by TCP.
const maxRRsetBytes = 65535 - 12 - (dname.MaxWire + 4) - 512

// addresses are what a zone knows of a name server.
type addresses struct {
	v4, v6     []rr
	signatures []rr // over both, if the zone is authoritative for them
}

// referral lays out the referral for the name servers of a cut. find returns
// the addresses of a name server.
func (e *encoder) referral(cut []byte, ns []rr, find func(server []byte) addresses) (fragment []byte, missing [][]byte, ok bool) {
	e.reset(cut)
	servers := e.servers[:0]
	for _, r := range ns {
		servers = append(servers, e.record(TypeNS, r))
	}
	e.servers = servers
	nsBytes := len(e.out)
	if nsBytes > maxPointer { // glue could not point to its name server
		return nil, nil, false
	}
	var count, length [3]int
	e.signed = e.signed[:0]
	for part, required := range []bool{true, false} {
		before := len(e.out)
		for i, r := range ns {
			if dname.IsSubdomain(r.rdata, cut) != required {
				continue
			}
			found := find(r.rdata)
			if required && len(found.v4)+len(found.v6) == 0 {
				missing = append(missing, r.rdata)
			}
			e.plain(servers[i], TypeA, found.v4...)
			e.plain(servers[i], TypeAAAA, found.v6...)
			count[part] += len(found.v4) + len(found.v6)
			if !required {
				for _, s := range found.signatures {
					e.signed = append(e.signed, signedBy{servers[i], s})
				}
			}
		}
		length[part] = len(e.out) - before
	}
	for _, s := range e.signed {
		e.plain(s.owner, TypeRRSIG, s.rr)
	}
	count[2] = len(e.signed)
	length[2] = len(e.out) - nsBytes - length[0] - length[1]
	if len(e.out) > maxRRsetBytes {
		return nil, missing, false
	}
	f := append(e.fragment[:0], kindReferral, 0)
	for _, n := range []int{len(ns), count[0], count[1], nsBytes, length[0], length[1], len(e.fixups) / 2, count[2], length[2]} {
		f = binary.LittleEndian.AppendUint16(f, uint16(n))
	}
	f = append(append(f, e.fixups...), e.out...)
	e.fragment = f
	return f, missing, true
}

// plain lays out records that have no pointer but their owner.
func (e *encoder) plain(owner Pointer, rrtype uint16, records ...rr) {
	for _, r := range records {
		e.header(owner, rrtype, r.ttl, len(r.rdata))
		e.out = append(e.out, r.rdata...)
	}
}

// record lays out one record, and returns what stands for the last name in its
// RDATA.
func (e *encoder) record(rrtype uint16, r rr) (last Pointer) {
	e.fixup()
	at := e.header(ToOwner, rrtype, r.ttl, 0)
	names := namesOf(rrtype)
	rest := r.rdata
	if names.compress || names.target {
		e.out = append(e.out, rest[:names.skip]...)
		rest = rest[names.skip:]
		for range names.count {
			n, _ := dname.Check(rest)
			if names.target {
				e.targets = binary.LittleEndian.AppendUint16(e.targets, uint16(len(e.out)))
			}
			if names.compress {
				last = e.name(rest[:n])
			} else {
				e.out = append(e.out, rest[:n]...)
			}
			rest = rest[n:]
		}
	}
	e.out = append(e.out, rest...)
	binary.BigEndian.PutUint16(e.out[at:], uint16(len(e.out)-at-2))
	return last
}

// header writes a record's fixed part and returns where its RDLENGTH is.
func (e *encoder) header(owner Pointer, rrtype uint16, ttl uint32, length int) (at int) {
	e.out = binary.BigEndian.AppendUint16(e.out, uint16(owner))
	e.out = binary.BigEndian.AppendUint16(e.out, rrtype)
	e.out = binary.BigEndian.AppendUint16(e.out, classIN)
	e.out = binary.BigEndian.AppendUint32(e.out, ttl)
	e.out = binary.BigEndian.AppendUint16(e.out, uint16(length))
	return len(e.out) - 2
}

const classIN = 1

// fixup notes that a pointer comes next.
func (e *encoder) fixup() {
	e.fixups = binary.LittleEndian.AppendUint16(e.fixups, uint16(len(e.out)))
}

// name writes a name, compressed as far as the owner and what was written
// before allow, and returns the pointer by which others can mean the same name.
func (e *encoder) name(name []byte) Pointer {
	whole := ToFragment | Pointer(len(e.out))
	first := true
	for ; len(name) > 1; name = dname.Parent(name) {
		if p, ok := e.known(name); ok {
			e.fixup()
			e.out = binary.BigEndian.AppendUint16(e.out, uint16(p))
			if first {
				return p
			}
			return whole
		}
		if len(e.suffixes) < maxSuffixes && len(e.out) < maxPointer {
			e.suffixes = append(e.suffixes, suffix{len(e.out), name})
		}
		e.out = append(e.out, name[:1+name[0]]...)
		first = false
	}
	e.out = append(e.out, 0)
	return whole
}

// maxPointer keeps pointers within a fragment in the 14 bits that they have.
const maxPointer = 1<<14 - 1

// known returns a pointer to name, if it has been written or ends the owner.
// The owner of a wildcard is not in the answer: there stands the name that was
// asked for, which shares only its parent.
func (e *encoder) known(name []byte) (Pointer, bool) {
	if len(name) <= len(e.owner) && dname.IsSubdomain(e.owner, name) {
		switch {
		case len(name) < len(e.owner):
			return ToSuffix | Pointer(len(name)), true
		case !e.wildcard:
			return ToOwner, true
		}
	}
	for _, s := range e.suffixes {
		if dname.Equal(s.name, name) {
			return ToFragment | Pointer(s.at), true
		}
	}
	return 0, false
}
