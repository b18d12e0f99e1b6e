package query_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/testzone"
	"yushan/server/query"
	"yushan/zone"
	"yushan/zone/dname"
)

// askLarge asks by TCP with DO=1, and reads the response.
func askLarge(t *testing.T, origin string, records []dns.RR, name string, qtype uint16) (response *dns.Msg, size int) {
	t.Helper()
	apex, err := dname.ParseFQDN(origin)
	if err != nil {
		t.Fatal(err)
	}
	z, report := zone.FromRecords(apex, records)
	if z == nil {
		t.Fatalf("zone %s: %v", origin, report.Findings)
	}
	question := new(dns.Msg)
	question.SetQuestion(name, qtype)
	question.SetEdns0(1232, true)
	wire, err := question.Pack()
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 65535)
	engine := query.New(zone.NewSet(z), query.Options{})
	n := engine.Answer(query.NewWorker(), &query.Request{Wire: wire, Transport: query.TCP}, dst)
	response = new(dns.Msg)
	if err := response.Unpack(dst[:n]); err != nil {
		t.Fatalf("%s %s in %s: the response of %d bytes cannot be read: %v", name, dns.Type(qtype), origin, n, err)
	}
	return response, n
}

// Behind its first 16,384 bytes, where no compression pointer leads (RFC 1035
// §4.1.4), a response holds names in full. CNAMEs with as many signatures as
// these lead there within a few links.
func TestChainBeyondPointers(t *testing.T) {
	const text = `@ SOA ns1.nic hostmaster 1 7200 900 1209600 300
@ NS ns1.example.
a CNAME b.x
b.x CNAME c.y
c.y CNAME d.z
d.z CNAME e
e A 192.0.2.1
e MX 10 m1.mail.example.
e MX 20 m2.mail.example.
`
	for _, origin := range []string{"tw.", "."} {
		below := "." + strings.TrimPrefix(origin, ".")
		records := testzone.MustParse(origin, text)
		for _, owner := range []string{"a", "b.x", "c.y", "d.z"} {
			for tag := range uint16(18) {
				records = append(records, &dns.RRSIG{
					Hdr:         dns.RR_Header{Name: owner + below, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: 3600},
					TypeCovered: dns.TypeCNAME, Algorithm: dns.ED25519, KeyTag: tag, SignerName: origin, Signature: strings.Repeat("AAAA", 170),
				})
			}
		}
		response, size := askLarge(t, origin, records, "a"+below, dns.TypeA)
		if size < 2*16384 {
			t.Errorf("%s: the response has only %d bytes", origin, size)
		}
		last := response.Answer[len(response.Answer)-1]
		if want := "e" + below; last.Header().Rrtype != dns.TypeA || last.Header().Name != want {
			t.Errorf("%s: the chain of four CNAMEs ends with %s, expected %s A", origin, last, want)
		}
		response, _ = askLarge(t, origin, records, "a"+below, dns.TypeMX)
		mx, ok := response.Answer[len(response.Answer)-1].(*dns.MX)
		if !ok || mx.Hdr.Name != "e"+below || mx.Mx != "m2.mail.example." {
			t.Errorf("%s: the chain ends with %s, expected e%s MX 20 m2.mail.example.", origin, response.Answer[len(response.Answer)-1], below)
		}
		response, _ = askLarge(t, origin, records, "a"+below, dns.TypeTXT)
		if len(response.Ns) != 1 || response.Ns[0].Header().Ttl != 300 {
			t.Errorf("%s: no data at the end of the chain: authority %v, expected SOA with TTL 300", origin, response.Ns)
		}
	}
}

// Glue points to its name server's name in the NS records. Where these are too
// many for pointers, so that names are written in full, the referral is not given
// with pointers that lead elsewhere.
func TestGlueBeyondPointers(t *testing.T) {
	var text strings.Builder
	text.WriteString("@ SOA ns1.nic hostmaster 1 7200 900 1209600 300\n@ NS ns1.example.\ncut NS inside.cut\ninside.cut A 192.0.2.1\n")
	for i := range 850 {
		fmt.Fprintf(&text, "cut NS n%03d.h%d.example.com.\n", i, i%10)
	}
	records := testzone.MustParse("tw.", text.String())
	whole, large := 0, 0
	for length := 1; length < 60; length++ {
		label := strings.Repeat("x", length)
		response, _ := askLarge(t, "tw.", records, label+"."+label+"."+label+"."+"cut.tw.", dns.TypeA)
		if response.Truncated {
			large++
			continue
		}
		whole++
		if glue := response.Extra[0]; len(response.Ns) != 851 || glue.Header().Name != "inside.cut.tw." {
			t.Errorf("question with labels of %d bytes: %d NS records, glue %s; expected 851, inside.cut.tw. A", length, len(response.Ns), glue)
		}
	}
	if whole == 0 || large == 0 {
		t.Errorf("%d referrals with pointers, %d that need names in full: the test wants both", whole, large)
	}
}

// Every RRset that the loader takes can be answered by TCP, compressed as far as
// pointers reach.
func TestLargeRRset(t *testing.T) {
	const count = 2000
	var text strings.Builder
	text.WriteString("@ SOA ns1.nic hostmaster 1 7200 900 1209600 300\n@ NS ns1.example.\n")
	want := map[string]bool{}
	for i := range count {
		fmt.Fprintf(&text, "hosting PTR site%d.h%d.customers%d.example.\n", i, i%10, i%40)
		want[fmt.Sprintf("site%d.h%d.customers%d.example.", i, i%10, i%40)] = true
	}
	response, size := askLarge(t, "tw.", testzone.MustParse("tw.", text.String()), "hosting.tw.", dns.TypePTR)
	for _, rr := range response.Answer {
		ptr, ok := rr.(*dns.PTR)
		if !ok || rr.Header().Name != "hosting.tw." || !want[ptr.Ptr] {
			t.Fatalf("unexpected record: %s", rr)
		}
		delete(want, ptr.Ptr)
	}
	if response.Truncated || len(want) > 0 {
		t.Errorf("%d of %d PTR records in %d bytes, truncated: %v", count-len(want), count, size, response.Truncated)
	}
}
