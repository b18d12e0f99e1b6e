package peer

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Stub is a zone, and a server of it that a resolver shall ask.
type Stub struct {
	Zone string
	Addr netip.AddrPort
	// TLSName is the name that the server's certificate must have; it is asked by DoT
	// then. Without it, by UDP and TCP.
	TLSName string
}

// UnboundOptions say what a resolver knows.
type UnboundOptions struct {
	Stubs        []Stub
	CAFile       string   // by whose certificates servers are checked, in PEM
	TrustAnchors []string // DS or DNSKEY records of zones that are validated
}

// Unbound is a running resolver.
type Unbound struct {
	Addr   netip.AddrPort // of UDP and TCP
	server *instance
}

// Log returns the end of what it has printed.
func (u *Unbound) Log() string { return u.server.log() }

// ready is a name that unbound knows by itself.
const ready = "ready.invalid."

// StartUnbound runs unbound as a resolver until the end of the test, and returns when
// it answers. It sends nothing to other machines.
func StartUnbound(t testing.TB, opts UnboundOptions) *Unbound {
	t.Helper()
	program := Tool(t, "unbound", "unbound")
	s := &instance{dir: t.TempDir(), exited: make(chan error)}
	addr := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	s.port = FreePort(t, addr)
	config := filepath.Join(s.dir, "unbound.conf")
	if err := os.WriteFile(config, []byte(unboundConfig(s, opts)), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.output, err = os.Create(filepath.Join(s.dir, "output")); err != nil {
		t.Fatal(err)
	}
	defer s.output.Close()
	s.cmd = exec.Command(program, "-d", "-c", config)
	s.cmd.Dir = s.dir
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go s.run(started)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("output of unbound:\n%s", s.log())
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	client := dns.Client{Timeout: time.Second}
	for {
		r, _, err := client.ExchangeContext(ctx, new(dns.Msg).SetQuestion(ready, dns.TypeA), s.addr().String())
		if err == nil && len(r.Answer) == 1 {
			return &Unbound{Addr: s.addr(), server: s}
		}
		select {
		case <-s.exited:
			t.Fatalf("unbound ended: %v\n%s", s.cmd.ProcessState, s.log())
		case <-ctx.Done():
			t.Fatalf("unbound doesn't answer after %s: %v", startLimit, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// unboundConfig writes the configuration. Queries leave from a loopback address, with
// which they cannot leave this machine. What is below test. isn't unbound's own.
func unboundConfig(s *instance, opts UnboundOptions) string {
	var b strings.Builder
	fmt.Fprintf(&b, `server:
    directory: %[1]q
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    verbosity: 2
    num-threads: 1
    interface: 127.0.0.1@%[2]d
    outgoing-interface: 127.0.0.1
    do-ip6: no
    do-not-query-localhost: no
    module-config: "validator iterator"
    val-log-level: 2
    trust-anchor-signaling: no
    target-fetch-policy: "0 0 0 0 0"
    local-zone: "invalid." static
    local-data: "%[3]s A 127.0.0.1"
    local-zone: "test." nodefault
`, s.dir, s.port, ready)
	if opts.CAFile != "" {
		fmt.Fprintf(&b, "    tls-cert-bundle: %q\n", opts.CAFile)
	}
	for _, anchor := range opts.TrustAnchors {
		fmt.Fprintf(&b, "    trust-anchor: %q\n", anchor)
	}
	for _, stub := range opts.Stubs {
		addr := fmt.Sprintf("%s@%d", stub.Addr.Addr(), stub.Addr.Port())
		tls := "no"
		if stub.TLSName != "" {
			addr, tls = addr+"#"+stub.TLSName, "yes"
		}
		fmt.Fprintf(&b, "stub-zone:\n    name: %q\n    stub-addr: %s\n    stub-tls-upstream: %s\n", stub.Zone, addr, tls)
	}
	b.WriteString("remote-control:\n    control-enable: no\n")
	return b.String()
}
