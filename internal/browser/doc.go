// Package browser runs Chromium for tests, without a window and on an empty
// profile of its own, and drives it through chromedp:
//
//	tab := browser.Start(t, browser.Pin(certificate))
//	err := chromedp.Do(tab, chromedp.Navigate(url), chromedp.Click(chromedp.ID("ask")))
//
// Certificates are not trusted in general: only those whose keys are pinned. No
// names are resolved but localhost, unless a DoH server is given to resolve them.
// It is stopped when the test ends, and its
// output is shown when the test has failed.
package browser
