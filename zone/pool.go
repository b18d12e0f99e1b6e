package zone

import (
	"bytes"
	"hash/maphash"
	"sync"

	"yushan/zone/arena"
)

// pool knows the referrals in an arena that several cuts share, those to the
// name servers of hosting companies, so that new delegations find them. All
// versions of a zone have one pool, as they have one arena.
type pool struct {
	seed maphash.Seed

	mu     sync.Mutex // guards what follows
	shared map[uint64]arena.Offset
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
	off, ok := p.shared[h]
	p.mu.Unlock()
	// A fragment that some version has put into the pool is in the arena for good,
	// even if that version never came into service.
	return off, ok && bytes.HasPrefix(data.View().At(off), f)
}
