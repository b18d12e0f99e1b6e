package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var update = flag.Bool("update", false, "write golden files and docs/cli.md anew")

// executable is the built command.
var executable string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "yushan")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Privileges are given up in some tests: the user they go to must get here.
	os.Chmod(dir, 0o755)
	executable = filepath.Join(dir, "yushan")
	build := exec.Command("go", "build", "-o", executable, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	if raceDetector {
		build = exec.Command("go", "build", "-race", "-o", executable, ".")
	}
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building yushan: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// patience bounds everything that is waited for. Nothing is expected to take
// that long on any machine.
const testPatience = 60 * time.Second

// yushan runs the command to its end.
func yushan(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("yushan %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// process is a running server.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	done   chan struct{}
	mu     sync.Mutex // guards output
	output strings.Builder
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// start runs a server and waits until its output contains ready.
func start(t *testing.T, ready string, env []string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(executable, args...)
	cmd.Env = append(os.Environ(), env...)
	return startCommand(t, ready, cmd)
}

func startCommand(t *testing.T, ready string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s wrote:\n%s", cmd, p.text())
		}
	})
	p.await(ready, 1)
	return p
}

// await waits until the output contains text n times.
func (p *process) await(text string, n int) {
	p.t.Helper()
	for end := time.Now().Add(testPatience); strings.Count(p.text(), text) < n; time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.done:
			if strings.Count(p.text(), text) < n {
				p.t.Fatalf("the server ended without saying %q %d times", text, n)
			}
		default:
		}
		if time.Now().After(end) {
			p.t.Fatalf("the server doesn't say %q %d times", text, n)
		}
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// stop ends the server by SIGTERM and returns its exit code.
func (p *process) stop() int {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	return p.exitCode()
}

func (p *process) exitCode() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(testPatience):
		p.t.Fatal("the server doesn't stop")
	}
	return p.cmd.ProcessState.ExitCode()
}

// freePort returns a port of 127.0.0.1 that neither UDP nor TCP uses.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		c, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", port))
		l.Close()
		if err == nil {
			c.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// zoneText is a small zone with the serial given.
func zoneText(serial int) string {
	return fmt.Sprintf(`$TTL 300
@ SOA a.dns hostmaster.nic %d 3600 900 1209600 300
@ NS a.dns
a.dns A 192.0.2.1
example NS ns.example
ns.example A 192.0.2.2
`, serial)
}

// put writes a file in one step, as it should be done to zones in service.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// ask sends one question and returns the answer.
func ask(t *testing.T, network string, port int, name string, qtype uint16) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	c := dns.Client{Net: network, Timeout: testPatience}
	r, _, err := c.Exchange(m, fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("%s %s by %s: %v", name, dns.TypeToString[qtype], network, err)
	}
	return r
}

// serial asks for the serial of a zone; 0 says that it isn't served.
func serial(t *testing.T, port int, zone string) int {
	t.Helper()
	r := ask(t, "udp", port, zone, dns.TypeSOA)
	if len(r.Answer) != 1 {
		return 0
	}
	return int(r.Answer[0].(*dns.SOA).Serial)
}
