package zone

import (
	"encoding/binary"
	"sync/atomic"

	"yushan/zone/arena"
	"yushan/zone/dname"
	"yushan/zone/radix"
)

// Zone is the content of a zone at one serial. It never changes, and may be
// read by any number of goroutines.
type Zone struct {
	origin []byte

	names    radix.Tree // authoritative names and cuts → node
	occluded radix.Tree // names below cuts, and what is not the parent's at cuts → node
	nsec3    radix.Tree // hash, 20 bytes → RRset
	siblings radix.Tree // names of name servers that cuts not above them name, or once did

	store, trees *arena.Arena // shared with earlier and later versions
	data         arena.View
	live         int64                  // bytes of store that this version uses
	pool         *pool                  // shared with earlier and later versions
	naming       atomic.Pointer[naming] // nil until it is needed; later versions share it

	apex          Node
	soa           RRset
	serial        uint32
	negative      uint32 // TTL of negative answers
	optOuts       int    // NSEC3 RRsets with the opt-out flag
	wildcards     int    // names at or below an asterisk label; 0 spares a lookup in every negative answer
	iterations    uint16
	salt          []byte
	apexNSEC3     Denial3 // the NSEC3 record at or before the hash of the apex
	apexProven    bool    // it is that of the apex
	apexWildcard3 Denial3 // the NSEC3 record at or before the hash of the wildcard below the apex
	stats         Stats
}

// Denial is how a zone proves that something does not exist.
type Denial uint8

// The ways of authenticated denial.
const (
	Unsigned Denial = iota
	NSEC            // RFC 4034 §4
	NSEC3           // RFC 5155
)

func (d Denial) String() string { return [...]string{"unsigned", "NSEC", "NSEC3"}[d] }

// Stats are figures about a zone.
type Stats struct {
	Records int // all records, signatures included
	RRsets  int
	Names   int // owner names that have records
	Cuts    int // delegations
	Glue    int // address records below cuts
	Denial  Denial
	OptOut  bool  // some NSEC3 record has the opt-out flag
	Bytes   int64 // memory that the zone occupies, together with its earlier and later versions
	Garbage int64 // how many of the Bytes other versions use, or none; see [Zone.Compact]
}

// Origin is the name of the apex, in wire format and lower case. It must not
// be written to.
func (z *Zone) Origin() []byte { return z.origin }

// Serial is the serial of the SOA record.
func (z *Zone) Serial() uint32 { return z.serial }

// Stats returns figures about the zone.
func (z *Zone) Stats() Stats {
	s := z.stats
	s.Bytes = z.store.Bytes() + z.trees.Bytes()
	s.Garbage = s.Bytes - z.live
	for _, tree := range []radix.Tree{z.names, z.occluded, z.nsec3, z.siblings} {
		s.Garbage -= tree.Bytes()
	}
	return s
}

// seal computes what every answer needs, when all else of the zone is in place.
func (z *Zone) seal() {
	apex, _, _ := z.get(z.names, nil)
	z.apex = apex
	z.soa, _ = z.RRset(apex, TypeSOA)
	records := z.soa.Records().Bytes
	z.negative = min(z.soa.TTL(), binary.BigEndian.Uint32(records[len(records)-4:]))
	z.sealNSEC3()
	_, hasNSEC := z.RRset(apex, TypeNSEC)
	switch {
	case z.nsec3.Len() > 0:
		z.stats.Denial = NSEC3
	case hasNSEC:
		z.stats.Denial = NSEC
	default:
		z.stats.Denial = Unsigned
	}
}

func (z *Zone) get(tree radix.Tree, key []byte) (node Node, off arena.Offset, ok bool) {
	value, ok := tree.Get(key)
	if !ok {
		return Node{}, 0, false
	}
	return Node{z.data.At(arena.Offset(value))}, arena.Offset(value), true
}

// SOA returns the SOA RRset of the apex.
func (z *Zone) SOA() RRset { return z.soa }

// NegativeTTL is the TTL of the SOA record in negative answers, in seconds:
// the lower of its own and its MINIMUM field (RFC 2308 §3).
func (z *Zone) NegativeTTL() uint32 { return z.negative }

// Denial says how the zone proves non-existence.
func (z *Zone) Denial() Denial { return z.stats.Denial }

// Kind says what a name is to a zone.
type Kind uint8

// What [Zone.Find] finds.
const (
	Missing  Kind = iota // the name does not exist
	Empty                // an empty non-terminal: no records, but names below it
	Exact                // the name has records
	Cut                  // the name is, or lies below, a zone cut
	Redirect             // the name lies below a DNAME
)

// Match is the outcome of [Zone.Find].
type Match struct {
	Kind Kind
	// Len is how many bytes of the key belong to the name that was found: all
	// (Exact, Empty), those of the cut, of the DNAME's owner, or, when the name is
	// missing, those of its closest encloser.
	Len  int
	Node Node // of the name found; not for Missing and Empty
}

// Find follows key, made by [dname.AppendKey], from the apex down
// (RFC 1034 §4.3.2 step 3) and stops at the first cut or DNAME. It allocates nothing.
func (z *Zone) Find(key []byte) Match {
	return z.matched(z.names.Descend(key), key)
}

// matched returns what m, from the tree of names, means for key.
func (z *Zone) matched(m radix.Match, key []byte) Match {
	if m.Found {
		match := Match{Exact, m.Len, Node{z.data.At(arena.Offset(m.Value))}}
		if m.Stop {
			if match.Node.IsCut() {
				match.Kind = Cut
			} else if m.Len < len(key) {
				match.Kind = Redirect
			}
		}
		return match
	}
	if m.Len == len(key) {
		return Match{Kind: Empty, Len: m.Len}
	}
	_, n := dname.KeyLabels(key[:m.Len])
	return Match{Kind: Missing, Len: n}
}

// Wildcard returns the node of the wildcard below the closest encloser whose
// key is encloser (RFC 4592 §3.3.1). The node is zero if the wildcard is an empty
// non-terminal: it stands for other names even so, without data (§2.2.2). buf is
// scratch space for a key.
func (z *Zone) Wildcard(encloser, buf []byte) (Node, bool) {
	if z.wildcards == 0 {
		return Node{}, false
	}
	key := append(append(buf[:0], encloser...), '*', 0)
	m := z.names.Descend(key)
	if m.Found {
		return Node{z.data.At(arena.Offset(m.Value))}, true
	}
	return Node{}, m.Len == len(key)
}

// Addresses returns the node that holds the addresses of the name with this
// key, be it authoritative or glue.
func (z *Zone) Addresses(key []byte) (node Node, ok bool) {
	if node, _, ok = z.get(z.names, key); ok && !node.IsCut() {
		return node, true
	}
	node, _, ok = z.get(z.occluded, key)
	return node, ok
}

// NSEC returns the last authoritative name at or before key in canonical order
// (RFC 4034 §6.1), as a key in buf, and its NSEC RRset, which matches or covers key.
func (z *Zone) NSEC(key, buf []byte) (owner []byte, nsec RRset, ok bool) {
	owner, value, ok := z.names.Floor(key, buf)
	if !ok {
		return nil, RRset{}, false
	}
	nsec, ok = z.RRset(Node{z.data.At(arena.Offset(value))}, TypeNSEC)
	return owner, nsec, ok
}
