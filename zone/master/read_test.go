package master

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"yushan/zone/dname"
)

// readAll reads files that are in memory; "zone" is the top one. It returns the
// records in file order, with memory of their own.
func readAll(t testing.TB, files map[string]string, opts Options) ([]Record, Result, error) {
	t.Helper()
	if opts.Open == nil {
		opts.Open = openFrom(files)
	}
	var mu sync.Mutex
	batches := map[int][]Record{}
	result, err := Read(context.Background(), "zone", opts, func(b *Batch) {
		records := slices.Clone(b.Records)
		for i := range records {
			records[i].Owner = bytes.Clone(records[i].Owner)
			records[i].RDATA = bytes.Clone(records[i].RDATA)
		}
		mu.Lock()
		defer mu.Unlock()
		if _, twice := batches[b.Seq]; twice {
			t.Errorf("batch %d was delivered twice", b.Seq)
		}
		batches[b.Seq] = records
	})
	var records []Record
	for seq := range len(batches) {
		batch, ok := batches[seq]
		if !ok && err == nil {
			t.Errorf("there are %d batches, but number %d is missing", len(batches), seq)
		}
		records = append(records, batch...)
	}
	if int64(len(records)) != result.Records {
		t.Errorf("%d records were delivered, the result says %d", len(records), result.Records)
	}
	return records, result, err
}

func openFrom(files map[string]string) func(string) (io.ReadCloser, error) {
	return func(path string) (io.ReadCloser, error) {
		text, ok := files[path]
		if !ok {
			return nil, errors.New("no such file")
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

func mustName(t testing.TB, text string) []byte {
	t.Helper()
	name, err := dname.ParseFQDN(text)
	if err != nil {
		t.Fatalf("name %q: %v", text, err)
	}
	return name
}

// show returns records in presentation form, one a line, with where they stand.
func show(t testing.TB, records []Record, files []string) string {
	t.Helper()
	var b strings.Builder
	for _, rec := range records {
		fmt.Fprintf(&b, "%s:%d:%d\t%s\n", files[rec.File], rec.Line, rec.Column, showRecord(t, rec))
	}
	return b.String()
}

func showRecord(t testing.TB, rec Record) string {
	t.Helper()
	rr, err := RR(rec)
	if err != nil {
		t.Errorf("%s TYPE%d %x: %v", dname.String(rec.Owner), rec.Type, rec.RDATA, err)
		return "?"
	}
	return rr.String()
}
