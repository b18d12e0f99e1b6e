package overquic

import (
	"encoding/base64"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"yushan/bench/load"
	"yushan/bench/pace"
)

// answerHTTP answers POST and GET.
func answerHTTP(t testing.TB) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query, err := readHTTP(r)
		if err != nil || len(query) < 12 || r.URL.Path != "/dns-query" || r.Header.Get("Accept") != "application/dns-message" {
			t.Errorf("%s %s %v: %x, %v: expected a query", r.Method, r.URL, r.Header, query, err)
			http.Error(w, "no query", http.StatusBadRequest)
			return
		}
		w.Write(answerTo(query))
	}
}

func readHTTP(r *http.Request) ([]byte, error) {
	if r.Method == http.MethodPost {
		return io.ReadAll(r.Body)
	}
	return base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
}

func TestPersistent(t *testing.T) {
	doqServer := serveDoQ(t, quic.Config{}, usual)
	h3Server := serveDoH3(t, answerHTTP(t))
	for _, tt := range []struct {
		name   string
		server *fake
		load.Transport
		get bool
	}{
		{"doq", doqServer, load.DoQ, false},
		{"doh3", h3Server, load.DoH3, false},
		{"doh3 get", h3Server, load.DoH3, true},
	} {
		for _, plan := range []pace.Plan{limited(500), {Rate: 2000, RateAtEnd: 2000, Duration: 250 * time.Millisecond}} {
			run := test{options: options(tt.server.addr, tt.Transport), plan: plan, workers: 2}
			run.options.Get = tt.get
			r := run.run(t)
			answered(t, r, 500)
			if c := r.Connections; c.Opened == 0 || c.Opened > 6 || c.Resumed+c.Early+c.Broken+c.Failed != 0 {
				t.Errorf("%s: %+v: expected 2 × 3 connections, or some of them, and nothing else", tt.name, *c)
			}
		}
	}
}
