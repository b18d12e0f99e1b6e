package sign

import (
	"context"
	"crypto/sha1"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// chained tells whether the name of n is in the chain of NSEC or NSEC3 records.
func (p *plan) chained(n node) bool {
	switch {
	case n.role == occluded:
		return false
	case p.opts.OptOut && n.role == cut:
		return n.secure // RFC 5155 §6
	}
	return true
}

// hash makes the NSEC3 chain: the hash of each chained name, and of each empty
// non-terminal above one. With opt-out, those that are only above delegations
// without DS are so left out (RFC 5155 §7.1), but for siblings of a wildcard:
// the closest encloser that could be proven of a name below one would be the
// wildcard's parent, and the wildcard would seem to answer for it.
func (p *plan) hash(ctx context.Context) error {
	if p.opts.Denial != NSEC3 {
		return nil
	}
	// First the keys of the names, then their hashes in parallel.
	var keys []string
	previous := ""
	chain := func(key string, node int32) {
		for _, ent := range emptyAbove(key, previous) {
			keys = append(keys, ent)
			p.hashes = append(p.hashes, hashed{node: -1})
		}
		keys = append(keys, key)
		p.hashes = append(p.hashes, hashed{node: node})
		previous = key
	}
	besideWildcard := p.besideWildcard()
	for i, n := range p.nodes {
		key := p.entries[n.first].key
		switch {
		case p.chained(n):
			chain(key, int32(i))
		case n.role == cut:
			for _, ent := range emptyAbove(key, previous) {
				if besideWildcard(ent) {
					chain(ent, -1)
				}
			}
		}
	}
	salt, err := hex.DecodeString(p.opts.Salt)
	if err != nil {
		return err
	}
	err = parallel(ctx, len(keys), p.opts.Workers, func(from, to int) error {
		var owner []byte
		for i := from; i < to; i++ {
			owner = dname.AppendFromKey(owner[:0], []byte(keys[i]), p.origin)
			p.hashes[i].hash = hashName(owner, salt, p.opts.Iterations)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(p.hashes, compareHashed)
	for i := range p.hashes {
		if i > 0 && p.hashes[i].hash == p.hashes[i-1].hash {
			return fmt.Errorf("two names have the NSEC3 hash %x; sign with a salt (RFC 5155 §7.1)", p.hashes[i].hash)
		}
	}
	return nil
}

// besideWildcard returns a function that tells whether the parent of the name
// with a given key has a wildcard below it, in the chain.
func (p *plan) besideWildcard() func(key string) bool {
	parents := map[string]bool{}
	for _, n := range p.nodes {
		if !p.opts.OptOut || !p.chained(n) {
			continue
		}
		key := p.entries[n.first].key
		for i := 0; i < len(key); {
			label, _, _ := strings.Cut(key[i:], "\x00")
			if label == "*" {
				parents[key[:i]] = true
			}
			i += len(label) + 1
		}
	}
	return func(key string) bool {
		return parents[key[:strings.LastIndexByte(key[:len(key)-1], 0)+1]]
	}
}

// emptyAbove returns the keys of the proper ancestors of key, below the apex,
// that are not ancestors-or-self of previous. previous comes before key in
// canonical order with only unchained names between them, so these own nothing:
// they would have come between the two themselves.
func emptyAbove(key, previous string) (ents []string) {
	for i := 0; i < len(key)-1; i++ {
		if key[i] == 0 && !strings.HasPrefix(previous, key[:i+1]) {
			ents = append(ents, key[:i+1])
		}
	}
	return ents
}

// hashName is RFC 5155 §5. owner is in wire format and lower case.
func hashName(owner, salt []byte, iterations uint16) [20]byte {
	buf := make([]byte, 0, dname.MaxWire+len(salt))
	digest := sha1.Sum(append(append(buf, owner...), salt...))
	for range iterations {
		digest = sha1.Sum(append(append(buf, digest[:]...), salt...))
	}
	return digest
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// nsec3Label returns the first label of the NSEC3's owner name.
func nsec3Label(hash [20]byte) string {
	return strings.ToLower(base32Hex.EncodeToString(hash[:]))
}

// nsec makes the NSEC record of node i (RFC 4034 §4).
func (p *plan) nsec(i int) dns.RR {
	n := p.nodes[i]
	next := 0 // the last NSEC points to the apex
	for j := i + 1; j < len(p.nodes); j++ {
		if p.chained(p.nodes[j]) {
			next = j
			break
		}
	}
	types := p.types([]uint16{dns.TypeRRSIG, dns.TypeNSEC}, n)
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: dname.String(p.owner(n)), Rrtype: dns.TypeNSEC, Class: p.class, Ttl: p.denialTTL},
		NextDomain: dname.String(p.owner(p.nodes[next])),
		TypeBitMap: types,
	}
}

// nsec3 makes the NSEC3 record for the hash at index i (RFC 5155 §7.1).
func (p *plan) nsec3(i int) dns.RR {
	h := p.hashes[i]
	next := p.hashes[(i+1)%len(p.hashes)]
	var types []uint16
	if h.node >= 0 {
		n := p.nodes[h.node]
		// Unlike an NSEC, an NSEC3 has another owner than the name that it
		// speaks of, so a delegation without DS has no RRSIG there.
		if n.role == authoritative || n.secure {
			types = append(types, dns.TypeRRSIG)
		}
		types = p.types(types, n)
	}
	var flags uint8
	if p.opts.OptOut {
		flags = 1
	}
	owner := nsec3Label(h.hash) + "."
	if p.originText != "." {
		owner += p.originText
	}
	return &dns.NSEC3{
		Hdr:        dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC3, Class: p.class, Ttl: p.denialTTL},
		Hash:       dns.SHA1,
		Flags:      flags,
		Iterations: p.opts.Iterations,
		SaltLength: uint8(len(p.opts.Salt) / 2),
		Salt:       p.opts.Salt,
		HashLength: 20,
		NextDomain: base32Hex.EncodeToString(next.hash[:]),
		TypeBitMap: types,
	}
}
