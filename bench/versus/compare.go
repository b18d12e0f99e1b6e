package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"yushan/bench/versus/client"
	"yushan/bench/versus/contender"
	"yushan/bench/versus/outcome"
	"yushan/bench/versus/render"
	"yushan/bench/versus/trial"
	"yushan/internal/cli"
)

type compareCommand struct {
	Rows        []string `short:"r" placeholder:"ROW" help:"Only these rows; \"bench/compare rows\" lists them."`
	Peers       []string `short:"p" placeholder:"PEER" help:"Only these peers: nsd, knot, knot-new (of KNOTD), bind, coredns. All that are there unless told."`
	Delegations int      `short:"n" placeholder:"N" help:"Of the zone for queries; 200000 unless told."`
	Large       int      `placeholder:"N" help:"Delegations of the zone for load and memory; 1000000 unless told."`
	Huge        int      `placeholder:"N" help:"Delegations of the largest zone; 10000000 unless told."`
	HugePeers   bool     `help:"Measure peers with the largest zone, too."`
	Rounds      int      `placeholder:"N" help:"How often each figure is taken; 5 unless told."`
	Seconds     float64  `placeholder:"N" help:"How long queries are sent for a figure; 5 unless told."`
	Quick       bool     `help:"A glance: 2 rounds of 2 seconds, 200000 delegations for load and memory, 1000000 for the largest zone. Not for results that are kept."`
	Client      string   `enum:",dnsperf,yushan-bench" default:"" placeholder:"NAME" help:"What asks where both can: dnsperf, which it is unless told, or yushan-bench, which writes queries of a connection that are due together at once. dot-together and growth are yushan-bench's either way."`
	Out         string   `short:"o" placeholder:"FILE" help:"Where results go, without ending; bench/results/DATE-MACHINE unless told."`
	Resume      string   `type:"existingfile" placeholder:"FILE" help:"Go on with a comparison that was broken off: its .json or .json.tmp. Only on the same machine, with the same builds of all that take part."`
	Dir         string   `type:"path" placeholder:"DIRECTORY" help:"Where zones are made, and found again next time; a temporary one unless told."`
}

func (*compareCommand) Help() string {
	return `Each figure is taken in rounds: servers are asked one after the other, in another order each round, while the others are stopped. What counts is the server's CPU time: it depends little on what the client leaves of the machine. The machine should have nothing else to do; what others used is noted.

KNOTD=/path/to/knotd is a Knot of 3.4 or later, which has DoT and DoQ; COREDNS=/path a CoreDNS, which is built otherwise; YUSHAN=/path a yushan that has been built before, without the rows about changes, which are a benchmark of the checkout.

Examples:

    bench/compare
    bench/compare --quick
    bench/compare --rows udp,tcp --peers nsd,knot --rounds 10
    bench/compare report bench/results/FILE.json`
}

// Run implements the command.
func (c *compareCommand) Run(con *cli.Console) error {
	ctx, cancel := cli.Interruptible()
	defer cancel()
	if err := c.check(); err != nil {
		return err
	}
	dir, done, err := c.directory()
	if err != nil {
		return err
	}
	defer done()
	o, err := c.outcome()
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(con.Err, format+"\n", args...) }
	config, err := c.config(ctx, o, dir, say)
	if err != nil {
		return err
	}
	base := c.Out
	switch {
	case base == "" && c.Resume != "":
		base = strings.TrimSuffix(strings.TrimSuffix(c.Resume, ".tmp"), ".json")
	case base == "":
		base = filepath.Join("bench", "results", o.Started.Format("2006-01-02")+"-"+render.HostClass(o.Machine))
	}
	if err := os.MkdirAll(filepath.Dir(base), 0o755); err != nil {
		return err
	}
	saved := false // what can't be gone on with stays as it is
	config.Save = func(o *outcome.Outcome) error { saved = true; return replace(base+".json.tmp", o.Write) }
	err = trial.Run(ctx, config, o)
	if ctx.Err() != nil {
		if _, missing := os.Stat(base + ".json.tmp"); missing == nil {
			say("go on with it by bench/compare --resume %s.json.tmp", base)
		}
		return ctx.Err()
	}
	if !saved {
		return err
	}
	files, failed := report(o, base)
	if failed != nil {
		return errors.Join(err, failed)
	}
	os.Remove(base + ".json.tmp")
	if failed := render.Text(con.Out, o); failed != nil {
		return errors.Join(err, failed)
	}
	say("\n%s", strings.Join(files, "\n"))
	return err
}

func (c *compareCommand) check() error {
	for _, list := range []struct {
		flag         string
		given, known []string
	}{{"--rows", c.Rows, trial.RowIDs()}, {"--peers", c.Peers, contender.PeerIDs()}} {
		for _, id := range list.given {
			if !slices.Contains(list.known, id) {
				return cli.Usagef("%s: there is no %q: expected one of %s", list.flag, id, strings.Join(list.known, ", "))
			}
		}
	}
	for flag, n := range map[string]int{"--rounds": c.Rounds, "--delegations": c.Delegations, "--large": c.Large, "--huge": c.Huge} {
		if n < 0 {
			return cli.Usagef("%s %d: expected 1 or more", flag, n)
		}
	}
	if c.Seconds < 0 {
		return cli.Usagef("--seconds %g: expected more than 0", c.Seconds)
	}
	return nil
}

// directory is where the comparison works, and what removes it.
func (c *compareCommand) directory() (dir string, done func(), err error) {
	if c.Dir != "" {
		return c.Dir, func() {}, os.MkdirAll(c.Dir, 0o755)
	}
	if dir, err = os.MkdirTemp("", "yushan-compare-"); err != nil {
		return "", nil, err
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}

// outcome is a new one, or the one to go on with.
func (c *compareCommand) outcome() (*outcome.Outcome, error) {
	if c.Resume == "" {
		return &outcome.Outcome{Format: outcome.Format, Started: time.Now().Round(time.Second), Settings: c.settings(),
			Command: strings.TrimSpace("bench/compare " + strings.Join(os.Args[1:], " "))}, nil
	}
	o, err := readOutcome(c.Resume)
	if err != nil {
		return nil, err
	}
	if c.Client != "" && c.Client != o.Settings.Client {
		return nil, cli.Usagef("--resume goes on with the client there is: %s", o.Settings.Client)
	}
	if c.Rounds != 0 || c.Seconds != 0 || c.Delegations != 0 || c.Large != 0 || c.Huge != 0 || c.Quick {
		return nil, cli.Usagef("--resume goes on with the settings there are: leave out those of size and time")
	}
	return o, nil
}

func (c *compareCommand) settings() outcome.Settings {
	s := outcome.Settings{Rounds: 5, Seconds: 5, Delegations: 200_000, Large: 1_000_000, Huge: 10_000_000, Client: cmp.Or(c.Client, "dnsperf"),
		Only: c.Rows, Peers: c.Peers, HugePeers: c.HugePeers}
	if c.Quick {
		s.Rounds, s.Seconds, s.Large, s.Huge = 2, 2, 200_000, 1_000_000
	}
	for to, given := range map[*int]int{&s.Rounds: c.Rounds, &s.Delegations: c.Delegations, &s.Large: c.Large, &s.Huge: c.Huge} {
		if given > 0 {
			*to = given
		}
	}
	if c.Seconds > 0 {
		s.Seconds = c.Seconds
	}
	return s
}

// config builds what is compared, and finds the clients.
func (c *compareCommand) config(ctx context.Context, o *outcome.Outcome, dir string, say func(string, ...any)) (trial.Config, error) {
	fail := func(err error) (trial.Config, error) { return trial.Config{}, err }
	processors, err := trial.Processors()
	if err != nil {
		return fail(err)
	}
	serverCPUs, clientCPUs := trial.Share(processors, 1)
	self, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fail(err)
	}
	config := trial.Config{
		Only: o.Settings.Only, Peers: o.Settings.Peers, HugePeers: o.Settings.HugePeers || c.HugePeers, Dir: dir, Say: say,
		Programs: contender.Programs{Yushan: named("YUSHAN"), Echo: self, Knot: named("KNOTD"), CoreDNS: named("COREDNS"), Cache: filepath.Join(cache, "yushan-bench"), Say: say},
		Tools:    client.Tools{YushanBench: filepath.Join(dir, "bin", "yushan-bench"), Processors: clientCPUs, Dir: dir},
	}
	if c.Rows != nil {
		config.Only = c.Rows
	}
	if c.Peers != nil {
		config.Peers = c.Peers
	}
	source, err := checkout(ctx)
	if err != nil {
		return fail(err)
	}
	revision := ""
	if config.Programs.Yushan == "" {
		config.Source, revision = source, trial.Revision(ctx, source)
		config.Programs.Yushan = filepath.Join(dir, "bin", "yushan")
		say("building yushan …")
		if err := build(ctx, source, config.Programs.Yushan, "./cmd/yushan"); err != nil {
			return fail(err)
		}
	}
	if err := build(ctx, source, config.Tools.YushanBench, "./cmd/yushan-bench"); err != nil {
		return fail(err)
	}
	machine := trial.Machine(len(processors))
	if o.Settings.Client == "dnsperf" {
		if config.Tools.DNSPerf, err = exec.LookPath("dnsperf"); err != nil {
			return fail(errors.New("dnsperf is not installed (Debian: apt-get install dnsperf); --client yushan-bench does without it"))
		}
		machine.Client = "dnsperf " + trial.DNSPerfVersion(ctx, config.Tools.DNSPerf)
	}
	if _, err := exec.LookPath("taskset"); err != nil && serverCPUs != "" {
		return fail(errors.New("taskset is not installed (Debian: apt-get install util-linux)"))
	}
	if o.Measured("") {
		if difference := o.Machine.Differs(machine); difference != "" {
			return fail(fmt.Errorf("%s: begin anew: there is %s", c.Resume, difference))
		}
		if o.Settings.ServerCPUs != serverCPUs || o.Settings.ClientCPUs != clientCPUs {
			return fail(fmt.Errorf("%s: begin anew: servers had processors %q and clients %q, and have %q and %q", c.Resume, o.Settings.ServerCPUs, o.Settings.ClientCPUs, serverCPUs, clientCPUs))
		}
		return config, nil
	}
	o.Machine, o.Revision, o.Settings.ServerCPUs, o.Settings.ClientCPUs = machine, revision, serverCPUs, clientCPUs
	return config, nil
}

// named is the program that an environment variable names, from wherever a server is started;
// "" if it is empty.
func named(variable string) string {
	path := os.Getenv(variable)
	if absolute, err := filepath.Abs(path); err == nil && path != "" {
		return absolute
	}
	return path
}

// checkout is the directory of the module.
func checkout(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w: start it in the checkout", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// build makes a program as it is released, but for the commit: what was built of the same
// source is the same, so that a comparison can be gone on with.
func build(ctx context.Context, source, program, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, pkg)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// replace writes a file so that there is always a whole one.
func replace(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if err := write(file); err != nil {
		file.Close()
		return err
	}
	if err := errors.Join(file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
