package testzone

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"
)

// Queries makes queries that have to do with some zones.
type Queries struct {
	r      *rand.Rand
	names  []string
	dnames []string // owners of DNAME records
	types  []uint16 // that occur in the zones
	exact  []dns.RR // records whose owner and type can be asked for
}

// NewQueries returns the sequence of queries for a seed. The zones may be
// signed or not.
func NewQueries(seed uint64, zones []Zone) *Queries {
	q := &Queries{r: rand.New(rand.NewPCG(seed, 0x717565727973))}
	seen := map[string]bool{}
	note := func(name string) {
		if key := canonical(name); !seen[key] {
			seen[key] = true
			q.names = append(q.names, name)
		}
	}
	types := map[uint16]bool{}
	for _, z := range zones {
		note(z.Origin)
		for _, rr := range z.Unsigned().Records {
			note(rr.Header().Name)
			q.exact = append(q.exact, rr)
			if !types[rr.Header().Rrtype] {
				types[rr.Header().Rrtype] = true
				q.types = append(q.types, rr.Header().Rrtype)
			}
			switch rr := rr.(type) {
			case *dns.CNAME:
				note(rr.Target)
			case *dns.DNAME:
				note(rr.Target)
				q.dnames = append(q.dnames, rr.Hdr.Name)
			case *dns.NS:
				note(rr.Ns)
			}
		}
		for i, rr := range z.Records {
			// Some owner names of NSEC3 records, which are none to ask for.
			if rr.Header().Rrtype == dns.TypeNSEC3 && i%4 == 0 {
				note(rr.Header().Name)
			}
		}
	}
	return q
}

func (q *Queries) chance(percent int) bool { return q.r.IntN(100) < percent }

// Name returns a name that is in a zone, or near one that is.
func (q *Queries) Name() string {
	name := q.names[q.r.IntN(len(q.names))]
	switch q.r.IntN(10) {
	case 0, 1, 2, 3:
	case 4, 5:
		name = child(q.r, name)
	case 6:
		name = child(q.r, child(q.r, name))
	case 7:
		name = parentOf(name)
	case 8: // a sibling
		name = child(q.r, parentOf(name))
	case 9:
		name = q.nearMiss(name)
	}
	if q.chance(3) {
		name = q.long(name)
	} else if len(q.dnames) > 0 && q.chance(3) {
		name = q.long(q.dnames[q.r.IntN(len(q.dnames))]) // RFC 6672 §2.2: perhaps too long afterwards
	}
	if q.chance(40) {
		name = randomCase(q.r, name)
	}
	return name
}

// nearMiss changes one byte, or cuts a label or adds to it.
func (q *Queries) nearMiss(name string) string {
	wire := make([]byte, 256)
	n, err := dns.PackDomainName(name, wire, 0, nil, false)
	if err != nil || n < 2 {
		return name
	}
	label := int(wire[0])
	switch at := 1 + q.r.IntN(label); q.r.IntN(4) {
	case 0:
		wire[at]++
	case 1:
		wire[at]--
	case 2:
		if label > 1 {
			copy(wire[label:], wire[label+1:n])
			wire[0]--
		}
	case 3:
		if label < 63 && n < 255 {
			copy(wire[label+2:n+1], wire[label+1:n])
			wire[label+1] = byte(q.r.IntN(256))
			wire[0]++
		}
	}
	near, _, err := dns.UnpackDomainName(wire, 0)
	if err != nil {
		return name
	}
	return near
}

// long puts so many labels before the name that nearly nothing more fits.
func (q *Queries) long(name string) string {
	for {
		longer := join(strings.Repeat("q", 1+q.r.IntN(50)), name)
		if !fits(longer) {
			return name
		}
		name = longer
	}
}

var queryTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA, dns.TypeMX, dns.TypeTXT, dns.TypeCNAME, dns.TypeDNAME, dns.TypeSRV,
	dns.TypeSVCB, dns.TypeHTTPS, dns.TypeDS, dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeRRSIG,
	dns.TypeANY, dns.TypeNXNAME, dns.TypeAXFR, dns.TypeIXFR, dns.TypeOPT, dns.TypeTSIG, dns.TypeMAILB, dns.TypeNone, 65280, 65535,
}

// Type returns a type to ask for.
func (q *Queries) Type() uint16 {
	switch q.r.IntN(6) {
	case 0, 1:
		return []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeDS}[q.r.IntN(4)]
	case 2, 3, 4:
		return q.types[q.r.IntN(len(q.types))]
	}
	return queryTypes[q.r.IntN(len(queryTypes))]
}

// Next returns the next query. Most are good ones; some hold what a client
// shouldn't send.
func (q *Queries) Next() []byte {
	m := &dns.Msg{}
	m.Id = uint16(q.r.Uint32())
	m.RecursionDesired = q.chance(30)
	m.CheckingDisabled = q.chance(20)
	m.AuthenticatedData = q.chance(20)
	m.Question = []dns.Question{{Name: q.Name(), Qtype: q.Type(), Qclass: dns.ClassINET}}
	if q.chance(20) {
		h := q.exact[q.r.IntN(len(q.exact))].Header()
		name := h.Name
		if below, ok := strings.CutPrefix(name, "*."); ok && q.chance(80) {
			name = child(q.r, below) // what the wildcard stands for
		}
		m.Question[0].Name, m.Question[0].Qtype = randomCase(q.r, name), h.Rrtype
	}
	if q.chance(2) {
		m.Question[0].Qclass = []uint16{dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassANY, dns.ClassNONE, 0}[q.r.IntN(5)]
	}
	if q.chance(2) {
		m.Question[0] = dns.Question{
			Name:   randomCase(q.r, []string{"version.bind.", "version.server.", "id.server.", "hostname.bind.", "authors.bind."}[q.r.IntN(5)]),
			Qtype:  []uint16{dns.TypeTXT, dns.TypeTXT, dns.TypeTXT, dns.TypeANY, dns.TypeA}[q.r.IntN(5)],
			Qclass: dns.ClassCHAOS,
		}
	}
	if m.Question[0].Qtype == dns.TypeIXFR && q.chance(60) {
		m.Ns = []dns.RR{q.someSOA()}
	}
	if q.chance(75) {
		m.Extra = append(m.Extra, q.opt())
	}
	if q.chance(4) {
		q.junk(m)
	}
	wire, err := m.Pack()
	if err != nil {
		// Junk that the library refuses to pack; the question alone is good.
		m.Answer, m.Ns, m.Extra = nil, nil, nil
		if wire, err = m.Pack(); err != nil {
			panic("testzone: " + m.String() + ": " + err.Error())
		}
	}
	if q.chance(3) {
		wire = q.damage(wire)
	}
	return wire
}

func (q *Queries) someSOA() dns.RR {
	return &dns.SOA{Hdr: dns.RR_Header{Name: q.Name(), Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: ".", Mbox: ".", Serial: q.r.Uint32()}
}

func (q *Queries) opt() *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize([]uint16{0, 100, 511, 512, 513, 600, 700, 1000, 1231, 1232, 1233, 1400, 4096, 65535}[q.r.IntN(14)])
	opt.SetDo(q.chance(65))
	if q.chance(3) {
		opt.SetVersion(uint8(1 + q.r.IntN(255)))
	}
	if q.chance(3) {
		opt.SetZ(uint16(q.r.IntN(0x8000)))
	}
	if q.chance(3) {
		opt.SetExtendedRcode(uint16(q.r.Uint32()))
	}
	local := func(code uint16, data string) {
		opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: code, Data: []byte(data)})
	}
	for q.chance(20) {
		switch q.r.IntN(12) {
		case 0, 1:
			local(dns.EDNS0NSID, strings.Repeat("n", q.r.IntN(3)/2))
		case 2, 3:
			local(dns.EDNS0ZONEVERSION, "")
		case 4:
			if q.chance(30) {
				local(dns.EDNS0ZONEVERSION, "bad")
			}
		case 5:
			local(dns.EDNS0COOKIE, "12345678")
		case 6:
			local(dns.EDNS0SUBNET, "\x00\x01\x18\x00\xc0\x00\x02")
		case 7:
			local(65001, "anything")
		case 8, 9:
			local(dns.EDNS0PADDING, strings.Repeat("\x00", q.r.IntN(200)))
		case 10:
			local(dns.EDNS0PADDING, "not zeros")
		case 11:
			local(dns.EDNS0TCPKEEPALIVE, strings.Repeat("k", max(q.r.IntN(12)-9, 0)))
		}
	}
	return opt
}

// junk adds what doesn't belong into a query, or makes it something else.
func (q *Queries) junk(m *dns.Msg) {
	a := &dns.A{Hdr: dns.RR_Header{Name: q.Name(), Rrtype: dns.TypeA, Class: dns.ClassINET}, A: []byte{192, 0, 2, 1}}
	switch q.r.IntN(13) {
	case 0:
		m.Response = true
	case 1:
		m.Opcode = q.r.IntN(16)
	case 2:
		m.Question = append(m.Question, m.Question[0])
	case 3:
		m.Question = nil
	case 4:
		m.Answer = append(m.Answer, a)
	case 5:
		m.Ns = append(m.Ns, a)
	case 6:
		m.Extra = append(m.Extra, a)
	case 7:
		m.Extra = append([]dns.RR{a}, m.Extra...)
	case 8:
		m.Extra = append(m.Extra, q.opt())
	case 9:
		opt := q.opt()
		opt.Hdr.Name = "a."
		m.Extra = []dns.RR{opt}
	case 10, 11:
		m.Extra = append(m.Extra, &dns.TSIG{
			Hdr:       dns.RR_Header{Name: "key.example.", Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
			Algorithm: dns.HmacSHA256, TimeSigned: 1700000000, Fudge: 300, OrigId: m.Id,
			MACSize: 32, MAC: strings.Repeat("ab", 32),
		})
		if q.chance(20) {
			m.Extra = append(m.Extra, a)
		}
	case 12:
		m.Truncated, m.Authoritative, m.Zero, m.RecursionAvailable = true, true, true, true
		m.Rcode = q.r.IntN(16)
	}
}

// damage changes bytes of a message, or its length.
func (q *Queries) damage(wire []byte) []byte {
	switch q.r.IntN(5) {
	case 0:
		return wire[:q.r.IntN(len(wire)+1)]
	case 1:
		for range 1 + q.r.IntN(4) {
			wire = append(wire, byte(q.r.Uint32()))
		}
	case 2:
		wire[q.r.IntN(len(wire))] = byte(q.r.Uint32())
	case 3: // a count that isn't true
		wire[4+2*q.r.IntN(4)+1] ^= byte(1 + q.r.IntN(2))
	case 4: // a compression pointer or a bad label type in the question
		if len(wire) > 12 {
			wire[12] = []byte{0xC0, 0x40, 0x80, 0xFF}[q.r.IntN(4)]
		}
	}
	return wire
}

// Mutate returns a copy of a message with some random changes, for tests that
// only want a server to survive.
func Mutate(r *rand.Rand, wire []byte) []byte {
	mutant := append([]byte(nil), wire...)
	for range 1 + r.IntN(4) {
		if len(mutant) == 0 {
			return mutant
		}
		at := r.IntN(len(mutant))
		switch r.IntN(6) {
		case 0:
			mutant[at] ^= 1 << r.IntN(8)
		case 1:
			mutant[at] = byte(r.Uint32())
		case 2:
			mutant = mutant[:at]
		case 3:
			mutant = append(mutant[:at], append([]byte{byte(r.Uint32())}, mutant[at:]...)...)
		case 4:
			if len(mutant)-at >= 2 {
				binary.BigEndian.PutUint16(mutant[at:], uint16(0xC000|r.IntN(64)))
			}
		case 5:
			mutant = append(mutant, mutant[at:]...)
		}
	}
	return mutant
}
