package report

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"yushan/bench/result/sample"
	"yushan/internal/browser"
)

// In a browser each page shows what it should without a complaint, fits a phone, and
// tells the values of its plots at the pointer. YUSHAN_PICTURES names a directory for
// pictures to look at.
func TestInBrowser(t *testing.T) {
	tab := browser.Start(t)
	complaints, err := browser.Listen(tab)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		ctx, cancel := context.WithTimeout(tab, 2*time.Minute)
		defer cancel()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	text := func(script string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(tab, 2*time.Minute)
		defer cancel()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](script))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, kind := range sample.Kinds() {
		path := filepath.Join(directory, kind.Name+".html")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := HTML(file, kind.Make(300)); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		for _, view := range []struct {
			name   string
			size   chromedp.Action[chromedp.Void]
			scheme browser.Scheme
			plots  string
		}{{"light", browser.Desktop(), browser.Light, "wide"}, {"dark", browser.Desktop(), browser.Dark, "wide"}, {"phone", browser.Phone(), browser.Dark, "narrow"}} {
			do(view.size, view.scheme.Use(), chromedp.Navigate("file://"+path))
			if pictures := os.Getenv("YUSHAN_PICTURES"); pictures != "" {
				if err := browser.Screenshot(tab, filepath.Join(pictures, kind.Name+"-"+view.name+".png")); err != nil {
					t.Fatal(err)
				}
			}
			if wide := text(`document.documentElement.scrollWidth > innerWidth ? document.documentElement.scrollWidth + " of " + innerWidth : ""`); wide != "" {
				t.Errorf("%s, %s: wider than the screen: %s", kind.Name, view.name, wide)
			}
			if shown := text(`[...document.querySelectorAll("svg.plot")].filter((e) => e.getClientRects().length > 0 && !e.classList.contains("` + view.plots + `")).length + ""`); shown != "0" {
				t.Errorf("%s, %s: %s plots of another width are shown", kind.Name, view.name, shown)
			}
			if said := text(`(() => {
				const missing = [];
				for (const svg of document.querySelectorAll("svg.plot.` + view.plots + `")) {
					svg.scrollIntoView();
					const r = svg.getBoundingClientRect();
					svg.dispatchEvent(new PointerEvent("pointermove", { clientX: r.left + r.width / 2, clientY: r.top + r.height / 2 }));
					const box = svg.closest("figure").querySelector(".readout");
					if (!box || !/\d/.test(box.textContent) || box.querySelectorAll("div").length === 0) missing.push(svg.ariaLabel);
					else if (box.getBoundingClientRect().right > innerWidth) missing.push(svg.ariaLabel + " (cut off)");
					svg.dispatchEvent(new PointerEvent("pointerleave"));
					if (svg.closest("figure").querySelector(".readout")) missing.push(svg.ariaLabel + " (stays)");
					svg.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
					if (!svg.closest("figure").querySelector(".readout")) missing.push(svg.ariaLabel + " (by keys)");
					svg.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
				}
				return missing.join(", ");
			})()`); said != "" {
				t.Errorf("%s, %s: no values at the pointer: %s", kind.Name, view.name, said)
			}
		}
		if list := complaints.Take(); len(list) > 0 {
			t.Errorf("%s: the browser complains: %q", kind.Name, list)
		}
	}
}
