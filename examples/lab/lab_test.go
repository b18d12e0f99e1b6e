package lab

import (
	"context"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/peer"
	"yushan/zone"
	"yushan/zone/dname"
	"yushan/zone/sign"
)

// shown is every sort of answer; each must be shown by a question.
var shown = map[string][]string{
	"tw.": {
		"answer", "NODATA", "NXDOMAIN", "empty non-terminal", "opt-out empty non-terminal",
		"referral", "referral with DS", "referral without glue", "sibling glue", "DS at a cut", "no DS at a cut",
		"CNAME", "CNAME chain", "CNAME out of the zone", "CNAME into a delegation", "CNAME to NXDOMAIN", "CNAME loop",
		"DNAME", "DNAME out of the zone", "YXDOMAIN",
		"wildcard", "wildcard NODATA", "wildcard CNAME",
		"made by signing",
	},
	"台灣.": {
		"answer", "NODATA", "NXDOMAIN", "empty non-terminal",
		"referral", "referral with DS", "referral without glue", "sibling glue", "DS at a cut", "no DS at a cut",
		"CNAME", "CNAME chain", "CNAME out of the zone", "DNAME", "wildcard", "wildcard NODATA",
		"made by signing",
	},
	"台湾.": {"answer", "NODATA", "NXDOMAIN", "referral", "CNAME", "DNAME", "wildcard"},
}

// types are the RR types that the lab must have.
var types = []string{
	"SOA", "NS", "A", "AAAA", "DS", "CNAME", "DNAME", "MX", "TXT", "CAA", "SVCB", "HTTPS",
	"SRV", "NAPTR", "TLSA", "SSHFP", "LOC", "TYPE65280",
}

func TestQuestionsShowWhatTheySay(t *testing.T) {
	for _, z := range Zones {
		records := read(t, z)
		seen := map[string]bool{}
		for _, q := range z.Questions() {
			seen[q.Shows] = true
			if got := records.shows(t, q); got != q.Shows {
				t.Errorf("%s: %s %s shows %q, not %q", z.File, q.Name, q.Type, got, q.Shows)
			}
		}
		for _, kind := range shown[z.Origin] {
			if !seen[kind] {
				t.Errorf("%s: no question shows %q", z.File, kind)
			}
		}
	}
}

func TestEveryTypeIsThere(t *testing.T) {
	have := map[string]bool{}
	for _, rr := range read(t, Zones[0]).all {
		have[dns.Type(rr.Header().Rrtype).String()] = true
	}
	for _, rrtype := range types {
		if !have[rrtype] {
			t.Errorf("%s has no %s record", Zones[0].File, rrtype)
		}
	}
}

// RFC 5737, RFC 3849; and this machine, where the lookup page is.
func TestAddressesAreForDocumentation(t *testing.T) {
	var ranges []netip.Prefix
	for _, s := range []string{"127.0.0.1/32", "::1/128", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"} {
		ranges = append(ranges, netip.MustParsePrefix(s))
	}
	for _, z := range Zones {
		for _, rr := range read(t, z).all {
			var addr netip.Addr
			switch rr := rr.(type) {
			case *dns.A:
				addr, _ = netip.AddrFromSlice(rr.A.To4())
			case *dns.AAAA:
				addr, _ = netip.AddrFromSlice(rr.AAAA.To16())
			default:
				continue
			}
			if !slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(addr) }) {
				t.Errorf("%s: %v is not an address for documentation", z.File, rr)
			}
		}
	}
}

func TestSecondLevels(t *testing.T) {
	tw := read(t, Zones[0])
	for _, label := range []string{"com", "net", "org", "idv", "gov", "edu", "商業", "組織", "網路"} {
		if name := wire(t, label+".tw."); !tw.exists(name) {
			t.Errorf("%s.tw. does not exist", label)
		}
	}
}

// The loader finds nothing to complain about, and counts what each zone shows.
func TestLoad(t *testing.T) {
	for _, z := range Zones {
		opts, err := z.Options()
		if err != nil {
			t.Fatal(err)
		}
		loaded, report, err := zone.Load(t.Context(), opts.Origin, z.File, opts)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range report.Findings {
			t.Error(finding)
		}
		if loaded == nil {
			continue
		}
		if stats := loaded.Stats(); stats.Cuts == 0 || stats.Glue == 0 {
			t.Errorf("%s: %d cuts, %d glue records; expected some of both", z.Origin, stats.Cuts, stats.Glue)
		}
	}
}

func TestSign(t *testing.T) {
	for _, z := range Zones {
		signed, key, err := z.Sign(t.Context(), read(t, z).all)
		if err != nil {
			t.Fatal(err)
		}
		count := map[uint16]int{}
		for _, rr := range signed {
			count[rr.Header().Rrtype]++
		}
		got := Unsigned
		switch {
		case count[dns.TypeNSEC3] > 0 && key != nil:
			got = NSEC3OptOut
		case count[dns.TypeNSEC] > 0 && key != nil:
			got = NSEC
		}
		if got != z.Denial || (got != Unsigned) != (count[dns.TypeRRSIG] > 0) {
			t.Errorf("%s is %v with %d signatures, expected %v", z.Origin, got, count[dns.TypeRRSIG], z.Denial)
		}
		checkByPeers(t, z, signed)
	}
}

// checkByPeers has programs that are not ours look at the zone.
func checkByPeers(t *testing.T, z Zone, rrs []dns.RR) {
	t.Helper()
	file := filepath.Join(t.TempDir(), z.File)
	if err := sign.WriteFile(file, sign.Records(rrs)); err != nil {
		t.Fatal(err)
	}
	origin := dname.String(wire(t, z.Origin))
	checks := [][]string{{peer.Tool(t, "kzonecheck", "knot-dnssecutils"), "-v", "-o", origin, file}}
	if z.Denial != Unsigned {
		checks = append(checks,
			[]string{peer.Tool(t, "ldns-verify-zone", "ldnsutils"), "-V", "2", file},
			[]string{peer.Tool(t, "dnssec-verify", "bind9-utils"), "-z", "-o", origin, file})
	}
	for _, argv := range checks {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
		cancel()
		if err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(argv, " "), err, out)
		}
	}
}

// records is an unsigned zone.
type records struct {
	zone Zone
	apex []byte
	all  []dns.RR
	at   map[string][]dns.RR // by wire format in lower case
}

func wire(t *testing.T, name string) []byte {
	t.Helper()
	w, err := dname.ParseFQDN(name)
	if err != nil {
		t.Fatalf("%q: %v", name, err)
	}
	dname.Lower(w)
	return w
}

func read(t *testing.T, z Zone) *records {
	t.Helper()
	all, err := z.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &records{zone: z, apex: wire(t, z.Origin), all: all, at: map[string][]dns.RR{}}
	for _, rr := range all {
		owner := string(wire(t, rr.Header().Name))
		r.at[owner] = append(r.at[owner], rr)
	}
	return r
}

func (r *records) has(name []byte, rrtype uint16) dns.RR {
	for _, rr := range r.at[string(name)] {
		if rr.Header().Rrtype == rrtype {
			return rr
		}
	}
	return nil
}

func (r *records) exists(name []byte) bool {
	for owner := range r.at {
		if dname.IsSubdomain([]byte(owner), name) {
			return true
		}
	}
	return false
}

// above returns name and its ancestors below the apex, highest first.
func (r *records) above(name []byte) (names [][]byte) {
	for ; len(name) > len(r.apex); name = dname.Parent(name) {
		names = append(names, name)
	}
	slices.Reverse(names)
	return names
}

// shows says in a few words what the answer to q is (RFC 1034 §4.3.2).
func (r *records) shows(t *testing.T, q Question) string {
	rrtype, ok := dns.StringToType[q.Type]
	if !ok && q.Type == "TYPE65280" {
		rrtype = 65280
	}
	name := wire(t, q.Name)
	switch rrtype {
	case dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeNSEC3PARAM:
		if r.zone.Denial != Unsigned {
			return "made by signing"
		}
	}
	for _, ancestor := range r.above(name) {
		if r.has(ancestor, dns.TypeNS) != nil {
			return r.referral(t, ancestor, name, rrtype)
		}
		if d, ok := r.has(ancestor, dns.TypeDNAME).(*dns.DNAME); ok && len(ancestor) < len(name) {
			target := wire(t, d.Target)
			switch {
			case len(name)-len(ancestor)+len(target) > dname.MaxWire:
				return "YXDOMAIN"
			case !dname.IsSubdomain(target, r.apex):
				return "DNAME out of the zone"
			}
			return "DNAME"
		}
	}
	if r.at[string(name)] != nil {
		if c, ok := r.has(name, dns.TypeCNAME).(*dns.CNAME); ok && rrtype != dns.TypeCNAME {
			return r.alias(t, name, c)
		}
		if rrtype == dns.TypeANY || r.has(name, rrtype) != nil {
			return "answer"
		}
		return "NODATA"
	}
	if r.exists(name) {
		return r.emptyNonTerminal(name)
	}
	encloser := dname.Parent(name)
	for !r.exists(encloser) {
		encloser = dname.Parent(encloser)
	}
	wildcard := append([]byte("\x01*"), encloser...)
	switch {
	case r.at[string(wildcard)] == nil:
		return "NXDOMAIN"
	case r.has(wildcard, dns.TypeCNAME) != nil:
		return "wildcard CNAME"
	case r.has(wildcard, rrtype) != nil:
		return "wildcard"
	}
	return "wildcard NODATA"
}

func (r *records) referral(t *testing.T, cut, name []byte, rrtype uint16) string {
	secure := r.has(cut, dns.TypeDS) != nil
	if len(cut) == len(name) && rrtype == dns.TypeDS {
		if secure {
			return "DS at a cut"
		}
		return "no DS at a cut"
	}
	if secure {
		return "referral with DS"
	}
	var inZone, sibling bool
	for _, rr := range r.at[string(cut)] {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		server := wire(t, ns.Ns)
		inZone = inZone || dname.IsSubdomain(server, r.apex)
		for _, above := range r.above(server) {
			if r.has(above, dns.TypeNS) != nil && !dname.IsSubdomain(server, cut) && !isHosting(ns.Ns) {
				sibling = true
			}
		}
	}
	switch {
	case sibling:
		return "sibling glue"
	case !inZone:
		return "referral without glue"
	}
	return "referral"
}

// isHosting knows the company whose servers are siblings of half the zone: they
// show nothing new.
func isHosting(server string) bool {
	return strings.HasSuffix(server, ".hosting.net.tw.")
}

func (r *records) alias(t *testing.T, name []byte, c *dns.CNAME) string {
	seen := map[string]bool{string(name): true}
	for links := 1; ; links++ {
		target := wire(t, c.Target)
		switch {
		case seen[string(target)]:
			return "CNAME loop"
		case !dname.IsSubdomain(target, r.apex):
			return "CNAME out of the zone"
		}
		for _, above := range r.above(target) {
			if r.has(above, dns.TypeNS) != nil {
				return "CNAME into a delegation"
			}
		}
		if !r.exists(target) {
			return "CNAME to NXDOMAIN"
		}
		seen[string(target)] = true
		next, ok := r.has(target, dns.TypeCNAME).(*dns.CNAME)
		switch {
		case ok:
			c = next
			continue
		case links > 1:
			return "CNAME chain"
		}
		return "CNAME"
	}
}

// emptyNonTerminal tells those that only delegations without DS are below.
func (r *records) emptyNonTerminal(name []byte) string {
	for owner, rrs := range r.at {
		if !dname.IsSubdomain([]byte(owner), name) {
			continue
		}
		insecure := r.has([]byte(owner), dns.TypeNS) != nil && r.has([]byte(owner), dns.TypeDS) == nil
		glue := slices.ContainsFunc(r.above([]byte(owner)), func(above []byte) bool {
			return len(above) < len(owner) && r.has(above, dns.TypeNS) != nil
		})
		if !insecure && !glue && len(rrs) > 0 {
			return "empty non-terminal"
		}
	}
	if r.zone.Denial == NSEC3OptOut {
		return "opt-out empty non-terminal"
	}
	return "empty non-terminal"
}
