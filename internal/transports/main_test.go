package transports

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/examples/lab"
	"yushan/internal/peer"
	"yushan/zone/dname"
)

// patience is for what happens at once on a machine with nothing else to do.
const patience = 2 * time.Minute

// Made once for all tests.
var (
	program string // yushan
	shared  string // a directory
	zones   labZones
)

// labZones are the zones of the lab as master files, signed.
type labZones struct {
	config  string            // the lines of a configuration that serve them
	anchors map[string]string // DNSKEY records of the signed ones, by origin
}

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := prepareAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func prepareAndRun(m *testing.M) (code int, err error) {
	if shared, err = os.MkdirTemp("", "transports"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(shared)
	if program, err = peer.BuildYushan(shared); err != nil {
		return 1, err
	}
	if zones, err = writeLab(shared); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func writeLab(dir string) (labZones, error) {
	out := labZones{anchors: map[string]string{}}
	var config strings.Builder
	fmt.Fprintf(&config, "zone-directory: %q\nzones:\n", dir)
	for _, z := range lab.Zones {
		records, err := z.Read(context.Background())
		if err != nil {
			return out, err
		}
		records, key, err := z.Sign(context.Background(), records)
		if err != nil {
			return out, err
		}
		origin, err := dname.ParseFQDN(z.Origin)
		if err != nil {
			return out, err
		}
		if key != nil {
			out.anchors[dname.String(origin)] = presentation(key.RR)
		}
		var text strings.Builder
		for _, rr := range records {
			text.WriteString(rr.String() + "\n")
		}
		if err := os.WriteFile(filepath.Join(dir, z.File), []byte(text.String()), 0o644); err != nil {
			return out, err
		}
		fmt.Fprintf(&config, "  - {name: %s, file: %s}\n", dname.String(origin), z.File)
	}
	out.config = config.String()
	return out, nil
}

// presentation writes a record on one line with single spaces.
func presentation(rr dns.RR) string { return strings.Join(strings.Fields(rr.String()), " ") }
