package verify

import (
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"yushan/bench/zonefile"
	"yushan/zone/master"
)

// cacheSize is how many RRsets are remembered whose signatures are valid.
const cacheSize = 1 << 20

// verifier verifies signatures. Answers are compared with the zone before, so that
// what is verified is the zone's, once.
type verifier struct {
	now   time.Time
	cache *cache
}

// cache is common to all workers.
type cache struct {
	seed  maphash.Seed
	valid []atomic.Uint64
	keys  [][]*dns.DNSKEY // by the zone's number
}

func newCache(zones []*zone) *cache {
	c := &cache{seed: maphash.MakeSeed(), valid: make([]atomic.Uint64, cacheSize), keys: make([][]*dns.DNSKEY, len(zones))}
	for i, z := range zones {
		for _, rr := range records(z.apex, z.apex.RRset(typeDNSKEY)) {
			if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.ZONE != 0 {
				c.keys[i] = append(c.keys[i], key)
			}
		}
	}
	return c
}

// records are those of an RRset as miekg/dns has them.
func records(node zonefile.Node, set zonefile.RRset) (rrs []dns.RR) {
	for rdata := range set.All() {
		rr, err := master.RR(master.Record{Owner: node.Name(), Type: set.Type, Class: classIN, TTL: set.MinTTL, RDATA: rdata})
		if err == nil {
			rrs = append(rrs, rr)
		}
	}
	return rrs
}

// question of the cache: an RRset, at an hour.
type cacheKey struct {
	zone   int
	node   uint64
	rrtype uint16
	hour   int64
}

// verify judges the signatures of an RRset of the zone.
func (j *judge) verify(z *zone, node zonefile.Node, rrtype uint16) {
	c := j.keys.cache
	key := maphash.Comparable(c.seed, cacheKey{z.number, node.ID(), rrtype, j.keys.now.Unix() / 3600})
	place := &c.valid[key%cacheSize]
	if place.Load() == key {
		return
	}
	if err := c.check(z, node, rrtype, j.keys.now); err != nil {
		j.wrong(ruleSignature, "the signature of %s %s is not valid: %v", name(node.Name()), typeName(rrtype), err)
		return
	}
	place.Store(key)
}

// check returns nil if one of the signatures is valid (RFC 4035 §5.3.3).
func (c *cache) check(z *zone, node zonefile.Node, rrtype uint16, now time.Time) error {
	rrs := records(node, node.RRset(rrtype))
	err := fmt.Errorf("no key of the zone has made it")
	for _, rr := range records(node, node.Signatures(rrtype)) {
		sig, ok := rr.(*dns.RRSIG)
		if !ok {
			continue
		}
		for _, key := range c.keys[z.number] {
			if key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm {
				continue
			}
			if !sig.ValidityPeriod(now) {
				err = fmt.Errorf("it holds from %s to %s", dns.TimeToString(sig.Inception), dns.TimeToString(sig.Expiration))
				continue
			}
			verifyErr := sig.Verify(key, rrs)
			if verifyErr == nil {
				return nil
			}
			err = fmt.Errorf("by key %d: %w", sig.KeyTag, verifyErr)
		}
	}
	return err
}
