package peer

import (
	"os"
	"path/filepath"
	"testing"
)

// Tool returns the path of a program that a test runs: a client, a validator.
// The test ends as by [Missing] if it isn't installed. debian is the package
// that has it.
func Tool(t testing.TB, program, debian string) string {
	t.Helper()
	path, err := find(program)
	if err != nil {
		Missing(t, program+" not found (Debian: apt-get install "+debian+")")
	}
	return path
}

// TestData returns the path of a file of real data that is not part of the
// project. YUSHAN_TESTDATA names the directory where it is; without it the test
// ends as by [Missing].
func TestData(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("YUSHAN_TESTDATA")
	if dir == "" {
		Missing(t, "YUSHAN_TESTDATA does not say where "+name+" is")
	}
	return filepath.Join(dir, name)
}
