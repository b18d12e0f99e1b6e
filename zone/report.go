package zone

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says what a finding means for the zone.
type Severity uint8

// An Error keeps a zone out of service; a Warning does not. The line between
// them is the one that Knot DNS draws between its mandatory and its optional
// semantic checks, and a missing apex NS RRset is an Error as well.
const (
	Warning Severity = iota
	Error
)

func (s Severity) String() string {
	return [...]string{"warning", "error"}[s]
}

// MaxFindings is how many findings a [Report] keeps; it counts them all.
const MaxFindings = 100

// Finding is one thing that is wrong with a zone.
type Finding struct {
	Severity     Severity
	Code         Code
	File         string // as named when loading; "" when the zone did not come from a file
	Line, Column int    // 1-based, 0 when unknown
	Message      string // what was found, and what was expected
}

// String returns "file:line:column: severity: message [code]", without the
// parts that are not known.
func (f Finding) String() string {
	text := fmt.Sprintf("%s: %s [%s]", f.Severity, f.Message, f.Code)
	switch {
	case f.File == "":
		return text
	case f.Line == 0:
		return f.File + ": " + text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, text)
}

// Code names a kind of finding, for counting and for scripts.
type Code string

// The kinds of findings.
const (
	Syntax          Code = "syntax"           // RFC 1035 §5.1
	OutOfZone       Code = "out-of-zone"      // owner not below the apex: ignored
	NoSOA           Code = "no-soa"           // RFC 1035 §5.2
	SeveralSOA      Code = "several-soa"      // RFC 1035 §5.2
	NoApexNS        Code = "no-apex-ns"       // RFC 1035 §5.2
	CNAMEAndOther   Code = "cname-and-other"  // RFC 1034 §3.6.2, 2181 §10.1
	SeveralCNAME    Code = "several-cname"    // RFC 2181 §10.1
	SeveralDNAME    Code = "several-dname"    // RFC 6672 §2.4
	DNAMEAndNS      Code = "dname-and-ns"     // RFC 6672 §2.3
	BelowDNAME      Code = "below-dname"      // RFC 6672 §2.4
	DSAtApex        Code = "ds-at-apex"       // RFC 4034 §5
	DSWithoutNS     Code = "ds-without-ns"    // RFC 4035 §2.4
	WildcardCut     Code = "wildcard-ns"      // RFC 4592 §4.2
	WildcardDNAME   Code = "wildcard-dname"   // RFC 6672 §3.3, 4592 §4.4
	TooLarge        Code = "rrset-too-large"  // cannot be answered in 65,535 bytes
	TTLMismatch     Code = "ttl-mismatch"     // RFC 2181 §5.2
	NoGlue          Code = "missing-glue"     // RFC 1034 §4.2.1, 9471
	NoSignature     Code = "missing-rrsig"    // RFC 4035 §2.2
	OrphanSignature Code = "orphan-rrsig"     // RFC 4035 §2.2
	ForeignSigner   Code = "foreign-signer"   // RFC 4035 §2.2
	SignatureTTL    Code = "rrsig-ttl"        // RFC 4034 §3
	Expired         Code = "rrsig-expired"    // RFC 4034 §3.1.5
	BrokenNSEC      Code = "nsec-chain"       // RFC 4034 §4, 4035 §2.3
	BrokenNSEC3     Code = "nsec3-chain"      // RFC 5155 §7.1
	NSEC3Param      Code = "nsec3param"       // RFC 5155 §4
	NSEC3Iterations Code = "nsec3-iterations" // RFC 9276 §3.1
	NSECTTL         Code = "nsec-ttl"         // RFC 9077 §3
	MalformedRDATA  Code = "malformed-rdata"  // RDATA that is not what its type says
	NoSuchRecord    Code = "no-such-record"   // an edit removes what is not there: it was made for another version
	MisplacedRecord Code = "misplaced-record" // e.g. an ordinary RRset at an NSEC3 owner name
)

// Report is all that was found while a zone was built.
type Report struct {
	Findings []Finding // in the order of the file, at most MaxFindings
	Errors   int       // how many there were, kept or not
	Warnings int
}

// OK tells whether the zone may go into service.
func (r *Report) OK() bool { return r.Errors == 0 }

func (r *Report) add(f Finding) {
	if f.Severity == Error {
		r.Errors++
	} else {
		r.Warnings++
	}
	if len(r.Findings) < MaxFindings {
		r.Findings = append(r.Findings, f)
	} else if f.Severity == Error {
		// An error is worth more to the reader than the last warning.
		for i := len(r.Findings) - 1; i >= 0; i-- {
			if r.Findings[i].Severity == Warning {
				r.Findings[i] = f
				return
			}
		}
	}
}

func (r *Report) clone() *Report {
	c := *r
	c.Findings = slices.Clone(r.Findings)
	return &c
}

// merge adds what another report says.
func (r *Report) merge(other *Report) {
	errors, warnings := r.Errors+other.Errors, r.Warnings+other.Warnings
	for _, f := range other.Findings {
		r.add(f)
	}
	r.Errors, r.Warnings = errors, warnings
}

func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
