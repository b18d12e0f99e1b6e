package plain

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var table Table
	table.QuietRow("", "rate", "")
	table.Row("µs", "5", "why")
	table.Row("abc", "100,000")
	got := strings.Join(table.Lines(), "\n")
	want := "        rate\nµs         5  why\nabc  100,000"
	if got != want {
		t.Errorf("table\n%s\nexpected\n%s", got, want)
	}
	if !table.Quiet(0) || table.Quiet(1) {
		t.Error("the first row is the quiet one")
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain 台灣 µs ’": "plain 台灣 µs ’", "a\x1b[0m": `a\u{1b}[0m`, "a\nb": `a\u{a}b`, "\xff": `\xff`, "\ufffd": "\ufffd", "x\u202ey": `x\u{202e}y`, "\u200b": `\u{200b}`,
	} {
		if got := Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, expected %q", text, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b]0;x\a\xff\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text)
		if strings.IndexFunc(got, unprintable) >= 0 {
			t.Fatalf("%q is not clean", got)
		}
		if Clean(got) != got {
			t.Fatalf("cleaned twice, %q is another text", got)
		}
	})
}

func TestWrap(t *testing.T) {
	got := strings.Join(Wrap([]string{"one", "two", "three", strings.Repeat("x", 20), "y"}, " · ", 11), "|")
	if want := "one · two|three|xxxxxxxxxxxxxxxxxxxx|y"; got != want {
		t.Errorf("%s, expected %s", got, want)
	}
	if Wrap(nil, " ", 5) != nil {
		t.Error("lines of nothing")
	}
}
