package verify

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/testzone"
)

// reply makes an answer from records in presentation form, one a line; lines with a section's
// name begin it. Flags stand in the first line: "AA NXDOMAIN".
func reply(t testing.TB, query *dns.Msg, text string) []byte {
	t.Helper()
	m := new(dns.Msg).SetReply(query)
	m.Compress = true
	section := &m.Answer
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		switch line = strings.TrimSpace(line); {
		case i == 0:
			for _, word := range strings.Fields(line) {
				rcode, isRcode := dns.StringToRcode[word]
				switch {
				case isRcode:
					m.Rcode = rcode
				case word == "AA":
					m.Authoritative = true
				case word == "TC":
					m.Truncated = true
				default:
					t.Fatalf("flag %q", word)
				}
			}
		case line == "answer:":
			section = &m.Answer
		case line == "authority:":
			section = &m.Ns
		case line == "additional:":
			section = &m.Extra
		default:
			rr, err := dns.NewRR(line)
			if err != nil {
				t.Fatal(err)
			}
			*section = append(*section, rr)
		}
	}
	if opt := query.IsEdns0(); opt != nil {
		m.SetEdns0(1232, opt.Do())
	}
	return pack(t, m)
}

func pack(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func ask(name string, qtype uint16, do bool) *dns.Msg {
	return new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, do)
}

// lines are the records of a name with some types, and their signatures.
func lines(z testzone.Zone, owner string, types ...uint16) string {
	var text strings.Builder
	for _, rrtype := range types {
		for _, rr := range z.Records {
			sig, isSig := rr.(*dns.RRSIG)
			if rr.Header().Name == owner && (rr.Header().Rrtype == rrtype || isSig && sig.TypeCovered == rrtype) {
				text.WriteString(rr.String() + "\n")
			}
		}
	}
	return text.String()
}

// chain are the NSEC3 records that match or cover names.
func chain(z testzone.Zone, names ...string) string {
	var text strings.Builder
	for _, rr := range z.Records {
		nsec3, ok := rr.(*dns.NSEC3)
		if !ok {
			continue
		}
		for _, name := range names {
			if nsec3.Match(name) || nsec3.Cover(name) {
				text.WriteString(lines(z, nsec3.Hdr.Name, dns.TypeNSEC3))
				break
			}
		}
	}
	return text.String()
}
