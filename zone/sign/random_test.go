package sign

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
	"yushan/zone/dname"
)

// randomZone makes a zone in which everything that matters to a signer meets
// everything else: few labels, so that names lie above and below each other.
func randomZone(t *testing.T, r *rand.Rand) []dns.RR {
	labels := []string{"a", "b", "C", "*", "*x", "xn--2pru80b", `\000`, `\255z`, "-"}
	text := "$ORIGIN xn--kpry57d.\n$TTL 60\n@ 120 SOA ns a.ns 1 2 3 4 90\n@ NS ns\nns A 192.0.2.1\n"
	done := map[string]bool{"": true}
	for range 2 + r.IntN(40) {
		var name []string
		for range 1 + r.IntN(5) {
			name = append(name, labels[r.IntN(len(labels))])
		}
		owner := strings.Join(name, ".")
		if key := strings.ToLower(owner); done[key] {
			continue
		} else {
			done[key] = true
		}
		wildcard := name[0] == "*"
		switch n := r.IntN(10); {
		case n < 4 && !wildcard:
			text += owner + " NS ns\n" + owner + " NS NS." + owner + "\n"
			if n < 2 {
				text += owner + " DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
			}
			text += "ns." + owner + " A 192.0.2.2\n" + owner + " AAAA 2001:db8::1\n"
			done["ns."+strings.ToLower(owner)] = true
		case n < 5 && !wildcard:
			text += owner + " DNAME Elsewhere\n"
		case n < 6:
			text += owner + " CNAME Target." + owner + "\n"
		default:
			text += owner + " A 192.0.2.3\n" + owner + " A 192.0.2.4\n" + owner + " TXT \"" + owner + "\"\n"
		}
	}
	return withoutForbidden(t, parseZone(t, text))
}

// withoutForbidden leaves out what may not stand below a DNAME (RFC 6672 §2.4),
// and from below cuts what is not an address.
func withoutForbidden(t *testing.T, rrs []dns.RR) []dns.RR {
	var cuts, dnames [][]byte
	for _, rr := range rrs {
		switch owner := packName(t, rr.Header().Name); rr.Header().Rrtype {
		case dns.TypeDNAME:
			dnames = append(dnames, owner)
		case dns.TypeNS:
			if rr.Header().Name != origin {
				cuts = append(cuts, owner)
			}
		}
	}
	return slices.DeleteFunc(rrs, func(rr dns.RR) bool {
		owner := packName(t, rr.Header().Name)
		below := func(top []byte) bool { return len(owner) > len(top) && dname.IsSubdomain(owner, top) }
		address := rr.Header().Rrtype == dns.TypeA || rr.Header().Rrtype == dns.TypeAAAA
		return slices.ContainsFunc(dnames, below) || !address && slices.ContainsFunc(cuts, below)
	})
}

func TestRandomZones(t *testing.T) {
	key, err := GenerateKey(origin, dns.ED25519, true)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(12) {
		for _, opts := range []Options{{Denial: NSEC}, {Denial: NSEC3}, {Denial: NSEC3, OptOut: true}} {
			opts.Keys = []*Key{key}
			t.Run(fmt.Sprint(seed, opts.Denial, opts.OptOut), func(t *testing.T) {
				rrs := randomZone(t, rand.New(rand.NewPCG(seed, 2)))
				verify(t, origin, signZone(t, origin, rrs, opts))
			})
		}
	}
}

// The root zone, whose origin is the empty name.
func TestRootZone(t *testing.T) {
	text, err := os.ReadFile(peer.TestData(t, "root.zone"))
	if err != nil {
		t.Fatal(err)
	}
	rrs := slices.DeleteFunc(parseZone(t, string(bytes.TrimSpace(text))), func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeDNSKEY
	})
	for _, opts := range []Options{{Denial: NSEC}, {Denial: NSEC3, OptOut: true}} {
		opts.Keys = newKeys(t, ".", dns.ECDSAP256SHA256)
		t.Run(opts.Denial.String(), func(t *testing.T) {
			verify(t, ".", signZone(t, ".", rrs, opts))
		})
	}
}
