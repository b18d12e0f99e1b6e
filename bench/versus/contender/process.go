package contender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"yushan/bench/procstat"
)

const (
	startLimit = 15 * time.Minute // until the first answer: the largest zones take minutes
	stopLimit  = 30 * time.Second // from SIGTERM to SIGKILL
)

// Process is a server that runs. It is used by one goroutine at a time.
type Process struct {
	*Contender
	Setup Setup
	// FirstAnswer is how long it took from its start, and StartCPU its time on
	// processors until then.
	FirstAnswer, StartCPU time.Duration

	cmd       *exec.Cmd
	exited    chan struct{} // closed after the process has ended
	observer  *procstat.Observer
	compiled  string // file that it makes of the zone
	suspended bool
}

// Start runs a server and returns when it has answered its first query, for the zone's
// SOA record. Its directory is made if need be; what it prints is in the file "log" there.
func (c *Contender) Start(ctx context.Context, s Setup) (*Process, error) {
	fail := func(err error) (*Process, error) { return nil, fmt.Errorf("start %s: %w", c.ID, err) }
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return fail(err)
	}
	var err error
	if s.Ports, err = freePorts(); err != nil {
		return fail(err)
	}
	plan, err := c.plan(c, &s)
	if err != nil {
		return fail(err)
	}
	for _, f := range plan.files {
		if err := os.WriteFile(filepath.Join(s.Dir, f.Name), []byte(f.Text), 0o600); err != nil {
			return fail(err)
		}
	}
	if plan.before != nil && !upToDate(plan.compiled, s.Zone) {
		cmd := exec.CommandContext(ctx, plan.before[0], plan.before[1:]...)
		cmd.Dir = s.Dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fail(fmt.Errorf("%s: %w\n%s", plan.before[0], err, out))
		}
	}
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		return fail(err)
	}
	defer log.Close() // the child has its own
	args := append([]string{c.Program}, plan.args...)
	if s.Processors != "" {
		args = append([]string{"taskset", "-c", s.Processors}, args...)
	}
	p := &Process{Contender: c, Setup: s, cmd: exec.Command(args[0], args[1:]...), exited: make(chan struct{}), compiled: plan.compiled}
	p.cmd.Dir = s.Dir
	p.cmd.Env = append(os.Environ(), plan.env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	c.Use(s.use(plan, args))
	started := make(chan error)
	began := time.Now()
	go p.run(started)
	if err := <-started; err != nil {
		return fail(err)
	}
	if err := p.await(ctx, func(a answer) bool { return plan.echo || a.authoritative }); err != nil {
		p.Stop()
		return fail(fmt.Errorf("%w\n%s", err, p.log()))
	}
	p.FirstAnswer = time.Since(began)
	if p.observer, err = procstat.Open(strconv.Itoa(p.cmd.Process.Pid)); err != nil {
		p.Stop()
		return fail(err)
	}
	sample, err := p.Usage()
	if err != nil {
		p.Stop()
		return fail(err)
	}
	p.StartCPU = sample.CPU
	return p, nil
}

// run starts the process and waits for its end on one thread: Linux sends Pdeathsig, which
// stops the server even if this program is killed, when the thread that started it ends.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		close(p.exited)
		started <- err
		return
	}
	started <- nil
	p.cmd.Wait()
	close(p.exited)
}

// Usage tells what the server and its children have used until now.
func (p *Process) Usage() (procstat.Sample, error) { return p.observer.Sample() }

// Memory is its proportional set size in bytes, at this moment.
func (p *Process) Memory() (uint64, error) {
	sample, err := p.observer.Measure()
	return sample.MemoryBytes, err
}

// Suspend stops it from running, so that it takes nothing from the server that is
// measured; Resume lets it run on.
func (p *Process) Suspend() {
	p.signal(syscall.SIGSTOP)
	p.suspended = true
}

// Resume undoes Suspend.
func (p *Process) Resume() {
	p.signal(syscall.SIGCONT)
	p.suspended = false
}

// Reload has it read its zone again, as all of them do at SIGHUP.
func (p *Process) Reload() { p.cmd.Process.Signal(syscall.SIGHUP) }

// Ended tells whether the process has ended by itself.
func (p *Process) Ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// signal reaches children, too.
func (p *Process) signal(s syscall.Signal) { syscall.Kill(-p.cmd.Process.Pid, s) }

// Stop ends it: politely first, then with all that it has started.
func (p *Process) Stop() {
	if p.observer != nil {
		p.observer.Close()
	}
	if p.suspended {
		p.Resume()
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
	}
	p.signal(syscall.SIGKILL) // children that were left, or all
	<-p.exited
}

// Log returns the end of what the server has printed.
func (p *Process) log() string {
	const keep = 4 << 10
	b, _ := os.ReadFile(filepath.Join(p.Setup.Dir, "log"))
	if len(b) > keep {
		b = b[len(b)-keep:]
	}
	return strings.TrimSpace(string(b))
}

// await asks until an answer is as wanted. It asks more seldom the longer it has waited,
// so that it knows the time to within a few thousandths and takes little from the server.
func (p *Process) await(ctx context.Context, wanted func(answer) bool) error {
	ask, err := newAsker(p.Setup.Ports.DNS)
	if err != nil {
		return err
	}
	defer ask.close()
	began := time.Now()
	var last error
	for {
		a, err := ask.ask(max(time.Millisecond, time.Since(began)/200))
		if err == nil && wanted(a) {
			return nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, syscall.ECONNREFUSED) {
			last = err
		}
		select {
		case <-p.exited:
			return fmt.Errorf("it ended: %v", p.cmd.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if time.Since(began) > startLimit {
			return fmt.Errorf("no answer after %s (%v)", startLimit, last)
		}
	}
}
