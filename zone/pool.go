package zone

import (
	"hash/maphash"
	"slices"
	"sync"

	"yushan/zone/arena"
)

// pool knows the referrals in an arena that several cuts share, those to the
// name servers of hosting companies, so that new delegations find them. All
// versions of a zone have one pool, as they have one arena.
type pool struct {
	seed maphash.Seed

	mu      sync.Mutex // guards what follows
	shared  map[uint64]arena.Offset
	waiting []arena.Offset // from a snapshot: to be hashed before the first search
}

func newPool() *pool {
	return &pool{seed: maphash.MakeSeed(), shared: make(map[uint64]arena.Offset)}
}

func (p *pool) hash(f []byte) uint64 { return maphash.Bytes(p.seed, f) }

func (p *pool) put(h uint64, off arena.Offset) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shared[h] = off
}

// find returns the offset of a fragment equal to f in data, if one is known.
func (p *pool) find(data *arena.Arena, h uint64, f []byte) (arena.Offset, bool) {
	p.mu.Lock()
	for _, off := range p.waiting {
		r := Referral{data.View().At(off)}
		p.shared[p.hash(r.b[:r.length()])] = off
	}
	p.waiting = nil
	off, ok := p.shared[h]
	p.mu.Unlock()
	// A fragment that some version has put into the pool is in the arena for good,
	// even if that version never came into service.
	return off, ok && Referral{data.View().At(off)}.equals(f)
}

// offsets returns where the referrals are, in order.
func (p *pool) offsets() []arena.Offset {
	p.mu.Lock()
	defer p.mu.Unlock()
	offsets := slices.Clone(p.waiting)
	for _, off := range p.shared {
		offsets = append(offsets, off)
	}
	slices.Sort(offsets)
	return slices.Compact(offsets)
}

// referrals finds equal referrals while a zone is built, by several goroutines.
type referrals struct {
	arena  *arena.Arena
	pool   *pool
	shards [64]struct {
		sync.Mutex
		known map[uint64]referralUse // by hash of the fragment
	}
}

type referralUse struct {
	off    arena.Offset
	shared bool
}

func (r *referrals) init(a *arena.Arena) {
	r.arena, r.pool = a, newPool()
	for i := range r.shards {
		r.shards[i].known = make(map[uint64]referralUse)
	}
}

// intern returns where a fragment equal to f is, or stores f.
func (r *referrals) intern(f []byte, store func([]byte) arena.Offset) arena.Offset {
	h := r.pool.hash(f)
	s := &r.shards[h>>32%uint64(len(r.shards))]
	s.Lock()
	defer s.Unlock()
	if use, ok := s.known[h]; ok && (Referral{r.arena.View().At(use.off)}).equals(f) {
		if !use.shared {
			s.known[h] = referralUse{use.off, true}
			r.pool.put(h, use.off)
		}
		return use.off
	}
	off := store(f)
	s.known[h] = referralUse{off: off}
	return off
}
