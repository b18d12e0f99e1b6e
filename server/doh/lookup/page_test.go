package lookup_test

import (
	"encoding/hex"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/miekg/dns"

	"yushan/server/doh/lookup"
)

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
		"#command-kdig":                              "+https-get=/dns-query +nordflag +noadflag +dnssec +nsid +nopadding +bufsize=1232 -t HTTPS xn--9z2ax7c.xn--kpry57d.",
		"#command-dig":                               "+https-get=/dns-query +norec +noad +dnssec +nsid +nocookie -t HTTPS xn--9z2ax7c.xn--kpry57d.",
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
