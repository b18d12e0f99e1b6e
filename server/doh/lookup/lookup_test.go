package lookup_test

import (
	"strings"
	"testing"

	"yushan/server/doh/lookup"
)

func TestFiles(t *testing.T) {
	page, err := lookup.New(lookup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"/":                 "text/html; charset=utf-8",
		"/lookup/page.js":   "text/javascript; charset=utf-8",
		"/lookup/style.css": "text/css; charset=utf-8",
		"/lookup/icon.svg":  "image/svg+xml",
	}
	for path, wantType := range want {
		body, contentType, ok := page.File(path)
		if !ok || contentType != wantType || len(body) == 0 {
			t.Errorf("%s: %v, %q, %d bytes; want %q", path, ok, contentType, len(body), wantType)
		}
	}
	for _, path := range []string{"", "/index.html", "/lookup", "/lookup/", "/lookup/index.html", "/lookup/../", "/page.js", "//"} {
		if _, _, ok := page.File(path); ok {
			t.Errorf("there is a file %q", path)
		}
	}
	for _, path := range page.Paths() {
		body, contentType, ok := page.File(path)
		if !ok {
			t.Errorf("%s is listed but not there", path)
		}
		if strings.HasPrefix(contentType, "text/html") {
			checkStrict(t, string(body))
		}
	}
}

// checkStrict reports what the policy would forbid.
func checkStrict(t *testing.T, html string) {
	t.Helper()
	for _, forbidden := range []string{"<style", "style=", " onclick", " onload", "http://", "https://", "//cdn", "javascript:"} {
		if strings.Contains(html, forbidden) {
			t.Errorf("the page has %q", forbidden)
		}
	}
	for part := range strings.SplitSeq(html, "<script") {
		if tag, rest, found := strings.Cut(part, ">"); found && strings.Contains(tag, "module") && !strings.HasPrefix(rest, "</script>") && strings.Contains(tag, "src=") {
			t.Errorf("a script of the page has text: %.80q", rest)
		}
	}
}

func TestPolicy(t *testing.T) {
	found := map[string]string{}
	for _, field := range lookup.Fields {
		if field.Name != strings.ToLower(field.Name) {
			t.Errorf("header field %q is not in lower case", field.Name)
		}
		found[field.Name] = field.Value
	}
	policy := found["content-security-policy"]
	if policy != lookup.ContentSecurityPolicy {
		t.Errorf("policy is %q", policy)
	}
	for _, directive := range []string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self'",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	} {
		if !strings.Contains(policy+";", directive+";") {
			t.Errorf("policy %q lacks %q", policy, directive)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q allows what is unsafe", policy)
	}
	if found["x-content-type-options"] != "nosniff" || found["referrer-policy"] != "no-referrer" {
		t.Errorf("header fields are %v", found)
	}
}

// What the configuration says is text in the page.
func TestEscaping(t *testing.T) {
	page, err := lookup.New(lookup.Options{
		Server:    `<script>alert(1)</script>`,
		DNSPath:   `/dns"><b>`,
		Examples:  []lookup.Example{{Name: `0/25."><i>.tw`, Type: `A`, Shows: `"><u>`}},
		Catalogue: []lookup.Example{{Name: `資訊.台灣`, Type: `HTTPS`, With: "do,padding", Shows: `<s>`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	body, _, _ := page.File("/")
	for _, forbidden := range []string{"<script>", "<b>", "<i>", "<u>", "<s>"} {
		if strings.Contains(string(body), forbidden) {
			t.Errorf("the page has %q", forbidden)
		}
	}
	for _, wanted := range []string{`href="#0%2F25.%22%3E%3Ci%3E.tw/A"`, `href="#%E8%B3%87%E8%A8%8A.%E5%8F%B0%E7%81%A3/HTTPS/do,padding"`} {
		if !strings.Contains(string(body), wanted) {
			t.Errorf("the page lacks %q", wanted)
		}
	}
}

func TestPathsThatClash(t *testing.T) {
	for _, path := range []string{"/", "/lookup/page.js", "dns-query"} {
		if _, err := lookup.New(lookup.Options{DNSPath: path}); err == nil {
			t.Errorf("the path %q is accepted", path)
		}
	}
	if _, err := lookup.New(lookup.Options{DNSPath: "/lookup"}); err != nil {
		t.Error(err)
	}
}
