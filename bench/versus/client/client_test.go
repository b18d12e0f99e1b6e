package client

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yushan/bench/result/sample"
	"yushan/bench/versus/contender"
)

// What dnsperf 2.10 ends with.
const statistics = `DNS Performance Testing Tool
Version 2.10.0

[Status] Command line: dnsperf -s 127.0.0.1 -p 17049 -d q -c 10 -T 1 -q 200 -l 1
Statistics:

  Queries sent:         1000
  Queries completed:    990 (99.00%)
  Queries lost:         10 (1.00%)

  Response codes:       NOERROR 690 (69.70%), SERVFAIL 20 (2.02%), NXDOMAIN 280 (28.28%)
  Average packet size:  request 32, response 101
  Run time (s):         1.250000
  Queries per second:   792.000000

  Average Latency (s):  0.002613 (min 0.000021, max 0.021417)
  Latency StdDev (s):   0.002010
`

func TestStatisticsOfDNSPerf(t *testing.T) {
	c, err := parseDNSPerf(statistics)
	if want := (Count{Sent: 1000, Answered: 970, Seconds: 1.25, ResponseBytes: 101}); err != nil || c != want {
		t.Errorf("%+v, %v; expected %+v", c, err, want)
	}
	for name, text := range map[string]string{
		"nothing":      "",
		"no run time":  strings.ReplaceAll(statistics, "Run time", "Ran"),
		"no seconds":   strings.ReplaceAll(statistics, "1.250000", "0.000000"),
		"no number":    strings.ReplaceAll(statistics, "1000", "many"),
		"no number of": strings.ReplaceAll(statistics, "690", "most"),
	} {
		if c, err := parseDNSPerf(text); err == nil {
			t.Errorf("%s: %+v, expected an error", name, c)
		}
	}
}

func FuzzParseDNSPerf(f *testing.F) {
	f.Add(statistics)
	f.Add("Run time (s): 1e999\nQueries sent: -1\nAverage packet size:\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseDNSPerf(text); err == nil && !(c.Seconds > 0) {
			t.Errorf("%g seconds without an error", c.Seconds)
		}
	})
}

func TestResultOfYushanBench(t *testing.T) {
	r := sample.Normal(20)
	file := filepath.Join(t.TempDir(), "result.json")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(out); err != nil {
		t.Fatal(err)
	}
	out.Close()
	c, err := readResult(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Sent != r.Total.Sent || c.Answered != r.Total.RCodes[0]+r.Total.RCodes[3] || c.Seconds != r.Seconds || math.IsNaN(c.ResponseBytes) {
		t.Errorf("%+v", c)
	}
}

func TestCommands(t *testing.T) {
	load := Load{Transport: contender.DoT, Clients: 16, Concurrency: 400, Threads: 1, Queries: "QUERIES"}
	full, signed, get := load, load, load
	full.Handshake = "full"
	signed.Transport, signed.DO = contender.UDP, true
	get.Transport, get.Get = contender.DoH2, true
	quic := load
	quic.Transport = contender.DoQ
	crowd := Load{Transport: contender.UDP, Clients: 100, Concurrency: 400, Threads: 2, Queries: "QUERIES", Bench: true}
	both := Tools{DNSPerf: "/usr/bin/dnsperf", YushanBench: "/somewhere/yushan-bench", Processors: "1,2"}
	one := Tools{YushanBench: "/somewhere/yushan-bench"}
	for _, tt := range []struct {
		tools   Tools
		load    Load
		seconds float64
		want    string
	}{
		{both, load, 5, "taskset -c 1,2 dnsperf -s 127.0.0.1 -p PORT -m dot -d QUERIES -c 16 -T 1 -q 400 -l 5"},
		{both, signed, 0.5, "taskset -c 1,2 dnsperf -s 127.0.0.1 -p PORT -m udp -D -d QUERIES -c 16 -T 1 -q 400 -l 1"},
		{both, get, 5, "taskset -c 1,2 dnsperf -s 127.0.0.1 -p PORT -m doh -O doh-uri=https://localhost:PORT/dns-query -O doh-method=GET -d QUERIES -c 16 -T 1 -q 400 -l 5"},
		{both, full, 5, "taskset -c 1,2 yushan-bench run --quiet --server 127.0.0.1:PORT --transport dot --tls-group X25519 --tls-name localhost --handshake full --clients 16 --depth 25 --concurrency 400 --workers 1 --queries QUERIES --duration 5s --json FILE"},
		{both, quic, 5, "taskset -c 1,2 yushan-bench run --quiet --server 127.0.0.1:PORT --transport doq --tls-group X25519 --tls-name localhost --clients 16 --depth 25 --concurrency 400 --workers 1 --queries QUERIES --duration 5s --json FILE"},
		{both, crowd, 5, "taskset -c 1,2 yushan-bench run --quiet --server 127.0.0.1:PORT --transport udp --clients 100 --depth 4 --concurrency 400 --workers 2 --queries QUERIES --duration 5s --json FILE"},
		{one, get, 0.5, "yushan-bench run --quiet --server 127.0.0.1:PORT --transport doh --get --tls-group X25519 --tls-name localhost --clients 16 --depth 25 --concurrency 400 --workers 1 --queries QUERIES --duration 500ms --json FILE"},
		{one, signed, 2, "yushan-bench run --quiet --server 127.0.0.1:PORT --transport udp --dnssec --clients 16 --depth 25 --concurrency 400 --workers 1 --queries QUERIES --duration 2s --json FILE"},
	} {
		if got := tt.tools.Describe(tt.load, tt.seconds); got != tt.want {
			t.Errorf("%s\nexpected\n%s", got, tt.want)
		}
	}
}
