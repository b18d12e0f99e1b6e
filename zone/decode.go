package zone

import (
	"encoding/binary"
	"slices"

	"yushan/zone/arena"
)

// decoder turns what an encoder laid out back into records. RDATA without
// pointers is not copied; the rest is put together in buf.
type decoder struct{ buf []byte }

// fresh leaves what has been put together to those who have it, and takes other memory.
func (d *decoder) fresh() {
	if d.buf = d.buf[len(d.buf):]; cap(d.buf) < decoderLeast {
		d.buf = make([]byte, 0, decoderChunk)
	}
}

const (
	decoderLeast = 256
	decoderChunk = 8 << 10
)

// location is where the data of one owner lie; 0: nowhere.
type location struct{ name, occluded, hashed arena.Offset }

// locate finds the data of the owner with the given key.
func (z *Zone) locate(key []byte) (l location) {
	get := func(tree interface{ Get([]byte) (uint32, bool) }, key []byte) arena.Offset {
		value, _ := tree.Get(key)
		return arena.Offset(value)
	}
	l.name, l.occluded = get(z.names, key), get(z.occluded, key)
	if z.nsec3.Len() > 0 {
		if hash, ok := hashOfKey(key); ok {
			l.hashed = get(z.nsec3, hash)
		}
	}
	return l
}

func (z *Zone) node(off arena.Offset) Node { return Node{z.data.At(off)} }

// read reads the RRsets at l, which is in z, into g, whose owner is set.
func (d *decoder) read(z *Zone, l location, g *group) {
	g.sets = g.sets[:0]
	if l.name != 0 {
		node := z.node(l.name)
		if node.IsCut() {
			s := g.set(TypeNS)
			s.records = d.part(s.records, g.owner, z.Referral(node).NS())
		}
		d.readNode(z, node, g)
	}
	if l.occluded != 0 {
		d.readNode(z, z.node(l.occluded), g)
	}
	if l.hashed != 0 {
		d.readSet(z, l.hashed, g)
	}
	slices.SortFunc(g.sets, func(x, y rrset) int { return int(x.rrtype) - int(y.rrtype) })
}

func (d *decoder) readNode(z *Zone, node Node, g *group) {
	for off := range node.rrsets() {
		d.readSet(z, off, g)
	}
}

func (d *decoder) readSet(z *Zone, off arena.Offset, g *group) {
	set := RRset{z.data.At(off)}
	s := g.set(set.Type())
	s.stored = off
	s.records = d.part(s.records, g.owner, set.Records())
	s.signatures = d.part(s.signatures, g.owner, set.Signatures())
}

// part appends the records of p to records.
func (d *decoder) part(records []rr, owner []byte, p Part) []rr {
	fixups := p.Fixups
	for at := 0; at < len(p.Bytes); {
		h := p.Bytes[at:]
		body := at + recordFixed
		end := body + int(binary.BigEndian.Uint16(h[recordFixed-2:]))
		fixups = fixups[2:] // the owner
		r := rr{ttl: binary.BigEndian.Uint32(h[6:]), rdata: p.Bytes[body:end:end]}
		if len(fixups) > 0 && le16(fixups) < end {
			start := len(d.buf)
			for len(fixups) > 0 && le16(fixups) < end {
				pointer := le16(fixups)
				d.buf = append(d.buf, p.Bytes[body:pointer]...)
				d.buf = p.appendName(d.buf, owner, Pointer(binary.BigEndian.Uint16(p.Bytes[pointer:])))
				body = pointer + 2
				fixups = fixups[2:]
			}
			d.buf = append(d.buf, p.Bytes[body:end]...)
			r.rdata = d.buf[start:len(d.buf):len(d.buf)]
		}
		records = append(records, r)
		at = end
	}
	return records
}

// recordFixed is a record's owner pointer, type, class, TTL and length.
const recordFixed = 2 + 2 + 2 + 4 + 2

// appendName appends the name that pointer means in records of owner.
func (p Part) appendName(dst, owner []byte, pointer Pointer) []byte {
	switch pointer.Base() {
	case ToOwner:
		return append(dst, owner...)
	case ToSuffix:
		return append(dst, owner[len(owner)-pointer.N():]...)
	}
	for at := pointer.N(); ; {
		if p.IsPointer(at) {
			return p.appendName(dst, owner, Pointer(binary.BigEndian.Uint16(p.Bytes[at:])))
		}
		next := at + 1 + int(p.Bytes[at])
		dst = append(dst, p.Bytes[at:next]...)
		if next == at+1 {
			return dst
		}
		at = next
	}
}

// appendHashKey appends the key of the owner of the NSEC3 record for hash.
func appendHashKey(dst, hash []byte) []byte {
	return append(base32Hex.AppendEncode(dst, hash), 0)
}
