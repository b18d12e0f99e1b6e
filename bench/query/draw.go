package query

import (
	"fmt"
	"math/rand/v2"

	"github.com/miekg/dns"

	"yushan/bench/zonefile"
	"yushan/zone/dname"
)

// Draw draws n queries from a zone. The same zone, n and Options.Seed give the same
// queries in the same order. Delegations and other names are drawn evenly: each
// is used once before any comes again, as if no name were more popular than another,
// which is the hard case for a server's caches. Names of NXDomain don't exist, nor does a
// wildcard stand in for them; half of them are existing names with a slip of the pen.
// Classes are the parts. A part for which the zone has no names is an error.
func (m Mix) Draw(zone *zonefile.Zone, n int, o Options) (*Set, error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	if n < 1 || n > maxQueries {
		return nil, fmt.Errorf("mix: %d queries: expected 1 to %d", n, maxQueries)
	}
	counts := m.deal(n)
	d := newDrawer(zone, &counts, o)
	order := make([]Part, 0, n)
	var class [parts]uint8
	for p, weight := range m {
		if weight == 0 {
			continue
		}
		if err := d.possible(Part(p)); err != nil {
			return nil, fmt.Errorf("mix: %s=%v: %w", Part(p), weight, err)
		}
		class[p] = uint8(len(d.builder.set.Classes))
		d.builder.set.Classes = append(d.builder.set.Classes, Part(p).String())
		for range counts[p] {
			order = append(order, Part(p))
		}
	}
	d.random.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, p := range order {
		name, qtype, err := d.draw(p)
		if err != nil {
			return nil, fmt.Errorf("mix: %s=%v: %w", p, m[p], err)
		}
		d.builder.add(name, qtype, class[p], p == Random)
	}
	return d.builder.set, nil
}

// drawer draws from a zone.
type drawer struct {
	zone    *zonefile.Zone
	builder *builder
	random  *rand.Rand
	name    []byte // the last one that was made

	cuts, secure, insecure sample // delegations: all, with DS, without
	positive, wildcards    sample
	bare                   sample // names that can lack a type
	parents                sample // cuts, below the parents of which new names are made
	near                   sample // cuts, the names of which are misspelt
}

// newDrawer collects the names that draws are made from: not more than are needed.
func newDrawer(zone *zonefile.Zone, counts *[parts]int, o Options) *drawer {
	d := &drawer{zone: zone, builder: newBuilder(o), random: rand.New(rand.NewPCG(o.Seed, 0x3117))}
	d.cuts.limit = counts[Referral]
	d.secure.limit = counts[DS]
	d.insecure.limit = counts[NoDS]
	d.positive.limit = counts[Positive]
	d.wildcards.limit = counts[Wildcard]
	d.bare.limit = counts[NoData]
	d.parents.limit = counts[NXDomain] + counts[Random]
	d.near.limit = counts[NXDomain]
	apex := zone.Origin()
	for node := range zone.Nodes() {
		switch {
		case node.Occluded() || node.Hash():
		case node.Cut() && dname.IsWildcard(node.Name()): // undefined (RFC 4592 §4.2)
		case node.Cut():
			name := node.Name()
			d.cuts.offer(d.random, name)
			d.parents.offer(d.random, name)
			d.near.offer(d.random, name)
			if node.Has(dns.TypeDS) {
				d.secure.offer(d.random, name)
			} else {
				d.insecure.offer(d.random, name)
			}
		case dname.IsWildcard(node.Name()):
			if len(askable(node)) > 0 {
				d.wildcards.offer(d.random, node.Name())
			}
		default:
			if !node.Has(dns.TypeCNAME) {
				d.bare.offer(d.random, node.Name())
			}
			if len(node.Name()) != len(apex) && len(askable(node)) > 0 {
				d.positive.offer(d.random, node.Name())
			}
		}
	}
	for _, s := range []*sample{&d.cuts, &d.secure, &d.insecure, &d.positive, &d.wildcards, &d.bare, &d.parents, &d.near} {
		d.random.Shuffle(len(s.names), func(i, j int) { s.names[i], s.names[j] = s.names[j], s.names[i] })
	}
	return d
}

// possible says why a part cannot be drawn from the zone, if so.
func (d *drawer) possible(p Part) error {
	var from *sample
	var what string
	switch p {
	case Referral:
		from, what = &d.cuts, "delegations"
	case DS:
		from, what = &d.secure, "delegations with DS records"
	case NoDS:
		from, what = &d.insecure, "delegations without DS records"
	case Positive:
		from, what = &d.positive, "records of its own below its apex"
	case Wildcard:
		from, what = &d.wildcards, "wildcards"
	default:
		return nil
	}
	if from.seen == 0 {
		return fmt.Errorf("zone %s has no %s", dname.String(d.zone.Origin()), what)
	}
	return nil
}

// draw makes one query. Its name is valid until the next one is drawn.
func (d *drawer) draw(p Part) (name []byte, qtype uint16, err error) {
	switch p {
	case Referral:
		return d.below(d.cuts.next()), pick(d.random, resolverTypes), nil
	case DS:
		return d.secure.next(), dns.TypeDS, nil
	case NoDS:
		return d.insecure.next(), dns.TypeDS, nil
	case Apex:
		name = d.zone.Origin()
		return name, d.one(askable(d.zone.Node(name))), nil
	case Positive:
		name = d.positive.next()
		return name, d.one(askable(d.zone.Node(name))), nil
	case NoData:
		return d.lacking()
	case Wildcard:
		return d.covered()
	case NXDomain:
		name, err = d.missing()
		return name, pick(d.random, resolverTypes), err
	default:
		if name = d.compose(randomLength, d.parent()); len(name) > dname.MaxWire {
			err = fmt.Errorf("names below zone %s are too long", dname.String(d.zone.Origin()))
		}
		return name, pick(d.random, resolverTypes), err
	}
}

// resolverTypes are what resolvers ask the servers of a registry for, with weights
// that sum up to 100.
var resolverTypes = []weighted{
	{dns.TypeA, 55}, {dns.TypeAAAA, 25}, {dns.TypeHTTPS, 8}, {dns.TypeNS, 4}, {dns.TypeMX, 4}, {dns.TypeTXT, 4},
}

type weighted struct {
	qtype  uint16
	weight int
}

func pick(random *rand.Rand, types []weighted) uint16 {
	n := random.IntN(100)
	for _, t := range types {
		if n -= t.weight; n < 0 {
			return t.qtype
		}
	}
	return types[0].qtype
}

// one draws a type.
func (d *drawer) one(types []uint16) uint16 { return types[d.random.IntN(len(types))] }

// askable are the types of a name, without those that DNSSEC adds to the answers of
// others.
func askable(node zonefile.Node) []uint16 {
	var types []uint16
	for rrset := range node.RRsets() {
		switch rrset.Type {
		case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
		default:
			types = append(types, rrset.Type)
		}
	}
	return types
}

// lacking draws a name and a type that it doesn't have.
func (d *drawer) lacking() (name []byte, qtype uint16, err error) {
	usual := [...]uint16{dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS, dns.TypeMX, dns.TypeTXT, dns.TypeSRV, dns.TypeCAA, dns.TypeNAPTR}
	for range tries {
		if d.bare.seen == 0 {
			break
		}
		name = d.bare.next()
		node := d.zone.Node(name)
		if qtype = usual[d.random.IntN(len(usual))]; !node.Has(qtype) {
			return name, qtype, nil
		}
	}
	return nil, 0, fmt.Errorf("found no name in zone %s that lacks a type", dname.String(d.zone.Origin()))
}

// sample is names that are drawn evenly from all that are offered (reservoir sampling).
type sample struct {
	limit int
	names [][]byte
	seen  int
	at    int
}

func (s *sample) offer(random *rand.Rand, name []byte) {
	s.seen++
	if len(s.names) < s.limit {
		s.names = append(s.names, name)
	} else if s.limit > 0 {
		if i := random.IntN(s.seen); i < s.limit {
			s.names[i] = name
		}
	}
}

// next returns the names one after the other, over and over. There must be one.
func (s *sample) next() []byte {
	name := s.names[s.at%len(s.names)]
	s.at++
	return name
}
