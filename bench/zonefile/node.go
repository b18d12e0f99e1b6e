package zonefile

import (
	"encoding/binary"
	"iter"
)

// Node is one name of a zone. The zero Node is no name.
//
// Its bytes, big-endian:
//
//	length of all (4) | flags (1) | name | RRsets by ascending type and covered type
//
// and of each RRset:
//
//	type (2) | smallest, largest TTL (4, 4) | records (2) | length of what follows (4)
//	and for each record, by ascending RDATA: length (2) | RDATA
type Node struct {
	bytes []byte // from its start to the end of its shard
	id    uint64
}

const (
	nodeHead = 5
	setHead  = 16
)

const (
	flagCut      = 1 << iota // it delegates
	flagOccluded             // below a cut or a DNAME
	flagHash                 // nothing but the owner of an NSEC3
)

// IsZero tells whether there is no such name.
func (n Node) IsZero() bool { return n.bytes == nil }

func (n Node) size() int { return int(binary.BigEndian.Uint32(n.bytes)) }

// ID is another one for each name of a zone, below 2⁴⁰.
func (n Node) ID() uint64 { return n.id }

func (n Node) flags() byte { return n.bytes[4] }

// Name returns the name in wire format and lower case. It must not be written to.
func (n Node) Name() []byte {
	name := n.bytes[nodeHead:]
	end := 0
	for name[end] != 0 {
		end += 1 + int(name[end])
	}
	return name[: end+1 : end+1]
}

// Cut tells whether the zone delegates here: there are NS records, it isn't the apex,
// and no cut nor DNAME is above it.
func (n Node) Cut() bool { return !n.IsZero() && n.flags()&flagCut != 0 }

// Occluded tells whether the name lies below a cut, where it can be glue, or below a
// DNAME.
func (n Node) Occluded() bool { return !n.IsZero() && n.flags()&flagOccluded != 0 }

// Hash tells whether nothing but NSEC3 records stands here: to queries the name does
// not exist (RFC 5155 §7.2.8).
func (n Node) Hash() bool { return !n.IsZero() && n.flags()&flagHash != 0 }

// Empty tells whether the name is an empty non-terminal.
func (n Node) Empty() bool {
	return !n.IsZero() && n.size() == nodeHead+len(n.Name())
}

// RRset is the records of one name that have one type and, if that is RRSIG, cover one.
type RRset struct {
	Type, Covered uint16
	// MinTTL and MaxTTL, in seconds, differ if the file gives the records different
	// ones (RFC 2181 §5.2 forbids it).
	MinTTL, MaxTTL uint32
	Len            int
	records        []byte
}

// RRsets are those of the name, by ascending type and covered type.
func (n Node) RRsets() iter.Seq[RRset] {
	return func(yield func(RRset) bool) {
		if n.IsZero() {
			return
		}
		rest := n.bytes[nodeHead+len(n.Name()) : n.size()]
		for len(rest) > 0 {
			set, size := readRRset(rest)
			if !yield(set) {
				return
			}
			rest = rest[size:]
		}
	}
}

func readRRset(b []byte) (set RRset, size int) {
	length := int(binary.BigEndian.Uint32(b[12:]))
	set = RRset{
		Type:    binary.BigEndian.Uint16(b),
		MinTTL:  binary.BigEndian.Uint32(b[2:]),
		MaxTTL:  binary.BigEndian.Uint32(b[6:]),
		Len:     int(binary.BigEndian.Uint16(b[10:])),
		records: b[setHead : setHead+length],
	}
	if set.Type == typeRRSIG {
		set.Covered = covered(set.records[2:])
	}
	return set, setHead + length
}

// RRset returns the one of a type; the zero RRset if there is none, and for RRSIG.
func (n Node) RRset(rrtype uint16) RRset {
	if set := n.first(rrtype); rrtype != typeRRSIG {
		return set
	}
	return RRset{}
}

// first returns the first RRset of a type.
func (n Node) first(rrtype uint16) RRset {
	if n.IsZero() {
		return RRset{}
	}
	rest := n.bytes[nodeHead+len(n.Name()) : n.size()]
	for len(rest) > 0 {
		found := binary.BigEndian.Uint16(rest)
		if found == rrtype {
			set, _ := readRRset(rest)
			return set
		}
		if found > rrtype {
			break
		}
		rest = rest[setHead+int(binary.BigEndian.Uint32(rest[12:])):]
	}
	return RRset{}
}

// Signatures returns the RRSIG records that cover a type.
func (n Node) Signatures(rrtype uint16) RRset {
	if n.IsZero() {
		return RRset{}
	}
	rest := n.bytes[nodeHead+len(n.Name()) : n.size()]
	for len(rest) > 0 {
		if binary.BigEndian.Uint16(rest) == typeRRSIG && covered(rest[setHead+2:]) == rrtype {
			set, _ := readRRset(rest)
			return set
		}
		rest = rest[setHead+int(binary.BigEndian.Uint32(rest[12:])):]
	}
	return RRset{}
}

// Has tells whether there are records of a type.
func (n Node) Has(rrtype uint16) bool { return n.first(rrtype).Len > 0 }

// All are the RDATA of the records, as [AppendCanonical] makes them, in ascending
// order of their bytes. They must not be written to.
func (s RRset) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := s.records; len(rest) > 0; {
			end := 2 + int(binary.BigEndian.Uint16(rest))
			if !yield(rest[2:end:end]) {
				return
			}
			rest = rest[end:]
		}
	}
}

// First returns the RDATA that All begins with, nil of no RRset.
func (s RRset) First() []byte {
	for rdata := range s.All() {
		return rdata
	}
	return nil
}
