package lookup_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"yushan/examples/lab"
	"yushan/internal/browser"
	"yushan/internal/reference"
	"yushan/server/doh/lookup"
)

// site serves the page, and answers /dns-query from the lab's zones.
type site struct {
	*httptest.Server
	pin string

	mu      sync.Mutex
	answer  func(query []byte) []byte // nil: from the zones
	handler http.Handler              // nil: as RFC 8484 says
	queries []received
}

// received is a query as it came.
type received struct {
	method string
	wire   []byte
}

// labEngine answers from the lab's zones, freshly signed.
var labEngine = sync.OnceValues(func() (*reference.Engine, error) {
	zones := map[string][]dns.RR{}
	for _, z := range lab.Zones {
		records, err := z.Read(context.Background())
		if err != nil {
			return nil, err
		}
		if records, _, err = z.Sign(context.Background(), records); err != nil {
			return nil, err
		}
		for _, rr := range records {
			if rr.Header().Rrtype == dns.TypeSOA {
				zones[rr.Header().Name] = records
			}
		}
	}
	return reference.New(zones, reference.Options{Identity: "yushan-lab", Version: "yushan"}), nil
})

func serve(t *testing.T, opts lookup.Options) *site {
	t.Helper()
	engine, err := labEngine()
	if err != nil {
		t.Fatal(err)
	}
	page, err := lookup.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	path := opts.DNSPath
	if path == "" {
		path = "/dns-query"
	}
	s := &site{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			s.dns(w, r, engine)
			return
		}
		body, contentType, ok := page.File(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		for _, field := range lookup.Fields {
			w.Header().Set(field.Name, field.Value)
		}
		w.Header().Set("Content-Type", contentType)
		w.Write(body)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	s.pin = browser.Pin(s.Certificate())
	return s
}

// set replaces how queries are answered.
func (s *site) set(answer func(query []byte) []byte, handler http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.handler = answer, handler
}

// take returns the queries that came since the last call.
func (s *site) take() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	queries := s.queries
	s.queries = nil
	return queries
}

func (s *site) dns(w http.ResponseWriter, r *http.Request, engine *reference.Engine) {
	wire, err := io.ReadAll(r.Body)
	if r.Method == http.MethodGet {
		wire, err = base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	answer, handler := s.answer, s.handler
	s.queries = append(s.queries, received{r.Method, wire})
	s.mu.Unlock()
	if handler != nil {
		handler.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/dns-message")
	w.Header().Set("Alt-Svc", `h3=":8443"; ma=86400`)
	if answer != nil {
		w.Write(answer(wire))
		return
	}
	response := engine.Answer(reference.Request{Wire: wire, Transport: reference.DoH}).Msg
	if len(response.Answer) > 0 {
		w.Header().Set("Cache-Control", "max-age="+strconv.Itoa(int(response.Answer[0].Header().Ttl)))
	}
	response.Compress = true
	out, err := response.Pack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(out)
}

// labOptions are the page as the lab shows it.
func labOptions() lookup.Options {
	opts := lookup.Options{
		Server:     "yushan-lab",
		SelfSigned: true,
		Examples: []lookup.Example{
			{Name: "資訊.台灣", Type: "HTTPS", With: "do", Shows: "data of a signed zone"},
			{Name: "www.夜市.台灣", Type: "A", Shows: "a referral with glue"},
			{Name: "www.signed.com.tw", Type: "A", With: "do", Shows: "a referral with DS"},
			{Name: "start.nic.tw", Type: "AAAA", Shows: "a chain of aliases"},
			{Name: "不存在.台灣", Type: "A", With: "do", Shows: "NXDOMAIN, proved by NSEC"},
			{Name: "tw", Type: "DNSKEY", With: "do", Shows: "keys"},
			{Name: "id.server", Type: "TXT", With: "ch", Shows: "who the server is"},
			{Name: "example.com", Type: "A", Shows: "REFUSED, with an extended error"},
		},
	}
	for _, z := range lab.Zones {
		for _, q := range z.Questions() {
			opts.Catalogue = append(opts.Catalogue, lookup.Example{Name: q.Name, Type: q.Type, With: "do", Shows: q.Shows})
		}
	}
	return opts
}
