package zone

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"yushan/zone/master"
)

// Each file in testdata/checks has one thing wrong with it, after which it is
// named, and ends with what has to be said about it, behind ";!".
func TestChecks(t *testing.T) {
	files, err := filepath.Glob("testdata/checks/*.zone")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		code, _, _ := strings.Cut(filepath.Base(file), ".")
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(content)) {
				if finding, ok := strings.CutPrefix(line, ";! "); ok {
					want = append(want, strings.TrimSpace(finding))
				}
			}
			z, report, err := Load(context.Background(), wire("tw."), file, master.Options{Name: filepath.Base(file)})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			errors := 0
			for _, f := range report.Findings {
				got = append(got, f.String())
				if f.Severity == Error {
					errors++
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got\n;! %s\nexpected\n;! %s", strings.Join(got, "\n;! "), strings.Join(want, "\n;! "))
			}
			if errors != report.Errors || len(got)-errors != report.Warnings || report.OK() != (errors == 0) {
				t.Errorf("%d errors and %d warnings counted", report.Errors, report.Warnings)
			}
			if (z != nil) != report.OK() {
				t.Errorf("zone %v, though there are %d errors", z, report.Errors)
			}
			if !slices.ContainsFunc(report.Findings, func(f Finding) bool { return string(f.Code) == code }) {
				t.Errorf("no finding is called %s", code)
			}
		})
	}
}

// Every kind of finding has an example: in testdata/checks, or in a test here
// if no master file can bring it about.
func TestChecksAreComplete(t *testing.T) {
	source, err := os.ReadFile("report.go")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := map[string]bool{string(MalformedRDATA): true, string(NoSuchRecord): true}
	missing := map[string]bool{}
	for line := range strings.Lines(string(source)) {
		_, rest, found := strings.Cut(line, ` Code = "`)
		code, _, _ := strings.Cut(rest, `"`)
		if !found || elsewhere[code] {
			continue
		}
		if _, err := os.Stat(filepath.Join("testdata/checks", code+".zone")); err != nil {
			missing[code] = true
		}
	}
	if len(missing) > 0 {
		t.Errorf("no examples in testdata/checks: %v", slices.Sorted(maps.Keys(missing)))
	}
}

func TestMalformedRDATA(t *testing.T) {
	records := append(parse("tw.", "@ SOA a b 1 2 3 4 5\n@ NS ns.example."), master.Record{
		Owner: wire("a.tw."), Type: TypeNS, RDATA: []byte{3, 'n', 's'}, Line: 7, Column: 1,
	})
	z, report := fromScratch(wire("tw."), records)
	want := "error: the RDATA of a.tw. NS is not that of the type [malformed-rdata]"
	if z != nil || report.Errors != 1 || report.Findings[0].String() != want || report.Findings[0].Line != 7 {
		t.Errorf("got %v %v, expected %s", z, report.Findings, want)
	}
}

// A report keeps a hundred findings, errors before warnings, and counts all.
func TestReportKeepsErrors(t *testing.T) {
	r := &Report{}
	for i := range 150 {
		r.add(Finding{Severity: Warning, Code: NoGlue, Line: i})
	}
	r.add(Finding{Severity: Error, Code: NoSOA, Line: 1000})
	r.sort()
	if len(r.Findings) != MaxFindings || r.Warnings != 150 || r.Errors != 1 || r.OK() {
		t.Errorf("%d findings of %d warnings and %d errors", len(r.Findings), r.Warnings, r.Errors)
	}
	if last := r.Findings[MaxFindings-1]; last.Code != NoSOA {
		t.Errorf("the error was dropped: the last finding is %v", last)
	}
}
