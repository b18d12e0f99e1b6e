package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const (
	startLimit = 60 * time.Second // until the first answer; reached only by a server that hangs
	loadLimit  = 15 * time.Second // from then on, until the zones are loaded
	stopLimit  = 10 * time.Second // from SIGTERM to SIGKILL
	portTries  = 3
)

// errNotLoaded is a server that runs without one of its zones.
var errNotLoaded = errors.New("zone not loaded")

// Zone is a zone to be served.
type Zone struct {
	Origin string // A-labels, with or without the final dot
	File   string // path of its master file
}

// Server is a running peer.
type Server struct {
	Kind     Kind
	Addr     netip.AddrPort // of UDP and TCP
	DoT, DoH netip.AddrPort // the zero value where it serves none
	server   *instance
}

// PID is the process that was started. NSD answers in a child of it.
func (s *Server) PID() int { return s.server.cmd.Process.Pid }

// Stop ends the server before the test's end.
func (s *Server) Stop() { s.server.stop() }

// Kill ends it as a crash would, with all of its processes.
func (s *Server) Kill() {
	syscall.Kill(-s.PID(), syscall.SIGKILL)
	<-s.server.exited
}

// instance is one attempt to run a server.
type instance struct {
	kind   Kind
	dir    string
	opts   Options
	port   uint16
	zones  []Zone
	output *os.File
	cmd    *exec.Cmd
	exited chan error // closed after the process has ended

	dotPort, dohPort uint16 // 0: none
}

// Start runs a server with these zones until the end of the test, and returns
// when it answers for each of them. The test fails when it doesn't.
func Start(t testing.TB, kind Kind, zones ...Zone) *Server {
	t.Helper()
	return StartWith(t, kind, Options{}, zones...)
}

// StartWith is [Start] for servers that do more.
func StartWith(t testing.TB, kind Kind, opts Options, zones ...Zone) *Server {
	t.Helper()
	if err := opts.check(kind); err != nil {
		t.Fatalf("start %s: %v", kind, err)
	}
	absolute := make([]Zone, len(zones))
	for i, z := range zones {
		file, err := filepath.Abs(z.File)
		if err != nil {
			t.Fatalf("start %s: %v", kind, err)
		}
		absolute[i] = Zone{Origin: dns.Fqdn(z.Origin), File: file}
	}
	var err error
	for range portTries { // another process may take the port first
		s := &instance{kind: kind, opts: opts, dir: t.TempDir(), zones: absolute, exited: make(chan error)}
		err = s.start()
		if err == nil {
			t.Cleanup(func() {
				s.stop()
				if t.Failed() {
					t.Logf("output of %s:\n%s", kind, s.log())
				}
			})
			return &Server{Kind: kind, Addr: s.addr(), DoT: addrUnlessZero(s.dotPort), DoH: addrUnlessZero(s.dohPort), server: s}
		}
		err = fmt.Errorf("%w\n%s", err, s.log())
		if errors.Is(err, errNotLoaded) {
			break
		}
	}
	t.Fatalf("start %s: %v", kind, err)
	return nil
}

func (s *instance) addr() netip.AddrPort {
	return loopback(s.port)
}

// start leaves a server that answers for all zones, or none.
func (s *instance) start() (err error) {
	if err = s.choosePorts(); err != nil {
		return err
	}
	config := filepath.Join(s.dir, "config")
	if err = os.WriteFile(config, []byte(kinds[s.kind].config(s)), 0o600); err != nil {
		return err
	}
	program, err := find(s.kind.Program())
	if err != nil {
		return err
	}
	if s.output, err = os.Create(filepath.Join(s.dir, "output")); err != nil {
		return err
	}
	defer s.output.Close() // the child has its own
	s.cmd = exec.Command(program, kinds[s.kind].arguments(config)...)
	s.cmd.Dir = s.dir
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go s.run(started)
	if err = <-started; err != nil {
		return err
	}
	if err = s.waitReady(); err != nil {
		s.stop()
	}
	return err
}

// run starts the process and waits for its end on one thread: Linux sends
// Pdeathsig, which stops the server even if the test is killed, when the thread
// that started the process ends.
func (s *instance) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := s.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	s.cmd.Wait()
	close(s.exited)
}

// waitReady asks for the SOA record of each zone until all are answered with
// authority.
func (s *instance) waitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	client := dns.Client{Timeout: time.Second}
	var answers time.Time // since when there are any
	for _, z := range s.zones {
		query := new(dns.Msg).SetQuestion(z.Origin, dns.TypeSOA)
		for {
			r, _, err := client.ExchangeContext(ctx, query, s.addr().String())
			if err == nil && r.Authoritative && r.Rcode == dns.RcodeSuccess {
				break
			}
			if err == nil {
				err = fmt.Errorf("%w: rcode %s, AA %v", errNotLoaded, dns.RcodeToString[r.Rcode], r.Authoritative)
				if answers.IsZero() {
					answers = time.Now()
				}
				if time.Since(answers) > loadLimit {
					return fmt.Errorf("%s for %s: %w", s.kind.Program(), z.Origin, err)
				}
			}
			select {
			case <-s.exited:
				return fmt.Errorf("%s ended: %v", s.kind.Program(), s.cmd.ProcessState)
			case <-ctx.Done():
				return fmt.Errorf("%s doesn't answer for %s after %s: %w", s.kind.Program(), z.Origin, startLimit, err)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return s.checkTLS(ctx)
}

// stop ends the process: politely first, then with all that it has started.
func (s *instance) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.exited
	}
}

// log returns the end of what the server has printed.
func (s *instance) log() string {
	const keep = 16 << 10
	b, _ := os.ReadFile(filepath.Join(s.dir, "output"))
	if len(b) > keep {
		b = b[len(b)-keep:]
	}
	return strings.TrimSpace(string(b))
}

// FreeAddr returns an address of 127.0.0.1 whose port was free for UDP and TCP a
// moment ago.
func FreeAddr(t testing.TB) netip.AddrPort {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return loopback(port)
}

// freePort returns a port that was free for UDP and TCP a moment ago.
func freePort() (uint16, error) {
	var err error
	for range 20 {
		var tcp net.Listener
		if tcp, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			return 0, err
		}
		udp, udpErr := net.ListenPacket("udp4", tcp.Addr().String())
		tcp.Close()
		if err = udpErr; err == nil {
			udp.Close()
			return uint16(tcp.Addr().(*net.TCPAddr).Port), nil
		}
	}
	return 0, err
}
