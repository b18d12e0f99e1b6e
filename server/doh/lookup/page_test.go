package lookup_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/miekg/dns"

	"yushan/internal/browser"
	"yushan/internal/peer"
	"yushan/server/doh/lookup"
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
	_, err := chromedp.Run(u.tab, chromedp.Evaluate[bool](fmt.Sprintf(`new Promise((resolve) => {
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

func (u user) typeName() {
	u.do(chromedp.SendKeys(chromedp.ID("name"), "資訊.台灣"))
	u.expect("while typing", map[string]string{"#name-note": "xn--9z2ax7c.xn--kpry57d."})
	u.do(chromedp.Click(chromedp.ID("type-HTTPS")), chromedp.Click(chromedp.ID("opt-do")))
	u.answered(chromedp.Click(chromedp.ID("ask")))
	method, query := u.asked()
	if q := query.Question[0]; method != "GET" || q.Name != "xn--9z2ax7c.xn--kpry57d." || q.Qtype != dns.TypeHTTPS || query.Id != 0 {
		u.Errorf("the page asked by %s\n%s", method, query)
	}
	u.expect("the answer", map[string]string{
		"#rcode":          "NOERROR",
		"#asked-alabel":   "xn--9z2ax7c.xn--kpry57d.",
		"#meaning":        "Authoritative answer: 1 record, signed.",
		"#status":         "NOERROR. Authoritative answer: 1 record, signed.",
		"#summary .facts": "byHTTP/2",
		"#section-answer tr[data-type=HTTPS] .owner": "資訊.台灣.xn--9z2ax7c.xn--kpry57d.",
		"#section-answer tr[data-type=HTTPS] .ttl":   "3600 1 h",
		"#section-answer tr[data-type=HTTPS] .data":  "1 . alpn=h2,h3 ipv4hint=192.0.2.100 ipv6hint=2001:db8:100::80",
		"#section-answer tr[data-type=RRSIG] .data":  "covers HTTPS · ECDSAP256SHA256",
		"#section-additional tr[data-type=A] .data":  "192.0.2.100",
		"#section-edns [data-option=NSID] dd":        "“yushan-lab”",
		"#flags .set:nth-child(2)":                   "AA",
		"[data-fact=HTTP] dd":                        "HTTP/2 GET 200",
		"[data-fact=Cache-Control] dd":               "max-age=3600",
		"[data-fact=Alt-Svc] dd":                     `h3=":8443"; ma=86400`,
		"#command-kdig":                              "+https-get=/dns-query +nordflag +dnssec +nsid +bufsize=1232 -t HTTPS xn--9z2ax7c.xn--kpry57d.",
		"#command-dig":                               "+https-get=/dns-query +norec +dnssec +nsid +nocookie -t HTTPS xn--9z2ax7c.xn--kpry57d.",
		"#command-curl":                              "curl -sS --insecure -H 'accept: application/dns-message' 'https://127.0.0.1:",
	})
	if title := evaluate[string](u, "document.title"); title != "資訊.台灣. HTTPS · DNS lookup · yushan-lab" {
		u.Errorf("the title is %q", title)
	}
	if hash := evaluate[string](u, "decodeURIComponent(location.hash)"); hash != "#資訊.台灣/HTTPS/do" {
		u.Errorf("the address ends in %q", hash)
	}
	// The bytes are those that were sent and received.
	u.do(chromedp.Click(chromedp.CSS("#bytes > summary")), chromedp.WaitVisible(chromedp.ID("hex-answer")), chromedp.Click(chromedp.CSS("#as-text > summary")))
	wire, err := query.Pack()
	if err != nil {
		u.Fatal(err)
	}
	shown := evaluate[string](u, `document.getElementById("hex-query").textContent`)
	digits := ""
	for line := range strings.Lines(shown) {
		digits += strings.ReplaceAll(line[4:54], " ", "")
	}
	if digits != hex.EncodeToString(wire) {
		u.Errorf("hex dump of the query:\n%s\nwant %x", shown, wire)
	}
	u.expect("as text", map[string]string{"#text": "xn--9z2ax7c.xn--kpry57d.\t3600\tIN\tHTTPS\t1 . alpn=h2,h3"})
}

func (u user) keyboard() {
	// The field has the focus from the start; Tab and arrows do the rest.
	u.answered(chromedp.KeyEvent("gov.tw"), chromedp.KeyEvent("\r"))
	if _, query := u.asked(); query.Question[0].Name != "gov.tw." || query.Question[0].Qtype != dns.TypeA {
		u.Errorf("the page asked %s", query.Question[0].String())
	}
	u.expect("NODATA", map[string]string{"#meaning": "NODATA: the name exists, but has no A records."})
	u.do(chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"))
	if id := evaluate[string](u, "document.activeElement.id"); id != "type-A" {
		u.Fatalf("the second Tab leads to %q, want the types", id)
	}
	u.answered(chromedp.KeyEvent("\u0303")) // arrow right: AAAA, asked at once
	if _, query := u.asked(); query.Question[0].Qtype != dns.TypeAAAA {
		u.Errorf("the page asked %s", query.Question[0].String())
	}
	// Everything that can be used has a name for those who don't see it.
	nameless := evaluate[[]string](u, `[...document.querySelectorAll("input, button, a, summary")]
		.filter((e) => !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim()))
		.map((e) => e.outerHTML)`)
	if len(nameless) > 0 {
		u.Errorf("without a label: %q", nameless)
	}
}

func (u user) links() {
	u.answered(chromedp.Click(chromedp.CSS(".examples a")))
	u.expect("an example", map[string]string{"#asked-alabel": "xn--9z2ax7c.xn--kpry57d.", "#rcode": "NOERROR"})
	u.follow("#tw/NSEC3PARAM/do,post,padding,noedns")
	state := evaluate[map[string]any](u, `({ name: document.getElementById("name").value, type: document.getElementById("type-NSEC3PARAM").checked,
		edns: document.getElementById("opt-edns").checked, post: document.getElementById("opt-post").checked, padding: document.getElementById("opt-padding").disabled })`)
	if state["name"] != "tw" || state["type"] != true || state["edns"] != false || state["post"] != true || state["padding"] != true {
		u.Errorf("the form after a link: %v", state)
	}
	u.expect("the link's answer", map[string]string{"#section-answer .data": "1 0 0 -"})
	u.answered(chromedp.NavigateBack())
	u.expect("back", map[string]string{"#asked-alabel": "xn--9z2ax7c.xn--kpry57d."})
	u.follow("#2%2F25.2.0.192.in-addr.arpa/TYPE65280")
	u.expect("a slash in the name", map[string]string{"#summary .asked": "2/25.2.0.192.in-addr.arpa. TYPE65280", "#rcode": "REFUSED"})
	// A name in the answer leads to its addresses.
	u.follow("#" + "start.nic.tw/AAAA")
	u.answered(chromedp.Click(chromedp.CSS("#section-answer .data a")))
	u.expect("a name of the answer", map[string]string{"#summary .asked": "home.nic.tw. A"})
	u.follow("#%E8/A") // no UTF-8
	u.expect("an address that is no UTF-8", map[string]string{"#summary .asked": "%E8. A"})
}

func (u user) options() {
	u.follow("#id.server/TXT/ch,nonsid,rd,cd")
	u.site.take()
	u.expect("the class CH", map[string]string{"#section-answer .data": `"yushan-lab"`, "#section-answer .type": "CH TXT", "#command-kdig": "-c CH -t TXT id.server."})
	u.follow("#tw/SOA/post,padding,do,rd,cd")
	method, query := u.asked()
	wire, err := query.Pack()
	if err != nil {
		u.Fatal(err)
	}
	if method != "POST" || !query.RecursionDesired || !query.CheckingDisabled || len(wire)%128 != 0 {
		u.Errorf("the page asked by %s in %d bytes\n%s", method, len(wire), query)
	}
	u.follow("#tw/SOA/post,zoneversion")
	u.site.take()
	u.expect("the zone's version", map[string]string{
		"#section-edns [data-option=ZONEVERSION] dd": "of the zone with 1 label",
		"#section-answer .note":                      "refresh 1 h · retry 15 min · expire 14 d · negative TTL 5 min",
		"[data-fact=HTTP] dd":                        "HTTP/2 POST 200",
	})
	u.follow("#tw/DNSKEY/noedns")
	if _, query := u.asked(); query.IsEdns0() != nil {
		u.Errorf("EDNS is switched off, but the page asked\n%s", query)
	}
	u.expect("a key", map[string]string{"#section-answer .note": "KSK or CSK (SEP) · ECDSAP256SHA256 · key tag", "#section-edns": ""})
	u.do(chromedp.SendKeys(chromedp.ID("type-text"), "naptr"), chromedp.SetValue(chromedp.ID("name"), "nic.tw"))
	u.answered(chromedp.Click(chromedp.ID("ask")))
	u.expect("another type", map[string]string{"#section-answer .data": `100 10 "u" "E2U+sip"`})
	u.do(chromedp.SetValue(chromedp.ID("type-text"), "65280"))
	u.answered(chromedp.Click(chromedp.ID("ask")))
	u.expect("a type by its number", map[string]string{"#section-answer .type": "TYPE65280", "#section-answer .data": `\# 6 0102030405FF`})
}

func (u user) kinds() {
	for link, want := range map[string]map[string]string{
		"#www.signed.com.tw/A/do": {"#summary[data-kind=referral] #meaning": "Referral: other servers know more (with DS: the delegation is signed)."},
		"#www.夜市.台灣/A":            {"#summary[data-kind=referral] #meaning": "without DS", "#section-additional .data": "203.0.113.110"},
		"#不存在.台灣/A/do":            {"#summary[data-kind=nxdomain] #meaning": "The name does not exist. The records of the authority section prove it."},
		"#gone.nic.tw/A":          {"#summary[data-kind=nxdomain] #meaning": "The name is an alias of one that does not exist."},
		"#資訊.台灣/SRV/do":           {"#summary[data-kind=nodata] #meaning": "NODATA: the name exists, but has no SRV records. The records of the authority section prove it."},
		"#cdn.nic.tw/A":           {"#summary[data-kind=answer] #meaning": "1 alias record, which leads to a name without such data here."},
		"#start.nic.tw/AAAA":      {"#summary[data-kind=answer] #meaning": "Authoritative answer: 5 records."},
		"#example.com/A":          {"#summary[data-kind=error] #rcode": "REFUSED", "[data-option=EDE] dd": "20 Not Authoritative"},
		"#註冊.台灣/TXT":              {"#summary[data-kind=nodata] #rcode": "NOERROR"},
		"#資訊.台灣/TXT":              {"#section-answer .data": `"資訊.台灣: a name inside the zone, with data of many types"`},
		"#資訊.台灣/MX":               {"#section-answer .data": "10 郵件.資訊.台灣.xn--5nqv22n.xn--9z2ax7c.xn--kpry57d."},
		"#tw/NSEC3PARAM":          {"#section-answer .note": "0 extra iterations · no salt"},
		"#signed.com.tw/DS":       {"#section-answer .note": "key tag 31589 · ECDSAP256SHA256 · SHA-256"},
		"#./NS":                   {"#summary .asked": ". NS"},
	} {
		u.follow(link)
		u.expect(link, want)
	}
}

// edns shows an answer with every option.
func (u user) edns() {
	u.site.set(func(query []byte) []byte {
		m := answerTo(u.T, query)
		m.SetEdns0(4096, true)
		m.IsEdns0().Option = []dns.EDNS0{
			&dns.EDNS0_EDE{InfoCode: 18, ExtraText: "ask 台灣"},
			&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE, Timeout: 305},
			&dns.EDNS0_PADDING{Padding: make([]byte, 400)},
			&dns.EDNS0_LOCAL{Code: 19, Data: []byte{2, 0, 0, 0, 0, 7}},
			&dns.EDNS0_LOCAL{Code: 10, Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
			&dns.EDNS0_LOCAL{Code: 65001, Data: nil},
		}
		return pack(u.T, m)
	}, nil)
	u.follow("#tw/SOA")
	u.expect("every option", map[string]string{
		`[data-option="UDP size"] dd`:  "4096 bytes",
		`[data-option="Flags"] dd`:     "DO",
		"[data-option=EDE] dd":         "18 Prohibited: “ask 台灣”",
		"[data-option=KEEPALIVE] dd":   "30.5 s",
		"[data-option=PADDING] dd":     "400 bytes",
		"[data-option=ZONEVERSION] dd": "SOA serial 7 of the zone with 2 labels",
		"[data-option=COOKIE] dd":      "0102030405060708",
		"[data-option=OPTION65001] dd": "empty",
	})
}

// answerTo starts an answer to a query.
func answerTo(t *testing.T, query []byte) *dns.Msg {
	var q dns.Msg
	if err := q.Unpack(query); err != nil {
		t.Errorf("query %x: %v", query, err)
	}
	m := new(dns.Msg).SetReply(&q)
	m.Authoritative = true
	return m
}

// hostileText is never more than text.
func (u user) hostileText() {
	const markup = `<img src=x onerror="document.title='owned'">`
	u.site.set(func(query []byte) []byte {
		m := answerTo(u.T, query)
		m.Answer = []dns.RR{
			&dns.TXT{Hdr: dns.RR_Header{Name: `<b>.tw.`, Rrtype: dns.TypeTXT, Class: 1}, Txt: []string{strings.ReplaceAll(markup, `"`, `\"`)}},
			&dns.TXT{Hdr: dns.RR_Header{Name: `b.tw.`, Rrtype: dns.TypeTXT, Class: 1}, Txt: []string{"a\u202eb"}},
		}
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: hex.EncodeToString([]byte(markup))}}
		return pack(u.T, m)
	}, nil)
	u.follow("#tw/TXT")
	u.expect("markup", map[string]string{
		"#section-answer .owner":                      "<b>.tw.",
		"#section-answer .data":                       "<img src=x onerror=",
		"[data-option=NSID] dd":                       markup,
		"#section-answer tbody tr:nth-child(2) .data": `"a\226\128\174b"`,
	})
	if n := evaluate[int](u, `document.querySelectorAll("#result img, #result b").length`); n != 0 {
		u.Errorf("%d elements come from the answer", n)
	}
	u.follow("#" + strings.ReplaceAll(markup, "/", "%2F") + "/A")
	if title := evaluate[string](u, "document.title"); strings.Contains(title, "owned") {
		u.Error("the name ran a script")
	}
	u.complaints.Take()
}

func (u user) damaged() {
	for _, c := range []struct{ answer, problem string }{
		{"", "a message has at least 12 bytes; this has 0"},
		{"00008400000100010000000002747700000600 01", "At byte 20: answer record 1: cut short: the owner doesn't end"},
		{"000084000001000100000000027477000006 0001 c0ff", "At byte 20: answer record 1: the owner has a compression pointer to byte 255, which is not before it"},
		{"000084000001000000000000027477000006 0001 00", "At byte 20: 1 byte follows the end of the message"},
	} {
		u.site.set(func([]byte) []byte { return unhex(u.T, c.answer) }, nil)
		u.follow("#tw/SOA")
		u.expect(c.answer, map[string]string{"#summary[data-kind=broken] #problem": c.problem})
		u.do(chromedp.Click(chromedp.CSS("#bytes > summary")), chromedp.WaitVisible(chromedp.ID("hex-query")))
		u.follow("#tw/NS")
	}
}

func (u user) httpErrors() {
	reply := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		name    string
		handler http.Handler
		want    map[string]string
	}{
		{"404", http.NotFoundHandler(), map[string]string{"#rcode": "HTTP 404", "#problem": "The server answered with HTTP status 404: 404 page not found"}},
		{"415", reply(415, "text/html", "<b>no</b>"), map[string]string{"#rcode": "HTTP 415", "#problem": "The server answered with HTTP status 415"}},
		{"another type", reply(200, "text/html", "hello"), map[string]string{"#problem": "The answer is “text/html”, not application/dns-message."}},
		{"too long", reply(200, "application/dns-message", strings.Repeat("x", 65536)), map[string]string{"#rcode": "No answer", "#problem": "The answer is longer than 65535 bytes, so it is no DNS message."}},
		{"a redirection", http.RedirectHandler("/elsewhere", 302), map[string]string{"#problem": "The server can't be reached, or the connection broke."}},
		{"a broken connection", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), map[string]string{"#problem": "The server can't be reached, or the connection broke."}},
	} {
		u.site.set(nil, c.handler)
		u.follow("#tw/SOA")
		u.expect(c.name, c.want)
		if u.text("#command-kdig") == "" {
			u.Errorf("%s: no command is shown", c.name)
		}
		u.site.set(nil, nil)
		u.follow("#tw/NS")
		u.expect("after "+c.name, map[string]string{"#rcode": "NOERROR"})
	}
	u.complaints.Take() // failed loads are complained about, rightly
}

func (u user) mistakes() {
	u.answered(chromedp.Click(chromedp.ID("ask")))
	u.expect("no name", map[string]string{"#name-note": "Type a name; “.” is the root.", "#status": "Type a name"})
	u.answered(chromedp.SendKeys(chromedp.ID("name"), "a..tw"), chromedp.KeyEvent("\r"))
	u.expect("an empty label", map[string]string{"#name-note": "The name has an empty label"})
	invalid := evaluate[[]string](u, `[...document.querySelectorAll("[aria-invalid=true]")].map((e) => e.id)`)
	if !slices.Equal(invalid, []string{"name"}) {
		u.Errorf("marked as wrong: %v, want the name", invalid)
	}
	u.do(chromedp.SetValue(chromedp.ID("name"), "tw"), chromedp.SendKeys(chromedp.ID("type-text"), "nonsense"))
	u.answered(chromedp.Click(chromedp.ID("ask")))
	u.expect("no type", map[string]string{"#name-note": "", "#type-note": "“NONSENSE” is no type"})
	if queries := u.site.take(); len(queries) != 0 {
		u.Errorf("the page asked %d times", len(queries))
	}
}

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
	for _, link := range []string{"#資訊.台灣/HTTPS/do", "#" + strings.Repeat("資", 15) + "." + strings.Repeat(strings.Repeat("a", 60)+".", 3) + "tw/A/do", "#tw/DNSKEY/do", "#example.com/A"} {
		u.follow(link)
		u.do(chromedp.Evaluate[chromedp.Void](`for (const d of document.querySelectorAll("details")) d.open = true`))
		widest := evaluate[string](u, `(() => {
			if (document.documentElement.scrollWidth <= innerWidth && innerWidth === 390) return "";
			return innerWidth + ": " + [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 390).map((e) => e.outerHTML.slice(0, 120)).join("\n");
		})()`)
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
	for _, scheme := range []browser.Scheme{browser.Light, browser.Dark} {
		u.do(scheme.Use())
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

// commands runs what the page shows for a terminal.
func (u user) commands() {
	bash := peer.Tool(u.T, "bash", "bash")
	peer.Tool(u.T, "kdig", "knot-dnsutils")
	peer.Tool(u.T, "dig", "bind9-dnsutils")
	peer.Tool(u.T, "curl", "curl")
	for _, link := range []string{"#資訊.台灣/TXT", "#資訊.台灣/TXT/post,do,padding,zoneversion,rd,cd", "#資訊.台灣/TXT/noedns", "#it's\\032here.資訊.台灣/TYPE65280"} {
		u.follow(link)
		for tool, want := range map[string][2]string{"kdig": {"NOERROR", "NXDOMAIN"}, "dig": {"status: NOERROR", "status: NXDOMAIN"}, "curl": {"a name inside the", "_its_"}} {
			command := u.text("#command-" + tool)
			u.site.take()
			out, err := exec.CommandContext(u.Context(), bash, "-c", command).CombinedOutput()
			i := 0
			if strings.Contains(link, "here") {
				i = 1
			}
			if err != nil || !strings.Contains(string(out), want[i]) && tool != "curl" {
				u.Errorf("%s: %v\n%s\nwant %q", command, err, out, want[i])
			}
			queries := u.site.take()
			if len(queries) == 0 {
				u.Errorf("%s: the server was not asked", command)
				continue
			}
			wantMethod := "GET"
			if strings.Contains(link, "post") {
				wantMethod = "POST"
			}
			if queries[0].method != wantMethod {
				u.Errorf("%s: asked by %s, want %s", command, queries[0].method, wantMethod)
			}
		}
	}
}

// anotherPath is a page whose DoH resource is elsewhere, without examples.
func (u user) anotherPath() {
	s := serve(u.T, lookup.Options{DNSPath: "/q/a"})
	u.do(chromedp.Navigate(s.URL+"/#nic.tw/A"), chromedp.WaitVisible(chromedp.ID("section-answer")))
	u.expect("the answer", map[string]string{"#section-answer .data": "192.0.2.80", "#command-kdig": "+https-get=/q/a "})
	if text := u.text("#command-curl"); strings.Contains(text, "insecure") {
		u.Errorf("the certificate is trusted, but the command is %s", text)
	}
	if n := evaluate[int](u, `document.querySelectorAll(".examples, #catalogue").length`); n != 0 {
		u.Errorf("%d lists of examples, want none", n)
	}
}
