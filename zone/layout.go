package zone

import (
	"bytes"
	"encoding/binary"
	"iter"

	"yushan/zone/arena"
)

// How a zone lies in its arena. All numbers are little-endian, except inside
// record bytes, which are as on the wire.
//
// The value of a name in the radix tree is the offset of its node:
//
//	node       │ kind │ 0 │ rrsets u16 │ { type u16, 0 u16, offset u32 } … by type
//	cut        │ kind │ 0 │ rrsets u16 │ referral u32 │ { type, 0, offset } …      DS, NSEC
//	referral   │ kind │ …                                 a cut that has nothing but NS
//
// A delegation without DS, the commonest thing in a registry's zone, so costs
// its leaf in the tree, and one referral that all delegations to the same name
// servers share.
//
//	RRset      │ ttl u32 │ records u16 │ signatures u16 │ record bytes u16 │ signature bytes u16 │
//	           │ record fixups u16 │ signature fixups u16 │ targets u16 │ type u16 │
//	           │ fixups u16 … │ targets u16 … │ records │ signatures │
//
//	referral   │ kind u8 │ 0 │ ns u16 │ required u16 │ optional u16 │
//	           │ ns bytes u16 │ required bytes u16 │ optional bytes u16 │ ns fixups u16 │
//	           │ signatures u16 │ signature bytes u16 │
//	           │ fixups u16 … │ ns │ required glue │ optional addresses │ their signatures │
//
// Records are whole: owner, type, class, TTL, length, RDATA, as an answer holds
// them, except that the two bytes of a compression pointer say what they point
// to relative to something that only the message knows (see [Pointer]). A
// fixup is the position of such a pointer within the bytes that it belongs to:
// records, signatures, or the NS records of a referral. What follows those has
// one pointer a record, its owner, which is not listed.
//
// Invariants:
//  1. every fixup points at two bytes inside its bytes, and fixups ascend;
//  2. every record begins with a pointer: its owner;
//  3. an entry list ascends by type; RRSIG never is a type of its own in it;
//  4. nothing is written after the zone that it was made for is in service.
const (
	kindNode     = 1
	kindCut      = 2
	kindReferral = 3

	entrySize      = 8
	rrsetHeader    = 20
	referralHeader = 20
)

// A Pointer is a compression pointer before the message is known: its base in
// the upper two bits, and a number that the base gives a meaning.
type Pointer uint16

// The bases of a [Pointer].
const (
	ToOwner    Pointer = 0 << 14 // the owner of the RRset
	ToSuffix   Pointer = 1 << 14 // the last n bytes of the owner's name, which end the question's name too
	ToFragment Pointer = 2 << 14 // n bytes from the start of the records
	baseMask   Pointer = 3 << 14
)

// Base returns which of the bases p has.
func (p Pointer) Base() Pointer { return p & baseMask }

// N returns the number that the base gives a meaning.
func (p Pointer) N() int { return int(p &^ baseMask) }

func le16(b []byte) int { return int(binary.LittleEndian.Uint16(b)) }

// Node is what a zone holds at one name: a view into the zone's arena.
type Node struct{ b []byte }

// IsZero tells whether there is nothing to view.
func (n Node) IsZero() bool { return n.b == nil }

// IsCut tells whether the node is a zone cut.
func (n Node) IsCut() bool { return n.b[0] != kindNode }

// Is tells whether n and other are the same node of the same zone.
func (n Node) Is(other Node) bool { return &n.b[0] == &other.b[0] }

func (n Node) entries() []byte {
	count := le16(n.b[2:])
	switch n.b[0] {
	case kindNode:
		return n.b[4 : 4+count*entrySize]
	case kindCut:
		return n.b[8 : 8+count*entrySize]
	}
	return nil
}

// find returns the offset of the RRset of rrtype at the node.
func (n Node) find(rrtype uint16) (arena.Offset, bool) {
	for e := n.entries(); len(e) > 0; e = e[entrySize:] {
		if t := binary.LittleEndian.Uint16(e); t >= rrtype {
			return arena.Offset(binary.LittleEndian.Uint32(e[4:])), t == rrtype
		}
	}
	return 0, false
}

// rrsets yields where the RRsets of the node lie, by type.
func (n Node) rrsets() iter.Seq[arena.Offset] {
	return func(yield func(arena.Offset) bool) {
		for e := n.entries(); len(e) > 0; e = e[entrySize:] {
			if !yield(arena.Offset(binary.LittleEndian.Uint32(e[4:]))) {
				return
			}
		}
	}
}

// size is how many bytes of the arena the node takes, its RRsets and its
// referral not counted.
func (n Node) size() int64 {
	switch n.b[0] {
	case kindNode:
		return roundUp(4 + len(n.entries()))
	case kindCut:
		return roundUp(8 + len(n.entries()))
	}
	return 0
}

// RRset returns the RRset of rrtype at node. At a cut only DS and NSEC can be
// found: all else there is in the referral.
func (z *Zone) RRset(node Node, rrtype uint16) (RRset, bool) {
	off, ok := node.find(rrtype)
	if !ok {
		return RRset{}, false
	}
	return RRset{z.data.At(off)}, true
}

// AnyRRset returns the one RRset that stands for all of node when any type is
// wanted (RFC 8482 §4.1): CNAME, else the lowest type but NSEC.
func (z *Zone) AnyRRset(node Node) (RRset, bool) {
	if cname, ok := z.RRset(node, TypeCNAME); ok {
		return cname, true
	}
	for e := node.entries(); len(e) > 0; e = e[entrySize:] {
		if binary.LittleEndian.Uint16(e) != TypeNSEC {
			return RRset{z.data.At(arena.Offset(binary.LittleEndian.Uint32(e[4:])))}, true
		}
	}
	return RRset{}, false
}

// Referral returns the ready referral of a node that is a cut.
func (z *Zone) Referral(node Node) Referral {
	if node.b[0] == kindReferral {
		return Referral(node)
	}
	return Referral{z.data.At(node.referral(0))}
}

// referral returns where the referral of a cut lies; off is where the node does.
func (n Node) referral(off arena.Offset) arena.Offset {
	if n.b[0] == kindReferral {
		return off
	}
	return arena.Offset(binary.LittleEndian.Uint32(n.b[4:]))
}

// RRset is a view of one RRset and the signatures over it.
type RRset struct{ b []byte }

// TTL is in seconds.
func (r RRset) TTL() uint32 { return binary.LittleEndian.Uint32(r.b) }

// Type is the type of the records.
func (r RRset) Type() uint16 { return binary.LittleEndian.Uint16(r.b[18:]) }

// Is tells whether r and other are the same RRset of the same zone.
func (r RRset) Is(other RRset) bool { return &r.b[0] == &other.b[0] }

// size is how many bytes of the arena the RRset takes.
func (r RRset) size() int64 {
	return roundUp(r.length())
}

func (r RRset) length() int {
	return rrsetHeader + 2*(le16(r.b[12:])+le16(r.b[14:])+le16(r.b[16:])) + le16(r.b[8:]) + le16(r.b[10:])
}

// Part is a run of whole records, ready to be copied into a message when the
// pointers in it are resolved. Its slices belong to the zone.
type Part struct {
	Records int
	Bytes   []byte
	Fixups  []byte // positions of pointers in Bytes, u16 little-endian each
}

// IsPointer tells whether the two bytes at position at are a [Pointer]: their
// bits do not say so.
func (p Part) IsPointer(at int) bool {
	lo, hi := 0, len(p.Fixups)/2
	for lo < hi {
		mid := (lo + hi) / 2
		switch x := le16(p.Fixups[2*mid:]); {
		case x == at:
			return true
		case x < at:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return false
}

// Records returns the RRset without its signatures.
func (r RRset) Records() Part {
	fixups := rrsetHeader
	bytes := rrsetHeader + 2*(le16(r.b[12:])+le16(r.b[14:])+le16(r.b[16:]))
	return Part{le16(r.b[4:]), r.b[bytes : bytes+le16(r.b[8:])], r.b[fixups : fixups+2*le16(r.b[12:])]}
}

// Signatures returns the RRSIG records that cover the RRset.
func (r RRset) Signatures() Part {
	fixups := rrsetHeader + 2*le16(r.b[12:])
	bytes := rrsetHeader + 2*(le16(r.b[12:])+le16(r.b[14:])+le16(r.b[16:])) + le16(r.b[8:])
	return Part{le16(r.b[6:]), r.b[bytes : bytes+le16(r.b[10:])], r.b[fixups : fixups+2*le16(r.b[14:])]}
}

// Targets returns where in the bytes of the records the names begin whose
// addresses belong into the additional section, u16 little-endian each.
func (r RRset) Targets() []byte {
	at := rrsetHeader + 2*(le16(r.b[12:])+le16(r.b[14:]))
	return r.b[at : at+2*le16(r.b[16:])]
}

// Referral is a view of a cut's name servers and their glue, laid out as the
// authority and the additional section of the answer. Pointers of base
// [ToFragment] count from the start of NS in all three parts.
type Referral struct{ b []byte }

func (r Referral) bytes() int { return referralHeader + 2*le16(r.b[14:]) }

// TTL of the NS RRset in seconds.
func (r Referral) TTL() uint32 { return binary.BigEndian.Uint32(r.b[r.bytes()+6:]) }

// NS returns the NS RRset of the cut.
func (r Referral) NS() Part {
	at := r.bytes()
	return Part{le16(r.b[2:]), r.b[at : at+le16(r.b[8:])], r.b[referralHeader:at]}
}

// Required returns the glue without which the referral leads nowhere: the
// addresses of name servers at or below the cut (RFC 9471 §2.1).
func (r Referral) Required() Part {
	at := r.bytes() + le16(r.b[8:])
	return Part{le16(r.b[4:]), r.b[at : at+le16(r.b[10:])], nil}
}

// Optional returns the addresses that the zone knows of the other name servers.
func (r Referral) Optional() Part {
	at := r.bytes() + le16(r.b[8:]) + le16(r.b[10:])
	return Part{le16(r.b[6:]), r.b[at : at+le16(r.b[12:])], nil}
}

// Signatures returns the RRSIG records over those of the optional addresses
// that the zone is authoritative for (RFC 4035 §3.1.1).
func (r Referral) Signatures() Part {
	at := r.bytes() + le16(r.b[8:]) + le16(r.b[10:]) + le16(r.b[12:])
	return Part{le16(r.b[16:]), r.b[at : at+le16(r.b[18:])], nil}
}

// size is how many bytes of the arena the referral takes.
func (r Referral) size() int64 {
	return roundUp(r.length())
}

func (r Referral) length() int {
	return r.bytes() + le16(r.b[8:]) + le16(r.b[10:]) + le16(r.b[12:]) + le16(r.b[18:])
}

// equals tells whether the referral is laid out as in fragment.
func (r Referral) equals(fragment []byte) bool {
	return r.length() == len(fragment) && bytes.Equal(r.b[:len(fragment)], fragment)
}

// owned is the size of a referral that is taken to be of one cut alone, because
// it holds addresses of that cut's own name servers; 0 for one that others may share.
func (r Referral) owned() int64 {
	if le16(r.b[4:]) == 0 {
		return 0
	}
	return r.size()
}

// independent tells whether the names in p are the same whatever the owner, if
// it ends in an apex of apexLen bytes.
func (p Part) independent(apexLen int) bool {
	next := 0 // position of a record's owner
	for f := p.Fixups; len(f) > 0; f = f[2:] {
		at := le16(f)
		if at == next {
			next += recordFixed + int(binary.BigEndian.Uint16(p.Bytes[at+recordFixed-2:]))
			continue
		}
		q := Pointer(binary.BigEndian.Uint16(p.Bytes[at:]))
		if q.Base() == ToOwner || q.Base() == ToSuffix && q.N() > apexLen {
			return false
		}
	}
	return true
}
