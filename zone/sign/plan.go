package sign

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// plan is a zone made ready for signing. Workers only read it.
type plan struct {
	opts       Options
	origin     []byte // wire format, lower case
	originText string
	class      uint16
	soa        *dns.SOA
	denialTTL  uint32 // RFC 9077 §3: the smaller of the SOA's TTL and MINIMUM

	entries []entry
	nodes   []node   // in canonical order; the apex is the first
	hashes  []hashed // in order of the hash; empty without NSEC3

	keySigners, zoneSigners []signer
}

// entry is one record; key orders owner names canonically (see package dname).
type entry struct {
	key string
	rr  dns.RR
}

// node is an owner name: the entries [first, last).
type node struct {
	first, last uint32
	role        role
	secure      bool // a cut with DS
}

// role is what the zone has to say about a name.
type role uint8

const (
	authoritative role = iota
	cut                // a delegation: NS, and not the apex
	occluded           // below a cut or a DNAME: glue, or data nobody sees
)

// owner returns the owner name in wire format and lower case.
func (p *plan) owner(n node) []byte {
	return dname.AppendFromKey(nil, []byte(p.entries[n.first].key), p.origin)
}

func newPlan(ctx context.Context, origin string, rrs []dns.RR, opts Options) (*plan, error) {
	if err := opts.complete(time.Now()); err != nil {
		return nil, err
	}
	name, err := dname.ParseFQDN(origin)
	if err != nil {
		return nil, err
	}
	dname.Lower(name)
	p := &plan{opts: opts, origin: name, originText: dname.String(name)}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return p.collect(ctx, rrs) },
		p.addKeys,
		p.sort,
		p.classify,
		p.hash,
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// dropped are the types that an earlier signing left behind. A ZONEMD digest
// (RFC 8976) goes too, since it cannot be true any more.
func dropped(rrtype uint16) bool {
	switch rrtype {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeZONEMD:
		return true
	}
	return false
}

// collect makes the entries and finds the SOA record.
func (p *plan) collect(ctx context.Context, rrs []dns.RR) error {
	p.entries = make([]entry, 0, len(rrs)+len(p.opts.Keys)+1)
	for _, rr := range rrs {
		if rr == nil {
			return errors.New("a record is nil")
		}
		if !dropped(rr.Header().Rrtype) {
			p.entries = append(p.entries, entry{rr: rr})
		}
		if soa, ok := rr.(*dns.SOA); ok && p.soa == nil {
			p.soa = soa
		}
	}
	if p.soa == nil {
		return fmt.Errorf("no SOA record of %s", dname.Display(p.origin))
	}
	p.class = p.soa.Hdr.Class
	p.denialTTL = min(p.soa.Hdr.Ttl, p.soa.Minttl)
	return parallel(ctx, len(p.entries), p.opts.Workers, func(from, to int) error {
		var last string // neighbours with the same owner share one key
		for i := from; i < to; i++ {
			e := &p.entries[i]
			owner := e.rr.Header().Name
			if i > from && owner == last {
				e.key = p.entries[i-1].key
				continue
			}
			key, err := p.keyOf(owner)
			if err != nil {
				return err
			}
			e.key, last = key, owner
		}
		return nil
	})
}

func (p *plan) keyOf(owner string) (string, error) {
	var wire [dname.MaxWire]byte
	for i := range len(owner) {
		if owner[i] >= 0x80 {
			return "", fmt.Errorf("%q: U-labels must be converted to A-labels before signing", owner)
		}
	}
	n, err := dns.PackDomainName(owner, wire[:], 0, nil, false)
	if err != nil {
		return "", fmt.Errorf("owner name %q: %w", owner, err)
	}
	if !dname.IsSubdomain(wire[:n], p.origin) {
		return "", fmt.Errorf("%s is outside the zone %s", owner, dname.Display(p.origin))
	}
	var key [dname.MaxKey]byte
	return string(dname.AppendKey(key[:0], wire[:n], len(p.origin))), nil
}

// addKeys puts the keys and NSEC3PARAM into the apex and prepares the signers.
func (p *plan) addKeys(context.Context) error {
	ttl := p.opts.DNSKEYTTL
	signing := make(map[uint8]bool)
	for _, key := range p.opts.Keys {
		if err := key.check(p.origin); err != nil {
			return fmt.Errorf("key: %w", err)
		}
		signing[key.RR.Algorithm] = true
	}
	var keys []*dns.DNSKEY
	p.entries = slices.DeleteFunc(p.entries, func(e entry) bool {
		key, ok := e.rr.(*dns.DNSKEY)
		if ok && e.key == "" {
			keys = append(keys, key)
		}
		return ok && e.key == ""
	})
	for _, key := range keys {
		// RFC 4035 §2.2: each algorithm of the DNSKEY RRset signs the whole zone.
		if !signing[key.Algorithm] {
			return fmt.Errorf("the zone's DNSKEY %d has algorithm %d, of which no key signs (RFC 4035 §2.2)", key.KeyTag(), key.Algorithm)
		}
		if ttl == 0 {
			ttl = key.Hdr.Ttl
		}
	}
	if ttl == 0 {
		ttl = p.soa.Hdr.Ttl
	}
	for _, key := range p.opts.Keys {
		keys = append(keys, key.RR)
	}
	header := func(rrtype uint16, ttl uint32) dns.RR_Header {
		return dns.RR_Header{Name: p.originText, Rrtype: rrtype, Class: p.class, Ttl: ttl}
	}
	for _, key := range keys {
		published := *key
		published.Hdr = header(dns.TypeDNSKEY, ttl)
		p.entries = append(p.entries, entry{rr: &published})
	}
	if p.opts.Denial == NSEC3 {
		p.entries = append(p.entries, entry{rr: &dns.NSEC3PARAM{
			// Only secondaries read it (RFC 5155 §4), so no cache needs to keep it.
			Hdr:        header(dns.TypeNSEC3PARAM, 0),
			Hash:       dns.SHA1,
			Iterations: p.opts.Iterations,
			SaltLength: uint8(len(p.opts.Salt) / 2),
			Salt:       p.opts.Salt,
		}})
	}
	p.keySigners, p.zoneSigners = signers(p.opts)
	return nil
}

// sort brings the entries into canonical order, with the SOA before all else.
func (p *plan) sort(context.Context) error {
	rank := func(e entry) uint16 {
		if t := e.rr.Header().Rrtype; t != dns.TypeSOA {
			return t
		}
		return 0
	}
	slices.SortStableFunc(p.entries, func(a, b entry) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return nil
}

// classify makes the nodes, checks their RRsets, and gives each its role. In
// canonical order a name comes before what lies below it, and its key is a
// prefix of theirs, so one cut or DNAME at a time needs to be remembered.
func (p *plan) classify(context.Context) error {
	var hidden bool // is there a name above, under which all is occluded?
	var above string
	for first := 0; first < len(p.entries); {
		key := p.entries[first].key
		last := first + 1
		for last < len(p.entries) && p.entries[last].key == key {
			last++
		}
		n := node{first: uint32(first), last: uint32(last)}
		if hidden && strings.HasPrefix(key, above) {
			n.role = occluded
		}
		var ns, ds, dname bool
		for i := first; i < last; i++ {
			rrtype := p.entries[i].rr.Header().Rrtype
			ns = ns || rrtype == dns.TypeNS
			ds = ds || rrtype == dns.TypeDS
			dname = dname || rrtype == dns.TypeDNAME
			if err := p.checkEntry(i, first); err != nil {
				return err
			}
		}
		if n.role != occluded {
			if ns && key != "" {
				n.role, n.secure = cut, ds
			}
			if n.role == cut || dname {
				hidden, above = true, key
			}
		}
		p.nodes = append(p.nodes, n)
		first = last
	}
	return nil
}

// checkEntry compares entry i with the one before it at the same name, whose
// first entry is first.
func (p *plan) checkEntry(i, first int) error {
	h := p.entries[i].rr.Header()
	if h.Class != p.class {
		return fmt.Errorf("%s %s has class %s, the SOA has %s", h.Name, dns.Type(h.Rrtype), dns.Class(h.Class), dns.Class(p.class))
	}
	if h.Rrtype == dns.TypeSOA && p.entries[i].key != "" {
		return fmt.Errorf("%s has an SOA record, but the apex is %s", h.Name, dname.Display(p.origin))
	}
	if h.Rrtype == dns.TypeOPT || h.Rrtype >= 128 && h.Rrtype <= 255 {
		return fmt.Errorf("%s: %s is not a type of zone data", h.Name, dns.Type(h.Rrtype))
	}
	if i == first {
		return nil
	}
	before := p.entries[i-1].rr.Header()
	if before.Rrtype != h.Rrtype {
		return nil
	}
	if h.Rrtype == dns.TypeSOA {
		return fmt.Errorf("several SOA records of %s", dname.Display(p.origin))
	}
	if before.Ttl != h.Ttl {
		return fmt.Errorf("the %s records of %s have different TTLs, %d and %d (RFC 2181 §5.2)", dns.Type(h.Rrtype), h.Name, before.Ttl, h.Ttl)
	}
	return nil
}

// visible tells whether the zone has a say about this type at this node: at a
// cut that is only the delegation itself (RFC 4035 §2.3).
func (n node) visible(rrtype uint16) bool {
	switch n.role {
	case authoritative:
		return true
	case cut:
		return rrtype == dns.TypeNS || rrtype == dns.TypeDS
	}
	return false
}

// signed tells whether an RRset of this type at this node gets signatures
// (RFC 4035 §2.2).
func (n node) signed(rrtype uint16) bool {
	return n.role == authoritative || n.role == cut && rrtype == dns.TypeDS
}

// types lists the visible types of a node in ascending order.
func (p *plan) types(dst []uint16, n node) []uint16 {
	for i := n.first; i < n.last; i++ {
		rrtype := p.entries[i].rr.Header().Rrtype
		if n.visible(rrtype) && !slices.Contains(dst, rrtype) {
			dst = append(dst, rrtype)
		}
	}
	slices.Sort(dst)
	return dst
}

// hashed is a member of the NSEC3 chain.
type hashed struct {
	hash [20]byte
	node int32 // index of the name's node; -1: an empty non-terminal
}

func compareHashed(a, b hashed) int {
	return bytes.Compare(a.hash[:], b.hash[:])
}
