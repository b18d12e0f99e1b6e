package testzone

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestSameSeedSameZones(t *testing.T) {
	for seed := range uint64(20) {
		a, b := Generate(seed), Generate(seed)
		for i := range a {
			if a[i].String() != b[i].String() {
				t.Fatalf("seed %d made two zones:\n%s\n%s", seed, a[i], b[i])
			}
		}
		p, q := NewQueries(seed, a), NewQueries(seed, b)
		for range 50 {
			if x, y := p.Next(), q.Next(); string(x) != string(y) {
				t.Fatalf("seed %d made two queries: % x, % x", seed, x, y)
			}
		}
	}
}

// The text of a generated zone reads back as the same records, and the zone can
// be signed in its way.
func TestZonesAreReadable(t *testing.T) {
	for seed := range uint64(100) {
		for _, z := range Generate(seed) {
			again, err := Parse(z.Origin, z.String())
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, z)
			}
			if got := (Zone{z.Origin, z.Signing, again}); got.String() != z.String() {
				t.Fatalf("seed %d: expected\n%s\ngot\n%s", seed, z, got)
			}
			signed, err := Sign(context.Background(), z)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, z)
			}
			if z.Signing != Unsigned && len(signed.Keys()) == 0 {
				t.Fatalf("seed %d: no DNSKEY in the signed zone", seed)
			}
		}
	}
}

// What the generator is for is there: otherwise the tests that use it test less
// than they seem to.
func TestVariety(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(400) {
		for _, z := range Generate(seed) {
			seen[z.Signing.String()]++
			for _, rr := range z.Records {
				owner := rr.Header().Name
				isApex := owner == z.Origin
				switch rr := rr.(type) {
				case *dns.NS:
					switch {
					case isApex:
					case canonical(rr.Ns) == canonical(owner):
						seen["NS is the cut"]++
					case isWithin(rr.Ns, owner):
						seen["in-domain NS"]++
					case isWithin(rr.Ns, z.Origin):
						seen["other NS in the zone"]++
					default:
						seen["NS outside"]++
					}
				case *dns.CNAME:
					switch {
					case isWildcard(owner):
						seen["wildcard CNAME"]++
					case !isWithin(rr.Target, z.Origin):
						seen["CNAME outside"]++
					case canonical(rr.Target) == canonical(owner):
						seen["CNAME to itself"]++
					}
				case *dns.DNAME:
					seen["DNAME"]++
					if isApex {
						seen["apex DNAME"]++
					}
				case *dns.DS:
					seen["DS"]++
				case *dns.TXT:
					if isWildcard(owner) {
						seen["wildcard"]++
					}
				}
				if strings.Contains(owner, `\000`) {
					seen["zero byte"]++
				}
				if strings.Contains(owner, ".*.") {
					seen["below an asterisk"]++
				}
				if canonical(owner) != owner {
					seen["upper case"]++
				}
			}
		}
	}
	for _, want := range []string{
		"unsigned", "NSEC", "NSEC3", "NSEC3 opt-out", "NS is the cut", "in-domain NS", "other NS in the zone", "NS outside",
		"wildcard CNAME", "CNAME outside", "CNAME to itself", "DNAME", "apex DNAME", "DS", "wildcard", "zero byte",
		"below an asterisk", "upper case",
	} {
		if seen[want] < 5 {
			t.Errorf("%s: only %d times in the zones of 400 seeds", want, seen[want])
		}
	}
}

func TestMutateKeepsTheOriginal(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	wire := NewQueries(1, Generate(1)).Next()
	before := string(wire)
	for range 1000 {
		Mutate(r, wire)
	}
	if string(wire) != before {
		t.Fatal("the message was changed in place")
	}
}
