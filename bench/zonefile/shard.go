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
// While records come, they are appended to blocks in the order of their coming; those
// of a name are a list. seal then sorts them, and drops blocks and owners.
type shard struct {
	mu sync.Mutex // while records come
	// index finds names by open addressing: 1 more than a place in owners, later in
	// sealed; 0 is free. Its length is a power of two.
	index  []uint32
	owners []owner
	blocks [][]byte
	bytes  int // in blocks

	sealed  []byte // the nodes, one after the other; see Node
	records int
}

// place is where something stands in blocks: number of the block | offset in it.
type place uint32

const (
	blockBits  = 16
	firstBlock = 1 << 10 // bytes; most shards of a small zone need no more
)

// owner is a name while records come.
type owner struct {
	name place
	last place // of its latest record
	any  bool  // it has one
}

// A record in blocks: whether there is one before it (1), and its place (4) | type (2) |
// TTL (4) | length (2) | RDATA.
const recordHead = 13

// reserve returns a place with room for n bytes to be appended to its block.
func (s *shard) reserve(n int) (place, *[]byte) {
	last := len(s.blocks) - 1
	if last < 0 || cap(s.blocks[last])-len(s.blocks[last]) < n {
		size := 1 << blockBits
		if last < 0 {
			size = firstBlock
		}
		s.blocks = append(s.blocks, make([]byte, 0, max(size, n)))
		last++
	}
	s.bytes += n
	block := &s.blocks[last]
	return place(last<<blockBits | len(*block)), block
}

// at returns what begins at a place, and what comes after it.
func (s *shard) at(p place) []byte { return s.blocks[p>>blockBits][p&(1<<blockBits-1):] }

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
	name := s.at(o.name)
	end := 0
	for name[end] != 0 {
		end += 1 + int(name[end])
	}
	return name[:end+1]
}

// find returns the owner of a name, or the free place in the index.
func (s *shard) find(hash uint64, name []byte) (at uint64, found bool) {
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
	free, _ := s.find(hash, name)
	p, block := s.reserve(len(name))
	*block = append(*block, name...)
	s.owners = append(s.owners, owner{name: p})
	s.index[free] = uint32(len(s.owners))
	return &s.owners[len(s.owners)-1]
}

func (s *shard) add(hash uint64, name []byte, r *master.Record) {
	var o *owner
	if i, found := s.find(hash, name); found {
		o = &s.owners[s.index[i]-1]
	} else {
		o = s.insert(hash, name)
	}
	p, block := s.reserve(recordHead + len(r.RDATA))
	b := append(*block, 0)
	if o.any {
		b[len(b)-1] = 1
	}
	b = binary.BigEndian.AppendUint32(b, uint32(o.last))
	b = binary.BigEndian.AppendUint16(b, r.Type)
	b = binary.BigEndian.AppendUint32(b, r.TTL)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.RDATA)))
	*block = AppendCanonical(b, r.Type, r.RDATA)
	o.last, o.any = p, true
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

// sameSet tells whether records belong to one RRset.
func (l loose) sameSet(m loose) bool {
	return l.rrtype == m.rrtype && (l.rrtype != typeRRSIG || covered(l.rdata) == covered(m.rdata))
}

// collect returns the records of a name, sorted.
func (s *shard) collect(o *owner, records []loose) []loose {
	p, more := o.last, o.any
	for more {
		r := s.at(p)
		records = append(records, loose{
			rrtype: binary.BigEndian.Uint16(r[5:]),
			ttl:    binary.BigEndian.Uint32(r[7:]),
			rdata:  r[recordHead : recordHead+int(binary.BigEndian.Uint16(r[11:]))],
		})
		p, more = place(binary.BigEndian.Uint32(r[1:])), r[0] != 0
	}
	slices.SortFunc(records, loose.compare)
	return records
}

// seal brings the shard into its final form. It works in scratch, which it returns.
func (s *shard) seal(scratch []byte) []byte {
	slices.SortFunc(s.owners, func(a, b owner) int { return bytes.Compare(s.name(&a), s.name(&b)) })
	sealed := slices.Grow(scratch[:0], s.bytes+len(s.owners)*(nodeHead+setHead))
	clear(s.index)
	mask := uint64(len(s.index) - 1)
	var records []loose
	for i := range s.owners {
		start := len(sealed)
		name := s.name(&s.owners[i])
		free := hashName(name) & mask
		for s.index[free] != 0 {
			free = (free + 1) & mask
		}
		s.index[free] = uint32(start + 1)
		sealed = append(sealed, 0, 0, 0, 0, 0)
		sealed = append(sealed, name...)
		records = s.collect(&s.owners[i], records[:0])
		for rest := records; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].sameSet(rest[0]) {
				n++
			}
			sealed = s.appendSet(sealed, rest[:n])
			rest = rest[n:]
		}
		binary.BigEndian.PutUint32(sealed[start:], uint32(len(sealed)-start))
	}
	s.sealed = make([]byte, len(sealed))
	copy(s.sealed, sealed)
	s.owners, s.blocks = nil, nil
	return sealed
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
