package tldzone

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestZoneIsReadableAndRepeatable(t *testing.T) {
	z := Zone{Origin: "tw.", Delegations: 2000, SignedShare: 0.1, Seed: 1}
	var first, second bytes.Buffer
	if err := z.Write(&first); err != nil {
		t.Fatal(err)
	}
	if err := z.Write(&second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same numbers gave two different zones")
	}
	cuts, ds := map[string]bool{}, 0
	parser := dns.NewZoneParser(&first, "", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		switch rr.Header().Rrtype {
		case dns.TypeNS:
			cuts[rr.Header().Name] = true
		case dns.TypeDS:
			ds++
		}
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	if len(cuts) < 1990 || ds < 100 || ds > 300 {
		t.Errorf("%d delegations, %d DS records; expected about 2000 and 200", len(cuts)-1, ds)
	}
}

func TestQueriesFollowTheMix(t *testing.T) {
	z := Zone{Origin: "tw.", Delegations: 500, Seed: 1}
	var out bytes.Buffer
	if err := z.WriteQueries(&out, 1000, Mix{NXDomain: 1, DS: 1}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	ds := 0
	for _, line := range lines {
		if strings.HasSuffix(line, " DS") {
			ds++
		}
	}
	if len(lines) != 1000 || ds < 400 || ds > 600 {
		t.Errorf("%d queries, %d of them DS; expected 1000 and about half", len(lines), ds)
	}
}
