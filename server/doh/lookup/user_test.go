package lookup_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/miekg/dns"

	"yushan/internal/browser"
)

// user is who sits before the page.
type user struct {
	*testing.T
	site       *site
	tab        context.Context
	complaints *browser.Complaints
}

// TestPage uses the page as people do.
func TestPage(t *testing.T) {
	s := serve(t, labOptions())
	tab := browser.Start(t, s.pin)
	complaints, err := browser.Listen(tab)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		run  func(user)
	}{
		{"type a name", user.typeName},
		{"keyboard", user.keyboard},
		{"links", user.links},
		{"options", user.options},
		{"kinds of answers", user.kinds},
		{"EDNS", user.edns},
		{"hostile text", user.hostileText},
		{"damaged answers", user.damaged},
		{"HTTP errors", user.httpErrors},
		{"mistakes", user.mistakes},
		{"many records", user.manyRecords},
		{"phone", user.phone},
		{"colours", user.colours},
		{"commands", user.commands},
		{"another path", user.anotherPath},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := user{t, s, tab, complaints}
			s.set(nil, nil)
			u.do(browser.Light.Use(), browser.Desktop(), chromedp.Navigate("about:blank"), chromedp.Navigate(s.URL+"/"))
			s.take()
			complaints.Take()
			test.run(u)
			for _, text := range complaints.Take() {
				t.Errorf("the browser complains: %s", text)
			}
		})
	}
}

func (u user) do(steps ...chromedp.Action[chromedp.Void]) {
	u.Helper()
	if err := chromedp.Do(u.tab, steps...); err != nil {
		u.Fatal(err)
	}
}

func evaluate[R any](u user, expression string) R {
	u.Helper()
	result, err := chromedp.Run(u.tab, chromedp.Evaluate[R](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		u.Fatal(err)
	}
	return result
}

// text is the text of the first element, "" if there is none.
func (u user) text(selector string) string {
	u.Helper()
	return strings.ReplaceAll(evaluate[string](u, fmt.Sprintf(`document.querySelector(%q)?.textContent ?? ""`, selector)), "\u00a0", " ")
}

// answered does something, and waits until the page shows the answer to it.
func (u user) answered(steps ...chromedp.Action[chromedp.Void]) {
	u.Helper()
	before := evaluate[int](u, `Number(document.getElementById("result")?.dataset.answers ?? 0)`)
	u.do(steps...)
	_, err := chromedp.Run(u.tab, chromedp.Evaluate[bool](fmt.Sprintf(`new Promise((resolve, reject) => {
		setTimeout(() => reject(new Error("no answer within a minute")), 60_000);
		const look = () => Number(document.getElementById("result").dataset.answers ?? 0) > %d ? resolve(true) : setTimeout(look, 10);
		look();
	})`, before), chromedp.EvalAwaitPromise))
	if err != nil {
		u.Fatal(err)
	}
}

// follow goes to a fragment of the page's address.
func (u user) follow(fragment string) {
	u.Helper()
	u.answered(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void (location.hash = %q)`, fragment)))
}

// expect checks texts of elements: selector to a part of the text.
func (u user) expect(what string, texts map[string]string) {
	u.Helper()
	for selector, want := range texts {
		if got := u.text(selector); got != want && (want == "" || !strings.Contains(got, want)) {
			u.Errorf("%s: %s is %q, want %q", what, selector, got, want)
		}
	}
}

// asked returns the only query that came since the last time.
func (u user) asked() (method string, query *dns.Msg) {
	u.Helper()
	queries := u.site.take()
	if len(queries) != 1 {
		u.Fatalf("%d queries came, want 1", len(queries))
	}
	query = new(dns.Msg)
	if err := query.Unpack(queries[0].wire); err != nil {
		u.Fatalf("query %x: %v", queries[0].wire, err)
	}
	return queries[0].method, query
}

// picture writes a picture of the page to the directory that YUSHAN_PICTURES
// names, for people to look at; without it, nothing happens.
func (u user) picture(name string) {
	u.Helper()
	dir := os.Getenv("YUSHAN_PICTURES")
	if dir == "" {
		return
	}
	if err := browser.Screenshot(u.tab, filepath.Join(dir, name+".png")); err != nil {
		u.Error(err)
	}
}
