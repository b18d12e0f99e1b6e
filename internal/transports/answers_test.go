package transports

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/peer"
	"yushan/tls/tlsa"
)

// reference is what UDP, or TCP where UDP's answer is cut off, says to each question.
type reference [][]byte

func askReference(t *testing.T, s *server) reference {
	t.Helper()
	wires := make([][]byte, len(questions))
	for i, q := range questions {
		wires[i] = q.wire(t)
	}
	answers, whole := exchange(t, s.dns, false, wires...), exchange(t, s.dns, true, wires...)
	for i, q := range questions {
		if truncated := answers[i][2]&2 != 0; truncated != q.large {
			t.Errorf("%v by UDP: truncated: %v, expected %v", q, truncated, q.large)
		}
		if q.large {
			answers[i] = whole[i]
		}
		// Each message has an ID of its own.
		answers[i][0], answers[i][1], whole[i][0], whole[i][1] = 0, 0, 0, 0
		if err := q.check(answers[i]); err != nil {
			t.Errorf("%v by UDP: %v", q, err)
		}
		if !bytes.Equal(answers[i], whole[i]) {
			t.Errorf("%v: by UDP\n%sby TCP\n%s", q, hex.Dump(answers[i]), hex.Dump(whole[i]))
		}
	}
	return answers
}

// TestAnswers has one server that all clients ask.
func TestAnswers(t *testing.T) {
	s := newServer(t, newSite(t, node1), newAuthority(t))
	want := askReference(t, s)
	t.Run("clients", func(t *testing.T) {
		t.Run("kdig", func(t *testing.T) { t.Parallel(); testKdig(t, s) })
		t.Run("dig", func(t *testing.T) { t.Parallel(); testDig(t, s) })
		t.Run("curl", func(t *testing.T) { t.Parallel(); testCurl(t, s, want) })
		t.Run("dnsperf", func(t *testing.T) { t.Parallel(); testDNSPerf(t, s) })
		t.Run("crypto-tls", func(t *testing.T) { t.Parallel(); testDoT(t, s, want) })
		t.Run("quic-go", func(t *testing.T) { t.Parallel(); testDoQ(t, s, want) })
		t.Run("http", func(t *testing.T) { t.Parallel(); testDoH(t, s, want) })
	})
	totals := s.Stop()
	for _, transport := range []string{"UDP", "TCP", "DoT", "DoQ"} {
		if c := totals[transport]; c["queries"] == 0 || c["queries"] != c["responses"] || c["panics"] != 0 {
			t.Errorf("%s: %v: expected as many responses as queries", transport, c)
		}
	}
	for transport, versions := range map[string][]string{"DoH": {"http1", "http2"}, "DoH (HTTP/3)": {"http3"}} {
		for _, version := range versions {
			if c := totals[transport]; c[version+"_requests"] == 0 || c[version+"_200"] != c[version+"_requests"] {
				t.Errorf("%s: %v: expected 200 for each %s request", transport, c, version)
			}
		}
	}
}

// words are the questions as dig and kdig take them.
func words() (list []string) {
	for _, q := range questions {
		list = append(list, q.ascii(), dns.TypeToString[q.qtype])
	}
	return list
}

// testTool has dig or kdig ask all questions by each way, of which the first is what
// the others are compared with.
func testTool(t *testing.T, tool string, ways [][]string, session map[string]string) {
	var want string
	for i, way := range ways {
		output, err := run(t, tool, append(way, words()...)...)
		flag := strings.Join(way, " ")
		if err != nil || strings.Count(output, "->>HEADER<<-") != len(questions) {
			t.Errorf("%s: %v, expected %d answers:\n%s", flag, err, len(questions), output)
			continue
		}
		got := printed(output)
		if i == 0 {
			want = got
			continue
		}
		if got != want {
			t.Errorf("%s: other answers than with %s: %s", flag, strings.Join(ways[0], " "), firstDifference(got, want))
		}
		for option, mark := range session {
			if strings.Contains(flag, option+" ") && strings.Count(output, mark) != len(questions) {
				t.Errorf("%s: expected %q for each answer:\n%s", flag, mark, output)
			}
		}
	}
}

func testKdig(t *testing.T, s *server) {
	kdig := peer.Tool(t, "kdig", "knot-dnsutils")
	common := []string{"@" + s.dns.Addr().String(), "+norec", "+dnssec", "+retry=0", "+timeout=60"}
	way := func(port uint16, flags ...string) []string {
		return append(append([]string{"-p", fmt.Sprint(port)}, common...), flags...)
	}
	checked := []string{"+tls-ca=" + s.authority.file, "+tls-hostname=" + host}
	testTool(t, kdig, [][]string{
		way(s.dns.Port()),
		way(s.dns.Port(), "+tcp", "+keepopen"),
		way(s.tls.Port(), append(checked, "+tls", "+nokeepopen")...),
		way(s.tls.Port(), append(checked, "+tls", "+keepopen")...),
		way(s.web.Port(), append(checked, "+https", "+nokeepopen")...),
		way(s.web.Port(), append(checked, "+https-get", "+nokeepopen")...),
		way(s.tls.Port(), append(checked, "+quic", "+nokeepopen")...),
	}, map[string]string{"+tls": "TLS session (TLS1.3)", "+https": "(HTTP/2-POST)", "+https-get": "(HTTP/2-GET)", "+quic": "QUIC session (QUICv1)"})

	cert := readCertificate(t, s.dir)
	pin, err := tlsa.Pin(cert.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	other, err := tlsa.Pin(s.authority.cert.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		flags []string
		good  bool
	}{
		{[]string{"+tls", "+tls-pin=" + pin}, true},
		{[]string{"+tls", "+tls-pin=" + other}, false},
		{[]string{"+tls", checked[0], "+tls-hostname=other.example"}, false},
		{[]string{"+tls", "+tls-ca=" + newAuthority(t).file, checked[1]}, false},
		{[]string{"+quic", checked[0], "+tls-hostname=other.example"}, false},
		{[]string{"+https", checked[0], "+tls-hostname=other.example"}, false},
	} {
		port := s.tls.Port()
		if tt.flags[0] == "+https" {
			port = s.web.Port()
		}
		output, err := run(t, kdig, append(way(port, tt.flags...), "tw", "SOA")...)
		if good := err == nil && strings.Contains(output, "status: NOERROR"); good != tt.good {
			t.Errorf("kdig %v: answered: %v, expected %v:\n%s", tt.flags, good, tt.good, output)
		}
	}
}

func testDig(t *testing.T, s *server) {
	dig := peer.Tool(t, "dig", "bind9-dnsutils")
	common := []string{"@" + s.dns.Addr().String(), "+norec", "+dnssec", "+nocookie", "+tries=1", "+timeout=60"}
	way := func(port uint16, flags ...string) []string {
		return append(append([]string{"-p", fmt.Sprint(port)}, common...), flags...)
	}
	checked := []string{"+tls-ca=" + s.authority.file, "+tls-hostname=" + host, "+padding=64"}
	testTool(t, dig, [][]string{
		way(s.dns.Port()),
		way(s.dns.Port(), "+tcp"),
		way(s.tls.Port(), append(checked, "+tls", "+nokeepopen")...),
		way(s.tls.Port(), append(checked, "+tls", "+keepopen")...),
		way(s.web.Port(), append(checked, "+https", "+nokeepopen")...),
		way(s.web.Port(), append(checked, "+https-get", "+nokeepopen")...),
	}, map[string]string{"+tls": "(TLS)", "+https": "(HTTPS)", "+https-get": "(HTTPS-GET)"})
	for _, flags := range [][]string{
		{"+tls", checked[0], "+tls-hostname=other.example"},
		{"+tls", "+tls-ca=" + newAuthority(t).file, checked[1]},
	} {
		output, err := run(t, dig, append(way(s.tls.Port(), flags...), "tw", "SOA")...)
		if strings.Contains(output, "->>HEADER<<-") || !strings.Contains(output, "certificate verification") {
			t.Errorf("dig %v: %v, expected that the certificate is refused:\n%s", flags, err, output)
		}
	}
}

// testCurl compares bytes: DoH without padding answers what UDP and TCP answer.
func testCurl(t *testing.T, s *server, want reference) {
	curl := peer.Tool(t, "curl", "curl")
	dir := t.TempDir()
	common := []string{"-sS", "--max-time", "60", "--cacert", s.authority.file, "--resolve", fmt.Sprintf("%s:%d:%s", host, s.web.Port(), s.web.Addr())}
	for version, number := range map[string]string{"--http1.1": "1.1", "--http2": "2"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			var args, lines []string
			for i, q := range questions {
				query := filepath.Join(dir, fmt.Sprintf("query%d", i))
				if err := os.WriteFile(query, q.wire(t), 0o600); err != nil {
					t.Fatal(err)
				}
				if i > 0 {
					args = append(args, "--next")
				}
				args = append(args, common...)
				args = append(args, version, "-w", "%{http_code} %{http_version} %{content_type}\\n", "-o", filepath.Join(dir, fmt.Sprintf("%s%s%d", method, version, i)))
				if method == http.MethodPost {
					args = append(args, "-H", "Content-Type: "+mediaType, "--data-binary", "@"+query, s.url())
				} else {
					args = append(args, s.url()+"?dns="+base64.RawURLEncoding.EncodeToString(q.wire(t)))
				}
				lines = append(lines, fmt.Sprintf("200 %s %s", number, mediaType))
			}
			output, err := run(t, curl, args...)
			if err != nil || strings.TrimSpace(output) != strings.Join(lines, "\n") {
				t.Errorf("curl %s, %s: %v\n%s", version, method, err, output)
				continue
			}
			for i, q := range questions {
				got, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s%s%d", method, version, i)))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want[i]) {
					t.Errorf("curl %s, %s: %v:\n%sexpected, as by UDP or TCP,\n%s", version, method, q, hex.Dump(got), hex.Dump(want[i]))
				}
			}
		}
	}
	testCurlResolves(t, s, curl)
}

// testCurlResolves has curl find the lookup page by the lab's own DoH: nobody else knows
// its name.
func testCurlResolves(t *testing.T, s *server, curl string) {
	for _, version := range []string{"--http1.1", "--http2"} {
		file := filepath.Join(t.TempDir(), "page")
		output, err := run(t, curl, "-sS", "--max-time", "60", "-4", "--cacert", s.authority.file, version, "-o", file,
			"--doh-url", fmt.Sprintf("https://%s/dns-query", s.web), "-w", "%{http_code} from %{remote_ip}",
			fmt.Sprintf("https://%s:%d/", labPage, s.web.Port()))
		page, _ := os.ReadFile(file)
		if err != nil || output != "200 from "+node1.String() || !bytes.Contains(page, []byte("<html")) {
			t.Errorf("curl --doh-url %s: %v, expected the lookup page:\n%s\n%s", version, err, output, page)
		}
	}
}

var perfFigure = regexp.MustCompile(`Queries (sent|completed|lost): +(\d+)`)

func testDNSPerf(t *testing.T, s *server) {
	dnsperf := peer.Tool(t, "dnsperf", "dnsperf")
	data := filepath.Join(t.TempDir(), "queries")
	var lines strings.Builder
	for _, q := range questions {
		fmt.Fprintln(&lines, q)
	}
	if err := os.WriteFile(data, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	const rounds = 40
	for _, way := range [][]string{
		{"-m", "dot", "-p", fmt.Sprint(s.tls.Port())},
		{"-m", "doh", "-p", fmt.Sprint(s.web.Port()), "-O", "doh-method=GET", "-O", "doh-uri=" + s.url()},
		{"-m", "doh", "-p", fmt.Sprint(s.web.Port()), "-O", "doh-method=POST", "-O", "doh-uri=" + s.url()},
	} {
		output, err := run(t, dnsperf, append(way, "-s", s.dns.Addr().String(), "-d", data, "-n", fmt.Sprint(rounds), "-D", "-c", "4", "-q", "40", "-t", "60")...)
		found := map[string]string{}
		for _, m := range perfFigure.FindAllStringSubmatch(output, -1) {
			found[m[1]] = m[2]
		}
		all := fmt.Sprint(rounds * len(questions))
		if err != nil || found["sent"] != all || found["completed"] != all || found["lost"] != "0" {
			t.Errorf("dnsperf %v: %v, expected %s answers and none lost:\n%s", way, err, all, output)
		}
	}
}

// paddedBlock is the length whose multiples padded answers have (RFC 8467 §4.1).
const paddedBlock = 468

// compare checks the answers to a question, and to the one that asks for padding.
func compare(t *testing.T, way string, q question, got, padded, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %v:\n%sexpected, as by UDP or TCP,\n%s", way, q, hex.Dump(got), hex.Dump(want))
	}
	if len(padded)%paddedBlock != 0 || plain(t, padded) != plain(t, want) {
		t.Errorf("%s: %v with padding, %d bytes:\n%s\nexpected a multiple of %d, and\n%s", way, q, len(padded), plain(t, padded), paddedBlock, plain(t, want))
	}
}

func testDoT(t *testing.T, s *server, want reference) {
	conn := dialDoT(t, s.tls, clientTLS(s.authority, "dot"))
	ask := func(wire []byte) []byte {
		if err := writeFrames(conn, wire); err != nil {
			t.Fatal(err)
		}
		answer, err := readFrame(conn)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	for i, q := range questions {
		compare(t, "DoT", q, ask(q.wire(t)), ask(q.padded(t)), want[i])
	}
}

func testDoQ(t *testing.T, s *server, want reference) {
	conn := dialDoQ(t, s.tls, clientTLS(s.authority, "doq"))
	for i, q := range questions {
		compare(t, "DoQ", q, askDoQ(t, conn, q.wire(t)), askDoQ(t, conn, q.padded(t)), want[i])
	}
}

func testDoH(t *testing.T, s *server, want reference) {
	for version, number := range map[string]int{"HTTP/1.1": 1, "HTTP/2": 2, "HTTP/3": 3} {
		client := web(t, version, s.web, clientTLS(s.authority))
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			ask := func(wire []byte) []byte {
				answer, response, err := askDoH(client, dohRequest(t, method, s.url(), wire))
				if err != nil {
					t.Fatalf("%s, %s: %v", version, method, err)
				}
				if response.ProtoMajor != number {
					t.Errorf("%s, %s: answered by %s", version, method, response.Proto)
				}
				return answer
			}
			for i, q := range questions {
				compare(t, version+" "+method, q, ask(q.wire(t)), ask(q.padded(t)), want[i])
			}
		}
	}
}
