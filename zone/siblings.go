package zone

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"yushan/zone/dname"
	"yushan/zone/master"
)

// siblings are the name servers in the zone that delegations name which are not
// above them: RFC 9471 calls them sibling name servers. Where their addresses are
// in the files is found in one pass over all that was read, before any referral is made.
type siblings struct {
	mu      sync.Mutex // guards what follows, while records come in
	servers map[string]*sibling
}

// sibling is one of them.
type sibling struct {
	mu      sync.Mutex  // guards records while they are collected
	records []setRecord // addresses, and signatures over them
	hidden  bool        // it is at or below a zone cut
}

// note notes that the record r names a sibling, if so.
func (s *siblings) note(p *packer, r *master.Record) {
	if !dname.IsSubdomain(r.RDATA, p.b.origin) || dname.IsSubdomain(r.RDATA, r.Owner) {
		return
	}
	p.key = dname.AppendKey(p.key[:0], r.RDATA, len(p.b.origin))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.servers[string(p.key)] == nil {
		s.servers[string(p.key)] = &sibling{}
	}
}

// findSiblings collects the addresses of all siblings.
func (c *construction) findSiblings(ctx context.Context) {
	servers := c.siblings.servers
	if len(servers) == 0 {
		return
	}
	var signed atomic.Bool
	c.each(ctx, traitAddress, func(s *strand, key []byte, r run) {
		found := servers[string(key)]
		if found == nil {
			return
		}
		found.mu.Lock()
		defer found.mu.Unlock()
		for _, record := range s.appendRecords(nil, r, c.hostings.all) {
			if isAddress(uint16(record.set >> 1)) {
				record.rdata = bytes.Clone(record.rdata) // the strand may go before it
				found.records = append(found.records, record)
				if record.set&signatureSet != 0 {
					signed.Store(true)
				}
			}
		}
	})
	if !signed.Load() {
		return
	}
	// What is signed may be authoritative, unless there is a cut at or above it.
	cuts := make(map[string]*atomic.Bool)
	above := func(key string, visit func(key string)) {
		for n := 1; n <= len(key); n++ {
			if key[n-1] == 0 {
				visit(key[:n])
			}
		}
	}
	for key, server := range servers {
		if server.signed() {
			above(key, func(name string) { cuts[name] = new(atomic.Bool) })
		}
	}
	c.each(ctx, traitBarrier, func(s *strand, key []byte, r run) {
		if cut := cuts[string(key)]; cut != nil {
			for _, record := range s.appendRecords(nil, r, c.hostings.all) {
				if record.set == setOrder(TypeNS, nil) {
					cut.Store(true)
				}
			}
		}
	})
	for key, server := range servers {
		if server.signed() {
			above(key, func(name string) { server.hidden = server.hidden || cuts[name].Load() })
		}
	}
}

func (s *sibling) signed() bool {
	for i := range s.records {
		if s.records[i].set&signatureSet != 0 {
			return true
		}
	}
	return false
}

// each calls visit for the runs that have a trait, from several goroutines.
func (c *construction) each(ctx context.Context, trait byte, visit func(s *strand, key []byte, r run)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(c.strands)) {
		workers.Go(func() {
			var keys []byte
			for i := next.Add(1) - 1; i < int64(len(c.strands)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				s := c.strands[i]
				keys = keys[:0]
				for off, before := 0, 0; off < len(s.data); {
					at := len(keys)
					if at > 1<<12 { // the key before goes to the start
						at = copy(keys, keys[before:])
						keys, before = keys[:at], 0
					}
					keys, off = s.appendKey(keys, before, off)
					before = at
					var r run
					r, off = s.run(off)
					if r.traits&trait != 0 {
						visit(s, keys[at:], r)
					}
				}
			}
		})
	}
	workers.Wait()
}
