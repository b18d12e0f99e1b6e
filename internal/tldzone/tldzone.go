package tldzone

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"golang.org/x/net/idna"
)

// Zone describes a synthetic zone.
type Zone struct {
	Origin      string // presentation form with the final dot, A-labels
	Delegations int
	SignedShare float64 // of the delegations have a DS record; 0 to 1
	Seed        uint64
}

const hostingCompanies = 400

var categories = []string{"com", "net", "org", "idv", "edu", "gov"}

// Write writes the zone as a master file, unsigned, in no particular order.
func (z Zone) Write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<20)
	fmt.Fprintf(out, `$ORIGIN %s
$TTL 86400
@ SOA a.dns hostmaster 2026112401 1800 900 1209600 900
@ NS a.dns
@ NS b.dns
@ NS c.dns
a.dns A 192.0.2.1
a.dns AAAA 2001:db8:1::1
b.dns A 192.0.2.2
b.dns AAAA 2001:db8:2::1
c.dns A 192.0.2.3
@ MX 10 mail
@ TXT "a synthetic zone"
mail A 192.0.2.25
`, z.Origin)
	r := z.random()
	for i := range z.Delegations {
		name := z.name(i)
		z.delegate(out, r, i, name)
	}
	return out.Flush()
}

func (z Zone) random() *rand.Rand { return rand.New(rand.NewPCG(z.Seed, 1)) }

func (z Zone) delegate(out *bufio.Writer, r *rand.Rand, i int, name string) {
	switch r.IntN(20) {
	case 0, 1, 2: // name servers of its own
		for n := range 2 {
			fmt.Fprintf(out, "%s NS ns%d.%s\n", name, n+1, name)
			fmt.Fprintf(out, "ns%d.%s A 198.51.%d.%d\n", n+1, name, r.IntN(256), r.IntN(256))
		}
		if r.IntN(2) == 0 {
			fmt.Fprintf(out, "ns1.%s AAAA 2001:db8:%x::%x\n", name, r.IntN(1<<16), r.IntN(1<<16))
		}
	case 3, 4: // one of its own, one elsewhere
		fmt.Fprintf(out, "%s NS ns.%s\n%s NS ns%d.example.net.\n", name, name, name, r.IntN(50))
		fmt.Fprintf(out, "ns.%s A 203.0.%d.%d\n", name, r.IntN(256), r.IntN(256))
	default:
		// The square of a uniform number favours the first companies.
		u := r.Float64()
		company := int(u * u * hostingCompanies)
		for n := range 2 + company%2 {
			fmt.Fprintf(out, "%s NS ns%d.hosting%d.example.\n", name, n+1, company)
		}
	}
	if r.Float64() < z.SignedShare {
		fmt.Fprintf(out, "%s DS %d 13 2 %064X\n", name, i%65536, r.Uint64())
	}
}

var syllables = strings.Fields("an bao chi da en fu gao hua jing kai li mei ning ou pei qing ren shan tai wen xin yu zhong shop web tech bio e-")

var chinese = []rune("中華民國台灣資訊網路商業組織公司科技文化教育山水風雲日月星光龍鳳春夏秋冬東西南北金木火土")

// name returns the owner name of the i-th delegation, below the origin.
func (z Zone) name(i int) string {
	r := rand.New(rand.NewPCG(z.Seed, uint64(i)+2))
	var label string
	if r.IntN(20) == 0 {
		runes := []rune{chinese[r.IntN(len(chinese))], chinese[r.IntN(len(chinese))], chinese[r.IntN(len(chinese))]}
		label, _ = idna.ToASCII(fmt.Sprintf("%s%d", string(runes), i%10000))
	} else {
		for range 1 + r.IntN(3) {
			label += syllables[r.IntN(len(syllables))]
		}
		label += fmt.Sprintf("%x", i)
	}
	if r.IntN(3) == 0 {
		return label + "." + categories[min(r.IntN(12), r.IntN(len(categories)))%len(categories)]
	}
	return label
}

// Mix is how queries are divided, in parts of their sum.
type Mix struct {
	Referral int // a name below a delegation
	NXDomain int // a name that does not exist
	Apex     int // SOA, NS, DNSKEY, MX of the zone itself
	DS       int // at a delegation
}

// TLD is what name servers of a registry are asked: measured anchors of this
// project use it.
var TLD = Mix{Referral: 60, NXDomain: 30, Apex: 10}

// WriteQueries writes n queries in the format of dnsperf: a name and a type on
// a line.
func (z Zone) WriteQueries(w io.Writer, n int, mix Mix) error {
	out := bufio.NewWriterSize(w, 1<<20)
	r := rand.New(rand.NewPCG(z.Seed, 3))
	total := mix.Referral + mix.NXDomain + mix.Apex + mix.DS
	types := []string{"A", "AAAA", "A", "NS", "MX", "TXT"}
	apex := []string{"SOA", "NS", "DNSKEY", "MX"}
	below := []string{"", "www.", "", "mail.", "_dmarc."}
	origin := strings.TrimSuffix(z.Origin, ".") + "."
	for range n {
		k := r.IntN(total)
		switch {
		case k < mix.Referral:
			fmt.Fprintf(out, "%s%s.%s %s\n", below[r.IntN(len(below))], z.name(r.IntN(z.Delegations)), origin, types[r.IntN(len(types))])
		case k < mix.Referral+mix.NXDomain:
			fmt.Fprintf(out, "%s%x-no.%s %s\n", syllables[r.IntN(len(syllables))], r.Uint32(), origin, types[r.IntN(len(types))])
		case k < mix.Referral+mix.NXDomain+mix.Apex:
			fmt.Fprintf(out, "%s %s\n", origin, apex[r.IntN(len(apex))])
		default:
			fmt.Fprintf(out, "%s.%s DS\n", z.name(r.IntN(z.Delegations)), origin)
		}
	}
	return out.Flush()
}
