package server

import (
	"context"
	"io"
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
	ctime := func() int64 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return fingerprintOf(info).ctime
	}
	// later makes a change once the file system's clock has ticked.
	later := func(change func()) {
		for before := ctime(); ctime() == before; {
			change()
		}
	}
	read := func(now func() time.Time) *files {
		t.Helper()
		f := newFiles()
		f.now = now
		r, err := f.open(path)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		return f
	}
	hence := func() time.Time { return time.Now().Add(time.Hour) }
	for _, tt := range []struct {
		name   string
		now    func() time.Time // when it is read
		change func()
		want   bool
	}{
		{"nothing", hence, func() {}, true},
		{"size", hence, func() { write(path, "abcd", old) }, false},
		{"mtime", hence, func() { write(path, "abd", old.Add(time.Nanosecond)) }, false},
		{"content, with size and mtime put back", hence, func() { later(func() { write(path, "abd", old) }) }, false},
		{"attributes", hence, func() {
			later(func() {
				if err := os.Chmod(path, 0o600); err != nil {
					t.Fatal(err)
				}
			})
		}, false},
		{"removed", hence, func() { os.Remove(path) }, false},
		{"replaced by a file of the same size and time", hence, func() {
			write(path+".new", "abd", old)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"written just before it was read, be its mtime old", time.Now, func() {}, false},
	} {
		write(path, "abc", old)
		f := read(tt.now)
		again := filesOf(f.sources(path)) // by way of an image
		tt.change()
		if got := again.changed() == ""; len(f.racing) == 0 && got != tt.want {
			t.Errorf("%s: unchanged since an image is %v, expected %v", tt.name, got, tt.want)
		}
		if got := f.unchanged(); got != tt.want {
			t.Errorf("%s: unchanged is %v, expected %v", tt.name, got, tt.want)
		}
	}
	if newFiles().unchanged() {
		t.Error("a zone that was never read counts as unchanged")
	}
}

// A file that was changed just before it was read settles, unless it was changed
// once more meanwhile, be it with the same size and mtime.
func TestFilesSettle(t *testing.T) {
	for _, tt := range []struct {
		name    string
		partial bool
		change  func(path string) error
		want    bool
	}{
		{"nothing", false, func(string) error { return nil }, true},
		{"content alone", false, func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte("abd"), 0o644); err != nil {
				return err
			}
			return os.Chtimes(path, info.ModTime(), info.ModTime())
		}, false},
		{"mtime alone", false, func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) }, false},
		{"removed", false, os.Remove, false},
		{"not read to its end", true, func(string) error { return nil }, false},
	} {
		path := filepath.Join(t.TempDir(), "tw.zone")
		if err := os.WriteFile(path, []byte("abc"), 0o644); err != nil {
			t.Fatal(err)
		}
		f := newFiles()
		r, err := f.open(path)
		if err != nil {
			t.Fatal(err)
		}
		if !tt.partial {
			if _, err := io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		r.Close()
		if f.unchanged() {
			t.Errorf("%s: a file that was written just before counts as unchanged", tt.name)
		}
		if err := tt.change(path); err != nil {
			t.Fatal(err)
		}
		f.last = f.last.Add(-settled) // there is no need to wait
		if got := f.settle(t.Context()); got != tt.want || f.unchanged() != tt.want {
			t.Errorf("%s: settled is %v, expected %v", tt.name, got, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := newFiles()
	path := filepath.Join(t.TempDir(), "tw.zone")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := f.open(path); err != nil {
		t.Fatal(err)
	} else {
		r.Close()
	}
	if f.settle(ctx) {
		t.Error("settled though there was no time to wait")
	}
	pipe := newFiles()
	if r, err := pipe.open(os.DevNull); err != nil {
		t.Fatal(err)
	} else {
		r.Close()
	}
	pipe.last = pipe.last.Add(-settled)
	if pipe.unchanged() || pipe.settle(t.Context()) {
		t.Error("what is no ordinary file counts as unchanged")
	}
}
