package sign

import (
	"errors"
	"io"
	"strings"
	"testing"

	"yushan/zone/dname"
	"yushan/zone/master"
)

func TestReadFile(t *testing.T) {
	apex, err := dname.ParseFQDN(origin)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(t.Context(), "testdata/mixed.zone", master.Options{Origin: apex})
	if err != nil {
		t.Fatal(err)
	}
	compareRecords(t, got, readZone(t, "testdata/mixed.zone"))
	_, err = ReadFile(t.Context(), "bad", master.Options{Origin: apex, Open: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("@ 60 A 192.0.2.300\n@ 60 MX here\n")), nil
	}})
	var mistakes master.Errors
	if !errors.As(err, &mistakes) || len(mistakes) != 2 {
		t.Errorf("error %v, expected both mistakes", err)
	}
	if _, err := ReadFile(t.Context(), "testdata/nowhere", master.Options{}); err == nil {
		t.Error("read a file that is not there")
	}
}
