package browser_test

import (
	"bytes"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"yushan/internal/browser"
)

func TestBrowser(t *testing.T) {
	pinned := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		w.Write([]byte("<!doctype html><meta name=viewport content=width=device-width><title>pinned</title><script>document.title = 'script'</script>"))
	}))
	t.Cleanup(pinned.Close)
	tab := browser.Start(t, browser.Pin(pinned.Certificate()))
	complaints, err := browser.Listen(tab)
	if err != nil {
		t.Fatal(err)
	}

	if err := chromedp.Do(tab, chromedp.Navigate(pinned.URL)); err != nil {
		t.Errorf("a certificate with a pinned key: %v", err)
	}
	if title, err := chromedp.Run(tab, chromedp.Title()); err != nil || title != "pinned" {
		t.Errorf("title %q, %v; want %q", title, err, "pinned")
	}
	waitFor(t, "a complaint about the script that the policy forbids", func() bool {
		return strings.Contains(strings.Join(complaints.Take(), "\n"), "Content Security Policy")
	})
	if _, err := chromedp.Run(tab, chromedp.Evaluate[chromedp.Void](`console.error("a", 1); setTimeout(() => { throw new Error("uncaught") })`)); err != nil {
		t.Fatal(err)
	}
	var texts []string
	waitFor(t, "complaints of the page", func() bool {
		texts = append(texts, complaints.Take()...)
		all := strings.Join(texts, "\n")
		return strings.Contains(all, `console.error: "a"`) && strings.Contains(all, "Error: uncaught")
	})

	other := selfSigned(t)
	err = chromedp.Do(tab, chromedp.Navigate(other.URL))
	if err == nil || !strings.Contains(err.Error(), "ERR_CERT") {
		t.Errorf("a certificate with another key: got %v, want ERR_CERT…", err)
	}
	err = chromedp.Do(tab, chromedp.Navigate("https://www.example.com/"))
	if err == nil || !strings.Contains(err.Error(), "ERR_NAME_NOT_RESOLVED") {
		t.Errorf("a name: got %v, want ERR_NAME_NOT_RESOLVED", err)
	}

	if err := chromedp.Do(tab, chromedp.Navigate(pinned.URL), browser.Dark.Use(), browser.Phone()); err != nil {
		t.Fatal(err)
	}
	dark, err := chromedp.Run(tab, chromedp.Evaluate[bool](`matchMedia("(prefers-color-scheme: dark)").matches`))
	if err != nil || !dark {
		t.Errorf("prefers-color-scheme is not dark: %v", err)
	}
	path := filepath.Join(t.TempDir(), "shots", "page.png")
	if err := browser.Screenshot(tab, path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil || picture.Width != 390 {
		t.Errorf("screenshot of a phone: width %d, want 390: %v", picture.Width, err)
	}
	if err := chromedp.Do(tab, browser.Light.Use(), browser.Desktop()); err != nil {
		t.Fatal(err)
	}
	light, err := chromedp.Run(tab, chromedp.Evaluate[bool](`matchMedia("(prefers-color-scheme: light)").matches && innerWidth === 1280`))
	if err != nil || !light {
		t.Errorf("not light, or not 1280 wide: %v", err)
	}
}

// waitFor waits until a condition holds; the limit is for what hangs.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); {
		if time.Now().After(end) {
			t.Fatalf("there was no %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
