package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"yushan/bench/load"
	"yushan/bench/measure"
	"yushan/bench/overquic"
	"yushan/bench/pace"
	"yushan/bench/procstat"
	"yushan/bench/query"
	"yushan/bench/result"
	"yushan/bench/stream"
	"yushan/bench/udp"
)

// Config is a run.
type Config struct {
	Title    string
	Settings []result.Setting // are put into the result
	Plan     pace.Plan
	Workers  int // threads that send (UDP), or groups of connections
	// Options have the Clients and the Concurrency of all workers together.
	Options load.Options
	Queries *query.Set
	// Judge, unless nil, sees each answer: see [load.Work].
	Judge func(index uint32, nonce uint64, answer []byte)
	// Server, unless nil, is observed during the run.
	Server *procstat.Observer
	// Show, unless nil, is called every ShowEvery by one goroutine.
	Show      func(Progress)
	ShowEvery time.Duration
	// Stop ends the run early when it is set: queries under way get their time. The
	// context of Run ends it at once. In both cases there is a result.
	Stop *atomic.Bool
}

// Validate says what is wrong with a configuration.
func (c *Config) Validate() error {
	errs := []error{c.Plan.Validate(), c.Options.Validate()}
	if c.Workers < 1 {
		errs = append(errs, fmt.Errorf("%d workers: expected 1 or more", c.Workers))
	}
	if c.Options.Clients < c.Workers {
		errs = append(errs, fmt.Errorf("%d clients for %d workers: expected one each, or more", c.Options.Clients, c.Workers))
	}
	if c.Plan.Closed() && c.Options.Concurrency < c.Workers {
		errs = append(errs, fmt.Errorf("%d queries under way for %d workers: expected one each, or more", c.Options.Concurrency, c.Workers))
	}
	if c.Queries == nil || c.Queries.Len() == 0 {
		errs = append(errs, errors.New("no queries"))
	}
	return errors.Join(errs...)
}

// Run sends the queries and returns what came of them. An error says that it couldn't be
// done at all; what goes wrong on the way is part of the result.
func Run(ctx context.Context, c *Config) (*result.Result, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	stop := c.Stop
	if stop == nil {
		stop = new(atomic.Bool)
	}
	r := &run{Config: c, shape: measure.Shape{
		Classes:  len(c.Queries.Classes),
		Duration: c.Plan.Duration,
		Interval: intervalOf(c.Plan.Duration),
	}}
	options := make([]load.Options, c.Workers)
	for i := range c.Workers {
		r.recorders = append(r.recorders, measure.NewRecorder(r.shape))
		options[i] = c.Options
		options[i].Clients = part(c.Options.Clients, i, c.Workers)
		options[i].Concurrency = part(c.Options.Concurrency, i, c.Workers)
	}
	started, cpuBefore := time.Now().Add(headStart(&c.Options)), procstat.OwnCPU()
	watch := r.observe(started)
	shown := r.show(started)
	group, within := errgroup.WithContext(ctx)
	for i := range c.Workers {
		group.Go(func() error {
			return transport(c.Options.Transport)(within, &load.Work{
				Worker: i, Workers: c.Workers,
				Options:  &options[i],
				Queries:  c.Queries,
				Cursor:   c.Queries.Cursor(i, c.Workers),
				Schedule: c.Plan.Schedule(i, c.Workers),
				Recorder: r.recorders[i],
				Began:    started,
				Stop:     stop,
				Judge:    c.Judge,
			})
		})
	}
	err := group.Wait()
	server := watch()
	shown()
	if err != nil && !errors.Is(err, context.Canceled) {
		return nil, err
	}
	interrupted := stop.Load() || ctx.Err() != nil
	res := &result.Result{
		Format:      result.Format,
		Title:       c.Title,
		Started:     started,
		Settings:    c.Settings,
		Machine:     machine(),
		Interrupted: interrupted,
	}
	measure.Fill(res, r.recorders, c.Queries.Classes, r.elapsed(interrupted))
	res.Client.Workers = c.Workers
	res.Client.CPU = int64(procstat.OwnCPU() - cpuBefore)
	server.fill(res)
	res.Client.Limits = limits(res, c)
	return res, nil
}

// run is a run under way.
type run struct {
	*Config
	shape     measure.Shape
	recorders []*measure.Recorder
}

// transport returns what carries queries of that kind.
func transport(t load.Transport) func(context.Context, *load.Work) error {
	switch t {
	case load.UDP:
		return udp.Run
	case load.DoQ, load.DoH3:
		return overquic.Run
	}
	return stream.Run
}

// headStart is how long before the first query sockets and connections are opened, so
// that it needn't wait for them.
func headStart(o *load.Options) time.Duration {
	const most = time.Second
	if o.Transport == load.UDP || o.Handshake != load.Persistent {
		return 20 * time.Millisecond
	}
	return min(most, 50*time.Millisecond+time.Duration(o.Clients)*2*time.Millisecond)
}

// elapsed is how long queries were sent: the whole plan, or until the last one if there
// was another end.
func (r *run) elapsed(interrupted bool) time.Duration {
	if !interrupted && r.Plan.Limit == 0 {
		return r.Plan.Duration
	}
	var last int64
	for _, recorder := range r.recorders {
		last = max(last, recorder.Last())
	}
	return max(time.Duration(last), time.Millisecond)
}

// intervalOf returns the length of the parts that a run is told in: a round one, at
// most 120 of which make the run.
func intervalOf(duration time.Duration) time.Duration {
	for step := 100 * time.Millisecond; ; step *= 10 {
		for _, factor := range []time.Duration{1, 2, 5} {
			if duration <= 120*step*factor {
				return step * factor
			}
		}
	}
}

// part is what one of several workers gets of n.
func part(n, worker, workers int) int {
	return n/workers + min(1, max(0, n%workers-worker))
}
