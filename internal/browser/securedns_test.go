package browser_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/miekg/dns"

	"yushan/internal/browser"
)

// authority answers over HTTPS as an authoritative server does: AA, no RA.
type authority struct {
	*httptest.Server
	records map[dns.Question]string // answers; other questions get NXDOMAIN

	mu        sync.Mutex
	questions map[dns.Question]int
}

func newAuthority(t *testing.T, records map[dns.Question]string) *authority {
	a := &authority{records: records, questions: map[dns.Question]int{}}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.EnableHTTP2 = true
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	wire, err := io.ReadAll(r.Body)
	if r.Method == http.MethodGet {
		wire, err = base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
	}
	var query dns.Msg
	if err == nil {
		err = query.Unpack(wire)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q := query.Question[0]
	q.Name = strings.ToLower(q.Name)
	a.mu.Lock()
	a.questions[q]++
	a.mu.Unlock()
	answer := new(dns.Msg).SetReply(&query)
	answer.Authoritative = true
	if text, ok := a.records[q]; ok {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		answer.Answer = []dns.RR{rr}
	} else {
		answer.Rcode = dns.RcodeNameError
		soa, err := dns.NewRR("tw. 300 IN SOA a.dns.tw. hostmaster.nic.tw. 1 3600 900 1209600 300")
		if err != nil {
			panic(err)
		}
		answer.Ns = []dns.RR{soa}
	}
	out, err := answer.Pack()
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/dns-message")
	w.Write(out)
}

func (a *authority) asked(q dns.Question) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.questions[q]
}

// Chromium resolves a U-label by the answers of an authoritative server.
func TestSecureDNS(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<!doctype html><title>%s</title>", r.Host)
	}))
	t.Cleanup(site.Close)
	port := site.URL[strings.LastIndex(site.URL, ":"):]
	q := dns.Question{Name: "web.xn--9z2ax7c.xn--kpry57d.", Qtype: dns.TypeA, Qclass: dns.ClassINET}
	doh := newAuthority(t, map[dns.Question]string{q: q.Name + " 60 IN A 127.0.0.1"})
	tab := browser.StartWith(t, browser.Options{
		Pins:      []string{browser.Pin(doh.Certificate())},
		SecureDNS: doh.URL + "/dns-query{?dns}",
	})
	if err := chromedp.Do(tab, chromedp.Navigate("http://web.資訊.台灣"+port+"/")); err != nil {
		t.Errorf("a name that the server knows: %v", err)
	}
	title, err := chromedp.Run(tab, chromedp.Title())
	if want := "web.xn--9z2ax7c.xn--kpry57d" + port; err != nil || title != want {
		t.Errorf("title %q, want %q: %v", title, want, err)
	}
	if doh.asked(q) == 0 {
		t.Errorf("the server was not asked for %v, only for %v", q, doh.questions)
	}
	err = chromedp.Do(tab, chromedp.Navigate("http://no-such-name.資訊.台灣"+port+"/"))
	if err == nil || !strings.Contains(err.Error(), "ERR_NAME_NOT_RESOLVED") {
		t.Errorf("a name that does not exist: got %v, want ERR_NAME_NOT_RESOLVED", err)
	}
	if q.Name = "no-such-name.xn--9z2ax7c.xn--kpry57d."; doh.asked(q) == 0 {
		t.Errorf("the server was not asked for %v, only for %v", q, doh.questions)
	}
}
