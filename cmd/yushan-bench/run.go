package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"yushan/bench"
	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/result"
	"yushan/bench/threshold"
	"yushan/internal/cli"
)

type runCommand struct {
	targetFlags `group:"The server:"`
	queryFlags  `group:"What is asked:"`
	loadFlags   `group:"How it is asked:"`
	searchFlags `group:"Search for the highest rate:"`
	reportFlags `group:"What is reported:"`
}

func (*runCommand) Help() string {
	return `Only servers on this machine are asked unless --allow or --i-own-this-target say otherwise.

Examples:

    yushan-bench run --server 127.0.0.1:5300 --zone tw=tw.zone --rate 50k --duration 30s
    yushan-bench run --server 127.0.0.1:8853 --transport dot --queries FILE --concurrency 200
    yushan-bench run --server 127.0.0.1:5300 --zone tw=tw.zone --search --keep 'p99<5ms'
    yushan-bench run --server 127.0.0.1:8853 --transport doq --zone tw=tw.zone --verify --html report.html

Exit status: 0 if all went well; 1 if an answer was wrong (--verify), a condition of --fail became
true, or nothing was answered; 2 if the command line is wrong.`
}

// Run implements the command.
func (c *runCommand) Run(con *cli.Console) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := new(atomic.Bool)
	target, err := c.target(ctx)
	if err != nil {
		return err
	}
	if err := c.complete(c.Transport); err != nil {
		return err
	}
	if err := c.writable(); err != nil {
		return err
	}
	options, err := c.options(target)
	if err != nil {
		return err
	}
	plan, err := c.plan(target)
	if err != nil {
		return err
	}
	config := &bench.Config{
		Title: c.Title, Plan: plan, Workers: c.Workers, Options: options,
		Stop: stop,
	}
	work, err := c.prepare(ctx, con, c.Transport)
	if err != nil {
		return err
	}
	config.Queries, config.Judge = work.queries, work.judge()
	if err := config.Validate(); err != nil {
		return cli.Usagef("%v", err)
	}
	if config.Server, err = c.observe(); err != nil {
		return err
	}
	if config.Server != nil {
		defer config.Server.Close()
	}
	config.Settings = c.settings(target, config)
	if err := probe(ctx, config, target); err != nil {
		return err
	}
	// Up to here there is nothing to report, and signals do what they usually do, even while
	// a file is read from which nothing comes.
	view := newView(con.Err, config, c.Quiet)
	defer stopOnSignal(view.note, stop, cancel)()
	res, err := c.measure(ctx, view, config)
	if err != nil {
		return err
	}
	res.Version = cli.Build()
	work.finish(res)
	written := c.report(con, res)
	judged := c.judge(con, res) // also where a file could not be written
	return cmp.Or(written, judged)
}

// measure runs once, or searches, and shows how that comes on.
func (c *runCommand) measure(ctx context.Context, view *view, config *bench.Config) (*result.Result, error) {
	// Each worker on UDP keeps a processor of Go's to itself.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), config.Workers+1))
	defer view.close()
	if !c.Search {
		return bench.Run(ctx, config)
	}
	view.label = "trying"
	return bench.Search(ctx, config, bench.SearchPlan{
		Keep: c.keep(), Start: c.Rate.from, Most: c.Most.value, Step: c.Step.Duration,
		Show: view.step,
	})
}

// probe asks a few questions first, until one is answered: a server that doesn't answer them
// would only waste the time of the run.
func probe(ctx context.Context, config *bench.Config, t target) error {
	const tries = 3
	within, answered := context.WithCancel(ctx)
	defer answered()
	trial := *config
	trial.Judge = func(uint32, uint64, []byte) { answered() }
	trial.Server, trial.Show, trial.Workers = nil, nil, 1
	trial.Plan = pace.Plan{Rate: 10, RateAtEnd: 10, Duration: time.Second, Limit: tries}
	trial.Options.Concurrency = 0
	trial.Options.Clients = 1
	res, err := bench.Run(within, &trial)
	if err != nil {
		return err
	}
	if res.Total.Answered > 0 {
		return nil
	}
	why := ""
	if odd := res.Total.Odd; odd.Sum() > 0 {
		why = fmt.Sprintf(": %d messages came that answer no query", odd.Sum())
		if odd.Status == odd.Sum() {
			why = fmt.Sprintf(": the HTTP status of %s isn't 200; is %s the path?", plural(int(odd.Status), "response"), t.path)
		}
	}
	if len(res.Faults) > 0 {
		why = ": " + res.Faults[0].Text
	}
	return fmt.Errorf("no answer from %s over %s to %d queries%s", t.server, config.Options.Transport, tries, why)
}

// stopOnSignal ends the run at the first signal, so that its report comes, and all at
// once at the second.
func stopOnSignal(note func(string), stop *atomic.Bool, cancel context.CancelFunc) (release func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for range signals {
			if stop.Swap(true) {
				cancel()
				continue
			}
			note("interrupted: waiting for answers under way; once more ends at once")
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// judge tells by its error whether a run was good.
func (c *runCommand) judge(con *cli.Console, res *result.Result) error {
	good := true
	say := func(format string, args ...any) {
		good = false
		fmt.Fprintf(con.Err, "yushan-bench: "+format+"\n", args...)
	}
	for _, t := range c.Fail {
		if fails, figure := t.Holds(res); fails {
			say("failed: %s: it is %s", t, figure)
		} else if figure == threshold.Unknown {
			say("failed: %s: this run has no such figure", t)
		}
	}
	if res.Verified != nil && res.Verified.Wrong > 0 {
		say("failed: %d of %d answers are wrong", res.Verified.Wrong, res.Verified.Answers)
	}
	if res.Total.Answered == 0 && !res.Interrupted {
		say("failed: nothing was answered")
	}
	if res.Search != nil && res.Search.Rate == 0 && !res.Interrupted {
		say("failed: no rate kept the conditions")
	}
	if !good {
		return cli.ErrFound
	}
	return nil
}

// plan makes the plan of the run, or of a search's last trial.
func (c *runCommand) plan(t target) (pace.Plan, error) {
	p := pace.Plan{Duration: c.Duration.Duration, Limit: uint64(c.Limit), Arrival: c.Arrival.Arrival, Seed: c.Seed}
	switch {
	case c.Concurrency > 0 && c.Search:
		return p, cli.Usagef("--concurrency has no rate to search for: leave it out, or --search")
	case c.Concurrency > 0:
	case c.Search && c.Rate.to != c.Rate.from:
		return p, cli.Usagef("--search starts from one rate: give --rate one number, and the highest by --most")
	default:
		p.Rate, p.RateAtEnd = c.Rate.from, c.Rate.to
	}
	if c.Search && c.Limit != 0 {
		return p, cli.Usagef("--limit does not go together with --search")
	}
	return p, c.bound(t, p)
}

// options makes what all workers have in common.
func (c *runCommand) options(t target) (load.Options, error) {
	o := load.Options{
		Server: t.server, Transport: c.Transport, Handshake: c.Handshake,
		Clients: c.Clients, Depth: c.Depth, Concurrency: c.Concurrency, Timeout: c.Timeout.Duration,
		Sources: prefixes(c.Source), Path: t.path, Get: c.Get, Authority: t.authority,
	}
	var err error
	switch {
	case c.Transport.Encrypted():
		o.TLS, err = c.tls(t.name)
	case c.tlsFlags.given():
		err = cli.Usagef("the flags of TLS are for dot, doh, doh1, doh3 and doq, not for %s", c.Transport)
	}
	if c.Get && !c.Transport.HTTP() {
		err = cli.Usagef("--get is for doh, doh1 and doh3, not for %s", c.Transport)
	}
	return o, err
}
