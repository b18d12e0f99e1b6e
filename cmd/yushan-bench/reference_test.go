package main

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/cli-bench.md anew")

// TestCLIReferenceIsCurrent keeps docs/cli-bench.md what --help prints.
func TestCLIReferenceIsCurrent(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	const path = "../../docs/cli-bench.md"
	var b strings.Builder
	b.WriteString("# Command line of yushan-bench\n\n<!-- Written by `go test ./cmd/yushan-bench -update` from the commands' own help. -->\n")
	if err := program().Reference(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s is not what --help prints: run go test ./cmd/yushan-bench -run Reference -update", path)
	}
}
