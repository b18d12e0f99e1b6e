package reference_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/reference"
	"yushan/internal/testzone"
)

// Every answer from a signed zone must convince a validating resolver that
// knows nothing but the zone's key. A mistake here is one of the reference
// engine, of the signer, or of the validator: none imports another.
func TestAnswersValidate(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(80) {
		zones, err := testzone.SignAll(context.Background(), testzone.Generate(seed))
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string][]*dns.DNSKEY{}
		content := map[string][]dns.RR{}
		for _, z := range zones {
			origin := dns.CanonicalName(z.Origin)
			content[origin], keys[origin] = z.Records, z.Keys()
		}
		engine := reference.New(content, reference.Options{})
		queries := testzone.NewQueries(seed, zones)
		for range 100 {
			m := &dns.Msg{}
			m.SetQuestion(queries.Name(), queries.Type())
			m.SetEdns0(1232, true)
			query, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			response := engine.Answer(query)
			if len(keys[response.Origin]) == 0 {
				continue
			}
			response.Msg.Compress = true
			wire, err := response.Msg.Pack()
			if err != nil {
				t.Fatalf("seed %d: %v\n%v", seed, err, response.Msg)
			}
			if err := m.Unpack(wire); err != nil {
				t.Fatal(err)
			}
			err = reference.Validate(m, keys[response.Origin])
			if err != nil && hiddenEmptyNonTerminal(content[response.Origin], err) {
				kinds["not provable with opt-out"]++
				continue
			}
			if err != nil {
				text := ""
				for _, z := range zones {
					if dns.CanonicalName(z.Origin) == response.Origin {
						text = z.Unsigned().String()
					}
				}
				t.Fatalf("seed %d: %v\n%v\n%s", seed, err, m, text)
			}
			kinds[fmt.Sprint(dns.RcodeToString[m.Rcode], " answer ", len(m.Answer) > 0, " authority ", len(m.Ns) > 0, " aa ", m.Authoritative)]++
		}
	}
	t.Log(kinds)
}

// hiddenEmptyNonTerminal reports whether a failure comes from a hole in RFC 5155
// §7.1: opt-out may leave an empty non-terminal e.w without NSEC3, and then
// nothing can prove that the wildcard *.w doesn't stand in for names below e.w.
func hiddenEmptyNonTerminal(records []dns.RR, err error) bool {
	missing, ok := strings.CutPrefix(err.Error(), "no NSEC3 covers ")
	return ok && slices.ContainsFunc(records, func(rr dns.RR) bool { return dns.CanonicalName(rr.Header().Name) == missing })
}
