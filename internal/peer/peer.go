package peer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Kind is one of the servers that tests compare with.
type Kind uint8

// The servers this package can run.
const (
	Knot Kind = iota // knotd
	NSD              // nsd
	BIND             // named
)

// Kinds are all of them.
var Kinds = []Kind{Knot, NSD, BIND}

var kinds = [...]struct {
	name, program, debian string
	config                func(*instance) string
	arguments             func(config string) []string
}{
	Knot: {"knot", "knotd", "knot", knotConfig, func(c string) []string { return []string{"-c", c} }},
	NSD:  {"nsd", "nsd", "nsd", nsdConfig, func(c string) []string { return []string{"-d", "-c", c} }},
	BIND: {"bind", "named", "bind9", bindConfig, func(c string) []string { return []string{"-g", "-n", "1", "-c", c} }},
}

// String is the short name by which tables of differences call the server.
func (k Kind) String() string { return kinds[k].name }

// Program is the name of the server's executable.
func (k Kind) Program() string { return kinds[k].program }

// Require ends the test when one of the servers isn't installed: it is skipped
// on a developer's machine and fails in CI, where all of them must be there.
func Require(t testing.TB, needed ...Kind) {
	t.Helper()
	var programs, packages []string
	for _, k := range needed {
		if _, err := find(k.Program()); err != nil {
			programs = append(programs, k.Program())
			packages = append(packages, kinds[k].debian)
		}
	}
	if len(programs) == 0 {
		return
	}
	Missing(t, strings.Join(programs, ", ")+" not found (Debian: apt-get install "+strings.Join(packages, " ")+")")
}

// Missing ends a test that lacks something of its surroundings: as a failure
// in CI (CI=true), where nothing may be left out, else as a skip.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// find looks for a program where Debian keeps servers too: /usr/sbin is not in
// the PATH of an ordinary user.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}
