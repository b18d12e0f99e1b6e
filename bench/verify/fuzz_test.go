package verify

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// FuzzCheck judges any answer to any query. It has to come to an end, and whoever can't
// read an answer can't find it right.
func FuzzCheck(f *testing.F) {
	s := serveFeatures(f)
	plain, signed, nsec := s.zones[0], s.zones[6], s.zones[2]
	seed := func(query *dns.Msg, answer string) { f.Add(pack(f, query), reply(f, query, answer)) }
	seed(ask("www.unsigned.other.example.", dns.TypeA, false),
		"NOERROR\nauthority:\n"+lines(plain, "unsigned.other.example.", dns.TypeNS)+"additional:\n"+lines(plain, "ns.unsigned.other.example.", dns.TypeA, dns.TypeAAAA))
	seed(ask("nothing.xn--kpry57d.", dns.TypeA, true),
		"AA NXDOMAIN\nauthority:\n"+strings.Replace(lines(signed, "xn--kpry57d.", dns.TypeSOA), "3600", "300", 1)+chain(signed, "xn--kpry57d.", "nothing.xn--kpry57d.", "*.xn--kpry57d."))
	seed(ask("www.out.xn--kpry57d.", dns.TypeA, true),
		"NOERROR\nauthority:\n"+lines(signed, "out.xn--kpry57d.", dns.TypeNS)+chain(signed, "xn--kpry57d.", "out.xn--kpry57d."))
	seed(ask("text.nsec.example.", dns.TypeA, true),
		"AA\nauthority:\n"+strings.Replace(lines(nsec, "nsec.example.", dns.TypeSOA), "3600", "300", 1)+lines(nsec, "text.nsec.example.", dns.TypeNSEC))
	seed(ask("x.dname.nsec.example.", dns.TypeA, true), "AA\n"+lines(nsec, "dname.nsec.example.", dns.TypeDNAME)+"x.dname.nsec.example. 3600 CNAME x.target.nsec.example.")
	seed(ask("www.nsec.example.", dns.TypeANY, true), "AA\n"+lines(nsec, "www.nsec.example.", dns.TypeA))
	seed(ask("svc.other.example.", dns.TypeHTTPS, false), "AA\n"+lines(plain, "svc.other.example.", dns.TypeHTTPS)+"additional:\n"+lines(plain, "www.other.example.", dns.TypeA))
	seed(ask("naptr.other.example.", dns.TypeNAPTR, false), "AA TC\n"+lines(plain, "naptr.other.example.", dns.TypeNAPTR))
	byUDP, byTCP := newJudge(s, false), newJudge(s, true)
	now := time.Now()
	f.Fuzz(func(t *testing.T, query, answer []byte) {
		for _, j := range []*judge{byUDP, byTCP} {
			if !j.check(query, answer, now) || len(j.problems) > 0 {
				for _, p := range j.problems {
					if p.text == "" {
						t.Errorf("rule %s is broken without a word", p.rule)
					}
				}
				continue
			}
			var m dns.Msg
			if err := m.Unpack(answer); err != nil {
				t.Errorf("%x is right, but can't be read: %v", answer, err)
			}
		}
	})
}
