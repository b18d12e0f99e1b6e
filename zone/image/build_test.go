package image

import (
	"os"
	"path/filepath"
	"testing"
)

func TestBuild(t *testing.T) {
	first, err := Build()
	if err != nil || first == "" {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := Build(); again != first || err != nil {
		t.Errorf("%q, %v, expected %q", again, err, first)
	}
	own, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "program")
	build := func(content []byte) string {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		name, err := buildOf(path)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	if got := build(own); got != first {
		t.Errorf("a copy is %q, expected %q", got, first)
	}
	// Without a build ID each byte counts.
	seen := map[string]bool{first: true}
	for _, content := range []string{"", "#!/bin/sh\n", "#!/bin/sh\n#", string(own[:100]), string(own[:1000])} {
		name := build([]byte(content))
		if name == "" || seen[name] {
			t.Errorf("a program of %d bytes is called %q, as another one or nothing", len(content), name)
		}
		seen[name] = true
	}
	if name, err := buildOf(path + ".missing"); err == nil {
		t.Errorf("a program that is not there is called %q", name)
	}
}
