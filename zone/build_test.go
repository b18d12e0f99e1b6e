package zone

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"yushan/internal/testzone"
)

// However a zone is cut into segments, it is the same, and so is what is said of it.
func TestSegments(t *testing.T) {
	for seed := range uint64(60) {
		zones, err := testzone.SignAll(context.Background(), testzone.Generate(seed))
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range zones {
			records := toMaster(z.Records)
			for i := range records {
				records[i].Line = uint32(i + 1)
			}
			if seed%3 > 0 { // something is wrong with the chains, signatures and glue
				at := int(seed) % len(records)
				records = slices.Delete(records, at, min(at+3, len(records)))
			}
			want, wantReport := fromScratchBy(wire(z.Origin), records, len(records))
			for _, size := range []int{1, 2, 7} {
				got, report := fromScratchBy(wire(z.Origin), records, size)
				if fmt.Sprint(report) != fmt.Sprint(wantReport) {
					t.Fatalf("seed %d, segments of %d:\n%v\nexpected\n%v", seed, size, report, wantReport)
				}
				if (got == nil) != (want == nil) {
					t.Fatalf("seed %d, segments of %d: zone %v", seed, size, got != nil)
				}
				if got != nil && differ(got, want) != "" {
					t.Fatalf("seed %d, segments of %d: %s", seed, size, differ(got, want))
				}
			}
		}
	}
}

// A DNAME at the apex hides the names of all segments.
func TestSegmentsBelowDNAME(t *testing.T) {
	_, report := fromScratchBy(wire("tw."), parse("tw.", minimal+"@ 1 DNAME example.com.\na 1 TXT x\nb 1 NS ns.b\n"), 1)
	if report.Errors != 2 || report.Findings[0].Code != BelowDNAME || report.Findings[1].Code != BelowDNAME {
		t.Errorf("%v", report.Findings)
	}
}

// A zone without anything, and one without an apex, are refused without ado.
func TestNoApex(t *testing.T) {
	for _, text := range []string{"", "a 1 TXT x\n"} {
		if z, report := fromScratchBy(wire("tw."), parse("tw.", text), 1); z != nil || report.Findings[0].Code != NoSOA {
			t.Errorf("%q: %v", text, report.Findings)
		}
	}
}
