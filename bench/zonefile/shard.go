package zonefile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sync"

	"yushan/zone/master"
)

const (
	shards     = 64 // a power of two
	firstIndex = 64 // places in the index of an empty shard, a power of two
)

// shard has the names of a zone whose hashes begin alike.
//
// While records come, they are appended to arena in the order of their coming; those
// of a name are a list. seal then sorts them, and drops arena and owners.
type shard struct {
	mu sync.Mutex // while records come
	// index finds names by open addressing: 1 more than a place in owners, later in
	// sealed; 0 is free. Its length is a power of two.
	index  []uint32
	owners []owner
	arena  []byte

	sealed  []byte // the nodes, one after the other; see Node
	records int
}

// owner is a name while records come.
type owner struct {
	name uint32 // where it stands in arena
	last uint32 // 1 more than where its latest record stands; 0: it has none
}

// A record in arena: place of the one before it, as owner.last (4) | type (2) | TTL (4) |
// length (2) | RDATA.
const recordHead = 12

// hashName is FNV-1a of 64 bits, whose high and low bits are then mixed. Equal
// files shall give equal orders, so it has no seed.
func hashName(name []byte) uint64 {
	hash := uint64(0xcbf29ce484222325)
	for _, c := range name {
		hash = (hash ^ uint64(c)) * 0x100000001b3
	}
	hash ^= hash >> 32
	hash *= 0xd6e8feb86659fd93
	return hash ^ hash>>32
}

// shardOf takes other bits of the hash than the index does.
func shardOf(hash uint64) int { return int(hash >> 56 & (shards - 1)) }

// node is the one that begins at a place of sealed.
func (s *shard) node(number, at int) Node {
	return Node{bytes: s.sealed[at:], id: uint64(number)<<32 | uint64(at)}
}

func (s *shard) name(o *owner) []byte {
	name := s.arena[o.name:]
	end := 0
	for name[end] != 0 {
		end += 1 + int(name[end])
	}
	return name[:end+1]
}

// find returns the owner of a name, or the free place in the index.
func (s *shard) find(hash uint64, name []byte) (place uint64, found bool) {
	mask := uint64(len(s.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if s.index[i] == 0 {
			return i, false
		}
		if bytes.Equal(s.name(&s.owners[s.index[i]-1]), name) {
			return i, true
		}
	}
}

// insert adds a name that is not there.
func (s *shard) insert(hash uint64, name []byte) *owner {
	if len(s.owners) >= len(s.index)/2 {
		index := make([]uint32, 2*len(s.index))
		mask := uint64(len(index) - 1)
		for i := range s.owners {
			at := hashName(s.name(&s.owners[i])) & mask
			for index[at] != 0 {
				at = (at + 1) & mask
			}
			index[at] = uint32(i + 1)
		}
		s.index = index
	}
	place, _ := s.find(hash, name)
	s.owners = append(s.owners, owner{name: uint32(len(s.arena))})
	s.arena = append(s.arena, name...)
	s.index[place] = uint32(len(s.owners))
	return &s.owners[len(s.owners)-1]
}

func (s *shard) add(hash uint64, name []byte, r *master.Record) {
	var o *owner
	if place, found := s.find(hash, name); found {
		o = &s.owners[s.index[place]-1]
	} else {
		o = s.insert(hash, name)
	}
	at := len(s.arena)
	s.arena = binary.BigEndian.AppendUint32(s.arena, o.last)
	s.arena = binary.BigEndian.AppendUint16(s.arena, r.Type)
	s.arena = binary.BigEndian.AppendUint32(s.arena, r.TTL)
	s.arena = binary.BigEndian.AppendUint16(s.arena, uint16(len(r.RDATA)))
	s.arena = AppendCanonical(s.arena, r.Type, r.RDATA)
	o.last = uint32(at + 1)
}

// loose is a record before it is in its RRset.
type loose struct {
	rrtype uint16
	ttl    uint32
	rdata  []byte
}

func (l loose) compare(m loose) int {
	return cmp.Or(cmp.Compare(l.rrtype, m.rrtype), bytes.Compare(l.rdata, m.rdata))
}

// collect returns the records of a name, sorted.
func (s *shard) collect(o *owner, records []loose) []loose {
	for at := o.last; at != 0; {
		r := s.arena[at-1:]
		records = append(records, loose{
			rrtype: binary.BigEndian.Uint16(r[4:]),
			ttl:    binary.BigEndian.Uint32(r[6:]),
			rdata:  r[recordHead : recordHead+int(binary.BigEndian.Uint16(r[10:]))],
		})
		at = binary.BigEndian.Uint32(r)
	}
	slices.SortFunc(records, loose.compare)
	return records
}

// seal brings the shard into its final form.
func (s *shard) seal() {
	slices.SortFunc(s.owners, func(a, b owner) int { return bytes.Compare(s.name(&a), s.name(&b)) })
	// The list's head becomes the set's: the result is hardly ever longer.
	sealed := make([]byte, 0, len(s.arena)+len(s.owners)*(nodeHead+setHead))
	clear(s.index)
	mask := uint64(len(s.index) - 1)
	var records []loose
	for i := range s.owners {
		start := len(sealed)
		name := s.name(&s.owners[i])
		place := hashName(name) & mask
		for s.index[place] != 0 {
			place = (place + 1) & mask
		}
		s.index[place] = uint32(start + 1)
		sealed = append(sealed, 0, 0, 0, 0, 0)
		sealed = append(sealed, name...)
		records = s.collect(&s.owners[i], records[:0])
		for rest := records; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].rrtype == rest[0].rrtype {
				n++
			}
			sealed = s.appendSet(sealed, rest[:n])
			rest = rest[n:]
		}
		binary.BigEndian.PutUint32(sealed[start:], uint32(len(sealed)-start))
	}
	s.sealed = make([]byte, len(sealed))
	copy(s.sealed, sealed)
	s.owners, s.arena = nil, nil
}

// appendSet appends the records of one type. Of those that are said twice (RFC 2181
// §5), one is kept.
func (s *shard) appendSet(sealed []byte, records []loose) []byte {
	start := len(sealed)
	minTTL, maxTTL, n := records[0].ttl, records[0].ttl, 0
	sealed = append(sealed, make([]byte, setHead)...)
	for i, r := range records {
		minTTL, maxTTL = min(minTTL, r.ttl), max(maxTTL, r.ttl)
		if i > 0 && bytes.Equal(r.rdata, records[i-1].rdata) {
			continue
		}
		n++
		sealed = binary.BigEndian.AppendUint16(sealed, uint16(len(r.rdata)))
		sealed = append(sealed, r.rdata...)
	}
	s.records += n
	set := sealed[start:]
	binary.BigEndian.PutUint16(set, records[0].rrtype)
	binary.BigEndian.PutUint32(set[2:], minTTL)
	binary.BigEndian.PutUint32(set[6:], maxTTL)
	binary.BigEndian.PutUint16(set[10:], uint16(min(n, 0xffff)))
	binary.BigEndian.PutUint32(set[12:], uint32(len(set)-setHead))
	return sealed
}
