package doh

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// output runs a program and returns what it has printed, errors included.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func has(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q is not in\n%s", what, part, text)
		}
	}
}

func host(at netip.AddrPort) (addr, port string) {
	return at.Addr().String(), fmt.Sprint(at.Port())
}

// TestKdig: kdig speaks HTTP/2.
func TestKdig(t *testing.T) {
	kdig := peer.Tool(t, "kdig", "knot-dnsutils")
	s := startTLS(t, TCPConfig{})
	addr, port := host(s.Addr())
	for _, how := range []string{"+https", "+https-get"} {
		for question, want := range map[string][]string{
			"www.example.tw A":     {"status: NOERROR", "192.0.2.80", "ANSWER: 1;"},
			"missing.example.tw A": {"status: NXDOMAIN", "example.tw.", "SOA"},
			"www.cut.example.tw A": {"status: NOERROR", "ns.cut.example.tw.", "AUTHORITY: 1;"},
			"example.com A":        {"status: REFUSED"},
			"example.tw AXFR":      {"REFUSED"},
		} {
			if strings.HasSuffix(question, "AXFR") && how == "+https-get" {
				continue // kdig has none
			}
			args := append([]string{"@" + addr, "-p", port, "+https", how, "+time=50", "+retry=0"}, strings.Fields(question)...)
			out, _ := exec.Command(kdig, args...).CombinedOutput() // REFUSED is an error of AXFR
			has(t, how+" "+question, string(out), want...)
		}
	}
	if got := s.Counters().HTTP2; got.Status[200] < 9 || got.Total() != got.Status[200] {
		t.Errorf("%+v, want at least 9 times 200, and nothing else", got)
	}
}

// TestDig: so does dig.
func TestDig(t *testing.T) {
	dig := peer.Tool(t, "dig", "bind9-dnsutils")
	secure, clear := startTLS(t, TCPConfig{}), startTCP(t, TCPConfig{})
	for how, s := range map[string]*TCP{"+https": secure, "+https-get": secure, "+http-plain": clear, "+http-plain-get": clear} {
		addr, port := host(s.Addr())
		has(t, how, output(t, dig, "@"+addr, "-p", port, how, "+norec", "+timeout=50", "+tries=1", "www.example.tw", "A"),
			"status: NOERROR", "192.0.2.80")
		has(t, how, output(t, dig, "@"+addr, "-p", port, how, "+norec", "+timeout=50", "+tries=1", "www.example.tw", "MX"),
			"ANSWER: 0", "SOA")
	}
}

func TestCurl(t *testing.T) {
	curl := peer.Tool(t, "curl", "curl")
	secure, clear := startTLS(t, TCPConfig{}), startTCP(t, TCPConfig{})
	message := pack(t, "www.example.tw.", dns.TypeA)
	query := filepath.Join(t.TempDir(), "query")
	if err := os.WriteFile(query, message, 0o600); err != nil {
		t.Fatal(err)
	}
	url := "https://" + secure.Addr().String() + "/dns-query"
	cleartext := "http://" + clear.Addr().String() + "/dns-query"
	get := "?dns=" + base64URL(message)
	binary := []string{"--data-binary", "@" + query, "-H", "Content-Type: application/dns-message"}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--http2", url + get}, []string{"HTTP/2 200", "content-type: application/dns-message", "cache-control: max-age=60"}},
		{[]string{"--http1.1", url + get}, []string{"HTTP/1.1 200 OK", "Content-Type: application/dns-message", "Cache-Control: max-age=60"}},
		{[]string{"--http1.0", cleartext + get}, []string{"200 OK", "Content-Type: application/dns-message"}},
		{[]string{"--http2-prior-knowledge", cleartext + get}, []string{"HTTP/2 200", "cache-control: max-age=60"}},
		{[]string{"--http1.1", cleartext + get}, []string{"HTTP/1.1 200 OK"}},
		{[]string{"--http2", cleartext + get}, []string{"HTTP/1.1 200 OK"}}, // an upgrade isn't offered
		{append([]string{"--http2", url}, binary...), []string{"HTTP/2 200", "content-type: application/dns-message"}},
		{append([]string{"--http1.1", url}, binary...), []string{"HTTP/1.1 200 OK"}},
		{append([]string{"--http1.1", "-H", "Transfer-Encoding: chunked", url}, binary...), []string{"HTTP/1.1 200 OK"}},
		{append([]string{"--http1.1", "-H", "Expect: 100-continue", url}, binary...), []string{"HTTP/1.1 200 OK"}},
		{[]string{"--http2", "--head", url + get}, []string{"HTTP/2 200", "cache-control: max-age=60", "content-length: 48"}},
		{[]string{"--http1.1", "--head", url + get}, []string{"HTTP/1.1 200 OK", "Content-Length: 48"}},
		{[]string{"--http2", "-X", "PUT", url}, []string{"HTTP/2 405", "allow: GET, HEAD, POST"}},
		{[]string{"--http1.1", "-X", "PUT", url}, []string{"HTTP/1.1 405", "Allow: GET, HEAD, POST"}},
		{[]string{"--http1.1", "-X", "OPTIONS", "--request-target", "*", url}, []string{"HTTP/1.1 405", "Allow: GET, HEAD, POST"}},
		{[]string{"--http1.1", "--request-target", "http://x/dns-query" + get, cleartext}, []string{"HTTP/1.1 200 OK"}},
		{[]string{"--http2", "-d", "x", url}, []string{"HTTP/2 415"}},
		{[]string{"--http2", url + get + "="}, []string{"HTTP/2 400", "must not be padded"}},
		{[]string{"--http1.1", url + get + "="}, []string{"HTTP/1.1 400", "must not be padded"}},
		{[]string{"--http2", url}, []string{"HTTP/2 400", "is missing"}},
		{[]string{"--http2", strings.TrimSuffix(url, "/dns-query")}, []string{"HTTP/2 404"}},
	} {
		args := append([]string{"-sS", "-k", "-i", "-m", "50", "-o", "-"}, c.args...)
		has(t, "curl "+strings.Join(c.args, " "), output(t, curl, args...), c.want...)
	}
	// curl asks by itself, and finds that nothing listens at the address that it got.
	out, _ := exec.Command(curl, "-sS", "-v", "-m", "50", "--connect-timeout", "1", "--doh-insecure", "--doh-url", url, "http://www.example.tw/").CombinedOutput()
	has(t, "curl --doh-url", string(out), "192.0.2.80")
}

// TestDnsperf: dnsperf multiplexes hundreds of queries by HTTP/2.
func TestDnsperf(t *testing.T) {
	dnsperf := peer.Tool(t, "dnsperf", "dnsperf")
	s := startTLS(t, TCPConfig{})
	addr, port := host(s.Addr())
	queries := filepath.Join(t.TempDir(), "queries")
	if err := os.WriteFile(queries, []byte(strings.Repeat("www.example.tw A\nmissing.example.tw A\nwww.cut.example.tw AAAA\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"GET", "POST"} {
		out := output(t, dnsperf, "-s", addr, "-p", port, "-m", "doh", "-d", queries, "-n", "5", "-c", "4", "-q", "100", "-t", "50",
			"-O", "doh-method="+method, "-O", "doh-uri=https://localhost/dns-query")
		has(t, method, out, "Queries completed:    1500 (100.00%)", "Queries lost:         0 (0.00%)")
	}
	if got := s.Counters().HTTP2; got.Status[200] != 3000 || got.Total() != 3000 {
		t.Errorf("%+v, want 3000 times 200", got)
	}
}
