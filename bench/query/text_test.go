package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"yushan/zone/dname"
)

// asked lists the questions of a set as text.
func asked(s *Set) []string {
	var list []string
	for i := range uint32(s.Len()) {
		name := dname.String(s.AppendName(nil, i, 0))
		list = append(list, fmt.Sprintf("%s %s %s", name, typeName(s.Type(i)), s.Classes[s.Class(i)]))
	}
	return list
}

func TestReadText(t *testing.T) {
	const file = "\ufeff; a comment\n" +
		"Www.Example A\n" +
		"\n" +
		"   \t\n" +
		"  indented.example.\tAAAA ; and more\n" +
		"例子.台灣 aaaa\r\n" +
		". NS\n" +
		`a\.b.example TYPE65` + "\n" +
		"last.example type65280"
	set, err := ReadText(strings.NewReader(file), "q.txt", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Www.Example. A A",
		"indented.example. AAAA AAAA",
		"xn--fsqu00a.xn--kpry57d. AAAA AAAA",
		". NS NS",
		`a\.b.example. HTTPS HTTPS`,
		"last.example. TYPE65280 TYPE65280",
	}
	if got := asked(set); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if set.Classes[0] != "AAAA" {
		t.Errorf("classes %v: expected the most frequent first", set.Classes)
	}
}

func TestReadTextErrors(t *testing.T) {
	const file = "# dnsperf has no such comments\n" +
		"good.example A\n" +
		"a..example A\n" +
		"  typeless.example\n" +
		"x.example\tFOO\n" +
		"y.example AXFR\n" +
		"z.example TYPE65536\n" +
		"@ A\n" +
		"n.example None\n"
	_, err := ReadText(strings.NewReader(file), "q.txt", Options{})
	want := []string{
		`q.txt:1:3: "dnsperf" is not a record type (a comment begins with ";")`,
		`q.txt:3:1: name "a..example": empty label`,
		`q.txt:4:19: name "typeless.example" is not followed by a type`,
		`q.txt:5:11: "FOO" is not a record type`,
		`q.txt:6:11: type AXFR can't be asked for by a query`,
		`q.txt:7:11: "TYPE65536" is not a record type`,
		`q.txt:8:1: "@" has no meaning here: expected a whole name`,
		`q.txt:9:11: "None" is not a record type`,
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got:\n%v\nwant:\n%s", err, strings.Join(want, "\n"))
	}

	_, err = ReadText(strings.NewReader(strings.Repeat("a\n", 13)), "q.txt", Options{})
	if err == nil || !strings.HasSuffix(err.Error(), "\nq.txt: and 3 more bad lines") || strings.Count(err.Error(), "\n") != 10 {
		t.Errorf("13 bad lines: %v", err)
	}
	_, err = ReadText(strings.NewReader("; nothing\n\n"), "q.txt", Options{})
	if !errors.Is(err, ErrNone) {
		t.Errorf("a file without queries: %v", err)
	}
	_, err = ReadText(strings.NewReader("a.example A\n"+strings.Repeat("x", maxLine+1)), "q.txt", Options{})
	if err == nil || err.Error() != "q.txt:2: a line of more than 65536 bytes" {
		t.Errorf("a long line: %v", err)
	}
	broken := errors.New("disk on fire")
	_, err = ReadText(&failing{broken}, "q.txt", Options{})
	if !errors.Is(err, broken) {
		t.Errorf("a file that can't be read: %v", err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestClassesOfTypes(t *testing.T) {
	var file strings.Builder
	for kind := 1000; kind < 1040; kind++ {
		for range 1040 - kind {
			fmt.Fprintf(&file, "x.example TYPE%d\n", kind)
		}
	}
	set, err := ReadText(strings.NewReader(file.String()), "q.txt", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Classes) != MaxClasses || set.Classes[0] != "TYPE1000" ||
		set.Classes[30] != "TYPE1030" || set.Classes[31] != "other" {
		t.Errorf("classes: %v", set.Classes)
	}
	for i := range uint32(set.Len()) {
		want := "other"
		if kind := set.Type(i); kind <= 1030 {
			want = fmt.Sprintf("TYPE%d", kind)
		}
		if got := set.Classes[set.Class(i)]; got != want {
			t.Fatalf("TYPE%d is in class %s, want %s", set.Type(i), got, want)
		}
	}

	// As many types as classes need no "other".
	file.Reset()
	for kind := range MaxClasses {
		fmt.Fprintf(&file, "x.example TYPE%d\n", 1000+kind)
	}
	if set, err = ReadText(strings.NewReader(file.String()), "q.txt", Options{}); err != nil {
		t.Fatal(err)
	}
	if len(set.Classes) != MaxClasses || slices.Contains(set.Classes, "other") {
		t.Errorf("classes of %d types: %v", MaxClasses, set.Classes)
	}
}

func BenchmarkReadText(b *testing.B) {
	var file strings.Builder
	const lines = 100_000
	for i := range lines {
		fmt.Fprintf(&file, "www.domain-%d.tw A\n", i)
	}
	b.ReportAllocs()
	for range b.N {
		read(b, file.String(), Options{DO: true})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/query")
}
