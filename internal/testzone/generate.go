package testzone

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"
)

// Generate makes one to three zones, not signed yet. Some are each other's
// parent, some are strangers, and the root is among them now and then.
func Generate(seed uint64) []Zone {
	r := rand.New(rand.NewPCG(seed, 0x79757368616e))
	families := [][]string{
		{"tw."}, {"tw."}, {"xn--kpry57d."}, {"a.b.c.example."}, {"."},
		{"tw.", "xn--kpry57d."},
		{"tw.", "a.tw."}, {"tw.", "a.tw.", "b.a.tw."}, {"tw.", "b.a.tw."}, {".", "tw."},
		{`a\.b.tw.`, "tw."}, {strings.Repeat("l", 63) + ".tw."},
	}
	var zones []Zone
	for _, origin := range families[r.IntN(len(families))] {
		g := &generator{r: r, origin: origin, names: []string{origin}}
		zones = append(zones, Zone{Origin: origin, Signing: Signing(r.IntN(int(signings))), Records: g.zone()})
	}
	// A parent knows its children.
	for _, parent := range zones {
		for _, z := range zones {
			if parent.Origin != z.Origin && isWithin(z.Origin, parent.Origin) {
				g := &generator{r: r, origin: parent.Origin, names: []string{parent.Origin}, records: parent.Records}
				g.cut(z.Origin)
				parent.Records = legal(parent.Origin, g.records)
			}
		}
		for i := range zones {
			if zones[i].Origin == parent.Origin {
				zones[i] = parent
			}
		}
	}
	return zones
}

// generator grows one zone.
type generator struct {
	r       *rand.Rand
	origin  string
	names   []string // that are or may be in the zone: new ones grow from them, others point to them
	records []dns.RR
}

func (g *generator) add(format string, args ...any) {
	rr, err := dns.NewRR(fmt.Sprintf(format, args...))
	if err != nil {
		panic("testzone: " + fmt.Sprintf(format, args...) + ": " + err.Error())
	}
	g.records = append(g.records, rr)
}

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

// ttl is one for all records of an owner and type.
func (g *generator) ttl() int { return []int{0, 60, 300, 3600, 86400}[g.r.IntN(5)] }

func (g *generator) zone() []dns.RR {
	ttl := g.ttl()
	g.add("%s %d IN SOA %s %s %d 7200 3600 1209600 %d", g.origin, ttl, join("ns1", g.origin), join("hostmaster", g.origin), g.r.Uint32(), g.ttl())
	g.servers(g.origin)
	if g.chance(50) {
		g.host(g.origin)
	}
	if g.chance(4) {
		g.dname(g.origin)
	}
	if g.chance(5) {
		g.huge(g.newName())
	}
	for range 3 + g.r.IntN(20) {
		name := g.newName()
		switch g.r.IntN(12) {
		case 0, 1, 2:
			g.host(name)
		case 3, 4, 5:
			g.cut(name)
		case 6, 7:
			g.cname(name)
		case 8:
			g.dname(name)
		case 9, 10:
			g.wildcard(name)
		case 11:
			if g.chance(30) {
				g.big(name)
			} else {
				g.chain(name)
			}
		}
	}
	return legal(g.origin, g.records)
}

// newName returns a name in the zone: a child or grandchild of one that is
// known already, or one of those again.
func (g *generator) newName() string {
	name := g.someName()
	if g.chance(60) {
		name = g.origin
	}
	for range 1 + g.r.IntN(5)/3 {
		name = child(g.r, name)
	}
	if g.chance(5) {
		name = g.someName()
	}
	g.names = append(g.names, name)
	return name
}

func (g *generator) someName() string { return g.names[g.r.IntN(len(g.names))] }

// target returns a name for a record to point to: in the zone, existing or not,
// or elsewhere.
func (g *generator) target() string {
	switch g.r.IntN(8) {
	case 0:
		return child(g.r, "example.net.")
	case 1:
		return g.newName()
	case 2, 3:
		return child(g.r, g.someName())
	case 4:
		return randomCase(g.r, g.someName())
	}
	return g.someName()
}

// addresses gives a name A and AAAA records.
func (g *generator) addresses(name string) {
	ttl := g.ttl()
	if g.chance(85) {
		for range 1 + g.r.IntN(3)/2 {
			g.add("%s %d IN A 192.0.2.%d", name, ttl, g.r.IntN(256))
		}
	}
	if g.chance(60) {
		for range 1 + g.r.IntN(3)/2 {
			g.add("%s %d IN AAAA 2001:db8::%x", name, ttl, g.r.IntN(65536))
		}
	}
}

// servers gives a name an NS RRset. In-domain servers mostly have glue.
func (g *generator) servers(name string) {
	ttl := g.ttl()
	for range 1 + g.r.IntN(3) {
		server := g.target()
		switch g.r.IntN(5) {
		case 0, 1: // in-domain
			server = child(g.r, name)
		case 2:
			if g.chance(30) {
				server = name
			}
		case 3: // out of the zone
			server = child(g.r, "example.net.")
		}
		g.add("%s %d IN NS %s", name, ttl, server)
		if isWithin(server, g.origin) && g.chance(90) && isWithin(server, name) {
			g.addresses(server)
			g.names = append(g.names, server)
		}
	}
}

// cut makes a delegation, with data below that are not this zone's.
func (g *generator) cut(name string) {
	g.servers(name)
	if g.chance(40) {
		ttl := g.ttl()
		for range 1 + g.r.IntN(2) {
			digest := fmt.Sprintf("%016x%016x%016x%016x", g.r.Uint64(), g.r.Uint64(), g.r.Uint64(), g.r.Uint64())
			g.add("%s %d IN DS %d 13 2 %s", name, ttl, g.r.IntN(65536), digest)
		}
	}
	if g.chance(20) {
		g.addresses(name)
	}
	if g.chance(20) { // occluded
		below := child(g.r, name)
		g.names = append(g.names, below)
		switch g.r.IntN(4) {
		case 0:
			g.servers(below)
		case 1:
			g.cname(below)
		case 2:
			g.dname(below)
		case 3:
			g.host(below)
		}
	}
}

func (g *generator) cname(name string) {
	g.add("%s %d IN CNAME %s", name, g.ttl(), g.target())
}

func (g *generator) dname(name string) {
	target := g.target()
	if g.chance(15) { // so long that few names fit before it
		target = join(strings.Repeat("y", 60)+"."+strings.Repeat("y", 60)+"."+strings.Repeat("y", 60)+"."+strings.Repeat("y", 40), g.origin)
		if !fits(target) {
			target = g.target()
		}
	}
	g.add("%s %d IN DNAME %s", name, g.ttl(), target)
}

func (g *generator) wildcard(parent string) {
	name := join("*", parent)
	if g.chance(15) { // the wildcard is an empty non-terminal
		name = join(someLabel(g.r), name)
	}
	if g.chance(10) {
		name = join("*", name)
	}
	if !fits(name) {
		return
	}
	g.names = append(g.names, name)
	if g.chance(35) {
		g.cname(name)
	} else {
		g.host(name)
	}
}

// chain makes CNAMEs that lead to each other: some chains too long, some in a
// circle.
func (g *generator) chain(name string) {
	length := 2 + g.r.IntN(20)
	first := name
	for i := range length {
		next := join(fmt.Sprintf("l%d", i), g.origin)
		if !fits(next) {
			return
		}
		if i == length-1 {
			next = g.target()
			if g.chance(20) {
				next = first
			}
		}
		g.add("%s %d IN CNAME %s", name, g.ttl(), next)
		name = next
	}
	g.names = append(g.names, join("l0", g.origin))
}

// host gives a name data of some types.
func (g *generator) host(name string) {
	g.addresses(name)
	for range g.r.IntN(4) {
		g.data(name)
	}
}

// data gives a name one RRset of the types that are not special to a server,
// or whose targets it adds.
func (g *generator) data(name string) {
	ttl := g.ttl()
	for range 1 + g.r.IntN(6)/3 {
		switch g.r.IntN(16) {
		case 0, 1:
			g.add("%s %d IN MX %d %s", name, ttl, g.r.IntN(3)*10, g.target())
		case 2, 3:
			g.add("%s %d IN SRV 0 %d 53 %s", name, ttl, g.r.IntN(3), g.target())
		case 4:
			g.add(`%s %d IN SVCB %d %s alpn="dot" port=853`, name, ttl, 1+g.r.IntN(3), g.svcTarget())
		case 5:
			g.add(`%s %d IN HTTPS 1 %s ipv4hint=192.0.2.1`, name, ttl, g.svcTarget())
		case 6:
			g.add("%s %d IN HTTPS 0 %s", name, ttl, g.svcTarget())
		case 7:
			g.add(`%s %d IN TXT "v=%d" "\"\\\000"`, name, ttl, g.r.IntN(10))
		case 8:
			g.add(`%s %d IN CAA 0 issue "ca%d.example.net"`, name, ttl, g.r.IntN(3))
		case 9:
			g.add("%s %d IN PTR %s", name, ttl, g.target())
		case 10:
			g.add(`%s %d IN NAPTR 10 10 "u" "E2U+sip" "" %s`, name, ttl, g.target())
		case 11:
			g.add(`%s %d IN TYPE65280 \# 3 01%02x03`, name, ttl, g.r.IntN(256))
		case 12:
			g.add("%s %d IN TLSA 3 1 1 %064x", name, ttl, g.r.Uint64())
		case 13:
			g.add("%s %d IN RP %s %s", name, ttl, g.target(), g.target())
		case 14:
			g.add("%s %d IN AFSDB 1 %s", name, ttl, g.target())
		case 15:
			g.add("%s %d IN LOC 25 2 0.000 N 121 33 0.000 E 10m", name, ttl)
		}
	}
}

func (g *generator) svcTarget() string {
	if g.chance(15) {
		return "."
	}
	return g.target()
}

// big makes an RRset, or a delegation, that doesn't fit into a UDP answer.
func (g *generator) big(name string) {
	switch ttl := g.ttl(); g.r.IntN(3) {
	case 0:
		for i := range 2 + g.r.IntN(8) {
			g.add("%s %d IN TXT \"%d %s\"", name, ttl, i, strings.Repeat("x", g.r.IntN(240)))
		}
	case 1:
		for i := range 10 + g.r.IntN(20) {
			server := join(fmt.Sprintf("ns%d-%s", i, strings.Repeat("s", g.r.IntN(30))), name)
			if !fits(server) {
				return
			}
			g.add("%s %d IN NS %s", name, ttl, server)
			g.addresses(server)
		}
	case 2:
		for i := range 10 + g.r.IntN(30) {
			exchange := join(fmt.Sprintf("mx%d", i), g.origin)
			if !fits(exchange) {
				return
			}
			g.add("%s %d IN MX %d %s", name, ttl, i, exchange)
			g.addresses(exchange)
		}
	}
}

// huge makes an RRset of more than 16 KiB, so that names behind it are where no
// compression pointer reaches, at a name, at a wildcard, or at the end of a CNAME.
func (g *generator) huge(name string) {
	owner := name
	switch g.r.IntN(4) {
	case 0:
		owner = join("huge", g.origin)
		g.add("%s %d IN CNAME %s", name, g.ttl(), owner)
	case 1:
		owner = join("*", name)
	}
	if !fits(owner) || !fits(join("mx999", g.origin)) {
		return
	}
	g.names = append(g.names, owner)
	ttl, byName := g.ttl(), g.chance(50)
	for i := range 75 + g.r.IntN(50) {
		if byName {
			// Three targets a record's worth of bytes: long labels, in the zone or not.
			for j, parent := range []string{g.origin, "example.net.", owner} {
				target := join(fmt.Sprintf("mx%d-%s", i, strings.Repeat("h", 50)), parent)
				if fits(target) {
					g.add("%s %d IN MX %d %s", owner, ttl, j, target)
				}
			}
		} else {
			g.add("%s %d IN TXT \"%d %s\"", owner, ttl, i, strings.Repeat("x", 240))
		}
	}
	if g.chance(50) {
		g.add("%s %d IN MX 0 %s", owner, ttl, g.target())
	}
}
