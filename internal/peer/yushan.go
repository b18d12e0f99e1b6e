package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds what is waited for. Only a failing test waits that long.
const patience = 2 * time.Minute

// Yushan is this project's server, in a process of its own.
type Yushan struct {
	t      testing.TB
	server *instance
}

// RunYushan runs program, one of [BuildYushan], to its end.
func RunYushan(t testing.TB, program string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// StartYushan serves by the configuration, which is written to yushan.yaml in dir,
// until the end of the test, and returns when it serves. The test fails when it
// doesn't, or when the server finds a data race.
func StartYushan(t testing.TB, program, dir, config string) *Yushan {
	t.Helper()
	y := &Yushan{t: t, server: &instance{dir: dir, exited: make(chan error)}}
	y.Configure(config)
	s := y.server
	var err error
	if s.output, err = os.Create(filepath.Join(dir, "output")); err != nil {
		t.Fatal(err)
	}
	defer s.output.Close() // the child has its own
	s.cmd = exec.Command(program, "serve", "--config", y.configFile(), "--log-format", "json")
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go s.run(started)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Signal(syscall.SIGCONT) // in case that the test has stopped it
		s.stop()
		if strings.Contains(y.Log(), "DATA RACE") {
			t.Error("the server found a data race")
		}
		if t.Failed() {
			t.Logf("output of yushan in %s:\n%s", dir, s.log())
		}
	})
	y.Await(`"message":"serving"`, 1)
	return y
}

func (y *Yushan) configFile() string { return filepath.Join(y.server.dir, "yushan.yaml") }

// Configure writes another configuration, which a running server reads at SIGHUP.
func (y *Yushan) Configure(config string) {
	y.t.Helper()
	if err := os.WriteFile(y.configFile(), []byte(config), 0o600); err != nil {
		y.t.Fatal(err)
	}
}

// Log returns all that the server has printed.
func (y *Yushan) Log() string {
	log, err := os.ReadFile(filepath.Join(y.server.dir, "output"))
	if err != nil {
		y.t.Error(err)
	}
	return string(log)
}

// Await waits until the log contains text n times.
func (y *Yushan) Await(text string, n int) {
	y.t.Helper()
	for end := time.Now().Add(patience); strings.Count(y.Log(), text) < n; time.Sleep(10 * time.Millisecond) {
		select {
		case <-y.server.exited:
			if strings.Count(y.Log(), text) < n {
				y.t.Fatalf("the server ended without saying %q %d times:\n%s", text, n, y.server.log())
			}
		default:
		}
		if time.Now().After(end) {
			y.t.Fatalf("the server doesn't say %q %d times:\n%s", text, n, y.server.log())
		}
	}
}

// Reload sends SIGHUP, and returns when the server has read all anew.
func (y *Yushan) Reload() {
	y.t.Helper()
	const done = `"message":"reloaded"`
	before := strings.Count(y.Log(), done)
	y.Signal(syscall.SIGHUP)
	y.Await(done, before+1)
}

// PID is the server's process.
func (y *Yushan) PID() int { return y.server.cmd.Process.Pid }

// Signal sends a signal.
func (y *Yushan) Signal(sig syscall.Signal) {
	y.t.Helper()
	if err := y.server.cmd.Process.Signal(sig); err != nil {
		y.t.Fatal(err)
	}
}

// Exit waits for the end of the process, and checks that it was a good one.
func (y *Yushan) Exit() {
	y.t.Helper()
	select {
	case <-y.server.exited:
	case <-time.After(patience):
		y.t.Fatal("the server doesn't stop")
	}
	if state := y.server.cmd.ProcessState; state.ExitCode() != 0 {
		y.t.Errorf("the server ended with %v, expected 0", state)
	}
}

// Stop ends the server by SIGTERM, and returns what it has counted.
func (y *Yushan) Stop() Totals {
	y.t.Helper()
	y.Signal(syscall.SIGTERM)
	y.Exit()
	return y.Totals()
}

// Totals are the counts that a server's log ends with, by transport and name.
type Totals map[string]map[string]int

// Totals reads them from the log of a server that has ended.
func (y *Yushan) Totals() Totals {
	y.t.Helper()
	totals := Totals{}
	for line := range strings.Lines(y.Log()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) != nil || entry["message"] != "served" {
			continue
		}
		transport, _ := entry["transport"].(string)
		totals[transport] = map[string]int{}
		for name, value := range entry {
			if n, ok := value.(float64); ok {
				totals[transport][name] = int(n)
			}
		}
	}
	if len(totals) == 0 {
		y.t.Fatalf("the log does not end with counts:\n%s", y.server.log())
	}
	return totals
}

// ResidentBytes returns how much memory the process has in use: what is in RAM, its
// program included (VmRSS).
func (y *Yushan) ResidentBytes() int64 { return y.status("VmRSS") }

// PeakBytes returns the most that it has had in use since its start (VmHWM).
func (y *Yushan) PeakBytes() int64 { return y.status("VmHWM") }

func (y *Yushan) status(key string) int64 {
	y.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", y.server.cmd.Process.Pid))
	if err != nil {
		y.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		if fields := strings.Fields(value); name == key && len(fields) == 2 && fields[1] == "kB" {
			if n, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
				return n << 10
			}
		}
	}
	y.t.Fatalf("no %s in the status of the server", key)
	return 0
}
