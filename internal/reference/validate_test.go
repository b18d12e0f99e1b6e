package reference_test

import (
	"context"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/reference"
	"yushan/internal/testzone"
	"yushan/internal/validate"
)

// Every answer from a signed zone must convince a validating resolver that
// knows nothing but the zone's key, and hold no proof that it doesn't need. A
// mistake here is one of the reference engine, of the signer, or of the
// validator: none imports another.
func TestAnswersValidate(t *testing.T) {
	kinds := map[validate.Kind]int{}
	for seed := range uint64(50) {
		zones, err := testzone.SignAll(context.Background(), testzone.Generate(seed))
		if err != nil {
			t.Fatal(err)
		}
		signed := map[string]testzone.Zone{}
		validators := map[string]*validate.Validator{}
		content := map[string][]dns.RR{}
		for _, z := range zones {
			origin := dns.CanonicalName(z.Origin)
			content[origin] = z.Records
			if z.Signing != testzone.Unsigned {
				signed[origin] = z
				validators[origin] = validate.New(origin, z.Keys(), time.Now())
			}
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
			response := engine.Answer(reference.Request{Wire: query, Transport: reference.TCP})
			validator := validators[response.Origin]
			// A validator asks for neither.
			switch m.Question[0].Qtype {
			case dns.TypeANY, dns.TypeRRSIG:
				continue
			}
			if validator == nil {
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
			result, err := validator.Check(m)
			if err != nil || len(result.Unused) > 0 {
				t.Fatalf("seed %d: %v\n%v\nunused: %v\n%v", seed, err, m, result.Unused, signed[response.Origin].Unsigned())
			}
			kinds[result.Kind]++
		}
	}
	for kind := range validate.TooLong + 1 {
		if kinds[kind] == 0 {
			t.Errorf("no answer of the kind %q was among those validated", kind)
		}
	}
	t.Logf("%v", kinds)
}
