package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"yushan/internal/cli"
	"yushan/internal/fakedns"
	"yushan/internal/peer"
)

// TestInterrupt ends a run early: its report tells what ran.
func TestInterrupt(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
			c := start(t, "run", "--server", s.Addr.String(), "--queries", names(t, 1000), "--rate", "100", "--duration", "1h", "--timeout", "30s")
			eventually(t, "queries come", func() bool { return s.Queries() > 100 })
			c.cmd.Process.Signal(signal)
			o := c.end()
			if o.Result == nil || !o.Interrupted || o.Total.Answered < 50 || o.Total.Lost != 0 || o.Seconds > patience.Seconds() {
				t.Fatalf("exit %d, result %+v", o.code, o.Result)
			}
			if !strings.Contains(o.stdout, "Interrupted after") || !strings.Contains(o.stderr, "interrupted: ") {
				t.Error("the report does not say that it was interrupted")
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		// Answers take longer than anybody waits.
		s := fakedns.Start(t, fakedns.UDP, fakedns.After(1, fakedns.Good, fakedns.Silent))
		c := start(t, "run", "--server", s.Addr.String(), "--queries", names(t, 1000), "--rate", "100", "--duration", "1h", "--timeout", "1h")
		eventually(t, "queries come", func() bool { return s.Queries() > 50 })
		c.cmd.Process.Signal(syscall.SIGINT)
		eventually(t, "the first signal is heard", func() bool { return strings.Contains(c.err.String(), "interrupted: ") })
		c.cmd.Process.Signal(syscall.SIGINT)
		if o := c.end(); o.Result == nil || !o.Interrupted || o.Total.Lost < 40 || o.Total.Answered != 0 {
			t.Errorf("exit %d, result %+v", o.code, o.Result)
		}
	})
}

// TestView looks at what is shown while it runs: on a terminal something that changes, elsewhere
// lines.
func TestView(t *testing.T) {
	s := fakedns.Start(t, fakedns.UDP, tenth(fakedns.RCode(3), fakedns.Good))
	t.Run("no terminal", func(t *testing.T) {
		o := measured(t, against(t, s, 300, "--rate", "100", "--duration", "3s", "--timeout", "30s")...)
		if lines := strings.Count(o.stderr, "\n"); lines < 1 || strings.ContainsAny(o.stderr+o.stdout, "\x1b\r") || !strings.Contains(o.stderr, "p99") {
			t.Errorf("expected a line a second, got %q", o.stderr)
		}
	})
	t.Run("quiet", func(t *testing.T) {
		if o := measured(t, against(t, s, 100, "--rate", "100", "--duration", "1s", "--timeout", "30s", "--quiet")...); o.stderr != "" || o.code != 0 {
			t.Errorf("exit %d, got %q", o.code, o.stderr)
		}
	})
	t.Run("terminal", func(t *testing.T) {
		out, exit := onTerminal(t, append([]string{"run"}, against(t, s, 300, "--rate", "100", "--duration", "3s", "--timeout", "30s")...)...)
		for _, text := range []string{"NOERROR", "NXDOMAIN", "p99.9", "left", "━", "\x1b[", "all of 300"} {
			if !strings.Contains(out, text) {
				t.Errorf("exit %d, the terminal doesn't show %q:\n%q", exit, text, out)
			}
		}
	})
}

// onTerminal runs the command on a pseudo-terminal and returns all that it has written there.
func onTerminal(t *testing.T, args ...string) (output string, code int) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		peer.Missing(t, "no pseudo-terminals: "+err.Error())
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := prepare(t, args...)
	c.cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	c.cmd.Stdout, c.cmd.Stderr = slave, slave
	c.start()
	slave.Close()
	var shown buffer
	read := make(chan struct{})
	go func() { // until nobody has the other side open: EIO
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			shown.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	code = c.end().code
	<-read
	return shown.String(), code
}

// TestCommandLine has mistakes on the command line, and what is said about them.
func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	queries := put("queries", "example. A\n")
	bad := put("bad", "example. A\nexample. NOTYPE\n\n..example. A\n")
	empty := put("empty", "; nothing\n")
	zone := put("zone", "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\n")
	badZone := put("bad.zone", "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.300\n")
	s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
	server := "--server " + s.Addr.String()
	run := "run " + server + " --duration 1s --queries " + queries + " "
	for _, tt := range []struct {
		args string
		code int
		says string // on either output
	}{
		{"", 2, "expected one of"},
		{"--help", 0, "run "},
		{"run --help", 0, "--i-own-this-target"},
		{"help axfr", 0, "--key-file"},
		{"version", 0, "yushan-bench"},
		{"rnu", 2, `did you mean "run"?`},
		{"completion bash", 0, "complete -F"},
		{"run " + server, 2, "nothing to ask: give --zone, --queries or --pcap"},
		{run + "--pcap x", 2, "not both"},
		{run + "--verify", 2, "--verify needs the zone"},
		{run + "--as-captured", 2, "for --pcap"},
		{run + "--transport udb", 2, "expected one of udp, tcp, dot, doh, doh1, doh3, doq"},
		{run + "--rate 0", 2, "expected more than 0"},
		{run + "--rate -5", 2, "-5"},
		{run + "--rate fast", 2, `"fast" is not a number`},
		{run + "--rate 1k..", 2, "is not a number"},
		{run + "--duration 0s", 2, "expected more than 0"},
		{run + "--timeout 0s", 2, "expected more than 0"},
		{run + "--workers=-1", 2, "--workers: expected 1 or more"},
		{run + "--workers 4 --clients 2", 2, "2 clients for 4 workers"},
		{run + "--concurrency 5 --search", 2, "no rate to search for"},
		{run + "--concurrency 5 --rate 5", 2, "takes the place of a rate"},
		{run + "--tls-verify", 2, "not for udp"},
		{run + "--get", 2, "not for udp"},
		{run + "--source 127.0.0.x", 2, "expected a network such as"},
		{run + "--csv /nonexistent/x", 2, "--csv: open /nonexistent/x"},
		{run + "--csv - --html -", 2, "can't both be written to -"},
		{run + "--search --rate 1k..2k", 2, "starts from one rate"},
		{run + "--search --limit 5", 2, "--limit does not go together with --search"},
		{run + "--search --keep p99", 2, "expected a comparison such as p99<5ms"},
		{run + "--fail p99>5", 2, `"5" is not a time`},
		{run + "--fail speed>5", 2, `there is no figure "speed"`},
		{run + "--mix referral", 2, "expected NAME=WEIGHT"},
		{run + "--mix referal=1", 2, "expected one of referral"},
		{run + "--handshake full", 2, "UDP has no handshake"},
		{run + "--transport tcp --handshake resumed", 2, "TCP has no sessions"},
		{run + "--transport dot --handshake 0-rtt", 2, "0-RTT needs doq or doh3"},
		{run + "--transport dot --handshake full --depth 5", 2, "expected 1"},
		{run + "--transport doh1 --depth 5", 2, "HTTP/1.1 has one request at a time"},
		{run + "--transport dot --tls-group X448", 2, "expected one of X25519MLKEM768"},
		{run + "--transport dot --tls-ca " + queries, 1, "expected certificates in PEM form"},
		{run + "--source 2001:db8::/32", 2, "different address families"},
		{run + "--source here", 2, "here"},
		{run + "--arrival sometimes", 2, "expected uniform or poisson"},
		{run + "--serverstats 1.5", 2, "--serverstats"},
		{run + "--serverstats 999999999", 2, "--serverstats"},
		{run + "--server 192.0.2.1", 2, "say --i-own-this-target"},
		{run + "--server 192.0.2.1 --allow 198.51.100.0/24", 2, "say --i-own-this-target"},
		{run + "--server 192.0.2.1 --allow 192.0.2.0/24 --rate 100k", 2, "need --i-own-this-target"},
		{run + "--server 192.0.2.1 --allow 192.0.2.0/24 --rate 10 --duration 2h", 2, "need --i-own-this-target"},
		{run + "--server 192.0.2.1 --allow 192.0.2.0/24 --concurrency 10", 2, "need --i-own-this-target"},
		{run + "--server 127.0.0.1:99999", 2, "expected a port from 1 to 65535"},
		{run + "--server http://127.0.0.1/", 2, "expected https://"},
		{run + "--server 127.0.0.1:x", 2, "port"},
		{"run " + server + " --queries /nonexistent", 1, "/nonexistent"},
		{"run " + server + " --queries " + empty, 1, "no queries"},
		{"run " + server + " --queries " + bad, 1, bad + ":2:10: "},
		{"run " + server + " --queries " + bad, 1, bad + ":4:1: "},
		{"run " + server + " --pcap " + queries, 1, queries},
		{"run " + server + " --zone " + zone, 2, "expected ORIGIN=FILE"},
		{"run " + server + " --zone a..b=" + zone, 2, "not a name of a zone"},
		{"run " + server + " --zone test=" + badZone, 1, badZone + ":4:5: "},
		{"run " + server + " --zone test=" + zone, 1, "mix: referral=60"},
		{"run " + server + " --zone test=" + zone + " --zone x=" + zone, 2, "give one --zone, or --queries"},
		{"run " + server + " --zone test=" + zone + " --mix apex=1 --count 0", 2, "--count: expected 1 or more"},
		{"axfr", 2, "<zone>"},
		{"axfr test --key x", 2, "--key"},
		{"axfr test --server 192.0.2.1", 2, "say --i-own-this-target"},
		{"axfr test --times 0", 2, "expected more than 0"},
		{"zone --out x --sign nsec4", 2, "expected opt-out, nsec3 or nsec"},
		{"zone --out x --ds 120%", 2, "120%"},
		{"zone --delegations 10", 2, "--out"},
		{"zone --out /nonexistent/x --delegations 10", 1, "/nonexistent/x"},
		{"compare " + queries + " " + queries, 1, "not the JSON of a run"},
	} {
		var out, errs strings.Builder
		code := program().Run(strings.Fields(tt.args), cli.Console{Out: &out, Err: &errs})
		if text := out.String() + errs.String(); code != tt.code || !strings.Contains(text, tt.says) {
			t.Errorf("yushan-bench %s: exit %d, expected %d and %q in\n%s", tt.args, code, tt.code, tt.says, text)
		}
	}
}

// TestMetrics observes a server by its page of metrics, and tells when that goes away.
func TestMetrics(t *testing.T) {
	s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
	began := time.Now()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %g\nprocess_resident_memory_bytes 5.24288e+07\n", time.Since(began).Seconds()/2)
	}))
	defer page.Close()
	o := measured(t, against(t, s, 200, "--rate", "100", "--duration", "2s", "--timeout", "30s", "--serverstats", page.URL)...)
	if r := o.Server; o.code != 0 || r == nil || r.CPU < int64(500*time.Millisecond) || r.MemoryBytes != 50<<20 || r.Error != "" {
		t.Errorf("exit %d, observed %+v", o.code, r)
	}
	t.Run("gone", func(t *testing.T) {
		c := start(t, append([]string{"run"}, against(t, s, 400, "--rate", "100", "--duration", "4s", "--timeout", "30s", "--serverstats", page.URL)...)...)
		eventually(t, "queries come", func() bool { return s.Queries() > 250 })
		page.CloseClientConnections()
		page.Close()
		o := c.end()
		if r := o.Server; o.code != 0 || r == nil || r.Error == "" || o.Total.Answered != 400 || !strings.Contains(o.stdout, "could not be observed to the end") {
			t.Errorf("exit %d, observed %+v", o.code, r)
		}
	})
}

// TestTransfers times transfers from the peers, with and without a key.
func TestTransfers(t *testing.T) {
	peer.Require(t, peer.Kinds...)
	zone := filepath.Join(t.TempDir(), "zone")
	if o := execute(t, "zone", "--origin", "synthetic", "--delegations", "2k", "--out", zone); o.code != 0 {
		t.Fatalf("exit %d: %s", o.code, o.stderr)
	}
	key := peer.NewTransferKey("transfers")
	secret := filepath.Join(t.TempDir(), "key")
	write(t, secret, key.Algorithm+":"+key.Name+":"+key.Secret+"\n")
	for _, kind := range peer.Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			server := peer.StartWith(t, kind, peer.Options{TransferKey: key}, peer.Zone{Origin: "synthetic.", File: zone})
			json := filepath.Join(t.TempDir(), "json")
			o := execute(t, "axfr", "synthetic", "--server", server.Addr.String(), "--key-file", secret, "--times", "3", "--concurrency", "2", "--timeout", "1m", "--json", json)
			if records := transferred(t, json); o.code != 0 || len(records) != 3 || records[0] < 2000 || records[0] != records[1] || records[1] != records[2] {
				t.Errorf("exit %d, %v records: %s", o.code, records, o.stderr)
			}
			other := peer.NewTransferKey("transfers")
			for name, args := range map[string][]string{"without a key": nil, "another key": {"--key", other.Algorithm + ":" + other.Name + ":" + other.Secret}} {
				o := execute(t, append([]string{"axfr", "synthetic", "--server", server.Addr.String(), "--timeout", "1m"}, args...)...)
				if o.code != 1 || strings.Contains(o.stdout+o.stderr, key.Secret) || strings.Contains(o.stdout+o.stderr, other.Secret) {
					t.Errorf("%s: exit %d: %s%s", name, o.code, o.stdout, o.stderr)
				}
			}
		})
	}
}

// transferred are the records of each transfer in a file.
func transferred(t *testing.T, path string) (records []int) {
	t.Helper()
	var r struct{ Transfers []struct{ Records int } }
	if err := json.Unmarshal([]byte(read(t, path)), &r); err != nil {
		t.Fatal(err)
	}
	for _, one := range r.Transfers {
		records = append(records, one.Records)
	}
	return records
}
