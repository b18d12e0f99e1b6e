package sign

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"

	"yushan/zone/master"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "zone")
	first := signZone(t, origin, readZone(t, "testdata/mixed.zone"), Options{Keys: newKeys(t, origin, dns.ED25519)})
	if err := WriteFile(file, Records(first)); err != nil {
		t.Fatal(err)
	}
	compareRecords(t, readZone(t, file), first)
	ours, err := ReadFile(t.Context(), file, master.Options{})
	if err != nil {
		t.Fatal(err)
	}
	compareRecords(t, ours, first)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	failed := errors.New("no more")
	err = WriteFile(file, func(yield func(dns.RR, error) bool) {
		_ = yield(first[0], nil) && yield(nil, failed)
	})
	if !errors.Is(err, failed) {
		t.Errorf("error %v, expected %v", err, failed)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(text) {
		t.Errorf("a failed write changed the file (%v)", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("a failed write left %v", left)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v: expected mode 0644", info, err)
	}
	if err := WriteFile(filepath.Join(dir, "nowhere", "zone"), Records(first)); err == nil {
		t.Error("wrote into a directory that is not there")
	}
}

func TestPresentation(t *testing.T) {
	for text, want := range map[string]string{
		`x. 60 IN TYPE65280 \# 1 00`:                  "x.\t60\tIN\tTYPE65280\t\\# 1 00",
		`x. 60 CH TYPE65280 \# 1 00`:                  "x.\t60\tCLASS3\tTYPE65280\t\\# 1 00",
		`x. 60 IN SVCB 1 y. alpn=h2 port=853`:         "x.\t60\tIN\tSVCB\t1 y. alpn=\"h2\" port=\"853\"",
		`x. 60 IN SVCB 1 y. alpn=h2 dohpath=/q{?dns}`: "x.\t60\tIN\tTYPE64\t\\# 24 000101790000010003026832000700082f717b3f646e737d",
		`x. 60 IN HTTPS 1 . dohpath=/q{?dns}`:         "x.\t60\tIN\tTYPE65\t\\# 15 000100000700082f717b3f646e737d",
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		got := presentation(rr)
		if got != want {
			t.Errorf("%s is written as\n%s, expected\n%s", text, got, want)
		}
		back, err := dns.NewRR(got)
		if err != nil || fmt.Sprint(back) != fmt.Sprint(rr) {
			t.Errorf("%s reads as %v (%v)", got, back, err)
		}
	}
}
