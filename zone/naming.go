package zone

import (
	"bytes"
	"hash/maphash"
	"slices"
	"sync"

	"yushan/zone/arena"
	"yushan/zone/dname"
)

// naming knows, for each name server in the zone, where to look for the
// cuts that name it without being above it. When its addresses change so do their
// referrals, which hold them.
//
// The cuts are dealt into buckets, by runs of neighbouring keys, and each server
// has the numbers of those buckets where it is named. That takes two bytes for a
// cut, where the cut's name takes a dozen, and looking through a bucket costs about what
// it costs to make one referral anew.
//
// It is made by a walk over the whole zone, when the first edit needs it, and kept
// up by later ones. All versions of the zone that come from the one it was made of share it:
// a server may have buckets in which it is not named, or is named by another
// version only, but none is missing.
type naming struct {
	bounds [][]byte // bucket i ends before the key bounds[i]; the last one has no end

	mu      sync.Mutex // guards what follows
	buckets map[uint64][]uint16
}

// What a bucket holds: minBucket cuts, or more for their numbers to have 16 bits.
const (
	minBucket  = 16
	maxBuckets = 1 << 16
)

// namingSeed makes two servers of one hash, which costs looking for nothing, a
// matter of chance.
var namingSeed = maphash.MakeSeed()

func hashServer(key []byte) uint64 { return maphash.Bytes(namingSeed, key) }

// namingOf returns the zone's naming, and makes it first if there is none.
func (z *Zone) namingOf() *naming {
	if n := z.naming.Load(); n != nil {
		return n
	}
	z.naming.CompareAndSwap(nil, newNaming(z))
	return z.naming.Load()
}

// newNaming makes it of all cuts of a zone.
func newNaming(z *Zone) *naming {
	n := &naming{buckets: make(map[uint64][]uint16)}
	size := max(minBucket, z.stats.Cuts/maxBuckets+1)
	r := namedReader{zone: z}
	known := make(map[arena.Offset][]uint64) // servers of referrals that mean the same for all cuts
	cuts := 0
	for key, e := range z.names.All() {
		node := z.node(arena.Offset(e.Value))
		if !node.IsCut() {
			continue
		}
		if cuts++; cuts > size {
			n.bounds, cuts = append(n.bounds, bytes.Clone(key)), 1
		}
		at := node.referral(arena.Offset(e.Value))
		servers, ok := known[at]
		if !ok {
			var same bool
			servers, same = r.read(key, node)
			if same {
				servers = slices.Clone(servers)
				known[at] = servers
			}
		}
		for _, h := range servers {
			n.add(h, uint16(len(n.bounds)))
		}
	}
	return n
}

// add notes that a server is named in a bucket.
func (n *naming) add(server uint64, bucket uint16) {
	list := n.buckets[server]
	if i, found := slices.BinarySearch(list, bucket); !found {
		n.buckets[server] = slices.Insert(list, i, bucket)
	}
}

// bucketOf returns the bucket of a cut.
func (n *naming) bucketOf(key []byte) uint16 {
	i, found := slices.BinarySearchFunc(n.bounds, key, bytes.Compare)
	if found {
		i++
	}
	return uint16(i)
}

// note adds cuts that name servers.
func (n *naming) note(named []namedBy) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, x := range named {
		n.add(x.server, n.bucketOf(x.cut))
	}
}

// namedBy is a server, by its hash, and the key of a cut that names it.
type namedBy struct {
	server uint64
	cut    []byte
}

// of returns the buckets where one of the servers is named, in order.
func (n *naming) of(servers []uint64) (buckets []uint16) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range servers {
		buckets = append(buckets, n.buckets[h]...)
	}
	slices.Sort(buckets)
	return slices.Compact(buckets)
}

// cutsIn calls do with the cuts of z in a bucket. A key is valid until do returns.
func (n *naming) cutsIn(bucket uint16, z *Zone, do func(key []byte, value arena.Offset, node Node)) {
	var from, to []byte
	if bucket > 0 {
		from = n.bounds[bucket-1]
	}
	if int(bucket) < len(n.bounds) {
		to = n.bounds[bucket]
	}
	for key, e := range z.names.From(from) {
		if to != nil && bytes.Compare(key, to) >= 0 {
			return
		}
		if !e.Stop {
			continue
		}
		value := arena.Offset(e.Value)
		if node := z.node(value); node.IsCut() {
			do(key, value, node)
		}
	}
}

// namedReader reads which name servers cuts name that are not below them, but
// are in the zone.
type namedReader struct {
	zone    *Zone
	decoder decoder
	owner   []byte
	ns      []rr
	key     []byte
	servers []uint64
}

// read returns the servers that a cut names, valid until the next call, and whether all cuts that
// have this referral name the same.
func (r *namedReader) read(key []byte, cut Node) (servers []uint64, same bool) {
	z := r.zone
	ns := z.Referral(cut).NS()
	r.owner = dname.AppendFromKey(r.owner[:0], key, z.origin)
	r.decoder.buf, r.servers = r.decoder.buf[:0], r.servers[:0]
	r.ns = r.decoder.part(r.ns[:0], r.owner, ns)
	for i := range r.ns {
		server := r.ns[i].rdata
		if dname.IsSubdomain(server, z.origin) && !dname.IsSubdomain(server, r.owner) {
			r.key = dname.AppendKey(r.key[:0], server, len(z.origin))
			r.servers = append(r.servers, hashServer(r.key))
		}
	}
	return r.servers, ns.independent(len(z.origin))
}
