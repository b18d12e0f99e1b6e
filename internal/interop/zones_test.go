package interop

import (
	_ "embed"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/examples/lab"
	"yushan/internal/peer"
	"yushan/internal/testzone"
	"yushan/internal/validate"
	"yushan/zone/dname"
)

//go:embed testdata/features.zone
var featuresText string

//go:embed testdata/child.zone
var childText string

// featureZones are the zones of testdata, signed in each way, and with the child
// that they delegate to. The child is signed like its parent, and its DS RRset
// is in it.
func featureZones(t testing.TB) (zones []testzone.Zone) {
	t.Helper()
	for _, z := range []testzone.Zone{
		{Origin: "other.example.", Signing: testzone.Unsigned},
		{Origin: "nsec.example.", Signing: testzone.NSEC},
		{Origin: "nsec3.example.", Signing: testzone.NSEC3},
		{Origin: "xn--kpry57d.", Signing: testzone.NSEC3OptOut},
	} {
		child := testzone.Zone{Origin: "child." + z.Origin, Signing: z.Signing}
		child.Records = testzone.MustParse(child.Origin, childText)
		child = signed(t, child)
		z.Records = testzone.MustParse(z.Origin, featuresText)
		for _, key := range child.Keys() {
			z.Records = append(z.Records, key.ToDS(dns.SHA256))
		}
		zones = append(zones, signed(t, z), child)
	}
	return zones
}

// labZones are the zones of "yushan lab", and the questions that its files propose.
func labZones(t testing.TB) (zones []testzone.Zone, questions []query) {
	t.Helper()
	for _, z := range lab.Zones {
		records, err := z.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if records, _, err = z.Sign(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		zones = append(zones, testzone.Zone{Origin: aLabels(t, z.Origin), Records: records})
		for _, q := range z.Questions() {
			qtype, ok := dns.StringToType[q.Type]
			if number, isNumber := strings.CutPrefix(q.Type, "TYPE"); !ok && isNumber { // RFC 3597 §5
				n, err := strconv.ParseUint(number, 10, 16)
				qtype, ok = uint16(n), err == nil
			}
			if !ok {
				t.Fatalf("the lab proposes a question of type %s", q.Type)
			}
			m := new(dns.Msg).SetQuestion(aLabels(t, q.Name), qtype)
			for _, do := range []bool{false, true} {
				for _, tcp := range []bool{false, true} {
					questions = append(questions, newQuery(m.Copy().SetEdns0(1232, do), tcp))
				}
			}
		}
	}
	return zones, questions
}

func aLabels(t testing.TB, name string) string {
	t.Helper()
	wire, err := dname.ParseFQDN(name)
	if err != nil {
		t.Fatal(err)
	}
	return dname.String(wire)
}

func signed(t testing.TB, z testzone.Zone) testzone.Zone {
	t.Helper()
	s, err := testzone.Sign(t.Context(), z)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// writeZones writes master files that all servers read.
func writeZones(t testing.TB, zones []testzone.Zone) (files []peer.Zone) {
	t.Helper()
	dir := t.TempDir()
	for i, z := range zones {
		var text strings.Builder
		for _, rr := range z.Records {
			text.WriteString(testzone.MasterLine(rr) + "\n")
		}
		path := filepath.Join(dir, strconv.Itoa(i)+".zone")
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, peer.Zone{Origin: z.Origin, File: path})
	}
	return files
}

// validatorOf returns what judges answers about name, or nil if its zone is not
// signed, or if it isn't in any.
func validatorOf(validators map[string]*validate.Validator, name string, qtype uint16) *validate.Validator {
	for first := true; ; first = false {
		v, served := validators[name]
		if served && !(first && qtype == dns.TypeDS && hasParent(validators, name)) {
			return v
		}
		i, end := dns.NextLabel(name, 0)
		switch {
		case name == ".":
			return nil
		case end:
			name = "."
		default:
			name = name[i:]
		}
	}
}

// hasParent tells whether there is a zone above the one at apex: that one then
// answers for DS (RFC 4035 §3.1.4.1).
func hasParent(validators map[string]*validate.Validator, apex string) bool {
	for origin := range validators {
		if origin != apex && dns.IsSubDomain(origin, apex) {
			return true
		}
	}
	return false
}

// validatorsFor makes a validator for each signed zone, and nil for the others.
func validatorsFor(zones []testzone.Zone, at time.Time) map[string]*validate.Validator {
	validators := map[string]*validate.Validator{}
	for _, z := range zones {
		validators[dns.CanonicalName(z.Origin)] = nil
		if keys := z.Keys(); len(keys) > 0 {
			validators[dns.CanonicalName(z.Origin)] = validate.New(z.Origin, keys, at)
		}
	}
	return validators
}
