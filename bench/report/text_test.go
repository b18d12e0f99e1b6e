package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"yushan/bench/result"
	"yushan/bench/result/sample"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("not as in %s (go test -update writes it):\n%s", path, got)
	}
}

// goldenRate keeps the samples small.
const goldenRate = 2000

func textOf(t *testing.T, r *result.Result, options TextOptions) string {
	t.Helper()
	var b strings.Builder
	if err := Text(&b, r, options); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	for _, kind := range sample.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			got := textOf(t, kind.Make(goldenRate), TextOptions{})
			golden(t, kind.Name+".txt", got)
			for _, line := range strings.Split(got, "\n") {
				if n := utf8.RuneCountInString(line); n > 120 {
					t.Errorf("%d characters: %s", n, line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("ends with spaces: %q", line)
				}
			}
		})
	}
}

func TestColorChangesNoText(t *testing.T) {
	for _, kind := range sample.Kinds() {
		r := kind.Make(200)
		colored := textOf(t, r, TextOptions{Color: true})
		if !strings.Contains(colored, "\x1b[") {
			t.Errorf("%s: no colours", kind.Name)
		}
		for _, code := range []string{"0", "1", "2", "32", "1;31", "1;33"} {
			colored = strings.ReplaceAll(colored, "\x1b["+code+"m", "")
		}
		if plain := textOf(t, r, TextOptions{}); colored != plain {
			t.Errorf("%s: another text with colours:\n%s\nwithout:\n%s", kind.Name, colored, plain)
		}
	}
}

// hostile puts a text into each place of a result that a text from outside can be in.
func hostile(text string) *result.Result {
	r := sample.Wrong(200)
	r.Title, r.Version = text, text
	r.Settings = []result.Setting{{Name: text, Value: text}, {Name: "rate", Value: text}, {Name: "server", Value: text}}
	r.Machine.System, r.Machine.Processor = text, text
	r.Classes[0].Name = text
	r.Client.Limits = []string{text}
	r.Server = &result.Server{Source: text, Error: text, CPU: 5}
	r.Verified.Reasons = []result.Reason{{Rule: text, Count: 1, Examples: []string{text}}}
	r.Search = &result.Search{Keep: []string{text}, Rate: 5, Steps: []result.Step{{Rate: 5, P50: 1, Broken: []string{text}}, {Rate: 6, P50: 1, Limits: []string{text}}}}
	r.Faults = []result.Fault{{Text: text, Count: 1}}
	return r
}

func TestTextsFromOutsideDoNotActOnTheTerminal(t *testing.T) {
	got := textOf(t, hostile("\x1b]0;owned\a\x1b[2J\r\u202e\x9b\xff\nfake line"), TextOptions{})
	for _, c := range got {
		if c != '\n' && (c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == 0x202e) {
			t.Fatalf("%U in the text", c)
		}
	}
	for _, line := range strings.Split(got, "\n") {
		if strings.HasPrefix(line, "fake line") {
			t.Error("a text from outside began a line")
		}
	}
	if !strings.Contains(got, `\u{1b}]0;owned\u{7}`) {
		t.Error("the text is not shown with its codes")
	}
}

func TestFindingsComeLoudestFirst(t *testing.T) {
	r := sample.Limited(200)
	r.Verified = &result.Verified{Answers: 10, Wrong: 1}
	list := findings(r)
	var got []string
	for _, f := range list {
		got = append(got, f.Severity.String())
	}
	if s := strings.Join(got, " "); s != "failure warning note" {
		t.Errorf("findings %s, expected failure warning note", s)
	}
}

// A search that has tried no rate too high has not found the highest.
func TestSearchThatEndedAtItsHighest(t *testing.T) {
	r := sample.Searched(200)
	text := func() string {
		var b strings.Builder
		if err := Text(&b, r, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		return b.String() + viewSearch(r).Title
	}
	if got := text(); strings.Contains(got, "was tried") || !strings.Contains(got, "is the highest rate that keeps") {
		t.Errorf("a search with a highest rate:\n%s", got)
	}
	r.Search.Steps = slices.DeleteFunc(r.Search.Steps, func(s result.Step) bool { return !s.Kept })
	if got := text(); !strings.Contains(got, "No rate above 412,500/s was tried") || !strings.Contains(got, "Highest rate tried, which kept") || !strings.Contains(got, "or more keep") {
		t.Errorf("a search without one:\n%s", got)
	}
}

func TestSlow(t *testing.T) {
	r := sample.Stall(500)
	from, to, worst := slow(r)
	if from != 12 || to < 13 || to > 15 || worst < 500*time.Millisecond || worst > time.Second {
		t.Errorf("slow from %g s to %g s by %s, expected from 12 s to 14 s by about 0.7 s", from, to, worst)
	}
	for _, kind := range []func(int) *result.Result{sample.Normal, sample.Loss, sample.AllLost, sample.Short} {
		if _, _, worst := slow(kind(200)); worst != 0 {
			t.Errorf("a run without a stall is slow by %s", worst)
		}
	}
}

func TestSparkline(t *testing.T) {
	for _, c := range []struct {
		values []float64
		log    bool
		want   string
	}{
		{[]float64{0, 0}, false, "▁▁"},
		{[]float64{0, 50, 100}, false, "▁▅█"},
		{[]float64{100e3, 101e3, 99e3}, true, "▁▁▁"}, // noise looks like none
		{[]float64{100e3, 0, 10e6}, true, "▁ █"},
	} {
		if got := sparkline(c.values, c.log); got != c.want {
			t.Errorf("%v: %s, expected %s", c.values, got, c.want)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestErrorsOfTheWriterAreReturned(t *testing.T) {
	r := sample.Normal(100)
	for name, write := range map[string]func() error{
		"Text":   func() error { return Text(failing{}, r, TextOptions{}) },
		"HTML":   func() error { return HTML(failing{}, r) },
		"CSV":    func() error { return CSV(failing{}, r) },
		"HDRLog": func() error { return HDRLog(failing{}, r) },
		"HGRM":   func() error { return HGRM(failing{}, r) },
	} {
		if write() == nil {
			t.Errorf("%s: no error of a writer that fails", name)
		}
	}
}

// FuzzAll renders whatever can be read.
func FuzzAll(f *testing.F) {
	for _, kind := range sample.Kinds() {
		r := kind.Make(20)
		r.Classes = r.Classes[:min(1, len(r.Classes))]
		r.Intervals = r.Intervals[:min(2, len(r.Intervals))]
		var text bytes.Buffer
		if err := r.Write(&text); err != nil {
			f.Fatal(err)
		}
		f.Add(text.Bytes())
	}
	f.Add([]byte(`{"format":1,"seconds":1e9,"total":{"due":1,"answered":18446744073709551615,"rcodes":[1]},"intervals":[{"at":0,"seconds":0,"due":5},{"at":1e9,"seconds":1e9}],"server":{"cpu":-1},"client":{"workers":-1,"cpu":-9},"search":{"keep":["x"],"rate":1e308,"steps":[{"rate":1e12,"p50":-4,"p99":9223372036854775807}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := result.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		for _, err := range []error{Text(&b, r, TextOptions{Color: true}), CSV(&b, r), HTML(&b, r), HDRLog(&b, r), HGRM(&b, r)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}
