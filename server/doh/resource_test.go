package doh

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/testzone"
	"yushan/server/doh/exchange"
	"yushan/server/doh/lookup"
	"yushan/server/query"
	"yushan/server/stream"
	"yushan/zone"
	"yushan/zone/dname"
)

const zoneText = `
@          900 IN SOA  ns hostmaster 1 3600 600 604800 300
@         7200 IN NS   ns
ns        7200 IN A    192.0.2.53
www         60 IN A    192.0.2.80
www         60 IN AAAA 2001:db8::80
long     86400 IN TXT  "a"
alias      120 IN CNAME www
nowhere    250 IN CNAME missing
away       777 IN CNAME www.example.com.
toempty   4000 IN CNAME ns
cut       1800 IN NS   ns.cut
ns.cut    3600 IN A    192.0.2.54
negative 4294967295 IN TXT "a TTL with the highest bit set"
`

// shortZoneText has a SOA whose TTL is the smaller one.
const shortZoneText = `
@  30 IN SOA ns.example.tw. hostmaster.example.tw. 1 3600 600 604800 300
@  30 IN NS  ns.example.tw.
`

func testZone(t testing.TB, origin, text string) *zone.Zone {
	t.Helper()
	apex, err := dname.Parse(origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	z, report := zone.FromRecords(apex, testzone.MustParse(origin, text))
	if z == nil {
		t.Fatalf("zone %s: %v", origin, report.Findings)
	}
	return z
}

func newWork(t testing.TB) *stream.Work {
	t.Helper()
	zones := zone.NewSet(testZone(t, "example.tw.", zoneText), testZone(t, "short.tw.", shortZoneText))
	return &stream.Work{
		Engine: query.New(zones, query.Options{}),
		Worker: query.NewWorker(),
		Req:    query.Request{Transport: query.DoH, Client: netip.MustParseAddrPort("192.0.2.1:1234")},
	}
}

func newPage(t testing.TB) *lookup.Page {
	t.Helper()
	page, err := lookup.New(lookup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func newTestHandler(t testing.TB, r Resources) *Handler {
	t.Helper()
	h, err := NewHandler(r)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// pack is a query in wire format, with ID 0 as RFC 8484 §4.1 wants it.
func pack(t testing.TB, name string, rrtype uint16, change ...func(*dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, rrtype)
	m.Id = 0
	for _, f := range change {
		f(m)
	}
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func base64URL(message []byte) string { return base64.RawURLEncoding.EncodeToString(message) }

func answer(h *Handler, w *stream.Work, req exchange.Request) exchange.Response {
	var res exchange.Response
	res.Reset(make([]byte, exchange.MaxBody))
	h.Answer(w, &req, &res)
	return res
}

func get(method, target string) exchange.Request {
	return exchange.Request{Method: method, Path: []byte(target)}
}

func post(contentType string, body []byte) exchange.Request {
	return exchange.Request{Method: "POST", Path: []byte("/dns-query"), ContentType: []byte(contentType), Body: body}
}

func TestRequests(t *testing.T) {
	w := newWork(t)
	plain, withPage := newTestHandler(t, Resources{}), newTestHandler(t, Resources{Page: newPage(t)})
	www := pack(t, "www.example.tw.", dns.TypeA)
	good := base64URL(www)
	target := "/dns-query?dns=" + good
	typed := func(contentType, coding string) exchange.Request {
		r := post(contentType, www)
		r.ContentEncoding = []byte(coding)
		return r
	}
	at := func(r exchange.Request, target string) exchange.Request { r.Path = []byte(target); return r }
	refused := func(status int) exchange.Request { return exchange.Request{Method: "POST", Refused: status} }
	for _, c := range []struct {
		rfc, what string
		request   exchange.Request
		status    int
		text      string // in the body of what isn't 200
	}{
		{"8484 4.1", "GET", get("GET", target), 200, ""},
		{"8484 4.1", "POST", post("application/dns-message", www), 200, ""},
		{"9110 9.3.2", "HEAD is GET, the transport leaves the content out", get("HEAD", target), 200, ""},
		{"9110 9.1", "methods are case-sensitive", get("get", target), 405, "GET or POST"},
		{"9110 15.5.6", "PUT", get("PUT", target), 405, "GET or POST"},
		{"9110 15.5.6", "DELETE without a query", get("DELETE", "/dns-query"), 405, "GET or POST"},
		{"9110 9.3.7", "OPTIONS", get("OPTIONS", "/dns-query"), 405, "GET or POST"},
		{"9110 9.3.7", "OPTIONS *", get("OPTIONS", "*"), 405, "GET or POST"},
		{"9110 15.5.5", "another path", get("GET", "/"), 404, "nothing at this path"},
		{"9110 15.5.5", "another path, another method", get("PUT", "/x"), 404, "nothing at this path"},
		{"9110 15.5.5", "a longer path", get("GET", "/dns-query/?dns="+good), 404, "nothing at this path"},
		{"9110 15.5.5", "a shorter path", get("GET", "/dns-quer?dns="+good), 404, "nothing at this path"},
		{"9110 15.5.5", "paths are case-sensitive", get("GET", "/DNS-query?dns="+good), 404, "nothing at this path"},
		{"9110 15.5.5", "no path", get("GET", ""), 404, "nothing at this path"},

		{"3986 6.2.2.2", "an unreserved character of the path encoded", get("GET", "/dns%2dquery?dns="+good), 200, ""},
		{"3986 2.2", "a slash encoded is no slash", get("GET", "%2Fdns-query?dns="+good), 404, "nothing at this path"},
		{"3986 2.1", "half an encoding in the path", get("GET", "/dns-quer%7?dns="+good), 404, "nothing at this path"},
		{"3986 6.2.2.2", "the parameter's name encoded", get("GET", "/dns-query?d%6Es="+good), 200, ""},
		{"3986 2.1", "the first letter of the message encoded", get("GET", fmt.Sprintf("/dns-query?dns=%%%02x%s", good[0], good[1:])), 200, ""},
		{"3986 2.1", "half an encoding", get("GET", target+"%4"), 400, "not base64url"},
		{"3986 2.1", "no encoding", get("GET", target+"%zz"), 400, "not base64url"},

		{"8484 4.1", "no parameter", get("GET", "/dns-query"), 400, "is missing"},
		{"8484 4.1", "no parameter, but a question mark", get("GET", "/dns-query?"), 400, "is missing"},
		{"8484 4.1", "another parameter only", get("GET", "/dns-query?name=www.example.tw&type=A"), 400, "is missing"},
		{"8484 4.1", "a parameter that ends in dns", get("GET", "/dns-query?xdns="+good), 400, "is missing"},
		{"8484 4.1", "a parameter that begins with dns", get("GET", "/dns-query?dnss="+good), 400, "is missing"},
		{"8484 4.1", "unknown parameters around", get("GET", "/dns-query?a=1&&b&dns="+good+"&ct=x"), 200, ""},
		{"8484 4.1", "twice, though the same", get("GET", target+"&dns="+good), 400, "more than once"},
		{"8484 4.1", "twice, once encoded", get("GET", target+"&%64ns="), 400, "more than once"},
		{"8484 4.1", "an empty parameter", get("GET", "/dns-query?dns="), 400, "is empty"},
		{"8484 4.1", "a parameter without value", get("GET", "/dns-query?dns"), 400, "is empty"},
		{"8484 6", "padding", get("GET", target+"="), 400, "equals sign"},
		{"8484 6", "padding, encoded", get("GET", target+"%3D"), 400, "equals sign"},
		{"8484 6", "only padding", get("GET", "/dns-query?dns===="), 400, "equals sign"},
		{"4648 5", "the alphabet of base64", get("GET", "/dns-query?dns=AA+AAQAAAAAAAA"), 400, "not base64url"},
		{"4648 5", "the other letter of base64", get("GET", "/dns-query?dns=AA/AAQAAAAAAAA"), 400, "not base64url"},
		{"4648 3.3", "a letter of no alphabet", get("GET", "/dns-query?dns=AA!AAQAAAAAAAA"), 400, "not base64url"},
		{"4648 3.3", "a line end", get("GET", target+"%0A"), 400, "not base64url"},
		{"4648 3.3", "a line end as it is", get("GET", target+"\r"), 400, "not base64url"},
		{"4648 3.5", "bits left over", get("GET", "/dns-query?dns=AAAAAAAAAAAAAAAAAAAAAB"), 400, "not base64url"},
		{"4648 4", "a length that no message has", get("GET", "/dns-query?dns=AAAAA"), 400, "not base64url"},

		{"8484 4.2.1", "too short for a header", post("application/dns-message", www[:11]), 400, "not a DNS query"},
		{"8484 4.2.1", "too short for a header, GET", get("GET", "/dns-query?dns="+base64URL(www[:5])), 400, "not a DNS query"},
		{"8484 4.2.1", "no content", post("application/dns-message", nil), 400, "not a DNS query"},
		{"8484 4.2.1", "a response", post("application/dns-message", pack(t, "www.example.tw.", 1, func(m *dns.Msg) { m.Response = true })), 400, "not a DNS query"},
		{"8484 4.2.1", "a question cut short", post("application/dns-message", www[:len(www)-1]), 400, "not a DNS query"},
		{"8484 4.2.1", "bytes behind the message", post("application/dns-message", append(www[:len(www):len(www)], 0)), 400, "not a DNS query"},
		{"8484 4.2.1", "more records than there are", post("application/dns-message", change(www, 11, 1)), 400, "not a DNS query"},

		{"9110 15.5.16", "POST without a type", post("", www), 415, "application/dns-message"},
		{"9110 15.5.16", "another type", post("application/dns-json", www), 415, "application/dns-message"},
		{"9110 15.5.16", "a longer type", post("application/dns-messages", www), 415, "application/dns-message"},
		{"9110 15.5.16", "a form", post("application/x-www-form-urlencoded", []byte("dns="+good)), 415, "application/dns-message"},
		{"9110 8.3.1", "types have no case", post("Application/DNS-Message", www), 200, ""},
		{"9110 8.3.1", "not Unicode's case either", post("application/dn\u017f-message", www), 415, "application/dns-message"},
		{"9110 8.3.1", "a parameter", post("application/dns-message ; charset=utf-8", www), 200, ""},
		{"9110 8.3.1", "a lone semicolon", post("application/dns-message;", www), 200, ""},
		{"9110 5.3", "two types", post("application/dns-message, application/dns-message", www), 415, "application/dns-message"},
		{"9110 5.3", "two types, one with a parameter", post("application/dns-message;a=b, text/plain", www), 415, "application/dns-message"},
		{"9110 8.4", "a coding", typed(mediaType, "gzip"), 415, "application/dns-message"},
		{"9110 8.4.1", "the coding that is none", typed(mediaType, "Identity"), 200, ""},
		{"8484 4.1", "POST ignores the target's parameters", at(post(mediaType, www), "/dns-query?dns=!"), 200, ""},
		{"9110 15.5.5", "POST elsewhere", at(post(mediaType, www), "/"), 404, "nothing at this path"},

		{"9110 15.5.14", "content that is too long", post(mediaType, make([]byte, 65536)), 413, "65535"},
		{"9110 15.5.14", "found by the transport", refused(413), 413, "65535"},
		{"9110 15.5.15", "a target that is too long", get("GET", target+"&x="+strings.Repeat("x", 4096)), 414, "too long"},
		{"9110 15.5.15", "found by the transport", refused(414), 414, "too long"},
		{"6585 5", "fields that are too large, found by the transport", refused(431), 431, "fields"},
		{"9110 15.5.1", "anything else that the transport found", refused(400), 400, "not a request"},
	} {
		res := answer(plain, w, c.request)
		if res.Status != c.status {
			t.Errorf("RFC %s, %s: status %d %q, want %d", c.rfc, c.what, res.Status, res.Body, c.status)
			continue
		}
		if c.status == 200 {
			checkAnswer(t, "RFC "+c.rfc+", "+c.what, res)
			continue
		}
		if res.ContentType != plainText || !strings.Contains(string(res.Body), c.text) || res.MaxAge != exchange.NoStore {
			t.Errorf("RFC %s, %s: %q (%s, max-age %d), want it to say %q", c.rfc, c.what, res.Body, res.ContentType, res.MaxAge, c.text)
		}
		if allow := field(res, "allow"); (c.status == 405) != (allow == "GET, HEAD, POST") {
			t.Errorf("RFC 9110 10.2.1, %s: status %d with Allow: %q", c.what, c.status, allow)
		}
		// With a page all that concerns queries is the same.
		if res := answer(withPage, w, c.request); res.Status != c.status && string(c.request.Path) != "/" {
			t.Errorf("RFC %s, %s, with a page: status %d, want %d", c.rfc, c.what, res.Status, c.status)
		}
	}
}

// change returns a copy with one byte changed.
func change(message []byte, at int, to byte) []byte {
	message = append([]byte(nil), message...)
	message[at] = to
	return message
}

func field(res exchange.Response, name string) string {
	for _, f := range res.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// checkAnswer expects the address of www.example.tw.
func checkAnswer(t *testing.T, what string, res exchange.Response) {
	t.Helper()
	var m dns.Msg
	if err := m.Unpack(res.Body); err != nil {
		t.Errorf("%s: %x: %v", what, res.Body, err)
		return
	}
	if res.ContentType != "application/dns-message" || m.Id != 0 || len(m.Answer) != 1 || m.Answer[0].Header().Name != "www.example.tw." {
		t.Errorf("%s: %s\n%v", what, res.ContentType, &m)
	}
	if res.MaxAge != 60 {
		t.Errorf("%s: max-age %d, want 60", what, res.MaxAge)
	}
}

// The ID is echoed, though RFC 8484 §4.1 wants clients to send 0.
func TestID(t *testing.T) {
	res := answer(newTestHandler(t, Resources{}), newWork(t), post(mediaType, pack(t, "www.example.tw.", 1, func(m *dns.Msg) { m.Id = 0xbeef })))
	if res.Status != 200 || res.Body[0] != 0xbe || res.Body[1] != 0xef {
		t.Errorf("status %d, ID %x, want beef", res.Status, res.Body[:2])
	}
}

// RFC 8484 §5.1, RFC 2308 §5; see freshness.
func TestFreshness(t *testing.T) {
	h, w := newTestHandler(t, Resources{}), newWork(t)
	for _, c := range []struct {
		what, name string
		rrtype     uint16
		rcode      int
		age        int64
	}{
		{"one RRset", "www.example.tw.", dns.TypeAAAA, dns.RcodeSuccess, 60},
		{"the TTL of the answer, not of others", "long.example.tw.", dns.TypeTXT, dns.RcodeSuccess, 86400},
		{"the smallest TTL is the target's", "alias.example.tw.", dns.TypeA, dns.RcodeSuccess, 60},
		{"an alias to elsewhere", "away.example.tw.", dns.TypeA, dns.RcodeSuccess, 777},
		{"the apex", "example.tw.", dns.TypeNS, dns.RcodeSuccess, 7200},
		{"a SOA that was asked for", "example.tw.", dns.TypeSOA, dns.RcodeSuccess, 900},
		{"NXDOMAIN: MINIMUM is smaller", "missing.example.tw.", dns.TypeA, dns.RcodeNameError, 300},
		{"NXDOMAIN: the SOA's TTL is smaller", "missing.short.tw.", dns.TypeA, dns.RcodeNameError, 30},
		{"no data", "www.example.tw.", dns.TypeMX, dns.RcodeSuccess, 300},
		{"NXDOMAIN behind an alias that lives shorter", "nowhere.example.tw.", dns.TypeA, dns.RcodeNameError, 250},
		{"no data behind an alias that lives longer", "toempty.example.tw.", dns.TypeMX, dns.RcodeSuccess, 300},
		{"a referral", "www.cut.example.tw.", dns.TypeA, dns.RcodeSuccess, 1800},
		{"a TTL with the highest bit set is 0", "negative.example.tw.", dns.TypeTXT, dns.RcodeSuccess, 0},
		{"not our zone", "example.com.", dns.TypeA, dns.RcodeRefused, exchange.NoStore},
		{"a transfer", "example.tw.", dns.TypeAXFR, dns.RcodeRefused, exchange.NoStore},
	} {
		q := pack(t, c.name, c.rrtype, func(m *dns.Msg) { m.SetEdns0(1232, true) })
		res := answer(h, w, post(mediaType, q))
		var m dns.Msg
		if err := m.Unpack(res.Body); err != nil || res.Status != 200 || m.Rcode != c.rcode {
			t.Errorf("%s: status %d, %v\n%v", c.what, res.Status, err, &m)
			continue
		}
		if res.MaxAge != c.age {
			t.Errorf("%s: max-age %d, want %d\n%v", c.what, res.MaxAge, c.age, &m)
		}
	}
}

func TestFreshnessOfErrors(t *testing.T) {
	h, w := newTestHandler(t, Resources{}), newWork(t)
	for what, q := range map[string][]byte{
		"NOTIMP":                        pack(t, "example.tw.", dns.TypeSOA, func(m *dns.Msg) { m.Opcode = dns.OpcodeStatus }),
		"BADVERS":                       pack(t, "example.tw.", dns.TypeSOA, func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }),
		"well-formed, but FORMERR":      pack(t, "example.tw.", dns.TypeSOA, func(m *dns.Msg) { m.Question = append(m.Question, m.Question...) }),
		"no question (RFC 9619 §4)":     pack(t, "example.tw.", dns.TypeSOA, func(m *dns.Msg) { m.Question = nil }),
		"two OPT records (6891 §6.1.1)": pack(t, "example.tw.", dns.TypeSOA, func(m *dns.Msg) { m.SetEdns0(1232, false); m.SetEdns0(1232, false) }),
	} {
		if res := answer(h, w, post(mediaType, q)); res.Status != 200 || res.MaxAge != exchange.NoStore || res.ContentType != mediaType {
			t.Errorf("%s: status %d, max-age %d, %s; want 200, no-store", what, res.Status, res.MaxAge, res.ContentType)
		}
	}
}

// In a referral, glue doesn't count.
func TestFreshnessOfReferral(t *testing.T) {
	m := pack(t, "www.cut.example.tw.", dns.TypeA, func(m *dns.Msg) {
		m.Response = true
		m.Ns = testzone.MustParse(".", "cut.example.tw. 1800 IN NS ns.cut.example.tw.\ncut.example.tw. 600 IN DS 1 8 2 00\n")
		m.Extra = testzone.MustParse(".", "ns.cut.example.tw. 5 IN A 192.0.2.1")
	})
	if age := freshness(m); age != 600 {
		t.Errorf("max-age %d, want the DS's 600", age)
	}
}

func TestFreshnessOfNonsense(t *testing.T) {
	m := pack(t, "www.example.tw.", dns.TypeA, func(m *dns.Msg) {
		m.Response = true
		m.Answer = testzone.MustParse(".", "www.example.tw. 60 IN A 192.0.2.1")
	})
	if age := freshness(m); age != 60 {
		t.Fatalf("max-age %d, want 60", age)
	}
	for n := range m {
		if age := freshness(m[:n]); age != exchange.NoStore {
			t.Errorf("%d of %d bytes: max-age %d, want no-store", n, len(m), age)
		}
	}
	if age := freshness(change(m, 2, m[2]|flagTC)); age != exchange.NoStore {
		t.Errorf("truncated: max-age %d, want no-store", age)
	}
	if age := freshness(change(m, 3, dns.RcodeServerFailure)); age != exchange.NoStore {
		t.Errorf("SERVFAIL: max-age %d, want no-store", age)
	}
}

func TestPage(t *testing.T) {
	h, w := newTestHandler(t, Resources{Page: newPage(t)}), newWork(t)
	for _, c := range []struct {
		request exchange.Request
		status  int
		body    string // is in it
	}{
		{get("GET", "/"), 200, "<!doctype html>"},
		{get("HEAD", "/"), 200, "<!doctype html>"},
		{get("GET", "/?name=x"), 200, "<!doctype html>"},
		{get("GET", "/lookup/doh.js"), 200, "fetch"},
		{get("GET", "/other"), 404, "nothing at this path"},
		{get("POST", "/other"), 404, "nothing at this path"},
		{get("POST", "/"), 405, "this can only be read"},
	} {
		res := answer(h, w, c.request)
		if res.Status != c.status || !strings.Contains(strings.ToLower(string(res.Body)), c.body) {
			t.Errorf("%s %s: %d %q, want %d %q", c.request.Method, c.request.Path, res.Status, res.Body, c.status, c.body)
		}
		if policy := field(res, "content-security-policy"); (c.status == 200) != (policy == lookup.ContentSecurityPolicy) {
			t.Errorf("%s %s: policy %q", c.request.Method, c.request.Path, policy)
		}
		if allow := field(res, "allow"); (c.status == 405) != (allow == "GET, HEAD") {
			t.Errorf("%s %s: Allow: %q", c.request.Method, c.request.Path, allow)
		}
	}
	if res := answer(h, w, post(mediaType, pack(t, "www.example.tw.", dns.TypeA))); res.Status != 200 || field(res, "content-security-policy") != "" {
		t.Errorf("a query with a page: %d %v", res.Status, res.Fields)
	}
}

func TestResources(t *testing.T) {
	for _, r := range []Resources{
		{Path: "dns-query"}, {Path: "/dns query"}, {Path: "/%2F"}, {Path: "/é"}, {Path: "/a?b"}, {Path: "/a#b"},
		{Path: "/", Page: newPage(t)}, {TargetBytes: 255}, {TargetBytes: 65537},
	} {
		if _, err := NewHandler(r); err == nil {
			t.Errorf("%+v: no error", r)
		}
	}
	h, w := newTestHandler(t, Resources{Path: "/"}), newWork(t)
	if res := answer(h, w, get("GET", "/?dns="+base64URL(pack(t, "www.example.tw.", dns.TypeA)))); res.Status != 200 {
		t.Errorf("path /: status %d", res.Status)
	}
}

func TestAnswerAllocatesNothing(t *testing.T) {
	h, w := newTestHandler(t, Resources{}), newWork(t)
	wire := pack(t, "www.example.tw.", dns.TypeA)
	buffer := make([]byte, exchange.MaxBody)
	for _, c := range []struct {
		what    string
		request exchange.Request
		status  int
	}{
		{"POST", post(mediaType, wire), 200},
		{"GET", get("GET", "/dns-query?dns="+base64URL(wire)), 200},
		{"a bad GET", get("GET", "/dns-query?dns=="), 400},
		{"another path", get("GET", "/"), 404},
		{"another method", get("PUT", "/dns-query"), 405},
	} {
		var res exchange.Response
		n := testing.AllocsPerRun(1000, func() {
			res.Reset(buffer)
			h.Answer(w, &c.request, &res)
		})
		if n != 0 && !raceDetector || res.Status != c.status {
			t.Errorf("%s: %v allocations, status %d", c.what, n, res.Status)
		}
	}
}

// FuzzAnswer looks for requests that the handler fails on, or answers with what is
// no response.
func FuzzAnswer(f *testing.F) {
	www := pack(f, "www.example.tw.", dns.TypeA)
	f.Add("GET", []byte("/dns-query?dns="+base64URL(www)), []byte(""), []byte(""))
	f.Add("GET", []byte("/dns%2dquery?x=1&d%6es=%41AA"), []byte(""), []byte(""))
	f.Add("POST", []byte("/dns-query"), []byte(mediaType), www)
	f.Add("POST", []byte("/dns-query?x"), []byte("Application/Dns-Message; a=b"), www[:20])
	f.Add("HEAD", []byte("/"), []byte("text/html"), []byte("<p>"))
	f.Add("OPTIONS", []byte("*"), []byte(""), []byte(""))
	h, w := newTestHandler(f, Resources{Page: newPage(f)}), newWork(f)
	f.Fuzz(func(t *testing.T, method string, path, contentType, body []byte) {
		req := exchange.Request{Method: method, Path: path, ContentType: contentType, Body: body}
		res := answer(h, w, req)
		switch res.Status {
		case 200:
			if res.ContentType != mediaType {
				return // a file of the page
			}
			if len(res.Body) < 12 || res.Body[2]&0x80 == 0 || res.MaxAge < exchange.NoStore || res.MaxAge > 1<<31-1 {
				t.Fatalf("answered with %x, max-age %d", res.Body, res.MaxAge)
			}
			if !wellFormed(res.Body) {
				t.Fatalf("not well-formed: %x", res.Body)
			}
		case 400, 404, 405, 413, 414, 415:
			if res.MaxAge != exchange.NoStore || len(res.Body) == 0 {
				t.Fatalf("status %d, max-age %d, %q", res.Status, res.MaxAge, res.Body)
			}
		default:
			t.Fatalf("status %d", res.Status)
		}
	})
}
