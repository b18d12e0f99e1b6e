package verify

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/bench/zonefile"
	"yushan/internal/peer"
	"yushan/internal/testzone"
	"yushan/zone/dname"
)

// features is what a zone can hold that matters to how it is answered, without what
// some of the servers answer wrongly.
const features = `$TTL 3600
@               SOA     ns1 hostmaster 2026010101 7200 3600 1209600 300
@               NS      ns1
@               NS      ns.elsewhere.example.
@               A       192.0.2.10
@               MX      10 mail
@               MX      20 mail.elsewhere.example.
@               CAA     0 issue "ca.example.net"
ns1             A       192.0.2.1
ns1             AAAA    2001:db8::1
mail            A       192.0.2.25
www     600     A       192.0.2.80
www     600     A       192.0.2.81
UPPER           TXT     "Mixed Case"
UPPER           MX      10 MAIL

alias           CNAME   www
Alias2          CNAME   ALIAS
alias-nx        CNAME   no.such.name
alias-nodata    CNAME   text
alias-ent       CNAME   ent
alias-out       CNAME   www.elsewhere.example.
alias-wild      CNAME   any.wild
alias-wnodata   CNAME   any.wmx
alias-unsigned  CNAME   host.unsigned
alias-signed    CNAME   host.signed
alias-child     CNAME   www.child
alias-dname     CNAME   a.dname
circle1         CNAME   circle2
circle2         CNAME   circle1
l0              CNAME   l1
l1              CNAME   l2
l2              CNAME   l3
l3              CNAME   l4
l4              CNAME   l5
l5              CNAME   l6
l6              CNAME   www

dname           DNAME   target
dname           TXT     "beside a DNAME"
target          A       192.0.2.30
a.target        A       192.0.2.31
b.target        CNAME   www
dname-out       DNAME   elsewhere.example.
dname-nx        DNAME   nowhere
dname-cut       DNAME   unsigned

*.wild          A       192.0.2.40
*.wild          TXT     "for all"
b.wild          A       192.0.2.41
c.ent.wild      A       192.0.2.42
*.wmx           MX      10 mail
*.wcname        CNAME   www
*.wcname-nx     CNAME   no.such.name
sub.*.star      TXT     "below an asterisk label"

a.ent           A       192.0.2.50
x.y.z.ent       A       192.0.2.51

unsigned        NS      ns.unsigned
unsigned        NS      ns1
ns.unsigned     A       192.0.2.60
ns.unsigned     AAAA    2001:db8::60
signed          NS      ns.signed
signed          NS      ns.elsewhere.example.
signed          DS      4711 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.signed       A       192.0.2.61
out             NS      ns.elsewhere.example.
out             NS      ns2.elsewhere.example.
out-signed      NS      ns.elsewhere.example.
out-signed      DS      4712 13 2 1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
sib1            NS      ns.sib2
sib2            NS      ns.sib2
ns.sib2         A       192.0.2.62
deepglue        NS      a.b.c.deepglue
a.b.c.deepglue  A       192.0.2.63
lame            NS      no-address
child           NS      ns1.child
ns1.child       A       192.0.2.70

text            TXT     "one" "two; three" "\"four\""
text            TXT     "\000\001\255"
$GENERATE 100-129 huge  TXT "number $ of many records, which together are too long for any datagram"
_sip._tcp       SRV     10 5 5060 mail
svc             HTTPS   1 . alpn=h2,h3 ipv4hint=192.0.2.80
svc             HTTPS   2 www port=8443
svc             A       192.0.2.81
80.2.0          PTR     www
naptr           NAPTR   100 20 "s" "SIP+D2T" "" _sip._tcp
info            HINFO   "PC" "unix"
info            RP      hostmaster text
odd             TYPE65400 \# 4 01020304
a\.b            TXT     "a dot in a label"
\255\001        TXT     "bytes 255 and 1"
xn--fiq228c     A       192.0.2.99
`

// childFeatures is a zone below that one, on the same servers.
const childFeatures = `$TTL 1800
@       SOA   ns1 hostmaster 5 7200 3600 1209600 60
@       NS    ns1
ns1     A     192.0.2.70
www     A     192.0.2.71
*       TXT   "the child's wildcard"
sub     NS    ns1
`

// served is zones as servers read them, and as the judge does.
type served struct {
	zones []testzone.Zone
	files []peer.Zone
	read  []*zonefile.Zone
}

// serveFeatures writes the zone with its child, unsigned and signed in each way.
func serveFeatures(t testing.TB) served {
	t.Helper()
	var zones []testzone.Zone
	for i, origin := range []string{"other.example.", "nsec.example.", "nsec3.example.", "xn--kpry57d."} {
		child := testzone.Zone{Origin: "child." + origin, Signing: testzone.Signing(i)}
		child.Records = testzone.MustParse(child.Origin, childFeatures)
		child = signZone(t, child)
		z := testzone.Zone{Origin: origin, Signing: child.Signing, Records: testzone.MustParse(origin, features)}
		for _, key := range child.Keys() {
			z.Records = append(z.Records, key.ToDS(dns.SHA256))
		}
		zones = append(zones, signZone(t, z), child)
	}
	return serve(t, zones...)
}

func signZone(t testing.TB, z testzone.Zone) testzone.Zone {
	t.Helper()
	z, err := testzone.Sign(t.Context(), z)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// serve writes the files of zones, and reads them.
func serve(t testing.TB, zones ...testzone.Zone) served {
	t.Helper()
	s := served{zones: zones}
	dir := t.TempDir()
	for i, z := range zones {
		var text strings.Builder
		for _, rr := range z.Records {
			// knotd 3.2 doesn't know RFC 3597 §5's name for the class.
			text.WriteString(strings.ReplaceAll(rr.String(), "\tCLASS1\t", "\tIN\t") + "\n")
		}
		path := filepath.Join(dir, strconv.Itoa(i)+".zone")
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, peer.Zone{Origin: z.Origin, File: path})
		s.read = append(s.read, readZone(t, z.Origin, path))
	}
	return s
}

func readZone(t testing.TB, origin, path string) *zonefile.Zone {
	t.Helper()
	wire, err := dname.ParseFQDN(origin)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zonefile.Read(t.Context(), wire, path)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

var someTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA, dns.TypeCNAME, dns.TypeMX, dns.TypeTXT, dns.TypeDNAME, dns.TypeDS, dns.TypeDNSKEY,
	dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeRRSIG, dns.TypeANY, dns.TypeSRV, dns.TypeHTTPS, dns.TypeCAA, dns.TypePTR, 65400,
}

// questions asks for each name of the zones with the types that it has and some others,
// and for names around it, and outside of all zones.
func questions(r *rand.Rand, zones []testzone.Zone) (all []dns.Question) {
	for _, z := range zones {
		present := map[string][]uint16{}
		var owners []string
		for _, rr := range z.Unsigned().Records {
			h := rr.Header()
			if present[h.Name] == nil {
				owners = append(owners, h.Name)
			}
			if !slices.Contains(present[h.Name], h.Rrtype) {
				present[h.Name] = append(present[h.Name], h.Rrtype)
			}
		}
		for _, owner := range owners {
			next, _ := dns.NextLabel(owner, 0)
			above := owner[next:]
			for _, name := range []string{owner, "x." + owner, "b.a." + owner, strings.ToUpper(owner), above, "zz." + above, "0" + owner} {
				if !dns.IsSubDomain(z.Origin, name) {
					continue
				}
				types := append([]uint16{dns.TypeA}, present[owner]...)
				for range 2 {
					types = append(types, someTypes[r.IntN(len(someTypes))])
				}
				slices.Sort(types)
				for _, qtype := range slices.Compact(types) {
					all = append(all, dns.Question{Name: name, Qtype: qtype})
				}
			}
		}
	}
	for _, name := range []string{".", "example.", "www.elsewhere.example.", "other.test."} {
		all = append(all, dns.Question{Name: name, Qtype: dns.TypeA}, dns.Question{Name: name, Qtype: dns.TypeSOA})
	}
	return all
}
