package doccheck

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"yushan/internal/peer"
)

// Commands that are not run here, and why.
var exempt = map[string]string{
	"make test": "it is what runs this test",
}

func TestCommands(t *testing.T) {
	peer.Tool(t, "dig", "bind9-dnsutils")
	peer.Tool(t, "kdig", "knot-dnsutils")
	peer.Tool(t, "curl", "curl")
	peer.Tool(t, "dnsperf", "dnsperf")
	peer.Require(t, peer.Knot, peer.NSD)
	root := copyCheckout(t)
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	files = append([]string{filepath.Join(root, "README.md")}, files...)
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := services{t: t, dir: root, running: map[string]*service{}}
		for _, command := range commands(string(text)) {
			if _, ok := exempt[command]; !ok {
				t.Logf("%s: %s", filepath.Base(file), command)
				s.run(command)
				count++
			}
		}
		s.stopAll()
	}
	if count < 8 {
		t.Errorf("only %d commands found: has the form of the blocks changed?", count)
	}
}

// Commands that README names in passing, in their shortest form.
func TestMakeTargets(t *testing.T) {
	peer.Require(t, peer.Knot, peer.NSD)
	peer.Tool(t, "dnsperf", "dnsperf")
	comparison := "bench/compare --delegations 500 --rounds 1 --seconds 1 --out " + filepath.Join(t.TempDir(), "comparison")
	for _, tt := range []struct{ command, want, servers string }{
		{command: "make", want: "make compare"},
		{command: "make rfc", want: "RFC 1034 §4.3.2"},
		{command: "YUSHAN_CHANGE_DELEGATIONS=2000 YUSHAN_CHANGE_CHANGES=100 YUSHAN_CHANGE_ROUNDS=1 YUSHAN_CHANGE_SECONDS=1 make bench BENCHTIME=1x", want: "BenchmarkAnswer/referral"},
		{comparison + " --rows udp --peers nsd,knot", "UDP, µs/query", "yushan NSD Knot"},
		{comparison + " --rows dot --peers nsd", "DoT, µs/query", "yushan NSD"},
	} {
		cmd := exec.Command("bash", "-c", tt.command)
		cmd.Dir = "../.."
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte(tt.want)) {
			t.Errorf("%s: %v, expected %q in its output:\n%s", tt.command, err, tt.want, out)
		}
		for _, server := range strings.Fields(tt.servers) {
			if !regexp.MustCompile(`(?m)^` + server + `.* [\d.,]+ +– +[\d.]+ `).Match(out) {
				t.Errorf("%s: no figures for %s:\n%s", tt.command, server, out)
			}
		}
	}
}

var block = regexp.MustCompile("(?s)```sh\n(.*?)```")

func commands(text string) (list []string) {
	for _, match := range block.FindAllStringSubmatch(text, -1) {
		for line := range strings.SplitSeq(strings.ReplaceAll(match[1], "\\\n", ""), "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				list = append(list, line)
			}
		}
	}
	return list
}

// copyCheckout copies what belongs to the project, so that commands can write
// beside it as a newcomer's would.
func copyCheckout(t *testing.T) string {
	t.Helper()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, part := range []string{"bench", "cmd", "docs", "examples", "internal", "server", "tls", "zone", "go.mod", "go.sum", "README.md", "Makefile"} {
		if out, err := exec.Command("cp", "-r", filepath.Join(top, part), dir).CombinedOutput(); err != nil {
			t.Fatalf("cp %s: %v\n%s", part, err, out)
		}
	}
	return dir
}

// services are the servers that the commands of one document have started, by
// their address. The next one at the same address takes its place.
type services struct {
	t       *testing.T
	dir     string
	running map[string]*service
}

type service struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func (s *services) run(command string) {
	s.t.Helper()
	if address := serves(command); address != "" {
		s.start(command, address)
		return
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", command)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Errorf("%s: %v\n%s", command, err, out)
	}
	if strings.Contains(command, "dig @") && !bytes.Contains(out, []byte("status: NOERROR")) {
		s.t.Errorf("%s: expected an answer with status NOERROR, got:\n%s", command, out)
	}
}

var listen = regexp.MustCompile(`--listen (\S+)`)

// serves returns where a command that starts a server listens, and "" for other
// commands.
func serves(command string) string {
	if !strings.Contains(command, "yushan lab") && !strings.Contains(command, "yushan serve") {
		return ""
	}
	if match := listen.FindStringSubmatch(command); match != nil {
		return match[1]
	}
	return "127.0.0.1:5300"
}

func (s *services) start(command, address string) {
	s.t.Helper()
	s.stop(address)
	cmd := exec.Command("bash", "-c", command)
	cmd.Dir = s.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // "go run" has a child
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("%s: %v", command, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	s.running[address] = &service{cmd, ended}
	s.t.Cleanup(func() { s.stop(address) })
	for deadline := time.After(3 * time.Minute); ; {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			s.t.Fatalf("%s: it ended\n%s", command, out.String())
		case <-deadline:
			s.t.Fatalf("%s: nobody listens on %s: %v", command, address, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *services) stop(address string) {
	if service := s.running[address]; service != nil {
		delete(s.running, address)
		syscall.Kill(-service.cmd.Process.Pid, syscall.SIGTERM)
		<-service.ended
	}
}

func (s *services) stopAll() {
	for address := range s.running {
		s.stop(address)
	}
}
