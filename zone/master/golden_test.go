package master

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is read from testdata as what is expected")

// Each testdata/*.zone reads as the records in the .records file beside it, and
// each testdata/errors/*.zone gives the errors in the .errors file, whatever the
// size of the pieces that it is cut into.
func TestGolden(t *testing.T) {
	zones, err := filepath.Glob("testdata/*.zone")
	broken, err2 := filepath.Glob("testdata/errors/*.zone")
	if err != nil || err2 != nil || len(zones) == 0 || len(broken) == 0 {
		t.Fatalf("no zones in testdata: %v, %v", err, err2)
	}
	for _, path := range zones {
		t.Run(filepath.Base(path), func(t *testing.T) {
			for _, size := range []int{0, 1, 61, 500} {
				records, result, err := readFile(t, path, size)
				if err != nil {
					t.Errorf("in pieces of %d: %v", size, err)
				}
				golden(t, strings.TrimSuffix(path, ".zone")+".records", show(t, records, result.Files))
			}
		})
	}
	for _, path := range broken {
		t.Run(filepath.Base(path), func(t *testing.T) {
			for _, size := range []int{0, 1, 61, 500} {
				records, result, err := readFile(t, path, size)
				if err == nil {
					t.Fatalf("in pieces of %d: no error", size)
				}
				golden(t, strings.TrimSuffix(path, ".zone")+".errors",
					err.Error()+"\n\nRecords all the same:\n"+show(t, records, result.Files))
			}
		})
	}
}

// readFile reads a file from the file system; messages call it by its base name.
func readFile(t *testing.T, path string, size int) ([]Record, Result, error) {
	t.Helper()
	return readPath(t, path, Options{Origin: mustName(t, "tw"), Name: filepath.Base(path), Workers: 2, chunkBytes: size})
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s should be\n%s\nbut is\n%s", path, want, got)
	}
}
