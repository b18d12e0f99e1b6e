package lookup_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/miekg/dns"
)

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
		{"a redirection", http.RedirectHandler("/elsewhere", http.StatusFound), map[string]string{"#problem": "The server can't be reached, or the connection broke."}},
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
