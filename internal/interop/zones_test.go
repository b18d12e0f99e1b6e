package interop

import (
	_ "embed"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
	"yushan/internal/testzone"
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

func signed(t testing.TB, z testzone.Zone) testzone.Zone {
	t.Helper()
	s, err := testzone.Sign(t.Context(), z)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// writeZones writes master files.
func writeZones(t testing.TB, zones []testzone.Zone) (files []peer.Zone) {
	t.Helper()
	dir := t.TempDir()
	for i, z := range zones {
		path := filepath.Join(dir, strconv.Itoa(i)+".zone")
		text := strings.ReplaceAll(z.String(), "\tCLASS1\t", "\tIN\t") // knotd 3.2 doesn't know RFC 3597 §5's class
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, peer.Zone{Origin: z.Origin, File: path})
	}
	return files
}
