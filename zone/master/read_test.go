package master

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"yushan/zone/dname"
)

// readAll reads files that are in memory; "zone" is the top one. It returns the
// records in file order, with memory of their own.
func readAll(t testing.TB, files map[string]string, opts Options) ([]Record, Result, error) {
	t.Helper()
	opts.Open = openFrom(files)
	return readPath(t, "zone", opts)
}

// readPath is readAll for a path.
func readPath(t testing.TB, path string, opts Options) ([]Record, Result, error) {
	t.Helper()
	var mu sync.Mutex
	batches := map[int][]Record{}
	result, err := Read(context.Background(), path, opts, func(b *Batch) {
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
	if rec.Type == dns.TypeNULL { // miekg/dns shows its raw bytes
		return fmt.Sprintf("%s\t%d\tIN\tNULL\t\\# %d %x", dname.String(rec.Owner), rec.TTL, len(rec.RDATA), rec.RDATA)
	}
	rr, err := RR(rec)
	if err != nil {
		t.Errorf("%s TYPE%d %x: %v", dname.String(rec.Owner), rec.Type, rec.RDATA, err)
		return "?"
	}
	return rr.String()
}

func TestDefaultTTL(t *testing.T) {
	text := "a A 192.0.2.1\nb 5 A 192.0.2.2\nc A 192.0.2.3\n$TTL 9\nd A 192.0.2.4\n"
	records, _, err := readAll(t, map[string]string{"zone": text}, Options{Origin: mustName(t, "tw"), DefaultTTL: 77})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{77, 5, 5, 9} {
		if got := records[i].TTL; got != want {
			t.Errorf("%s has TTL %d, expected %d", dname.String(records[i].Owner), got, want)
		}
	}
}

func TestNoOrigin(t *testing.T) {
	files := map[string]string{"zone": "a.tw. 5 A 192.0.2.1\nb 5 A 192.0.2.2\n@ 5 A 192.0.2.3\n$ORIGIN tw.\nc 5 NS d\n"}
	records, _, err := readAll(t, files, Options{})
	const want = `zone:2:1: "b" is relative, but there is no $ORIGIN
zone:3:1: "@" is relative, but there is no $ORIGIN`
	if message(err) != want {
		t.Errorf("errors:\n%v\nexpected:\n%s", err, want)
	}
	if len(records) != 2 || dname.String(records[1].RDATA) != "d.tw." {
		t.Errorf("records: %v", records)
	}
}

// Reading stops after MaxErrors errors, those that stand first, and says so.
func TestMaxErrors(t *testing.T) {
	text := strings.Repeat("a 5 A x\nb 5 A 192.0.2.1\n", 500)
	for _, size := range []int{0, 10, 300} {
		_, _, err := readAll(t, map[string]string{"zone": text}, Options{Origin: mustName(t, "tw"), MaxErrors: 7, Workers: 4, chunkBytes: size})
		var errs Errors
		if !errors.As(err, &errs) || len(errs) != 8 {
			t.Fatalf("pieces of %d: %d errors, expected 7 and the note that reading stopped: %v", size, len(errs), err)
		}
		for i, e := range errs[:7] {
			if want := fmt.Sprintf(`zone:%d:7: A record of "a.tw": "x" is not an IPv4 address`, 2*i+1); e.Error() != want {
				t.Errorf("error %d is %v, expected %s", i, e, want)
			}
		}
		if want := "zone:13:7: stopped after 7 errors"; errs[7].Error() != want {
			t.Errorf("the last error is %v, expected %s", errs[7], want)
		}
		var one *Error
		if !errors.As(err, &one) || one.Found != "x" || one.Record != `A record of "a.tw"` {
			t.Errorf("the first error is %+v", one)
		}
	}
}

// brokenReader gives some text and then an error.
type brokenReader struct{ text io.Reader }

var errBroken = errors.New("disk on fire")

func (r brokenReader) Read(p []byte) (int, error) {
	if n, err := r.text.Read(p); err == nil {
		return n, nil
	}
	return 0, errBroken
}

func (brokenReader) Close() error { return nil }

func TestCannotRead(t *testing.T) {
	open := func(path string) (io.ReadCloser, error) {
		switch path {
		case "zone":
			return io.NopCloser(strings.NewReader("a 5 A 192.0.2.1\n$INCLUDE other\n$INCLUDE none\nb 5 A 192.0.2.2\n")), nil
		case "other":
			return brokenReader{strings.NewReader("x 5 A 192.0.2.3\ny 5 A")}, nil
		}
		return nil, errBroken
	}
	opts := Options{Origin: mustName(t, "tw"), Open: open}
	ignore := func(*Batch) {}
	if _, err := Read(context.Background(), "none", opts, ignore); !errors.Is(err, errBroken) {
		t.Errorf("a file that can't be opened: %v", err)
	}
	if _, err := Read(context.Background(), "other", opts, ignore); !errors.Is(err, errBroken) {
		t.Errorf("a file that can't be read: %v", err)
	}
	result, err := Read(context.Background(), "zone", opts, ignore)
	const want = `zone:2:10: "other" can't be read: disk on fire
zone:3:10: "none" can't be opened: disk on fire`
	if message(err) != want {
		t.Errorf("errors:\n%v\nexpected:\n%s", err, want)
	}
	if result.Records < 2 {
		t.Errorf("%d records were read before and behind the broken include", result.Records)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	text := strings.Repeat("a 5 A 192.0.2.1\n", 100_000)
	opts := Options{Origin: mustName(t, "tw"), Open: openFrom(map[string]string{"zone": text}), chunkBytes: 1000}
	_, err := Read(ctx, "zone", opts, func(*Batch) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, expected %v", err, context.Canceled)
	}
}

func TestIncludeDepth(t *testing.T) {
	files := map[string]string{"zone": "$INCLUDE f1\n"}
	for i := range 40 {
		files[fmt.Sprintf("f%d", i)] = fmt.Sprintf("a%d 5 A 192.0.2.1\n$INCLUDE f%d\n", i, i+1)
	}
	records, _, err := readAll(t, files, Options{Origin: mustName(t, "tw")})
	if want := `f16:2:10: files include each other more than 16 deep`; message(err) != want || len(records) != 16 {
		t.Errorf("%d records and %v; expected 16 and %s", len(records), err, want)
	}
	files = map[string]string{"zone": "$INCLUDE f1\n", "f1": "$INCLUDE f2\n", "f2": "$INCLUDE f1\n"}
	if _, _, err = readAll(t, files, Options{}); message(err) != `f2:1:10: "f1" includes itself` {
		t.Errorf("a cycle: %v", err)
	}
}

// A parenthesis that is forgotten costs its record, not the rest of a large file,
// nor memory for it.
func TestUnclosedInLargeFile(t *testing.T) {
	rest := strings.Repeat("b 5 A 192.0.2.1 ; "+strings.Repeat("comment", 50)+"\n", maxRecordText/200)
	for opened, want := range map[string]string{
		"a 5 TXT ( x\n y\n z\n":              `zone:1:9: this "(" is never closed`,
		"a 5 TXT ( x\n \"y\n z\n":            `zone:2:2: this quoted string is not closed on its line`,
		strings.Repeat("x", 3*maxRecordText): `zone:1:1: a line of more than 4 MiB`,
	} {
		files := map[string]string{"zone": opened + "\n" + rest}
		records, _, err := readAll(t, files, Options{Origin: mustName(t, "tw")})
		if message(err) != want {
			t.Errorf("error %v, expected %s", err, want)
		}
		if n := strings.Count(rest, "\n"); len(records) != n {
			t.Errorf("%s: %d of %d records behind it were read", want, len(records), n)
		}
	}
}

// The largest record there can be, in its longest spelling.
func TestLargeRecord(t *testing.T) {
	text := func(n int) string {
		return "a 5 TXT (\n" + strings.Repeat(strings.Repeat(`\120`, 255)+"  ; comment\n", n) + ")\nb 5 A 192.0.2.1\n"
	}
	for _, size := range []int{0, 1000} {
		records, _, err := readAll(t, map[string]string{"zone": text(255)}, Options{Origin: mustName(t, "tw"), chunkBytes: size})
		if err != nil || len(records) != 2 || len(records[0].RDATA) != 255*256 {
			t.Errorf("%d records, %v", len(records), err)
		}
		records, _, err = readAll(t, map[string]string{"zone": text(256)}, Options{Origin: mustName(t, "tw"), chunkBytes: size})
		if want := `zone:1:5: TXT record of "a.tw": the data takes 65536 bytes; a record has at most 65535`; message(err) != want || len(records) != 1 {
			t.Errorf("%d records and %v; expected 1 and %s", len(records), err, want)
		}
	}
}

func TestProgress(t *testing.T) {
	text := strings.Repeat("a 5 A 192.0.2.1\n", 1000)
	var last int64
	opts := Options{Origin: mustName(t, "tw"), Workers: 3, chunkBytes: 500, Progress: func(done, total int64) {
		if done < last || total != 0 && total < done {
			t.Errorf("%d of %d bytes after %d", done, total, last)
		}
		last = done
	}}
	_, result, err := readAll(t, map[string]string{"zone": text}, opts)
	if err != nil || last != int64(len(text)) || result.Bytes != last {
		t.Errorf("progress ended at %d, the result says %d, the file has %d bytes: %v", last, result.Bytes, len(text), err)
	}
}

// Records of the usual types are read without garbage.
func TestNoGarbage(t *testing.T) {
	var text strings.Builder
	for typ, texts := range samples {
		switch typ {
		case "A", "AAAA", "NS", "CNAME", "PTR", "DNAME", "MX", "SOA", "TXT", "DS", "DNSKEY", "RRSIG", "NSEC", "NSEC3":
			for _, data := range texts {
				// Escapes, U-labels and unusual mnemonics are rare enough to make some.
				if rare := regexp.MustCompile(`(?i)\\|[^\x00-\x7f]|RSASHA|TYPE|99 0$|99 0 0$`); !rare.MatchString(data) {
					fmt.Fprintf(&text, "owner 300 IN %s %s\n", typ, data)
				}
			}
		}
	}
	p := newParser(&reader{opts: Options{MaxErrors: 1, chunkBytes: defaultChunk}})
	c := &chunk{scope: scope{origin: mustName(t, "tw")}}
	in := []byte(text.String())
	n := testing.AllocsPerRun(100, func() {
		p.start(c, in, 1)
		p.parse()
		if len(p.errs) > 0 {
			t.Fatal(p.errs[0])
		}
		p.reuse()
	})
	if n != 0 {
		t.Errorf("%v allocations for %d records", n, strings.Count(text.String(), "\n"))
	}
}

func TestRRSharesNothing(t *testing.T) {
	for typ, texts := range samples {
		for _, data := range texts {
			rec, err := oneByUs(t, "o 300 IN "+typ+" "+data)
			if err != nil {
				continue
			}
			rr, err := RR(rec)
			if err != nil {
				t.Errorf("%s %s: %v", typ, data, err)
				continue
			}
			before := rr.String()
			clear(rec.RDATA)
			clear(rec.Owner)
			if after := rr.String(); after != before {
				t.Errorf("%s became %s when the record's memory was reused", before, after)
			}
		}
	}
}
