package render

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yushan/bench/versus/outcome"
	"yushan/bench/versus/trial"
)

var update = flag.Bool("update", false, "write what is rendered over the files of testdata")

func read(t *testing.T) *outcome.Outcome {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "outcome.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	o, err := outcome.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// What is made of an outcome with all that there may be: targets that are reached, missed
// and left open, a peer that is better, a server that failed, a row without figures.
func TestGolden(t *testing.T) {
	o := read(t)
	for name, write := range map[string]func(io.Writer) error{
		"table.txt": func(w io.Writer) error { return Text(w, o) },
		"report.md": func(w io.Writer) error { return Markdown(w, o, "report", Pictures(o)) },
		"rows.txt":  func(w io.Writer) error { return Rows(w, trial.Rows()) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s differs; go test ./bench/versus/render -update writes it:\n%s", name, got.String())
		}
	}
}

// A picture is well-formed XML that draws only what is finite, and has the names of the
// servers in it.
func TestPictures(t *testing.T) {
	o := read(t)
	evil := read(t)
	evil.Servers[1].Name = `<script>&"'`
	evil.Rows[0].Title, evil.Rows[0].Unit = "</svg>&", "<"
	empty := &outcome.Outcome{Rows: trial.Rows()}
	for name, o := range map[string]*outcome.Outcome{"sample": o, "odd": evil, "empty": empty} {
		pictures := Pictures(o)
		if want := map[string]int{"sample": 5, "odd": 5, "empty": 0}[name]; len(pictures) != want {
			t.Errorf("%s: %d pictures, expected %d", name, len(pictures), want)
		}
		for _, p := range pictures {
			var b bytes.Buffer
			if err := p.Write(&b); err != nil {
				t.Fatal(err)
			}
			if text := b.String(); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "<script") {
				t.Errorf("%s, %s: something was drawn that isn't finite, or wasn't escaped", name, p.Name)
			}
			texts := strings.Join(parse(t, b.Bytes()), "\n")
			if name == "sample" && !(strings.Contains(texts, "NSD 4.6.1") && strings.Contains(texts, "UDP") || p.Name == "group2" || p.Name == "group3" || p.Name == "group4") {
				t.Errorf("%s says no more than\n%s", p.Name, texts)
			}
		}
	}
}

// parse returns the texts of a picture.
func parse(t *testing.T, svg []byte) (texts []string) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	inside := ""
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inside = token.Name.Local
		case xml.EndElement:
			inside = ""
		case xml.CharData:
			if inside == "text" {
				texts = append(texts, string(token))
			}
		}
	}
}

// Whatever is in an outcome, it can be shown.
func TestOddFigures(t *testing.T) {
	o := read(t)
	for i := range o.Rows {
		for k := range o.Rows[i].Entries {
			for n, v := range []float64{0, -1, 1e300, math.SmallestNonzeroFloat64} {
				if samples := o.Rows[i].Entries[k].Samples; n < len(samples) {
					samples[(n+k)%len(samples)].Value = v
				}
			}
		}
	}
	var b bytes.Buffer
	if err := Text(&b, o); err != nil {
		t.Fatal(err)
	}
	if err := Markdown(&b, o, "report", Pictures(o)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "NaN") {
		t.Errorf("a figure that is none is shown:\n%s", b.String())
	}
}

func TestHostClass(t *testing.T) {
	for processor, want := range map[string]string{
		"AMD EPYC": "2-amd-epyc",
		"Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz": "2-intel-xeon-platinum-8375c",
		"AMD EPYC 7B13 64-Core Processor":               "2-amd-epyc-7b13-64",
		"":                                              "2",
		"../../etc":                                     "2-etc",
	} {
		if got := HostClass(outcome.Machine{Processor: processor, Cores: 2}); got != want {
			t.Errorf("%q: %s, expected %s", processor, got, want)
		}
	}
}

// Links of the summary lead to rows.
func TestAnchors(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range trial.Rows() {
		if a := anchor(row.Title); seen[a] || a == "" {
			t.Errorf("%s: its anchor %q is that of another row", row.Title, a)
		} else {
			seen[a] = true
		}
	}
	if got := anchor("DoH, HTTP/2, POST"); got != "doh-http2-post" {
		t.Errorf("anchor %s, expected doh-http2-post", got)
	}
}
