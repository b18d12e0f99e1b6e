package udp

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/internal/peer"
)

// BenchmarkAgainstDnsperf has yushan, with one worker, asked by this package and by
// dnsperf, with 10 clients and 200 queries under way in a closed loop, and at rates in an
// open one. cpu-ns/query is the client's own CPU time, server-ns/query the server's.
//
//	go test ./bench/udp -run '^$' -bench Dnsperf -benchtime 1x
//
// An iteration takes five seconds. What matters is cpu-ns/query side by side: the
// queries per second depend on what else the machine does.
func BenchmarkAgainstDnsperf(b *testing.B) {
	if _, err := exec.LookPath("dnsperf"); err != nil {
		b.Skip("dnsperf is not installed")
	}
	const seconds = 5
	dir := b.TempDir()
	set, server, pid := serveDelegations(b, dir)
	report := func(b *testing.B, used, served time.Duration, answered, lost uint64) {
		answered = max(answered, 1)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(used.Nanoseconds())/float64(answered), "cpu-ns/query")
		b.ReportMetric(float64(served.Nanoseconds())/float64(answered), "server-ns/query")
		b.ReportMetric(float64(answered)/seconds/float64(b.N), "queries/s")
		b.ReportMetric(100*float64(lost)/float64(answered+lost), "%lost")
	}
	for _, rate := range []float64{0, 20_000, 100_000} {
		name := "closed"
		if rate > 0 {
			name = fmt.Sprintf("rate=%v", rate)
		}
		b.Run("yushan-bench/"+name, func(b *testing.B) {
			plan := pace.Plan{Rate: rate, RateAtEnd: rate, Duration: seconds * time.Second}
			var used, served time.Duration
			var answered, lost uint64
			for b.Loop() {
				w := newWork(b, set, plan, load.Options{Server: server, Clients: 10, Concurrency: 200, Timeout: 5 * time.Second})
				if !plan.Closed() {
					w.Options.Concurrency = 0
				}
				runtime.LockOSThread() // it is the thread of Run, too
				before, servedBefore := threadTime(b), processTime(b, pid)
				if err := Run(b.Context(), w); err != nil {
					b.Fatal(err)
				}
				used += threadTime(b) - before
				served += processTime(b, pid) - servedBefore
				runtime.UnlockOSThread()
				r := recorded(b, w)
				answered += r.Total.Answered
				lost += r.Total.Lost + r.Total.Unsent
				b.Logf("latency %v %v %v (median, 99 %%, 99.9 %%), lag %v %v", r.Total.Latency.Quantile(0.5), r.Total.Latency.Quantile(0.99),
					r.Total.Latency.Quantile(0.999), r.Client.Lag.Quantile(0.5), r.Client.Lag.Quantile(0.99))
			}
			report(b, used, served, answered, lost)
		})
		b.Run("dnsperf/"+name, func(b *testing.B) {
			var used, served time.Duration
			var answered, lost uint64
			for b.Loop() {
				dnsperf := exec.Command("dnsperf", "-s", server.Addr().String(), "-p", strconv.Itoa(int(server.Port())),
					"-d", filepath.Join(dir, "queries"), "-T", "1", "-c", "10", "-l", strconv.Itoa(seconds))
				if rate > 0 {
					dnsperf.Args = append(dnsperf.Args, "-q", "65000", "-Q", strconv.Itoa(int(rate)))
				} else {
					dnsperf.Args = append(dnsperf.Args, "-q", "200")
				}
				servedBefore := processTime(b, pid)
				output, err := dnsperf.CombinedOutput()
				if err != nil {
					b.Fatalf("%v: %s", err, output)
				}
				used += dnsperf.ProcessState.UserTime() + dnsperf.ProcessState.SystemTime()
				served += processTime(b, pid) - servedBefore
				answered += counted(b, output, "completed")
				lost += counted(b, output, "lost")
			}
			report(b, used, served, answered, lost)
		})
	}
}

// serveDelegations runs the server with a zone of its own for the benchmark's time. The
// queries are in the file "queries" of dir as well.
func serveDelegations(b *testing.B, dir string) (set *query.Set, server netip.AddrPort, pid int) {
	const delegations = 50_000
	program, err := peer.BuildReleased(dir)
	if err != nil {
		b.Fatal(err)
	}
	var zone, text bytes.Buffer
	zone.WriteString("$TTL 3600\n@ IN SOA a.dns.tw. hostmaster.tw. 1 3600 600 604800 300\n@ IN NS a.dns.tw.\na.dns IN A 192.0.2.53\n")
	for i := range delegations {
		fmt.Fprintf(&zone, "d%d IN NS ns%d.example.net.\nd%d IN NS ns%d.example.org.\n", i, i%100, i, i%100)
		name := i * 7919 % (delegations * 3 / 2) // a third don't exist
		fmt.Fprintf(&text, "www.d%d.tw. A\n", name)
	}
	for name, content := range map[string][]byte{"tw.zone": zone.Bytes(), "queries": text.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	if set, err = query.ReadText(&text, "queries", query.Options{}); err != nil {
		b.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		b.Fatal(err)
	}
	server = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	conn.Close()
	yushan := peer.StartYushan(b, program, dir, fmt.Sprintf(
		"listen: [%s]\nudp: {workers: 1}\nzones: [{name: tw, file: %s/tw.zone}]\n", server, dir))
	return set, server, yushan.PID()
}

// threadTime is the CPU time of this thread.
func threadTime(b *testing.B) time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// processTime is the CPU time of all threads of a process.
func processTime(b *testing.B, pid int) (sum time.Duration) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has ended
		}
		running, err := strconv.ParseInt(strings.Fields(string(content))[0], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(running)
	}
	return sum
}

// counted reads a line like "Queries completed:    123 (100.00%)".
func counted(b *testing.B, output []byte, what string) uint64 {
	match := regexp.MustCompile(`Queries ` + what + `:\s+(\d+)`).FindSubmatch(output)
	if match == nil {
		b.Fatalf("dnsperf tells no number of %s queries: %s", what, output)
	}
	n, err := strconv.ParseUint(string(match[1]), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
