package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"yushan/bench/result"
)

// executable is the built command.
var executable string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "yushan-bench")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	executable = filepath.Join(dir, "yushan-bench")
	err = build(executable, raceDetector)
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// build builds the command, as it is released or with the race detector.
func build(path string, race bool) error {
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if race {
		cmd = exec.Command("go", "build", "-race", "-o", path, ".")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building yushan-bench: %w\n%s", err, out)
	}
	return nil
}

// patience bounds everything that is waited for. Nothing is expected to take that long on
// any machine: who does hangs.
const patience = 3 * time.Minute

// outcome is what the command did.
type outcome struct {
	stdout, stderr string
	code           int
	*result.Result // of its JSON; nil unless it wrote some
}

// command is a running command.
type command struct {
	t        *testing.T
	cmd      *exec.Cmd
	json     string
	done     chan struct{}
	out, err buffer
}

// buffer may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// prepare makes a command that is not started yet; a run writes JSON.
func prepare(t *testing.T, args ...string) *command {
	t.Helper()
	c := &command{t: t, done: make(chan struct{})}
	if len(args) > 0 && args[0] == "run" {
		c.json = filepath.Join(t.TempDir(), "result.json")
		args = append(args, "--json", c.json)
	}
	c.cmd = exec.Command(executable, args...)
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.err
	return c
}

// start starts it, until the end of the test at most.
func (c *command) start() {
	c.t.Helper()
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		defer close(c.done)
		c.cmd.Wait()
	}()
	c.t.Cleanup(func() {
		c.cmd.Process.Kill()
		<-c.done
		if c.t.Failed() {
			c.t.Logf("%s\nstdout:\n%s\nstderr:\n%s", c.cmd, c.out.String(), c.err.String())
		}
	})
}

// start starts the command.
func start(t *testing.T, args ...string) *command {
	t.Helper()
	c := prepare(t, args...)
	c.start()
	return c
}

// end waits for the command's end, and reads and checks its JSON.
func (c *command) end() outcome {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		c.cmd.Process.Signal(syscall.SIGQUIT) // Go shows where it hangs
		c.t.Fatalf("%s: has not ended after %s", c.cmd, patience)
	}
	o := outcome{stdout: c.out.String(), stderr: c.err.String(), code: c.cmd.ProcessState.ExitCode()}
	if strings.Contains(o.stderr, "DATA RACE") || strings.Contains(o.stderr, "panic:") {
		c.t.Errorf("%s: a data race or a panic", c.cmd)
	}
	if file, err := os.Open(c.json); err == nil {
		defer file.Close()
		if o.Result, err = result.Read(file); err != nil {
			c.t.Fatal(err)
		}
		consistent(c.t, o.Result)
	}
	return o
}

// execute runs the command to its end.
func execute(t *testing.T, args ...string) outcome {
	t.Helper()
	return start(t, args...).end()
}

// measured is [execute] for a run that must come to a result.
func measured(t *testing.T, args ...string) outcome {
	t.Helper()
	o := execute(t, append([]string{"run"}, args...)...)
	if o.Result == nil {
		t.Fatalf("exit %d without a result: %s", o.code, o.stderr)
	}
	return o
}

// consistent checks that all figures of a result fit each other.
func consistent(t *testing.T, r *result.Result) {
	t.Helper()
	var classes, intervals result.Counts
	for _, c := range r.Classes {
		sum(&classes, &c.Counts)
		counted(t, "class "+c.Name, &c.Stats)
	}
	end := 0.0
	for _, i := range r.Intervals {
		sum(&intervals, &i.Counts)
		counted(t, fmt.Sprintf("interval at %g s", i.At), &i.Stats)
		if i.At < end-1e-6 || i.At > end+1e-6 {
			t.Errorf("an interval begins at %g s, the one before ends at %g s", i.At, end)
		}
		end = i.At + i.Seconds
	}
	counted(t, "total", &r.Total)
	if r.Total.Counts != classes {
		t.Errorf("total %+v, classes together %+v", r.Total.Counts, classes)
	}
	if r.Total.Counts != intervals {
		t.Errorf("total %+v, intervals together %+v", r.Total.Counts, intervals)
	}
	if n := r.Client.Service.Count(); n != r.Total.Answered {
		t.Errorf("%d service times, %d answers", n, r.Total.Answered)
	}
	if n := r.Client.Lag.Count(); n != r.Total.Sent {
		t.Errorf("%d lags, %d queries sent", n, r.Total.Sent)
	}
	if r.Verified != nil && r.Verified.Answers != r.Total.Answered {
		t.Errorf("%d answers verified, %d came", r.Verified.Answers, r.Total.Answered)
	}
}

func counted(t *testing.T, what string, s *result.Stats) {
	t.Helper()
	var rcodes uint64
	for _, n := range s.RCodes {
		rcodes += n
	}
	if s.Due != s.Answered+s.Lost+s.Unsent || s.Sent != s.Answered+s.Lost || rcodes != s.Answered || s.Latency.Count() != s.Answered || s.Truncated > s.Answered {
		t.Errorf("%s: counts do not fit each other, with %d by RCODE and %d latencies: %+v", what, rcodes, s.Latency.Count(), s.Counts)
	}
}

func sum(into, c *result.Counts) {
	into.Due += c.Due
	into.Sent += c.Sent
	into.Answered += c.Answered
	into.Lost += c.Lost
	into.Unsent += c.Unsent
	into.Truncated += c.Truncated
	into.SentBytes += c.SentBytes
	into.ReceivedBytes += c.ReceivedBytes
	for i, n := range c.RCodes {
		into.RCodes[i] += n
	}
	into.Odd.Malformed += c.Odd.Malformed
	into.Odd.Mismatched += c.Odd.Mismatched
	into.Odd.Unexpected += c.Odd.Unexpected
	into.Odd.Duplicate += c.Odd.Duplicate
	into.Odd.Late += c.Odd.Late
	into.Odd.Status += c.Odd.Status
}

// runs are subtests that run at the same time: more of them than t.Parallel would have on a small
// machine, since they mostly wait.
type runs struct {
	t      *testing.T
	places chan struct{}
	tests  sync.WaitGroup
}

func newRuns(t *testing.T) *runs {
	together := 8
	if raceDetector { // which keeps the processors busy
		together = 5
	}
	return &runs{t: t, places: make(chan struct{}, together)}
}

// start returns when there is a place for the test, in which it runs.
func (r *runs) start(name string, test func(t *testing.T)) {
	r.places <- struct{}{}
	r.tests.Go(func() {
		defer func() { <-r.places }()
		r.t.Run(name, test)
	})
}

func (r *runs) wait() { r.tests.Wait() }

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}
