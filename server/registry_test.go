package server

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"yushan/zone"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// registry makes the changes that a registry's customers ask for. Of each
// thousand delegations that change a third go, a third come, and a third get
// other name servers, or other addresses of their own ones; and one name server
// that other delegations name moves.
type registry struct {
	random *rand.Rand
	serial uint32
	soa    master.Record

	// One delegation after the other: its owner, and those of its name servers that
	// are below it, each with a byte before it that says how many there are. Flat, so that the
	// garbage collector of the server that is measured has nothing to do with it.
	cuts    []byte
	servers [][]byte // of hosting companies, elsewhere and in the zone
	moving  [][]byte // those in the zone
	coming  int      // delegations that have come so far
}

// newRegistry takes so many delegations of a zone, or all, evenly.
func newRegistry(z *zone.Zone, delegations int) *registry {
	g := &registry{random: rand.New(rand.NewPCG(5, 6)), serial: z.Serial()}
	every := max(1, z.Stats().Cuts/delegations)
	hosts := map[string]bool{}
	cuts := 0
	var owner []byte
	var own [][]byte
	flush := func() {
		if len(owner) == 0 {
			return
		}
		if cuts++; cuts%every == 0 {
			g.cuts = append(append(g.cuts, byte(len(own))), owner...)
			for _, server := range own {
				g.cuts = append(g.cuts, server...)
			}
		}
		owner, own = owner[:0], own[:0]
	}
	for r := range z.Records() {
		switch {
		case r.Type == zone.TypeSOA:
			g.soa = master.Record{Owner: bytes.Clone(r.Owner), Type: r.Type, TTL: r.TTL, RDATA: bytes.Clone(r.RDATA)}
		case r.Type != zone.TypeNS || len(r.Owner) == len(z.Origin()):
		default:
			if !bytes.Equal(r.Owner, owner) {
				flush()
				owner = append(owner, r.Owner...)
			}
			inZone := dname.IsSubdomain(r.RDATA, z.Origin())
			switch {
			case dname.IsSubdomain(r.RDATA, owner):
				own = append(own, bytes.Clone(r.RDATA))
			case len(hosts) < 5000 && !hosts[string(r.RDATA)]:
				hosts[string(r.RDATA)] = true
				g.servers = append(g.servers, bytes.Clone(r.RDATA))
				if inZone {
					g.moving = append(g.moving, bytes.Clone(r.RDATA))
				}
			}
		}
	}
	flush()
	return g
}

// take returns the next delegation of those that were there.
func (g *registry) take() (owner []byte, own [][]byte) {
	next := func() []byte {
		n, _ := dname.Check(g.cuts)
		name := g.cuts[:n:n]
		g.cuts = g.cuts[n:]
		return name
	}
	count := g.cuts[0]
	g.cuts = g.cuts[1:]
	owner = next()
	for range count {
		own = append(own, next())
	}
	return owner, own
}

// change asks an edit for the next changes, fewer if nothing is left to be changed.
func (g *registry) change(e *zone.Edit, delegations int) {
	e.Remove(g.soa)
	g.serial++
	g.soa.RDATA = bytes.Clone(g.soa.RDATA)
	binary.BigEndian.PutUint32(g.soa.RDATA[len(g.soa.RDATA)-20:], g.serial)
	e.Add(g.soa)
	for i := range delegations {
		if i%3 == 1 {
			g.coming++
			g.delegate(e, wireName(fmt.Sprintf("new-%d-%d.tw.", g.random.IntN(1e6), g.coming)), i%5 == 0)
			continue
		}
		if len(g.cuts) == 0 {
			continue
		}
		owner, own := g.take()
		for _, server := range own {
			e.RemoveRRset(server, zone.TypeA)
			e.RemoveRRset(server, zone.TypeAAAA)
		}
		switch {
		case i%3 == 0:
			e.RemoveRRset(owner, zone.TypeNS)
			e.RemoveRRset(owner, zone.TypeDS)
		case len(own) > 0 && i%2 == 0: // only addresses change
			for _, server := range own {
				e.Add(g.address(server))
			}
		default:
			e.RemoveRRset(owner, zone.TypeNS)
			g.delegate(e, owner, len(own) > 0)
		}
	}
	for range max(1, delegations/1000) {
		server := g.moving[g.random.IntN(len(g.moving))]
		e.RemoveRRset(server, zone.TypeA)
		e.Add(g.address(server))
	}
}

func (g *registry) address(server []byte) master.Record {
	return master.Record{Owner: server, Type: zone.TypeA, TTL: 86400, RDATA: []byte{198, 18, byte(g.random.IntN(256)), byte(g.random.IntN(256))}}
}

// delegate adds the records of a delegation, to servers below it or elsewhere.
func (g *registry) delegate(e *zone.Edit, owner []byte, own bool) {
	for i := range 2 {
		server := g.servers[g.random.IntN(len(g.servers))]
		if own {
			server = append([]byte{3, 'n', 's', '1' + byte(i)}, owner...)
			e.Add(g.address(server))
		}
		e.Add(master.Record{Owner: owner, Type: zone.TypeNS, TTL: 86400, RDATA: server})
	}
}

// wireName returns a name of the tests' own in wire format.
func wireName(name string) []byte {
	b, err := dname.Parse(name, nil)
	if err != nil {
		panic(err)
	}
	return b
}
