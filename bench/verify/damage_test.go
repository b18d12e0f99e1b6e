package verify

import (
	"maps"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// damage is a way to make a right answer wrong.
type damage struct {
	name string
	// do changes a message, and tells whether it could. It is given the query too.
	do    func(r *rand.Rand, m, query *dns.Msg) bool
	rules []rule // of which one at least has to be found broken; none: any
}

var damages = []damage{
	{"SERVFAIL", func(_ *rand.Rand, m, _ *dns.Msg) bool { m.Rcode = dns.RcodeServerFailure; return !aliasCircle(m) }, []rule{ruleRcode}},
	{"NXDOMAIN for NOERROR", func(_ *rand.Rand, m, _ *dns.Msg) bool { return !m.Truncated && setRcode(m, 0, 3) }, []rule{ruleRcode}},
	{"NOERROR for NXDOMAIN", func(_ *rand.Rand, m, _ *dns.Msg) bool { return !m.Truncated && setRcode(m, 3, 0) }, []rule{ruleRcode}},
	{"NOERROR for REFUSED", func(_ *rand.Rand, m, _ *dns.Msg) bool { return setRcode(m, 5, 0) }, []rule{ruleRcode}},
	{"AA", func(_ *rand.Rand, m, _ *dns.Msg) bool { m.Authoritative = !m.Authoritative; return true }, []rule{ruleAA}},
	{"RD", func(_ *rand.Rand, m, _ *dns.Msg) bool { m.RecursionDesired = !m.RecursionDesired; return true }, []rule{ruleHeader}},
	{"the reserved bit", func(_ *rand.Rand, m, _ *dns.Msg) bool { m.Zero = true; return true }, []rule{ruleHeader}},
	{"opcode", func(_ *rand.Rand, m, _ *dns.Msg) bool { m.Opcode = 4; return true }, []rule{ruleHeader}},
	{"no response", func(_ *rand.Rand, m, _ *dns.Msg) bool { m.Response = false; return true }, []rule{ruleHeader}},
	{"TC", func(_ *rand.Rand, m, q *dns.Msg) bool {
		short := m.Len() < 250 && q.IsEdns0() != nil && !m.Truncated && !loose(m)
		m.Truncated = true
		return short
	}, []rule{ruleTC}},
	{"no question", func(_ *rand.Rand, m, _ *dns.Msg) bool { m.Question = nil; return true }, []rule{ruleQuestion}},
	{"another name", func(_ *rand.Rand, m, _ *dns.Msg) bool { m.Question[0].Name = "y.example."; return true }, []rule{ruleQuestion}},
	{"another type", func(_ *rand.Rand, m, _ *dns.Msg) bool { m.Question[0].Qtype++; return true }, []rule{ruleQuestion}},
	{"no OPT", func(_ *rand.Rand, m, _ *dns.Msg) bool { return dropOPT(m) }, []rule{ruleEDNS}},
	{"OPT without being asked", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		if m.IsEdns0() != nil {
			return false
		}
		m.SetEdns0(1232, false)
		return true
	}, []rule{ruleEDNS}},
	{"DO", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		opt := m.IsEdns0()
		if opt != nil {
			opt.SetDo(!opt.Do())
		}
		return opt != nil
	}, []rule{ruleEDNS}},
	{"EDNS version", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		opt := m.IsEdns0()
		if opt != nil {
			opt.SetVersion(1)
		}
		return opt != nil
	}, []rule{ruleEDNS}},
	{"an answer record less", func(r *rand.Rand, m, q *dns.Msg) bool {
		return !loose(m) && !m.Truncated && drop(r, &m.Answer, func(dns.RR) bool { return true })
	}, []rule{ruleAnswer, ruleRRSIG}},
	{"an SOA record less", func(r *rand.Rand, m, _ *dns.Msg) bool { return !loose(m) && drop(r, &m.Ns, only(dns.TypeSOA)) }, []rule{ruleSOA}},
	{"an NS record less", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return referral(m) && !loose(m) && drop(r, &m.Ns, only(dns.TypeNS))
	}, []rule{ruleReferral}},
	{"a DS record less", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return referral(m) && !loose(m) && drop(r, &m.Ns, only(dns.TypeDS))
	}, []rule{ruleDS}},
	{"an NSEC record less", func(r *rand.Rand, m, _ *dns.Msg) bool { return !loose(m) && drop(r, &m.Ns, only(dns.TypeNSEC)) }, []rule{ruleDenial}},
	{"an NSEC3 record less", func(r *rand.Rand, m, _ *dns.Msg) bool { return !loose(m) && drop(r, &m.Ns, only(dns.TypeNSEC3)) }, []rule{ruleDenial}},
	{"a signature less", func(r *rand.Rand, m, _ *dns.Msg) bool { return !loose(m) && drop(r, &m.Ns, only(dns.TypeRRSIG)) }, []rule{ruleRRSIG}},
	{"glue less", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return referral(m) && !loose(m) && drop(r, &m.Extra, func(rr dns.RR) bool { return inDomain(m, rr.Header().Name) })
	}, []rule{ruleGlueMissing}},
	{"another address as glue", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return referral(m) && change(r, m.Extra, func(rr dns.RR) bool {
			a, ok := rr.(*dns.A)
			if ok {
				a.A = net.IPv4(198, 51, 100, 7)
			}
			return ok
		})
	}, []rule{ruleGlueMissing, ruleGlueExtra}},
	{"glue that nobody has", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		return referral(m) && add(&m.Extra, "ns.elsewhere.example. 3600 IN A 198.51.100.7")
	}, []rule{ruleGlueExtra}},
	{"an address that nothing leads to", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		return !referral(m) && add(&m.Extra, "www.other.example. 600 IN A 192.0.2.80") && m.Question[0].Qtype != dns.TypeNAPTR && m.Question[0].Qtype != dns.TypeHTTPS && m.Question[0].Qtype != dns.TypePTR && !alias(m)
	}, []rule{ruleAdditional}},
	{"another address", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return change(r, m.Answer, func(rr dns.RR) bool {
			a, ok := rr.(*dns.A)
			if ok {
				a.A = net.IPv4(198, 51, 100, 7)
			}
			return ok
		})
	}, []rule{ruleAnswer}},
	{"another serial", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return change(r, append(m.Ns, m.Answer...), func(rr dns.RR) bool {
			soa, ok := rr.(*dns.SOA)
			if ok {
				soa.Serial++
			}
			return ok
		})
	}, []rule{ruleSOA, ruleAnswer}},
	{"another signature", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return change(r, slices.Concat(m.Answer, m.Ns), func(rr dns.RR) bool {
			sig, ok := rr.(*dns.RRSIG)
			if ok {
				sig.Expiration++
			}
			return ok
		})
	}, []rule{ruleRRSIG}},
	{"another bitmap", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return change(r, m.Ns, func(rr dns.RR) bool {
			switch rr := rr.(type) {
			case *dns.NSEC:
				rr.TypeBitMap = []uint16{dns.TypeTXT, dns.TypeHIP}
			case *dns.NSEC3:
				rr.TypeBitMap = []uint16{dns.TypeTXT, dns.TypeHIP}
			default:
				return false
			}
			return true
		})
	}, []rule{ruleDenial}},
	{"another TTL", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return change(r, slices.Concat(m.Answer, m.Ns, m.Extra), func(rr dns.RR) bool {
			rr.Header().Ttl += 7
			return rr.Header().Rrtype != dns.TypeOPT
		})
	}, []rule{ruleTTL, ruleAdditional}},
	{"class CH", func(r *rand.Rand, m, _ *dns.Msg) bool {
		return change(r, slices.Concat(m.Answer, m.Ns, m.Extra), func(rr dns.RR) bool {
			rr.Header().Class = dns.ClassCHAOS
			return rr.Header().Rrtype != dns.TypeOPT
		})
	}, []rule{ruleClass}},
	{"a record twice", func(r *rand.Rand, m, _ *dns.Msg) bool {
		section := []*[]dns.RR{&m.Answer, &m.Ns}[r.IntN(2)]
		if len(*section) == 0 {
			return false
		}
		*section = append(*section, (*section)[r.IntN(len(*section))])
		return true
	}, nil},
	{"a record in the answer that isn't asked for", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		return add(&m.Answer, "unrelated.other.example. 600 IN A 192.0.2.80")
	}, []rule{ruleAnswerExtra}},
	{"a foreign NS record", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		return add(&m.Ns, "example. 600 IN NS ns.example.")
	}, []rule{ruleAuthorityExtra}},
	{"an NSEC record without DO", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		return (m.IsEdns0() == nil || !m.IsEdns0().Do()) && add(&m.Ns, "other.example. 300 IN NSEC www.other.example. A")
	}, []rule{ruleUnasked}},
	{"an alias behind its target", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		if m.Question[0].Qtype == dns.TypeANY || len(m.Answer) < 2 || m.Answer[0].Header().Rrtype != dns.TypeCNAME || m.Truncated {
			return false
		}
		reversed := slices.Clone(m.Answer)
		slices.Reverse(reversed)
		m.Answer = reversed
		return links(m) > 1 || !slices.ContainsFunc(m.Answer, only(dns.TypeRRSIG)) || len(m.Answer) > 2
	}, []rule{ruleOrder}},
	{"the answer of nobody", func(_ *rand.Rand, m, _ *dns.Msg) bool {
		empty := len(m.Answer)+len(m.Ns) == 0
		m.Answer, m.Ns = nil, nil
		return !empty && !m.Truncated
	}, nil},
}

func setRcode(m *dns.Msg, from, to int) bool {
	if m.Rcode != from {
		return false
	}
	m.Rcode = to
	return true
}

func dropOPT(m *dns.Msg) bool {
	n := len(m.Extra)
	m.Extra = slices.DeleteFunc(m.Extra, only(dns.TypeOPT))
	return len(m.Extra) < n
}

func only(rrtype uint16) func(dns.RR) bool {
	return func(rr dns.RR) bool { return rr.Header().Rrtype == rrtype }
}

// drop removes a record at random from those that fit.
func drop(r *rand.Rand, section *[]dns.RR, fits func(dns.RR) bool) bool {
	var at []int
	for i, rr := range *section {
		if fits(rr) {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return false
	}
	i := at[r.IntN(len(at))]
	*section = slices.Delete(slices.Clone(*section), i, i+1)
	return true
}

// change changes the first record that it can, in random order.
func change(r *rand.Rand, records []dns.RR, do func(dns.RR) bool) bool {
	records = slices.Clone(records)
	r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	return slices.ContainsFunc(records, do)
}

func add(section *[]dns.RR, text string) bool {
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	*section = append(*section, rr)
	return true
}

// referral tells whether an answer ends with one.
func referral(m *dns.Msg) bool {
	return !m.Truncated && slices.ContainsFunc(m.Ns, only(dns.TypeNS)) && !slices.ContainsFunc(m.Ns, only(dns.TypeSOA)) && (!m.Authoritative || alias(m))
}

func alias(m *dns.Msg) bool { return slices.ContainsFunc(m.Answer, only(dns.TypeCNAME)) }

func links(m *dns.Msg) (n int) {
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == dns.TypeCNAME {
			n++
		}
	}
	return n
}

// aliasCircle tells whether the answer's aliases end nowhere: then a server may say so.
func aliasCircle(m *dns.Msg) bool {
	return strings.Contains(strings.ToLower(m.Question[0].Name), "circle")
}

func inDomain(m *dns.Msg, name string) bool {
	for _, rr := range m.Ns {
		if rr.Header().Rrtype == dns.TypeNS && dns.IsSubDomain(rr.Header().Name, name) {
			return true
		}
	}
	return false
}

// loose tells whether there are several right answers to the question, so that what is
// missing in one may be free in another: for types that aliases can have or not, after
// DNAME and many links, and where a zone's own cut ends its answer.
func loose(m *dns.Msg) bool {
	switch m.Question[0].Qtype {
	case dns.TypeANY, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
		return true
	case dns.TypeCNAME:
		return slices.ContainsFunc(m.Answer, only(dns.TypeDNAME))
	}
	return links(m) >= freeLinks || alias(m) && strings.Contains(strings.ToLower(m.Answer[0].String()), "child")
}

// testDamage damages right answers in each way, some of them each time.
func testDamage(t *testing.T, s served, tcp bool, queries []peer.Query, replies []peer.Reply) {
	j := newJudge(s, tcp)
	r := rand.New(rand.NewPCG(7, 7))
	applied, missed := map[string]int{}, map[string]int{}
	for i, reply := range replies {
		var asked dns.Msg
		if err := asked.Unpack(queries[i].Wire); err != nil {
			t.Fatal(err)
		}
		for range 6 {
			d := damages[r.IntN(len(damages))]
			var m dns.Msg
			if err := m.Unpack(reply.Wire); err != nil {
				t.Fatal(err)
			}
			m.Compress = r.IntN(2) == 0 && !tcp || tcp && len(reply.Wire) > 4096
			if !d.do(r, &m, &asked) {
				continue
			}
			wire, err := m.Pack()
			if err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
			applied[d.name]++
			found := j.broken(queries[i].Wire, wire)
			ok := len(found) > 0 && len(d.rules) == 0
			for _, rule := range d.rules {
				_, broken := found[rule]
				ok = ok || broken
			}
			if missed[d.name]++; !ok && missed[d.name] <= 3 {
				t.Errorf("%s: found only %v, expected one of the rules %v\n%v", d.name, slices.Collect(maps.Values(found)), d.rules, &m)
			} else if ok {
				missed[d.name]--
			}
		}
		testBytes(t, j, r, queries[i].Wire, reply.Wire)
	}
	for name, n := range applied {
		if missed[name] > 0 {
			t.Errorf("%s: %d of %d not found", name, missed[name], n)
		}
	}
	t.Logf("%d kinds of damage were done", len(applied))
}

// testBytes changes bytes of a right answer. Unless the judge finds it wrong, it has
// to say the same as before.
func testBytes(t *testing.T, j *judge, r *rand.Rand, query, answer []byte) {
	for range 4 {
		wire := slices.Clone(answer)
		at := 2 + r.IntN(len(wire)-2)
		wire[at] ^= byte(1 << r.IntN(8))
		if len(j.broken(query, wire)) > 0 {
			continue
		}
		before, after := meaning(t, answer), meaning(t, wire)
		if before != after && !manyAnswers.MatchString(before) {
			t.Errorf("byte %d has changed, and no rule is broken. Before:\n%s\nafter:\n%s", at, before, after)
		}
	}
}

// manyAnswers are those to which SERVFAIL, or TC, may be another right one.
var manyAnswers = regexp.MustCompile(`circle|\tin\t (any|rrsig)`)

// meaning is what counts in an answer, as text.
func meaning(t *testing.T, wire []byte) string {
	t.Helper()
	var m dns.Msg
	if err := m.Unpack(wire); err != nil {
		return err.Error()
	}
	m.Id, m.RecursionAvailable, m.AuthenticatedData, m.CheckingDisabled = 0, false, false, false
	if opt := m.IsEdns0(); opt != nil {
		opt.SetUDPSize(0) // the server's own affair
		opt.SetZ(0)
		opt.Option = nil
	}
	return strings.ToLower(m.String())
}
