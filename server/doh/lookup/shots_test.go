package lookup_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"yushan/internal/browser"
)

func TestShots(t *testing.T) {
	dir := os.Getenv("SHOTS")
	s := serve(t, labOptions())
	tab := browser.Start(t, s.pin)
	c, err := browser.Listen(tab)
	if err != nil {
		t.Fatal(err)
	}
	for name, steps := range map[string][]chromedp.Action[chromedp.Void]{
		"light": {browser.Light.Use(), browser.Desktop()},
		"dark":  {browser.Dark.Use(), browser.Desktop()},
		"phone": {browser.Light.Use(), browser.Phone()},
	} {
		for link, file := range map[string]string{
			"": "start", "#資訊.台灣/HTTPS/do": "https", "#www.signed.com.tw/A/do": "referral", "#不存在.台灣/A/do": "nxdomain", "#example.com/A": "refused", "#tw/DNSKEY/do": "dnskey",
		} {
			all := append(steps, chromedp.Navigate("about:blank"), chromedp.Navigate(s.URL+"/"+link))
			if link != "" {
				all = append(all, chromedp.WaitVisible(chromedp.CSS("#result[data-state=done]")))
			}
			if file == "https" {
				all = append(all, chromedp.Click(chromedp.CSS("#bytes summary")), chromedp.Click(chromedp.CSS("#as-text summary")))
			}
			if err := chromedp.Do(tab, all...); err != nil {
				t.Fatal(err)
			}
			if err := browser.Screenshot(tab, filepath.Join(dir, file+"-"+name+".png")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, text := range c.Take() {
		t.Error(text)
	}
}
