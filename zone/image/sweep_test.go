package image

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"yushan/zone/dname"
)

// names returns what is in the directory.
func names(t *testing.T, d Directory) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(string(d))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestSweep(t *testing.T) {
	z := testZone(t, 3)
	d := save(t, z)
	put := func(name string, content []byte, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(string(d), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	ours, err := os.ReadFile(d.Path(z.Origin()))
	if err != nil {
		t.Fatal(err)
	}
	long, err := dname.ParseFQDN(longName(60) + "tw.")
	if err != nil {
		t.Fatal(err)
	}
	older := append([]byte(magic), 1, 0, 0, 0, 9, 9)
	gone := []string{"@.image", "a%2Fb.tw.image", "gone.image", "half.image.new", "older.image", filepath.Base(d.Path(long))}
	for _, name := range gone {
		put(name, ours, 0o600)
	}
	put("older.image", older, 0o600)
	put("half.image.new", append([]byte(magic), make([]byte, 5000)...), 0o600)
	stay := []string{".lock", "tw.image", "tw.image.new"}
	put("tw.image.new", older, 0o600)
	for name, content := range map[string]string{
		"text.image": "tw. 300 IN NS a.\n", "empty.image": "", "short.image": magic[:7], "zeros.image": string(make([]byte, 100)),
		"readme": magic, "gone.image.bak": string(ours), "image": string(ours), "gone.image.new.new": string(ours),
	} {
		put(name, []byte(content), 0o600)
		stay = append(stay, name)
	}
	put("others.image", ours, 0o666)
	elsewhere := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(elsewhere, ours, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(string(d), "link.image")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(string(d), "pipe.image"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(string(d), "directory.image"), 0o700); err != nil {
		t.Fatal(err)
	}
	stay = append(stay, "others.image", "link.image", "pipe.image", "directory.image")

	wanted := func(path string) bool { return path == d.Path(z.Origin()) }
	before := names(t, d)
	unlock, err := d.lock()
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := d.Sweep(wanted); !errors.Is(err, ErrBusy) || len(removed) > 0 || !slices.Equal(names(t, d), before) {
		t.Errorf("beside another writer: %v, %v, expected %v", removed, err, ErrBusy)
	}
	unlock()
	removed, err := d.Sweep(wanted)
	if err != nil {
		t.Fatal(err)
	}
	for i := range removed {
		removed[i] = filepath.Base(removed[i])
	}
	slices.Sort(gone)
	slices.Sort(removed)
	if !slices.Equal(removed, gone) {
		t.Errorf("removed %v, expected %v", removed, gone)
	}
	slices.Sort(stay)
	if got := names(t, d); !slices.Equal(got, stay) {
		t.Errorf("there are %v, expected %v", got, stay)
	}
	if _, err := os.Stat(elsewhere); err != nil {
		t.Errorf("a symbolic link was followed: %v", err)
	}
	if err := load(d, z.Origin()); err != nil {
		t.Error(err)
	}
}

// An image that is wanted while the others are looked for stays.
func TestSweepChangesItsMind(t *testing.T) {
	z := testZone(t, 3)
	d := save(t, z)
	asked := 0
	removed, err := d.Sweep(func(string) bool {
		asked++
		return asked > 1
	})
	if err != nil || len(removed) > 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if err := load(d, z.Origin()); err != nil {
		t.Error(err)
	}
}

// No directory is made to look for something in it.
func TestSweepOfNothing(t *testing.T) {
	d := Directory(filepath.Join(t.TempDir(), "not", "there"))
	if removed, err := d.Sweep(func(string) bool { return false }); err != nil || removed != nil {
		t.Errorf("%v, %v", removed, err)
	}
	if _, err := os.Stat(string(d)); !os.IsNotExist(err) {
		t.Errorf("there is a directory: %v", err)
	}
	empty := Directory(t.TempDir())
	if _, err := empty.Sweep(func(string) bool { return false }); err != nil || len(names(t, empty)) > 0 {
		t.Errorf("there are %v, %v, expected nothing", names(t, empty), err)
	}
}

// What a killed writer leaves can be told to be ours, and is no image.
func TestUnfinishedImage(t *testing.T) {
	z := testZone(t, 2000)
	d := save(t, z)
	path := filepath.Join(string(d), "half.image.new")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := write(ctx, path, testHeader, z.Snapshot()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if !isOurs(path) {
		t.Error("it cannot be told whose it is")
	}
	if err := os.Rename(path, d.Path(z.Origin())); err != nil {
		t.Fatal(err)
	}
	if err := load(d, z.Origin()); err == nil {
		t.Error("it is taken for an image")
	}
}
