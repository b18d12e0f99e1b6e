package h2

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"yushan/internal/peer"
	"yushan/server/doh/exchange"
)

// goClient is Go's own, over TLS.
func goClient(t *testing.T, config *tls.Config) *http.Client {
	tr := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func tlsServer(t *testing.T, limits Limits, handler exchange.Handler) (url string) {
	s, err := New(limits)
	if err != nil {
		t.Fatal(err)
	}
	addr := listen(t, s, handler, &tls.Config{Certificates: []tls.Certificate{selfSigned()}, NextProtos: []string{"h2"}})
	return "https://" + addr.String()
}

// Many requests at once of each kind, with Go's client.
func TestGoClient(t *testing.T) {
	url := tlsServer(t, Limits{}, handlerFunc(describe))
	client := goClient(t, &tls.Config{InsecureSkipVerify: true})
	var all sync.WaitGroup
	for worker := range 20 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 0))
			for i := range 50 {
				var req *http.Request
				var want string
				switch path := fmt.Sprintf("/%d/%d", worker, i); r.IntN(5) {
				case 0:
					req, _ = http.NewRequest("GET", url+path, nil)
					want = strings.TrimPrefix(plain("GET", path, ""), "200 ")
				case 1:
					body := strings.Repeat("q", r.IntN(3000))
					req, _ = http.NewRequest("POST", url+path, strings.NewReader(body))
					req.Header.Set("Content-Type", "application/dns-message")
					want = strings.TrimPrefix(plain("POST", path, body), "200 ")
				case 2: // of a length that isn't known, with trailers
					req, _ = http.NewRequest("POST", url+path, io.MultiReader(strings.NewReader("a"), strings.NewReader("b")))
					req.Header.Set("Content-Type", "application/dns-message")
					req.Trailer = http.Header{"X-Sum": {"1"}}
					want = strings.TrimPrefix(plain("POST", path, "ab"), "200 ")
				case 3:
					req, _ = http.NewRequest("HEAD", url+path, nil)
				case 4:
					req, _ = http.NewRequest("GET", url+"/page", nil)
					want = string(page)
				}
				res, err := client.Do(req)
				if err != nil {
					t.Errorf("%s %s: %v", req.Method, req.URL.Path, err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 || string(body) != want {
					t.Errorf("%s %s: %d, %v, %.100q; want 200, %.100q", req.Method, req.URL.Path, res.StatusCode, err, body, want)
				}
			}
		})
	}
	all.Wait()
}

// The same requests to net/http's server: statuses, fields and bodies are the same.
func TestAgainstNetHTTP(t *testing.T) {
	peer := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := exchange.Request{Method: r.Method, Path: []byte(r.RequestURI), ContentType: []byte(strings.Join(r.Header["Content-Type"], ", ")),
			ContentEncoding: []byte(r.Header.Get("Content-Encoding")), Forwarded: []byte(strings.Join(r.Header["Forwarded"], ", ")),
			XForwardedFor: []byte(strings.Join(r.Header["X-Forwarded-For"], ", "))}
		req.Body, _ = io.ReadAll(r.Body)
		var res exchange.Response
		res.Reset(make([]byte, exchange.MaxBody))
		describe(&req, &res)
		h := w.Header()
		h.Set("Content-Type", res.ContentType)
		h.Set("Content-Length", fmt.Sprint(len(res.Body)))
		h.Set("Cache-Control", string(res.AppendCacheControl(nil)))
		for _, f := range res.Fields {
			h.Set(f.Name, f.Value)
		}
		w.WriteHeader(res.Status)
		w.Write(res.Body)
	}))
	peer.EnableHTTP2 = true
	peer.StartTLS()
	t.Cleanup(peer.Close)
	here := tlsServer(t, Limits{}, handlerFunc(describe))
	client := goClient(t, &tls.Config{InsecureSkipVerify: true})

	r := rand.New(rand.NewPCG(5, 6))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	for i := range 300 {
		method := pick("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY")
		path := pick("/", "/dns-query", "/dns-query?dns=AAAB", "/%41?x=%20", "/size/0", "/size/20000", "/size/65535", "/page")
		body := ""
		if method == "POST" || method == "PUT" {
			body = strings.Repeat("b", r.IntN(3)*r.IntN(1000))
		}
		header := http.Header{}
		for _, name := range []string{"Content-Type", "Content-Encoding", "Forwarded", "X-Forwarded-For", "X-Other"} {
			for range r.IntN(3) {
				header.Add(name, pick("a", "b/c; d=e", "for=192.0.2.1", `"quoted, comma"`))
			}
		}
		header["Content-Encoding"] = header["Content-Encoding"][:min(1, len(header["Content-Encoding"]))]
		ask := func(url string) string {
			req, err := http.NewRequest(method, url+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = header.Clone()
			res, err := client.Do(req)
			if err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			defer res.Body.Close()
			got, err := io.ReadAll(res.Body)
			if err != nil || res.Header.Get("Date") == "" {
				t.Errorf("%s %s: %v, Date %q", method, path, err, res.Header.Get("Date"))
			}
			res.Header.Del("Date")
			return fmt.Sprintf("%d %d %v %q", res.StatusCode, res.ContentLength, res.Header, got)
		}
		if got, want := ask(here), ask(peer.URL); got != want {
			t.Fatalf("request %d, %s %s: %.300s\nnet/http: %.300s", i, method, path, got, want)
		}
	}
}

func TestCurl(t *testing.T) {
	curl := peer.Tool(t, "curl", "curl")
	url := tlsServer(t, Limits{}, handlerFunc(describe))
	dir := t.TempDir()
	upload := filepath.Join(dir, "upload")
	if err := os.WriteFile(upload, bytes.Repeat([]byte("u"), 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), curl, append([]string{"-k", "-sS", "--http2", "-w", " %{http_version} %{http_code}"}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("curl %v: %v", args, err)
		}
		return string(out)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{url + "/dns-query?dns=AAAB"}, plain("GET", "/dns-query?dns=AAAB", "")[4:] + " 2 200"},
		{[]string{"-H", "content-type: application/dns-message", "--data-binary", "query", url + "/dns-query"}, plain("POST", "/dns-query", "query")[4:] + " 2 200"},
		{[]string{"-I", "-o", os.DevNull, url + "/"}, " 2 200"},
		{[]string{"-o", os.DevNull, "-H", "expect:", "--data-binary", "@" + upload, url + "/"}, " 2 413"},
		{[]string{"-o", os.DevNull, "--data-binary", "@" + upload, url + "/"}, " 2 413"},
		{[]string{"-o", os.DevNull, url + "/" + strings.Repeat("a", 9000)}, " 2 414"},
		{[]string{"-o", os.DevNull, "-H", "cookie: " + strings.Repeat("a", 9000), url + "/"}, " 2 431"},
		{[]string{url + "/page"}, string(page) + " 2 200"},
	} {
		if got := ask(test.args...); got != test.want {
			t.Errorf("curl %.100v: %.200q, want %.200q", test.args, got, test.want)
		}
	}
	// Eight at once on one connection.
	got := ask("--parallel", "--no-progress-meter", "--parallel-max", "8", "-w", "%{http_code} ", "-o", os.DevNull, url+"/size/[60000-60050]")
	if want := strings.Repeat("200 ", 51); got != want {
		t.Errorf("51 in parallel: %q", got)
	}
}

// Cleartext with prior knowledge (RFC 9113 §3.3).
func TestCleartext(t *testing.T) {
	s, err := New(Limits{})
	if err != nil {
		t.Fatal(err)
	}
	addr := listen(t, s, handlerFunc(describe), nil)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("http://" + addr.String() + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != plain("GET", "/x", "")[4:] {
		t.Errorf("%q, %v", body, err)
	}
}
