package verify

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/cputime"
)

func BenchmarkCheck(b *testing.B) {
	s := serveFeatures(b)
	plain, signed := s.zones[0], s.zones[6]
	for _, c := range []struct {
		name   string
		query  *dns.Msg
		answer string
	}{
		{"referral with glue", ask("www.unsigned.other.example.", dns.TypeA, false),
			"NOERROR\nauthority:\n" + lines(plain, "unsigned.other.example.", dns.TypeNS) + "additional:\n" + lines(plain, "ns.unsigned.other.example.", dns.TypeA, dns.TypeAAAA)},
		{"no such name", ask("nothing.other.example.", dns.TypeA, false),
			"AA NXDOMAIN\nauthority:\n" + strings.Replace(lines(plain, "other.example.", dns.TypeSOA), "3600", "300", 1)},
		{"positive", ask("www.other.example.", dns.TypeA, false), "AA\n" + lines(plain, "www.other.example.", dns.TypeA)},
		{"signed referral", ask("www.signed.xn--kpry57d.", dns.TypeA, true),
			"NOERROR\nauthority:\n" + lines(signed, "signed.xn--kpry57d.", dns.TypeNS, dns.TypeDS) + "additional:\n" + lines(signed, "ns.signed.xn--kpry57d.", dns.TypeA)},
		{"unsigned referral with opt-out", ask("www.out.xn--kpry57d.", dns.TypeA, true),
			"NOERROR\nauthority:\n" + lines(signed, "out.xn--kpry57d.", dns.TypeNS) + chain(signed, "xn--kpry57d.", "out.xn--kpry57d.")},
		{"no such name, NSEC3", ask("nothing.xn--kpry57d.", dns.TypeA, true),
			"AA NXDOMAIN\nauthority:\n" + strings.Replace(lines(signed, "xn--kpry57d.", dns.TypeSOA), "3600", "300", 1) + chain(signed, "xn--kpry57d.", "nothing.xn--kpry57d.", "*.xn--kpry57d.")},
	} {
		b.Run(c.name, func(b *testing.B) {
			query, answer := pack(b, c.query), reply(b, c.query, c.answer)
			j := newJudge(s, false)
			now := time.Now()
			b.ReportAllocs()
			used := cputime.Used(b)
			for b.Loop() {
				if !j.check(query, answer, now) || len(j.problems) > 0 {
					b.Fatal(j.problems)
				}
			}
			b.ReportMetric(float64(cputime.Used(b)-used)/float64(b.N), "cpu-ns/op")
		})
	}
}
