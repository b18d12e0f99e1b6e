package report

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"yushan/bench/result"
	"yushan/bench/result/sample"
)

func pageOf(t *testing.T, r *result.Result) (string, *html.Node) {
	t.Helper()
	var b strings.Builder
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), root
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// headings are the texts of all h2.
func headings(root *html.Node) (list []string) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "h2" && n.FirstChild != nil {
			list = append(list, n.FirstChild.Data)
		}
	}
	return list
}

func TestHTMLHasTheSectionsOfItsRun(t *testing.T) {
	always := "Latency by percentile|Latency over time|Throughput|Answers|The run"
	for kind, want := range map[string]string{
		"normal":      "All 15,000 verified answers are right|Latency by percentile|Latency over time|Throughput|Answers|Server|The run",
		"stall":       "Answers were slow from 12 s to 14 s|" + always,
		"loss":        always,
		"limited":     "These figures are the load generator’s, not the server’s|Interrupted after 17 s|" + always,
		"search":      "412,500 queries/s is the highest rate that keeps p99<5ms and loss<0.1%|Latency by percentile|Latency over time|Throughput|Answers|Server|The run",
		"wrong":       "1,204 of 15,000 verified answers are wrong|Wrong answers|" + always,
		"connections": always,
		"empty":       "No query was sent|Interrupted after 0 s|The run",
		"all-lost":    "No query was answered|Throughput|The run",
		"short":       always,
	} {
		for _, k := range sample.Kinds() {
			if k.Name != kind {
				continue
			}
			_, root := pageOf(t, k.Make(500))
			if got := strings.Join(headings(root), "|"); got != want {
				t.Errorf("%s: sections\n%s, expected\n%s", kind, got, want)
			}
		}
	}
}

func TestHTMLIsWholeInItself(t *testing.T) {
	for _, kind := range sample.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			text, root := pageOf(t, kind.Make(500))
			for _, bad := range []string{"NaN", "Inf", "<no value>", "ZgotmplZ", "%!"} {
				if strings.Contains(text, bad) {
					t.Errorf("%q in the page", bad)
				}
			}
			ids, policies := map[string]bool{}, 0
			for n := range root.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				if n.Data == "meta" && attribute(n, "http-equiv") == "Content-Security-Policy" && strings.HasPrefix(attribute(n, "content"), "default-src 'none'; ") {
					policies++
				}
				for _, name := range []string{"src", "href", "srcset", "action", "poster"} {
					if v := attribute(n, name); v != "" && !strings.HasPrefix(v, "#") && v != "data:," {
						t.Errorf("<%s %s=%q> asks for something", n.Data, name, v)
					}
				}
				if id := attribute(n, "id"); id != "" {
					if ids[id] {
						t.Errorf("two elements are %q", id)
					}
					ids[id] = true
				}
				if n.Data == "use" && !strings.Contains(text, `id="`+strings.TrimPrefix(attribute(n, "href"), "#")+`"`) {
					t.Errorf("%s is drawn but isn't there", attribute(n, "href"))
				}
				if data := attribute(n, "data-readout"); data != "" && !json.Valid([]byte(data)) {
					t.Errorf("a read-out that isn't JSON: %s", data)
				}
			}
			if policies != 1 {
				t.Errorf("%d content security policies that allow nothing by default, expected 1", policies)
			}
		})
	}
}

func TestHTMLEscapesTextsFromOutside(t *testing.T) {
	const text = `"'><img src=x onerror=alert(1)><script>alert(1)</script></style>{{.}}` + "\x1b"
	_, root := pageOf(t, hostile(text))
	scripts, shown := 0, false
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && strings.Contains(n.Data, "<img src=x"):
			shown = true
		case n.Type != html.ElementNode:
		case n.Data == "img":
			t.Error("a text from outside became an element")
		case n.Data == "script":
			scripts++
		}
	}
	if scripts != 1 {
		t.Errorf("%d scripts, expected the page's own", scripts)
	}
	if !shown {
		t.Error("the text is not shown")
	}
}
