package sign

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
	"yushan/zone/dname"
	"yushan/zone/master"
)

// validators are signers' examiners that share no code with this package.
var validators = []struct {
	debian string // package
	argv   func(origin, file string) []string
}{
	{"ldnsutils", func(_, file string) []string { return []string{"ldns-verify-zone", "-V", "2", file} }},
	{"bind9-utils", func(origin, file string) []string { return []string{"dnssec-verify", "-z", "-o", origin, file} }},
	{"knot-dnssecutils", func(origin, file string) []string {
		return []string{"kzonecheck", "-v", "-d", "on", "-o", origin, file}
	}},
}

// verify checks the signed zone record by record with miekg/dns, writes it to a
// file, and has every validator look at that, except those named.
func verify(t *testing.T, origin string, signed []dns.RR, except ...string) {
	t.Helper()
	verifyOrder(t, signed)
	verifySignatures(t, signed)
	file := filepath.Join(t.TempDir(), "zone")
	if err := WriteFile(file, Records(signed)); err != nil {
		t.Fatal(err)
	}
	for _, v := range validators {
		argv := v.argv(origin, file)
		if slices.Contains(except, argv[0]) {
			continue
		}
		path := peer.Tool(t, argv[0], v.debian)
		ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
		out, err := exec.CommandContext(ctx, path, argv[1:]...).CombinedOutput()
		cancel()
		if err != nil {
			text, _ := os.ReadFile(file)
			t.Errorf("%s: %v\n%s\n%s", strings.Join(argv, " "), err, out, head(text))
		}
	}
}

func head(text []byte) []byte {
	return text[:min(len(text), 4000)]
}

func packName(t *testing.T, name string) []byte {
	t.Helper()
	var wire [dname.MaxWire]byte
	n, err := dns.PackDomainName(name, wire[:], 0, nil, false)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return wire[:n]
}

func verifyOrder(t *testing.T, signed []dns.RR) {
	t.Helper()
	if signed[0].Header().Rrtype != dns.TypeSOA {
		t.Errorf("the first record is %v, expected the SOA", signed[0])
	}
	for i := range signed[1:] {
		a, b := signed[i].Header().Name, signed[i+1].Header().Name
		if dname.Compare(packName(t, a), packName(t, b)) > 0 {
			t.Errorf("%s comes before %s", a, b)
		}
	}
}

type rrsetID struct {
	owner  string
	rrtype uint16
}

// group sorts records by RRset, signatures apart.
func group(signed []dns.RR) (rrsets map[rrsetID][]dns.RR, sigs map[rrsetID][]*dns.RRSIG) {
	rrsets, sigs = map[rrsetID][]dns.RR{}, map[rrsetID][]*dns.RRSIG{}
	for _, rr := range signed {
		owner := dns.CanonicalName(rr.Header().Name)
		if sig, ok := rr.(*dns.RRSIG); ok {
			id := rrsetID{owner, sig.TypeCovered}
			sigs[id] = append(sigs[id], sig)
			continue
		}
		id := rrsetID{owner, rr.Header().Rrtype}
		rrsets[id] = append(rrsets[id], rr)
	}
	return rrsets, sigs
}

// verifySignatures has miekg/dns check each signature that there is.
func verifySignatures(t *testing.T, signed []dns.RR) {
	t.Helper()
	rrsets, sigs := group(signed)
	keys := rrsets[rrsetID{dns.CanonicalName(signed[0].Header().Name), dns.TypeDNSKEY}]
	for id, list := range sigs {
		for _, sig := range list {
			i := slices.IndexFunc(keys, func(rr dns.RR) bool { return rr.(*dns.DNSKEY).KeyTag() == sig.KeyTag })
			if i < 0 {
				t.Errorf("%v: no such key", sig)
				continue
			}
			if err := sig.Verify(keys[i].(*dns.DNSKEY), rrsets[id]); err != nil {
				t.Errorf("%v: %v", sig, err)
			}
		}
	}
}

func readZone(t testing.TB, file string) []dns.RR {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseZone(t, string(text))
}

func parseZone(t testing.TB, text string) (rrs []dns.RR) {
	t.Helper()
	parser := dns.NewZoneParser(bytes.NewReader([]byte(text)), ".", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		rrs = append(rrs, rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	return rrs
}

func compareRecords(t *testing.T, got, want []dns.RR) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, expected %d", len(got), len(want))
	}
	for i := range want {
		gotOwner, gotRDATA, errGot := master.FromRR(got[i])
		owner, rdata, err := master.FromRR(want[i])
		if errGot != nil || err != nil || !bytes.Equal(gotOwner, owner) || !bytes.Equal(gotRDATA, rdata) ||
			got[i].Header().Rrtype != want[i].Header().Rrtype || got[i].Header().Ttl != want[i].Header().Ttl {
			t.Errorf("record %d is %v (%v), expected %v (%v)", i, got[i], errGot, want[i], err)
		}
	}
}
