package lookup_test

import (
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/miekg/dns"

	"yushan/internal/browser"
)

func (u user) manyRecords() {
	u.site.set(func(query []byte) []byte {
		m := answerTo(u.T, query)
		m.Compress = true
		for i := range 1500 {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: "tw.", Rrtype: dns.TypeTXT, Class: 1}, Txt: []string{fmt.Sprintf("line %d", i)}})
		}
		return pack(u.T, m)
	}, nil)
	u.follow("#tw/TXT")
	if n := evaluate[int](u, `document.querySelectorAll("#section-answer tbody tr").length`); n != 400 {
		u.Errorf("%d rows, want 400", n)
	}
	u.expect("many records", map[string]string{"#section-answer > .note": "1100 more are in the text below.", "#text": `"line 1499"`})
}

// phone checks that nothing is wider than a phone.
func (u user) phone() {
	u.do(browser.Phone())
	for i, link := range []string{"#資訊.台灣/HTTPS/do", "#" + strings.Repeat("資", 15) + "." + strings.Repeat(strings.Repeat("a", 60)+".", 3) + "tw/A/do", "#tw/DNSKEY/do", "#example.com/A"} {
		u.follow(link)
		u.do(chromedp.Evaluate[chromedp.Void](`for (const d of document.querySelectorAll("details")) d.open = true`))
		widest := evaluate[string](u, `(() => {
			if (document.documentElement.scrollWidth <= innerWidth && innerWidth === 390) return "";
			return innerWidth + ": " + [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 390).map((e) => e.outerHTML.slice(0, 120)).join("\n");
		})()`)
		u.picture("phone-" + fmt.Sprint(i))
		if widest != "" {
			u.Errorf("%s: wider than the screen: %s", link, widest)
		}
	}
	// Fingers need room: WCAG 2.2 §2.5.8.
	small := evaluate[[]string](u, `[...document.querySelectorAll("#question .chip, #question .options label, #question a, #ask")].filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)`)
	if len(small) > 0 {
		u.Errorf("too small for fingers: %q", small)
	}
}

// colours checks the contrast of text: WCAG 2.2 §1.4.3 wants 4.5.
func (u user) colours() {
	pairs := [][2]string{
		{"ink", "ground"}, {"ink", "card"}, {"quiet", "ground"}, {"quiet", "card"}, {"jade", "card"}, {"jade", "ground"}, {"jade", "jade-wash"},
		{"on-jade", "jade"}, {"on-jade", "jade-strong"}, {"jade-strong", "jade-wash"}, {"amber", "card"}, {"amber", "amber-wash"}, {"red", "card"}, {"red", "red-wash"},
		{"blue", "card"}, {"blue", "blue-wash"}, {"violet", "violet-wash"}, {"ink", "line"},
	}
	u.follow("#www.signed.com.tw/A/do")
	for _, scheme := range []browser.Scheme{browser.Light, browser.Dark} {
		u.do(scheme.Use())
		u.picture("desktop-" + string(scheme))
		for _, pair := range pairs {
			ratio := evaluate[float64](u, fmt.Sprintf(`(() => {
				const luminance = (name) => {
					const hex = getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
					const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
					return 0.2126 * r + 0.7152 * g + 0.0722 * b;
				};
				const [a, b] = [luminance(%q), luminance(%q)].sort((x, y) => y - x);
				return (a + 0.05) / (b + 0.05);
			})()`, pair[0], pair[1]))
			if !(ratio >= 4.5) {
				u.Errorf("%s: %s on %s has a contrast of %.2f", scheme, pair[0], pair[1], ratio)
			}
		}
	}
}
