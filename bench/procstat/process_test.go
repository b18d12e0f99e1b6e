package procstat

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds what is waited for; only a failing test waits that long.
const patience = time.Minute

const (
	heldBytes = 64 << 20
	burned    = 200 * time.Millisecond
)

// TestMain plays a server when the variable says so: a parent that has children, which
// need time and memory.
func TestMain(m *testing.M) {
	switch os.Getenv("PROCSTAT_PLAYS") {
	case "parent":
		parent()
	case "child":
		child()
	default:
		os.Exit(m.Run())
	}
}

// parent starts a child on each line of its input, which it passes on.
func parent() {
	var children []*exec.Cmd
	in := bufio.NewScanner(os.Stdin)
	fmt.Println("ready")
	for in.Scan() {
		switch in.Text() {
		case "start":
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), "PROCSTAT_PLAYS=child")
			cmd.Stdout = os.Stdout
			hold, _ := cmd.StdinPipe()
			defer hold.Close()
			if err := cmd.Start(); err != nil {
				fmt.Println(err)
			}
			children = append(children, cmd)
		case "end":
			cmd := children[0]
			children = children[1:]
			cmd.Process.Kill()
			cmd.Wait()
			fmt.Println("ended")
		}
	}
}

// child uses what the tests look for, says so, and waits to be killed.
func child() {
	memory := make([]byte, heldBytes)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	for used() < burned {
	}
	fmt.Println("used")
	bufio.NewReader(os.Stdin).ReadString('\n')
	_ = memory[len(memory)-1]
}

func used() time.Duration {
	var usage unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// server is the parent's process.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	tell func(what, answer string)
}

func startServer(t *testing.T) *server {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "PROCSTAT_PLAYS=parent")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	s := &server{t: t, cmd: cmd}
	s.tell = func(what, answer string) {
		t.Helper()
		if what != "" {
			fmt.Fprintln(in, what)
		}
		if !lines.Scan() || lines.Text() != answer {
			t.Fatalf("to %q the server said %q, expected %q", what, lines.Text(), answer)
		}
	}
	s.tell("", "ready")
	return s
}

func (s *server) observe() *Observer {
	s.t.Helper()
	o, err := Open(strconv.Itoa(s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

func sample(t *testing.T, o *Observer) Sample {
	t.Helper()
	s, err := o.Sample()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestProcessWithChildren(t *testing.T) {
	s := startServer(t)
	o := s.observe()
	defer o.Close()
	before := sample(t, o)
	if before.Threads < 1 || before.MemoryBytes < 1<<20 || o.Memory() != "PSS" {
		t.Errorf("a process has %+v (%s)", before, o.Memory())
	}
	s.tell("start", "used")
	s.tell("start", "used")
	// The scheduler's clock of a thread that runs on another core lags by a tick.
	var during Sample
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		during = sample(t, o)
		enough := during.CPU-before.CPU >= 2*burned*9/10 && during.MemoryBytes-before.MemoryBytes >= 2*heldBytes
		if enough && during.Threads > before.Threads+1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("children had %s and %d bytes each: the server went from %+v to %+v", burned, heldBytes, before, during)
		}
	}
	s.tell("end", "ended")
	if after := sample(t, o); after.CPU < during.CPU {
		t.Errorf("the time of a child that has ended is forgotten: %s, before %s", after.CPU, during.CPU)
	}
	fresh := s.observe() // since figures of memory may be some time old
	defer fresh.Close()
	if now := sample(t, fresh); now.MemoryBytes > during.MemoryBytes-heldBytes/2 {
		t.Errorf("one of two children has ended: %d bytes, before %d", now.MemoryBytes, during.MemoryBytes)
	}
}

// TestTimeOfEndedThreads: what threads have used that are no more belongs to the process.
func TestMeasuredNow(t *testing.T) {
	o, err := Open(strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	before, err := o.Measure()
	if err != nil {
		t.Fatal(err)
	}
	memory := make([]byte, heldBytes)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	after, err := o.Measure()
	if err != nil {
		t.Fatal(err)
	}
	if after.MemoryBytes < before.MemoryBytes+heldBytes*9/10 {
		t.Errorf("%d bytes before %d more were used, %d at once after it", before.MemoryBytes, len(memory), after.MemoryBytes)
	}
}

func TestTimeOfEndedThreads(t *testing.T) {
	o, err := Open(strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	before := sample(t, o)
	tid := os.Getpid()
	for tid == os.Getpid() { // the first thread of a process stays
		thread := make(chan int)
		go func() {
			runtime.LockOSThread() // and never unlocked, so that the thread ends
			for begun := used(); used()-begun < burned; {
			}
			thread <- unix.Gettid()
		}()
		tid = <-thread
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if unix.Tgkill(os.Getpid(), tid, 0) == unix.ESRCH {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the thread doesn't end")
		}
	}
	// getrusage counts the same by another way.
	if got := sample(t, o).CPU - before.CPU; got < burned*9/10 {
		t.Errorf("%s were used, the observer saw %s", burned, got)
	}
}

func TestProcessEnds(t *testing.T) {
	s := startServer(t)
	o := s.observe()
	defer o.Close()
	s.cmd.Process.Kill()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := o.Sample(); errors.Is(err, ErrEnded) { // a zombie, since nobody has waited for it
			break
		}
		if time.Now().After(end) {
			t.Fatal("the end of a process isn't noticed")
		}
	}
	s.cmd.Wait()
	_, err := o.Sample()
	want := fmt.Sprintf("observe process %d: it has ended", s.cmd.Process.Pid)
	if err == nil || err.Error() != want {
		t.Errorf("error %v, expected %s", err, want)
	}
}

func TestProcessOfAnotherOnesID(t *testing.T) {
	s := startServer(t)
	o := s.observe()
	defer o.Close()
	o.source.(*process).started--
	if _, err := o.Sample(); !errors.Is(err, ErrEnded) {
		t.Errorf("error %v for a later process with this ID, expected %v", err, ErrEnded)
	}
}

func TestWrongTargets(t *testing.T) {
	for target, want := range map[string]string{
		"":             `observe "": expected the ID of a process, or a URL`,
		"nsd":          `observe "nsd": expected the ID of a process, or a URL`,
		"-1":           "observe process -1: expected a positive number",
		"0":            "observe process 0: expected a positive number",
		"2147483646":   "observe process 2147483646: there is no such process",
		"http://":      `the URL has no host`,
		"http://[::1":  "observe: parse",
		"ftp://[::1]/": "expected the ID of a process, or a URL",
	} {
		if _, err := Open(target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave the error %v, expected %s", target, err, want)
		}
	}
}

func TestParseStatus(t *testing.T) {
	const rest = " S 7 1 1 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 9 0 12345 1 2 3"
	for text, want := range map[string]status{
		"42 (nsd: server 1)" + rest: {identity{42, 12345}, 7, 9, false},
		"42 (a) Z 1 (b)" + rest:     {identity{42, 12345}, 7, 9, false},
	} {
		if got, ok := parseStatus([]byte(text)); !ok || got != want {
			t.Errorf("%q is %+v, %v; expected %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "42", "42 (a", "42 (a)", "42 (a) S 1", "x (a)" + rest, ") (", strings.Replace("42 (a)"+rest, "12345", "-", 1)} {
		if got, ok := parseStatus([]byte(text)); ok {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte("42 (nsd: server 1) S 7 1 1 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 9 0 12345 1 2 3"))
	f.Add([]byte("1 () Z"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, ok := parseStatus(text); ok && (s.pid <= 0 || s.threads < 0) {
			t.Errorf("%q is %+v", text, s)
		}
	})
}
