package interop

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"yushan/internal/peer"
	"yushan/internal/testzone"
)

// query is a message to send, with what the table of differences asks about it.
type query struct {
	peer.Query
	what  string // for people: the question, or what is wrong with the packet
	name  string // canonical; "" for packets that are more than a question
	qtype uint16
	do    bool
	limit int // the largest answer that the client takes
}

func (q query) String() string {
	transport := "UDP"
	if q.TCP {
		transport = "TCP"
	}
	return fmt.Sprintf("%s over %s, DO=%v, up to %d bytes", q.what, transport, q.do, q.limit)
}

// someTypes are asked for at every name, by turns.
var someTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA, dns.TypeCNAME, dns.TypeMX, dns.TypeTXT, dns.TypeDNAME,
	dns.TypeDS, dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeRRSIG, dns.TypeANY,
	dns.TypeSRV, dns.TypeHTTPS, dns.TypeCAA, dns.TypePTR, dns.TypeCDS, 65400, 65535,
}

var generated = regexp.MustCompile(`^(ns|host)[0-9]+\.[bm]`)

// questionsAbout asks for each name of the zone, and for names around it.
func questionsAbout(r *rand.Rand, z testzone.Zone) (queries []query) {
	present := map[string][]uint16{}
	var names []string
	for _, rr := range z.Records {
		h := rr.Header()
		// The owners of NSEC3 records and what $GENERATE made are much alike.
		alike := h.Rrtype == dns.TypeNSEC3 || generated.MatchString(h.Name)
		if alike && present[dns.CanonicalName(h.Name)] == nil && r.IntN(20) > 0 {
			continue
		}
		name := dns.CanonicalName(h.Name)
		if present[name] == nil {
			names = append(names, h.Name)
		}
		if !slices.Contains(present[name], h.Rrtype) {
			present[name] = append(present[name], h.Rrtype)
		}
	}
	for _, owner := range names {
		near := around(owner, z.Origin)
		r.Shuffle(len(near), func(i, j int) { near[i], near[j] = near[j], near[i] })
		for _, name := range append(near[:min(5, len(near))], owner) {
			if _, ok := dns.IsDomainName(name); !ok || len(name) > 250 {
				continue
			}
			types := append([]uint16{dns.TypeA}, present[dns.CanonicalName(name)]...)
			for range 2 {
				types = append(types, someTypes[r.IntN(len(someTypes))])
			}
			slices.Sort(types)
			for _, qtype := range slices.Compact(types) {
				queries = append(queries, randomQuery(r, name, qtype))
			}
		}
	}
	return queries
}

// pinned are the questions that some rows of the table need, whatever chance
// makes of the others.
func pinned(origin string) (queries []query) {
	for _, q := range []struct {
		name  string
		qtype uint16
	}{
		{"b.a.dname", dns.TypeCNAME}, {"x.dname-nx", dns.TypeCNAME}, {"x.dname-nx", dns.TypeANY}, {"a.ent.dname-chain", dns.TypeA},
		{"*.dname-long", dns.TypeA}, {"x.dname-long", dns.TypeA}, {"x.dname-self", dns.TypeA}, {"x.dname-wild", dns.TypeAAAA},
		{"alias", dns.TypeNSEC}, {"alias-wild", dns.TypeRRSIG}, {"alias-child", dns.TypeA}, {"self", dns.TypeA}, {"l0", dns.TypeA},
		{"zz.ent2", dns.TypeA}, {"0\\000", dns.TypeDNAME}, {"*.w.target", dns.TypeTXT}, {"*.child", dns.TypeA},
		{"signed", dns.TypeNSEC}, {"x.unsigned", dns.TypeA}, {"x.wildns", dns.TypeA}, {"x.big512", dns.TypeA}, {"x.bigsib", dns.TypeA},
		{"svc", dns.TypeHTTPS}, {"naptr", dns.TypeNAPTR}, {"manymx", dns.TypeMX}, {"huge", dns.TypeTXT}, {"", dns.TypeANY}, {"", dns.TypeMX},
	} {
		name := strings.TrimPrefix(q.name+"."+origin, ".")
		for _, size := range []uint16{512, 1232} {
			for _, do := range []bool{false, true} {
				queries = append(queries, newQuery(new(dns.Msg).SetQuestion(name, q.qtype).SetEdns0(size, do), false))
			}
		}
		queries = append(queries, newQuery(new(dns.Msg).SetQuestion(name, q.qtype).SetEdns0(1232, true), true))
	}
	return queries
}

// around are names near an owner: below, beside, above, under an asterisk.
func around(owner, origin string) (names []string) {
	prefix := func(p string) string { return p + strings.TrimPrefix(owner, ".") }
	names = append(names, prefix("x."), prefix("*."), prefix("b.a."), prefix("a.ent."))
	if i, end := dns.NextLabel(owner, 0); !end && dns.IsSubDomain(origin, owner[i:]) {
		names = append(names, owner[i:], "0"+owner, "zz."+owner[i:], strings.ToUpper(owner))
	}
	return names
}

// randomQuery varies what is not the question. One in eight has no EDNS.
func randomQuery(r *rand.Rand, name string, qtype uint16) query {
	m := new(dns.Msg).SetQuestion(name, qtype)
	m.RecursionDesired = r.IntN(4) == 0
	m.CheckingDisabled = r.IntN(16) == 0
	m.AuthenticatedData = r.IntN(16) == 0
	if r.IntN(8) > 0 {
		sizes := []uint16{1232, 1232, 1232, 1232, 512, 4096, 1400, 700, 0}
		m.SetEdns0(sizes[r.IntN(len(sizes))], r.IntN(3) > 0)
	}
	return newQuery(m, r.IntN(3) == 0)
}

// newQuery describes a message with one question.
func newQuery(m *dns.Msg, tcp bool) query {
	name, qtype := m.Question[0].Name, m.Question[0].Qtype
	q := query{what: fmt.Sprintf("%s %s", name, dns.Type(qtype)), name: dns.CanonicalName(name), qtype: qtype, limit: 512}
	if opt := m.IsEdns0(); opt != nil {
		q.do = opt.Do()
		q.limit = min(max(512, int(opt.UDPSize())), 1232)
	}
	if tcp {
		q.limit = dns.MaxMsgSize
	}
	q.Wire, q.TCP = mustPack(m), tcp
	return q
}

func mustPack(m *dns.Msg) []byte {
	wire, err := m.Pack()
	if err != nil {
		panic(fmt.Sprintf("%v: %v", err, m))
	}
	return wire
}

func mustRR(text string) dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}
