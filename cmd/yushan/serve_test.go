package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/peer"
)

// site is a directory with a configuration and zones, and a port to serve them on.
type site struct {
	t    *testing.T
	dir  string
	port int
}

func newSite(t *testing.T) *site {
	t.Helper()
	return &site{t, t.TempDir(), freePort(t)}
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// configure writes yushan.yaml: on s.port, with the lines given behind.
func (s *site) configure(lines ...string) {
	s.t.Helper()
	put(s.t, s.path("yushan.yaml"), fmt.Sprintf("listen: 127.0.0.1:%d\n%s\n", s.port, strings.Join(lines, "\n")))
}

func (s *site) start(env ...string) *process {
	s.t.Helper()
	return start(s.t, "serving", env, "serve", "--config", s.path("yushan.yaml"), "--log-format", "console")
}

const twoZones = "zones:\n  - {name: tw, file: tw.zone}\n  - {name: 台灣, file: taiwan.zone}"

func TestServeByConfig(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	put(t, s.path("taiwan.zone"), zoneText(2))
	s.configure(twoZones, "identity: test-server")
	p := s.start()
	p.await("zone loaded  zone=台灣. (xn--kpry57d.) serial=2", 1)
	for _, network := range []string{"udp", "tcp"} {
		if r := ask(t, network, s.port, "xn--kpry57d.", dns.TypeSOA); len(r.Answer) != 1 || !r.Authoritative {
			t.Errorf("by %s: expected the SOA record, have\n%v", network, r)
		}
		if r := ask(t, network, s.port, "www.example.tw.", dns.TypeA); len(r.Ns) != 1 || len(r.Extra) != 1 || r.Authoritative {
			t.Errorf("by %s: expected a referral with glue, have\n%v", network, r)
		}
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit %d after SIGTERM, expected 0", code)
	}
	p.await("stopped  ", 1)
}

func TestServeByFlags(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	put(t, s.path("root.zone"), "$TTL 300\n@ SOA a. b. 7 2 3 4 5\n@ NS a.tw.\ntw. NS a.tw.\na.tw. A 192.0.2.1\n")
	p := start(t, "serving", nil, "serve", "--zone", "台灣="+s.path("tw.zone"), "--zone", ".="+s.path("root.zone"),
		"--listen", fmt.Sprintf("127.0.0.1:%d", s.port), "--log-format", "console")
	if got := serial(t, s.port, "xn--kpry57d."); got != 1 {
		t.Errorf("serial of 台灣. is %d, expected 1", got)
	}
	if got := serial(t, s.port, "."); got != 7 {
		t.Errorf("serial of the root is %d, expected 7", got)
	}
	put(t, s.path("tw.zone"), zoneText(2))
	p.signal(syscall.SIGHUP)
	p.await("reloaded", 1)
	if got := serial(t, s.port, "xn--kpry57d."); got != 2 {
		t.Errorf("serial of 台灣. is %d after SIGHUP, expected 2", got)
	}
}

func TestStartListsAllThatIsInTheWay(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), "$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS a.dns\na.dns A 192.0.2.300\n")
	put(t, s.path("taiwan.zone"), "$TTL 300\n@ NS a.dns\n")
	s.configure(twoZones)
	_, stderr, code := yushan(t, "serve", "--config", s.path("yushan.yaml"))
	if code != 1 {
		t.Errorf("exit %d, expected 1", code)
	}
	for _, text := range []string{"zone tw. cannot be served: 1 error", "tw.zone:4:", "192.0.2.300", "zone 台灣. (xn--kpry57d.) cannot be served", "SOA"} {
		if !strings.Contains(stderr, text) {
			t.Errorf("%q is missing in\n%s", text, stderr)
		}
	}
}

func TestSecondServerOnThePort(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	s.configure("zones:\n  - {name: tw, file: tw.zone}")
	s.start()
	_, stderr, code := yushan(t, "serve", "--config", s.path("yushan.yaml"))
	if code != 1 || strings.Count(stderr, "another server is running on this port") != 2 {
		t.Errorf("exit %d, expected 1, and a clear error for UDP and for TCP in\n%s", code, stderr)
	}
	if got := serial(t, s.port, "tw."); got != 1 {
		t.Errorf("the first server gives the serial %d, expected 1", got)
	}
}

// TestStopAnswersWhatIsInFlight queues queries in a server that is being
// stopped: what it had received before it was told to stop is answered.
func TestStopAnswersWhatIsInFlight(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	s.configure("zones:\n  - {name: tw, file: tw.zone}")
	p := s.start()
	query := new(dns.Msg)
	query.SetQuestion("tw.", dns.TypeSOA)
	wire, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	const n = 200
	udp, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	// The first answer shows that the connection has been accepted.
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	reader := bufio.NewReader(tcp)
	tcp.SetDeadline(time.Now().Add(testPatience))
	udp.SetDeadline(time.Now().Add(testPatience))
	readTCP := func() error {
		var length [2]byte
		if _, err := reader.Read(length[:1]); err != nil {
			return err
		}
		if _, err := reader.Read(length[1:]); err != nil {
			return err
		}
		_, err := reader.Discard(int(binary.BigEndian.Uint16(length[:])))
		return err
	}
	if _, err := tcp.Write(framed); err != nil {
		t.Fatal(err)
	}
	if err := readTCP(); err != nil {
		t.Fatal(err)
	}

	p.signal(syscall.SIGSTOP) // so that all of it is in flight when SIGTERM comes
	for range n {
		if _, err := udp.Write(wire); err != nil {
			t.Fatal(err)
		}
	}
	// In one write: of many small ones TCP sends ten, and keeps the rest back until
	// the server's kernel acknowledges them, perhaps after SIGTERM.
	if _, err := tcp.Write(bytes.Repeat(framed, n)); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGCONT)
	buf := make([]byte, 65535)
	for i := range n {
		if _, err := udp.Read(buf); err != nil {
			t.Fatalf("%d of %d UDP queries in flight were answered: %v", i, n, err)
		}
	}
	for i := range n {
		if err := readTCP(); err != nil {
			t.Fatalf("%d of %d TCP queries in flight were answered: %v", i, n, err)
		}
	}
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit %d, expected 0", code)
	}
}

func TestPrivilegesAreGivenUp(t *testing.T) {
	if os.Geteuid() != 0 {
		peer.Missing(t, "needs root")
	}
	s := newSite(t)
	// The user must get at the files; t.TempDir is root's own.
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s.path("tw.zone"), zoneText(1))
	s.configure("zones:\n  - {name: tw, file: tw.zone}", "user: nobody")
	p := s.start()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("no threads: %v", err)
	}
	noNewPrivs := "1"
	if raceDetector {
		noNewPrivs = "0" // it needs cgo, with which the call cannot be made for all threads
	}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			continue // ended meanwhile
		}
		fields := map[string]string{}
		for line := range strings.Lines(string(status)) {
			key, value, _ := strings.Cut(line, ":")
			fields[key] = strings.Join(strings.Fields(value), " ")
		}
		for key, want := range map[string]string{
			"Uid": "65534 65534 65534 65534", "Gid": "65534 65534 65534 65534", "Groups": "65534",
			"CapEff": "0000000000000000", "CapPrm": "0000000000000000", "NoNewPrivs": noNewPrivs,
		} {
			if fields[key] != want {
				t.Errorf("%s: %s is %q, expected %q", task, key, fields[key], want)
			}
		}
	}
	put(t, s.path("tw.zone"), zoneText(2))
	p.signal(syscall.SIGHUP)
	p.await("reloaded", 1)
	if got := serial(t, s.port, "tw."); got != 2 {
		t.Errorf("serial is %d after a reload as nobody, expected 2", got)
	}
}

func TestServiceManagerIsTold(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	s.configure("zones:\n  - {name: tw, file: tw.zone}")
	dir, err := os.MkdirTemp("", "notify") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	address := filepath.Join(dir, "socket")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	manager.SetDeadline(time.Now().Add(testPatience))
	expect := func(want string) {
		t.Helper()
		buf := make([]byte, 4096)
		n, err := manager.Read(buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), want) {
			t.Fatalf("the service manager got %q (%v), expected %q", buf[:n], err, want)
		}
	}
	p := s.start("NOTIFY_SOCKET=" + address)
	expect("READY=1")
	p.signal(syscall.SIGHUP)
	expect("RELOADING=1\nMONOTONIC_USEC=")
	expect("READY=1")
	p.signal(syscall.SIGINT)
	expect("STOPPING=1")
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit %d, expected 0", code)
	}
}

func TestLogsInJSON(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	p := start(t, `"serving"`, nil, "serve", "--zone", "台灣="+s.path("tw.zone"), "--listen", fmt.Sprintf("127.0.0.1:%d", s.port))
	p.stop()
	found := false
	for line := range strings.Lines(p.text()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("not JSON: %s", line)
			continue
		}
		for _, key := range []string{"time", "level", "message"} {
			if entry[key] == nil {
				t.Errorf("%q is missing in %s", key, line)
			}
		}
		if entry["message"] == "zone loaded" {
			found = entry["zone"] == "台灣." && entry["zone_ascii"] == "xn--kpry57d." && entry["serial"] == 1.0
		}
	}
	if !found {
		t.Errorf("no line tells of the zone in two fields:\n%s", p.text())
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	s.configure("zones:\n  - {name: tw, file: tw.zone}", "tcp: {query-timeout: 1h, idle-timeout: 1h}")
	p := s.start()
	// Half a query keeps the server waiting for the rest.
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{0, 100, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	p.await("stopping", 1)
	p.signal(syscall.SIGTERM)
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit %d, expected 0", code)
	}
}

func TestWorkersOfTheCommandLine(t *testing.T) {
	s := newSite(t)
	put(t, s.path("tw.zone"), zoneText(1))
	start(t, "serving", nil, "serve", "--zone", "tw="+s.path("tw.zone"), "--workers", "3",
		"--listen", fmt.Sprintf("127.0.0.1:%d", s.port), "--log-format", "console")
	sockets, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(sockets), fmt.Sprintf(" 0100007F:%04X ", s.port)); n != 3 {
		t.Errorf("%d sockets for UDP, expected 3", n)
	}
}
