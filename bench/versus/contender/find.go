package contender

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"yushan/bench/versus/echo"
	"yushan/bench/versus/outcome"
)

// Programs are where servers are that Find can't find by itself.
type Programs struct {
	Yushan  string
	Echo    string // a program with the subcommand "echo"
	Knot    string // a knotd beside the installed one; "": none
	CoreDNS string // "": one is built
	Cache   string // directory for what is built
	Say     func(format string, args ...any)
}

// Versions that are built.
const corednsVersion = "v1.15.0"

// IDs of the servers, as options and outcomes have them.
const (
	NSD     = "nsd"
	Knot    = "knot"     // the installed one
	NewKnot = "knot-new" // the one of Programs
	BIND    = "bind"
	CoreDNS = "coredns"
	CEcho   = "c-echo"
	GoEcho  = "go-echo"
)

// IDs are all that Find knows, yushan first.
var IDs = []string{outcome.Yushan, NSD, Knot, NewKnot, BIND, CoreDNS, CEcho, GoEcho}

// Find returns the server with that ID, ready to be started.
func Find(ctx context.Context, id string, p Programs) (*Contender, error) {
	c := &Contender{Server: outcome.Server{ID: id}}
	var version []string // arguments that print it
	var err error
	switch id {
	case outcome.Yushan:
		c.Name, c.Program, c.plan = "yushan", p.Yushan, yushanPlan
		c.Speaks = []Transport{UDP, TCP, DoT, DoH2, DoH3, DoQ}
		c.Compiles = true
		version = []string{"version"}
		c.Configured = "Limits of connections and of new TLS sessions are raised, and idle connections kept for a minute, since the transport is to be measured. All else is as it is without a configuration. GOMAXPROCS is the number of workers for all transports but UDP, on which the workers are a limit of their own."
	case NSD:
		c.Name, c.plan = "NSD", nsdPlan
		c.Speaks = []Transport{UDP, TCP, DoT}
		c.Compiles = true
		c.Program, err = installed("nsd", "nsd")
		version = []string{"-v"}
		c.Configured = "One server process a worker, minimal responses, no rate limit (with Debian's, loopback would be limited), no cookies, no control socket. Started from the text of the zone: database: \"\"."
	case Knot, NewKnot:
		c.Name, c.plan = "Knot", knotPlan
		c.Speaks = []Transport{UDP, TCP}
		c.Program = p.Knot
		if id == Knot {
			c.Program, err = installed("knotd", "knot")
		} else if c.Program == "" {
			err = fmt.Errorf("KNOTD names no Knot of 3.4 or later, which has DoT and DoQ")
		}
		version = []string{"--version"}
		c.Configured = "As many UDP, TCP and background workers as the others have workers; no journal, no checks of the zone's meaning, the zone file read as a whole and never written; no modules."
	case BIND:
		c.Name, c.plan = "BIND", bindPlan
		c.Speaks = []Transport{UDP, TCP, DoT, DoH2}
		c.Compiles = true
		c.Program, err = installed("named", "bind9")
		version = []string{"-v"}
		c.Configured = "Authoritative only: no recursion, no cookies, minimal responses, no checks of the zone's integrity, no control channel, as many threads and UDP listeners (-n, -U) as workers."
	case CoreDNS:
		c.Name, c.plan = "CoreDNS", corednsPlan
		c.Speaks = []Transport{UDP, DoH3, DoQ}
		c.Unsigned = true
		c.Program, err = builtCoreDNS(ctx, p)
		version = []string{"-version"}
		c.Configured = "The plugin file alone; no log, no errors, no cache, no metrics; GOMAXPROCS is the number of workers."
	case CEcho:
		c.Name, c.Floor, c.plan = "C echo", true, cEchoPlan
		c.Speaks = []Transport{UDP}
		c.Program, err = builtEcho(ctx, p)
		c.Configured = "recvmmsg, one bit set, sendmmsg: no name server. Compiled with -O2."
	case GoEcho:
		c.Name, c.Floor, c.plan = "Go echo", true, goEchoPlan
		c.Speaks = []Transport{UDP, TCP, DoT, DoQ}
		c.Program = p.Echo
		c.Configured = "Sends queries back with one bit set: no name server. UDP by a locked thread with recvmmsg and sendmmsg; TCP and TLS by a goroutine a connection, one read, one write; QUIC by quic-go as it comes, a goroutine a stream."
	default:
		return nil, fmt.Errorf("no server %q: expected one of %v", id, IDs)
	}
	if err != nil {
		return nil, err
	}
	if version != nil {
		// Some of them exit with an error after it.
		out, failed := exec.CommandContext(ctx, c.Program, version...).CombinedOutput()
		if c.Version = versionOf(string(out)); c.Version == "" {
			return nil, fmt.Errorf("%s %v tells no version: %v\n%s", c.Program, version, failed, out)
		}
		if id == NSD {
			c.Remark = nsdRemark(string(out))
		}
	}
	if c.ID == Knot || c.ID == NewKnot {
		if knotEncrypts(c.Version) {
			c.Speaks = append(c.Speaks, DoT, DoQ)
		} else if c.ID == NewKnot {
			return nil, fmt.Errorf("%s is Knot %s, which has no DoT: 3.4 does", c.Program, c.Version)
		}
	}
	return c, nil
}

// installed looks where Debian keeps servers too: /usr/sbin is not in the PATH of an
// ordinary user.
func installed(program, debian string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(filepath.Join("/usr/sbin", program))
	if err != nil {
		return "", fmt.Errorf("%s is not installed (Debian: apt-get install %s)", program, debian)
	}
	return path, nil
}

var versionNumber = regexp.MustCompile(`\d+\.\d+(?:\.\d+)?`)

// versionOf returns the first number with a point in what a program prints of itself, or
// yushan's whole line, since it may have none; "" if there is neither.
func versionOf(text string) string {
	if line := regexp.MustCompile(`^yushan (.*)\n$`).FindStringSubmatch(text); line != nil {
		return line[1]
	}
	return versionNumber.FindString(text)
}

// builtCoreDNS returns the CoreDNS to use, which is built the first time.
func builtCoreDNS(ctx context.Context, p Programs) (string, error) {
	if p.CoreDNS != "" {
		return p.CoreDNS, nil
	}
	directory := filepath.Join(p.Cache, "coredns@"+corednsVersion)
	program := filepath.Join(directory, "coredns")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return "", err
	}
	p.Say("building CoreDNS %s, which takes minutes (COREDNS=/path names one that is there) …", corednsVersion)
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/coredns/coredns@"+corednsVersion)
	cmd.Dir = directory // no module, whose go.mod would matter
	cmd.Env = append(os.Environ(), "GOBIN="+directory, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build CoreDNS: %w\n%s", err, out)
	}
	return program, nil
}

// builtEcho compiles the echo in C.
func builtEcho(ctx context.Context, p Programs) (string, error) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		return "", fmt.Errorf("no C compiler (Debian: apt-get install gcc libc6-dev)")
	}
	if err := os.MkdirAll(p.Cache, 0o755); err != nil {
		return "", err
	}
	source, program := filepath.Join(p.Cache, "echo.c"), filepath.Join(p.Cache, "echo")
	if err := os.WriteFile(source, echo.Source, 0o644); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, compiler, "-O2", "-o", program, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the echo in C: %w\n%s", err, out)
	}
	return program, nil
}

// PeerIDs are those of the name servers beside yushan.
func PeerIDs() []string { return []string{NSD, Knot, NewKnot, BIND, CoreDNS} }
