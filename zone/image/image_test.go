package image

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"yushan/internal/testzone"
	"yushan/zone"
	"yushan/zone/dname"
)

// testZone returns a signed zone with about so many delegations.
func testZone(t testing.TB, delegations int) *zone.Zone {
	t.Helper()
	var b strings.Builder
	b.WriteString("@ 300 SOA a.dns hostmaster 7 2 3 4 5\n@ 300 NS a.dns\na.dns 300 A 192.0.2.1\n")
	for i := range delegations {
		fmt.Fprintf(&b, "d%d 300 NS ns%d.example.\nd%d 300 NS ns.d%d\nns.d%d 300 A 192.0.2.%d\n", i, i%50, i, i, i, i%256)
	}
	z, report := zone.FromRecords([]byte("\x02tw\x00"), testzone.MustParse("tw.", b.String()))
	if z == nil {
		t.Fatal(report.Findings)
	}
	return z
}

func records(z *zone.Zone) string {
	var b strings.Builder
	for r := range z.Records() {
		fmt.Fprintf(&b, "%s %d %d %x\n", dname.String(r.Owner), r.TTL, r.Type, r.RDATA)
	}
	return b.String()
}

var testHeader = Header{
	Build: "build/of/this",
	Sources: []Source{
		{Path: "/zones/tw.zone", Device: 1, Inode: 1 << 60, Size: 1 << 40, Modified: time.Unix(1<<33, 999_999_999), Changed: time.Unix(1<<34, 1)},
		{Path: "rest.inc", Modified: time.Unix(-5, 3), Changed: time.Unix(0, 0)},
	},
	Whole: true,
	Report: &zone.Report{Warnings: 120, Findings: []zone.Finding{
		{Severity: zone.Warning, Code: zone.NoGlue, File: "rest.inc", Line: 7, Column: 1, Message: "no glue"},
		{Severity: zone.Warning, Code: zone.Expired, Message: "台灣"},
	}},
}

// save writes an image of z and returns the directory.
func save(t testing.TB, z *zone.Zone) Directory {
	t.Helper()
	d := Directory(filepath.Join(t.TempDir(), "not", "there"))
	if err := d.Write(t.Context(), testHeader, z.Snapshot()); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWriteAndLoad(t *testing.T) {
	for _, delegations := range []int{0, 3, 5000, 20_000} {
		z := testZone(t, delegations)
		before := time.Now()
		d := save(t, z)
		img, err := d.Open(z.Origin())
		if err != nil {
			t.Fatal(err)
		}
		defer img.Close()
		if !bytes.Equal(img.Origin, z.Origin()) || img.Serial != 7 || img.Written.Before(before) || img.Written.After(time.Now()) {
			t.Errorf("the header is of %x, serial %d, written %v", img.Origin, img.Serial, img.Written)
		}
		want := testHeader
		want.Origin, want.Serial, want.Written = img.Origin, img.Serial, img.Written
		if !reflect.DeepEqual(img.Header, want) {
			t.Errorf("the header is %+v, expected %+v", img.Header, want)
		}
		for name, load := range map[string]func(context.Context) (*zone.Zone, error){"Load": img.Load, "LoadVerified": img.LoadVerified} {
			again, err := load(t.Context())
			if err != nil {
				t.Fatalf("%s of %d delegations: %v", name, delegations, err)
			}
			if records(again) != records(z) {
				t.Errorf("%s of %d delegations gives another zone", name, delegations)
			}
			if a, b := again.Stats(), z.Stats(); a != b {
				t.Errorf("%s: %+v, expected %+v", name, a, b)
			}
		}
	}
}

func TestFilesAreOurs(t *testing.T) {
	z := testZone(t, 3)
	d := save(t, z)
	for path, want := range map[string]fs.FileMode{string(d): 0o700, d.Path(z.Origin()): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, expected %v", path, info.Mode(), want)
		}
	}
	if names, err := os.ReadDir(string(d)); err != nil || len(names) != 2 {
		t.Errorf("the directory has %v, expected an image and a lock", names)
	}
}

func TestPath(t *testing.T) {
	for text, want := range map[string]string{
		".":                  "@.image",
		"tw.":                "tw.image",
		"xn--kpry57d.":       "xn--kpry57d.image",
		"a.b-c_d.tw.":        "a.b-c_d.tw.image",
		"a/b.tw.":            "a%2Fb.tw.image",
		`\@.`:                "%40.image",
		`a\.b.tw.`:           "a%2Eb.tw.image",
		`\000.\255.`:         "%00.%FF.image",
		"..":                 "",
		longName(2) + "tw.":  "a%7E.a%7E.tw.image",
		longName(60) + "tw.": "%",
	} {
		name, err := dname.ParseFQDN(text)
		if err != nil {
			if want != "" {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		got := filepath.Base(Directory("/d").Path(name))
		if got != want && (want != "%" || got[0] != '%' || len(got) > 255) {
			t.Errorf("the image of %s is %s, expected %s", text, got, want)
		}
	}
}

// longName returns some labels that cannot stand in a file's name as they are.
func longName(labels int) string { return strings.Repeat("a~.", labels) }

// damage changes the file of an image.
func damage(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(bytes.Clone(b)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// load opens and loads, and says what went wrong.
func load(d Directory, origin []byte) error {
	img, err := d.Open(origin)
	if err != nil {
		return err
	}
	defer img.Close()
	_, err = img.Load(context.Background())
	return err
}

func TestRejected(t *testing.T) {
	z := testZone(t, 2000)
	for what, test := range map[string]struct {
		change func([]byte) []byte
		want   string
	}{
		"empty":          {func(b []byte) []byte { return nil }, "not an image of a zone"},
		"text":           {func(b []byte) []byte { return []byte(strings.Repeat("tw. 300 IN NS a.\n", 9)) }, "not an image of a zone"},
		"zeros":          {func(b []byte) []byte { return make([]byte, len(b)) }, "not an image of a zone"},
		"another format": {func(b []byte) []byte { b[8]++; return b }, fmt.Sprintf("has format %d, this version of yushan reads format %d", format+1, format)},
		"another layout": {func(b []byte) []byte { b[12]--; return b }, fmt.Sprintf("has layout %d, this version of yushan has layout %d", zone.SnapshotLayout-1, zone.SnapshotLayout)},
		"a byte short":   {func(b []byte) []byte { return b[:len(b)-1] }, "bytes long and should have"},
		"a byte more":    {func(b []byte) []byte { return append(b, 0) }, "bytes long and should have"},
		"half":           {func(b []byte) []byte { return b[:len(b)/2] }, "bytes long and should have"},
		"fixed part":     {func(b []byte) []byte { return b[:fixedBytes] }, "bytes long and should have"},
		"head":           {func(b []byte) []byte { b[fixedBytes+3] ^= 4; return b }, "head is damaged: the checksum is wrong"},
		"memory":         {func(b []byte) []byte { b[len(b)-7] ^= 4; return b }, "the checksum of bytes"},
		"memory's start": {func(b []byte) []byte { b[memoryAt(int64(binary.LittleEndian.Uint32(b[24:])))] ^= 128; return b }, "the checksum of bytes"},
		"two blocks for each other": {func(b []byte) []byte {
			at := memoryAt(int64(binary.LittleEndian.Uint32(b[24:])))
			one, two := b[at:at+1000], b[at+1000:at+2000]
			was := bytes.Clone(one)
			copy(one, two)
			copy(two, was)
			return b
		}, "the checksum of bytes"},
	} {
		d := save(t, z)
		damage(t, d.Path(z.Origin()), test.change)
		if err := load(d, z.Origin()); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), d.Path(z.Origin())) {
			t.Errorf("%s: %v, expected %q and the path", what, err, test.want)
		}
	}
}

// TestEachBitCounts turns bits of the whole file one at a time: all of the head,
// and some of each part of the memory.
func TestEachBitCounts(t *testing.T) {
	z := testZone(t, 3)
	d := save(t, z)
	path := d.Path(z.Origin())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	headEnd := fixedBytes + int(binary.LittleEndian.Uint32(whole[24:]))
	for bit, step := 0, 1; bit < 8*len(whole); bit += step {
		at := bit / 8
		if at >= headEnd {
			step = 29
		}
		if headEnd <= at && int64(at) < memoryAt(int64(headEnd-fixedBytes)) {
			continue // nothing is there
		}
		if _, err := f.WriteAt([]byte{whole[at] ^ 1<<(bit%8)}, int64(at)); err != nil {
			t.Fatal(err)
		}
		if err := load(d, z.Origin()); err == nil {
			t.Errorf("bit %d of byte %d doesn't count", bit%8, at)
		}
		if _, err := f.WriteAt(whole[at:at+1], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := load(d, z.Origin()); err != nil {
		t.Errorf("the whole image: %v", err)
	}
}

func TestWhoMayWriteIt(t *testing.T) {
	z := testZone(t, 3)
	d := save(t, z)
	path := d.Path(z.Origin())
	for mode, want := range map[fs.FileMode]string{0o620: "others may write it", 0o602: "others may write it", 0o644: "", 0o600: ""} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := load(d, z.Origin()); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("mode %v: %v, expected %q", mode, err, want)
		}
	}
	if os.Getuid() == 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 12345, -1); err != nil {
			t.Fatal(err)
		}
		if err := load(d, z.Origin()); err == nil || !strings.Contains(err.Error(), "it belongs to user 12345, not to 0") {
			t.Errorf("an image of another user: %v", err)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "image")
	if err := os.Rename(path, elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := load(d, z.Origin()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no image: %v, expected %v", err, fs.ErrNotExist)
	}
	if err := os.Symlink(elsewhere, path); err != nil {
		t.Fatal(err)
	}
	if err := load(d, z.Origin()); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a symbolic link: %v, expected an error", err)
	}
	os.Remove(path)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := load(d, z.Origin()); err == nil || !strings.Contains(err.Error(), "no ordinary file") {
		t.Errorf("a pipe: %v", err)
	}
	os.Remove(path)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := load(d, z.Origin()); err == nil || !strings.Contains(err.Error(), "no ordinary file") {
		t.Errorf("a directory: %v", err)
	}
}

func TestAnotherZonesImage(t *testing.T) {
	z := testZone(t, 3)
	d := save(t, z)
	com := []byte("\x03com\x00")
	if err := os.Rename(d.Path(z.Origin()), d.Path(com)); err != nil {
		t.Fatal(err)
	}
	if err := load(d, com); err == nil || !strings.Contains(err.Error(), "of another zone") {
		t.Errorf("%v, expected that it is of another zone", err)
	}
}

// A file that shrinks while a server reads it, or serves from it, does no harm.
func TestTruncatedMeanwhile(t *testing.T) {
	z := testZone(t, 3000)
	d := save(t, z)
	img, err := d.Open(z.Origin())
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	loaded, err := img.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.Path(z.Origin()), 5000); err != nil {
		t.Fatal(err)
	}
	if _, err := img.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("%v, expected that it was truncated", err)
	}
	if records(loaded) != records(z) {
		t.Error("a zone in service has changed")
	}
}

func TestCancelled(t *testing.T) {
	z := testZone(t, 3000)
	d := save(t, z)
	img, err := d.Open(z.Origin())
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := img.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Load: %v", err)
	}
	before, _ := os.ReadFile(d.Path(z.Origin()))
	if err := d.Write(ctx, Header{}, testZone(t, 5).Snapshot()); !errors.Is(err, context.Canceled) {
		t.Errorf("Write: %v", err)
	}
	if after, _ := os.ReadFile(d.Path(z.Origin())); !bytes.Equal(before, after) {
		t.Error("an image that was not finished replaces the one before")
	}
	if names, _ := os.ReadDir(string(d)); len(names) != 2 {
		t.Errorf("there are %v, expected an image and a lock", names)
	}
}

// What lies about where an image is written doesn't count, and is not followed.
func TestLeftBehind(t *testing.T) {
	z := testZone(t, 3)
	d := save(t, z)
	precious := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, d.Path(z.Origin())+temporary); err != nil {
		t.Fatal(err)
	}
	if err := d.Write(t.Context(), Header{}, z.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(precious); err != nil || string(b) != "precious" {
		t.Errorf("a symbolic link was followed: %q, %v", b, err)
	}
	if err := load(d, z.Origin()); err != nil {
		t.Error(err)
	}
}

func TestOneWriter(t *testing.T) {
	z := testZone(t, 3)
	d := save(t, z)
	unlock, err := d.lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(t.Context(), Header{}, z.Snapshot()); !errors.Is(err, ErrBusy) {
		t.Errorf("a second writer: %v, expected %v", err, ErrBusy)
	}
	if err := load(d, z.Origin()); err != nil {
		t.Errorf("a reader beside a writer: %v", err)
	}
	unlock()
	if err := d.Write(t.Context(), Header{}, z.Snapshot()); err != nil {
		t.Error(err)
	}
}

func TestDirectoryThatCannotBe(t *testing.T) {
	z := testZone(t, 3)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range []Directory{Directory(file), Directory(filepath.Join(file, "below"))} {
		if err := d.Write(t.Context(), Header{}, z.Snapshot()); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", d, err)
		}
		if err := load(d, z.Origin()); err == nil {
			t.Errorf("%s: there is an image", d)
		}
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer syscall.Unmount(dir, 0)
	d := Directory(dir)
	small, large := testZone(t, 3), testZone(t, 5000)
	if err := d.Write(t.Context(), Header{}, small.Snapshot()); err != nil {
		t.Fatal(err)
	}
	err := d.Write(t.Context(), Header{}, large.Snapshot())
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v, expected %v", err, syscall.ENOSPC)
	}
	img, err := d.Open(small.Origin())
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if z, err := img.Load(t.Context()); err != nil || z.Stats().Cuts != 3 {
		t.Errorf("the image before is gone: %v", err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 2 {
		t.Errorf("there are %v, expected an image and a lock", names)
	}
}
