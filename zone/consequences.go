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
	named := make(map[string]struct{})
	for _, server := range r.servers {
		for n := 1; n <= len(server); n++ {
			if server[n-1] == 0 && r.kind(server[:n]) == cutBarrier {
				r.reopen(server[:n])
				break
			}
		}
		if _, ok := r.base.siblings.Get(server); ok {
			named[string(server)] = struct{}{}
		}
	}
	if len(named) == 0 {
		return
	}
	s := scan{zone: r.base, named: named, known: make(map[arena.Offset]bool)}
	for key, e := range r.base.names.All() {
		if e.Stop && s.names(key, arena.Offset(e.Value)) {
			r.reopen(bytes.Clone(key))
		}
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
		key: key, owner: dname.AppendFromKey(nil, key, r.origin),
		own: node.entries(), referral: node.referral(value),
	}
	d.ns = new(decoder).part(nil, d.owner, referral.NS())
	r.live -= node.size() + referral.owned()
	r.pending = append(r.pending, d)
	r.names.Set(key, pendingCut, true)
}

// scan looks for cuts that name certain servers.
type scan struct {
	zone    *Zone
	named   map[string]struct{} // keys of the servers
	known   map[arena.Offset]bool
	decoder decoder
	owner   []byte
	ns      []rr
	key     []byte
}

// names tells whether the node at off, with this key, is a cut that names one
// of the servers. Of a referral that means the same for all cuts, the answer is remembered.
func (s *scan) names(key []byte, off arena.Offset) bool {
	node := s.zone.node(off)
	if !node.IsCut() {
		return false
	}
	at := node.referral(off)
	if answer, ok := s.known[at]; ok {
		return answer
	}
	ns := s.zone.Referral(node).NS()
	s.owner = dname.AppendFromKey(s.owner[:0], key, s.zone.origin)
	s.decoder.buf = s.decoder.buf[:0]
	s.ns = s.decoder.part(s.ns[:0], s.owner, ns)
	answer := slices.ContainsFunc(s.ns, func(r rr) bool {
		if !dname.IsSubdomain(r.rdata, s.zone.origin) {
			return false
		}
		s.key = dname.AppendKey(s.key[:0], r.rdata, len(s.zone.origin))
		_, ok := s.named[string(s.key)]
		return ok
	})
	if ns.independent(len(s.zone.origin)) {
		s.known[at] = answer
	}
	return answer
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
