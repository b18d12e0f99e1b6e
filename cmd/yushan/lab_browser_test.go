package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"yushan/internal/browser"
)

// TestLabInABrowser looks a name up on the lab's page, in Chromium. The browser
// finds the page by a name that the lab itself resolves for it by DoH.
func TestLabInABrowser(t *testing.T) {
	p := start(t, "Ctrl-C stops it.", nil, append([]string{"lab", "--listen", "127.0.0.1"}, labPorts(t, freePort(t))...)...)
	l := labAt(t, p.text())
	at := l.cfg.DoH.Listen[0]
	tab := browser.StartWith(t, browser.Options{Pins: []string{l.pin}, SecureDNS: fmt.Sprintf("https://%s/dns-query{?dns}", at)})
	complaints, err := browser.Listen(tab)
	if err != nil {
		t.Fatal(err)
	}
	page := fmt.Sprintf("https://%s.台灣:%d/", labPage, at.Port())
	if err := chromedp.Do(tab, chromedp.Navigate(page)); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	for _, tt := range []struct{ fragment, want string }{
		{"資訊.台灣/HTTPS/do", "alpn=h2,h3"},
		{"不存在.台灣/A/do,padding", "NXDOMAIN"},
		{"www.夜市.台灣/A", "203.0.113.110"},
		{"example.com/A", "Not Authoritative"},
	} {
		if text := lookUp(t, tab, tt.fragment); !strings.Contains(text, tt.want) {
			t.Errorf("%s: expected %q in\n%s", tt.fragment, tt.want, text)
		}
	}
	for _, text := range complaints.Take() {
		t.Errorf("the browser complains: %s", text)
	}
}

// lookUp follows a link of the page, and returns what it then shows.
func lookUp(t *testing.T, tab context.Context, fragment string) string {
	t.Helper()
	text, err := chromedp.Run(tab, chromedp.Evaluate[string](fmt.Sprintf(`new Promise((resolve, reject) => {
		const result = document.getElementById("result"), answers = () => Number(result.dataset.answers ?? 0), before = answers();
		setTimeout(() => reject(new Error("no answer within a minute")), 60_000);
		const look = () => answers() > before ? resolve(result.innerText) : setTimeout(look, 10);
		location.hash = %q;
		look();
	})`, fragment), chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", fragment, err)
	}
	return text
}
