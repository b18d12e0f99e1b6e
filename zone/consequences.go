package zone

import (
	"bytes"
	"slices"

	"yushan/zone/arena"
	"yushan/zone/dname"
)

// postpone keeps a cut until all addresses are known. What d refers to is reused.
func (r *revision) postpone(d *delegation) {
	p := *d
	p.ns, p.own = slices.Clone(d.ns), slices.Clone(d.own)
	if value, ok := r.base.names.Get(d.key); ok {
		if node := r.base.node(arena.Offset(value)); node.IsCut() {
			p.referral = node.referral(arena.Offset(value))
		}
	}
	r.pending = append(r.pending, p)
	r.names.Set(d.key, pendingCut, true)
}

// reopenNamed finds the cuts that name servers whose addresses have changed:
// their referrals hold these addresses.
func (r *revision) reopenNamed() {
	var named []uint64
	for _, server := range r.servers {
		for n := 1; n <= len(server); n++ {
			if server[n-1] == 0 && r.kind(server[:n]) == cutBarrier {
				r.reopen(server[:n])
				break
			}
		}
		if _, ok := r.base.siblings.Get(server); ok {
			named = append(named, hashServer(server))
		}
	}
	if len(named) == 0 {
		return
	}
	slices.Sort(named)
	naming := r.base.namingOf()
	reader := namedReader{zone: r.base}
	known := make(map[arena.Offset]bool) // referrals that mean the same for all cuts
	for _, bucket := range naming.of(named) {
		naming.cutsIn(bucket, r.base, func(key []byte, value arena.Offset, node Node) {
			at := node.referral(value)
			names, ok := known[at]
			if !ok {
				servers, same := reader.read(key, node)
				names = slices.ContainsFunc(servers, func(h uint64) bool {
					_, found := slices.BinarySearch(named, h)
					return found
				})
				if same {
					known[at] = names
				}
			}
			if names {
				r.reopen(bytes.Clone(key))
			}
		})
	}
}

// reopen puts a cut of the base that is still as it was among those whose
// referrals are to be made.
func (r *revision) reopen(key []byte) {
	e, ok := r.names.Get(key)
	if !ok || !e.Stop || e.Value == pendingCut {
		return
	}
	value := arena.Offset(e.Value)
	node := r.base.node(value)
	if !node.IsCut() {
		return
	}
	referral := r.base.Referral(node)
	d := delegation{
		key: key, owner: r.owner(key),
		own: node.entries(), referral: node.referral(value),
	}
	r.decoder.fresh()
	d.ns = r.decoder.part(nil, d.owner, referral.NS())
	r.live -= node.size() + referral.owned()
	r.pending = append(r.pending, d)
	r.names.Set(key, pendingCut, true)
}

// checkChains judges the chains of denial at the names that were touched, and
// at their neighbours.
func (r *revision) checkChains(z *Zone) {
	var last []byte
	switch z.Denial() {
	case NSEC:
		check := func(key []byte) {
			if !bytes.Equal(key, last) {
				r.checkNSEC(z, key)
			}
			last = key
		}
		for _, key := range r.touched {
			if len(key) > 0 {
				check(z.before(key))
			}
			if _, ok := z.names.Get(key); ok {
				check(key)
			}
		}
	case NSEC3:
		check := func(hash []byte) {
			if !bytes.Equal(hash, last) {
				r.checkNSEC3(z, hash)
			}
			last = hash
		}
		slices.SortFunc(r.hashes, bytes.Compare)
		for _, hash := range r.hashes {
			check(z.beforeHash(hash))
			if _, ok := z.nsec3.Get(hash); ok {
				check(hash)
			}
		}
	}
}

// before returns the key of the last authoritative name before the one with
// this key, which is not the apex.
func (z *Zone) before(key []byte) []byte {
	// No key lies between one and itself without the end of its last label.
	before, _, _ := z.names.Floor(key[:len(key)-1], make([]byte, 0, dname.MaxKey))
	return before
}

// checkNSEC checks that the name with this key, which is authoritative, points
// to the next one.
func (r *revision) checkNSEC(z *Zone, key []byte) {
	owner := dname.AppendFromKey(nil, key, z.origin)
	value, _ := z.names.Get(key)
	nsec, ok := z.RRset(z.node(arena.Offset(value)), TypeNSEC)
	if !ok {
		r.lacksNSEC(position{}, owner)
		return
	}
	next := nsec.Records().Bytes[recordFixed:]
	n, _ := dname.Check(next)
	next = dname.AppendLower(nil, next[:n])
	switch {
	case bytes.Equal(next, z.origin):
		last, _, _ := z.names.Last(make([]byte, 0, dname.MaxKey))
		ok = bytes.Equal(last, key)
	case dname.IsSubdomain(next, z.origin):
		nextKey := dname.AppendKey(nil, next, len(z.origin)) // not empty
		_, ok = z.names.Get(nextKey)
		ok = ok && bytes.Equal(z.before(nextKey), key)
	default:
		ok = false
	}
	if !ok {
		r.warn(BrokenNSEC, position{}, "the NSEC record of %s points to %s: that is not the next name", dname.Display(owner), dname.Display(next))
	}
}

// beforeHash returns the hash of the NSEC3 record before hash: the last one
// before the first.
func (z *Zone) beforeHash(hash []byte) []byte {
	less := bytes.Clone(hash)
	for i := len(less) - 1; i >= 0; i-- {
		less[i]--
		if less[i] != 0xff {
			break
		}
	}
	// Below the hash of zeros comes the greatest of all, as it should.
	before, _, ok := z.nsec3.Floor(less, make([]byte, 0, hashBytes))
	if !ok {
		before, _, _ = z.nsec3.Last(make([]byte, 0, hashBytes))
	}
	return before
}

func (r *revision) checkNSEC3(z *Zone, hash []byte) {
	value, _ := z.nsec3.Get(hash)
	set := RRset{z.data.At(arena.Offset(value))}
	if first, _, _ := z.nsec3.First(make([]byte, 0, hashBytes)); bytes.Equal(first, hash) {
		r.checkDenialTTL(TypeNSEC3, rr{ttl: set.TTL()})
	}
	p, _ := parseNSEC3(set.Records().Bytes[recordFixed:])
	if _, ok := z.nsec3.Get(p.next); !ok || !bytes.Equal(z.beforeHash(p.next), hash) {
		r.warn(BrokenNSEC3, position{}, "the NSEC3 record %s points to hash %s: that is not the next one",
			base32Hex.EncodeToString(hash), base32Hex.EncodeToString(p.next))
	}
}
