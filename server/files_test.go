package server

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFilesUnchanged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tw.zone")
	old := time.Now().Add(-time.Hour)
	write := func(path, text string, mtime time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, mtime, mtime); err != nil {
			t.Fatal(err)
		}
	}
	read := func() *files {
		t.Helper()
		f := newFiles()
		r, err := f.open(path)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		return f
	}
	for _, tt := range []struct {
		name   string
		before time.Time
		change func()
		want   bool
	}{
		{"nothing", old, func() {}, true},
		{"size", old, func() { write(path, "abcd", old) }, false},
		{"mtime", old, func() { write(path, "abd", old.Add(time.Nanosecond)) }, false},
		{"removed", old, func() { os.Remove(path) }, false},
		{"replaced by a file of the same size and time", old, func() {
			write(path+".new", "abd", old)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"written just before it was read", time.Now(), func() {}, false},
	} {
		write(path, "abc", tt.before)
		f := read()
		tt.change()
		if got := f.unchanged(); got != tt.want {
			t.Errorf("%s: unchanged is %v, expected %v", tt.name, got, tt.want)
		}
	}
	if newFiles().unchanged() {
		t.Error("a zone that was never read counts as unchanged")
	}
}
