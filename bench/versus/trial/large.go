package trial

import (
	"context"
	"time"

	"yushan/bench/versus/client"
	"yushan/bench/versus/contender"
	"yushan/bench/versus/outcome"
)

const (
	megabyte = 1e6
	// compileLimit is how long a server may take to make of the zone what it starts from;
	// reached only by one that doesn't.
	compileLimit = 5 * time.Minute
)

// large runs the rows about one large zone: one server at a time, on all processors, as
// an operator would start it.
func (r *run) large(ctx context.Context, rows []spec) error {
	isSigned := rows[0].stage == largeSigned
	name := "load and memory"
	if isSigned {
		name += ", signed"
	}
	zone, err := r.makeZone(ctx, name, r.Settings.Large, isSigned)
	if err != nil {
		return err
	}
	for round := 1; round <= r.Settings.Rounds; round++ {
		wanted := map[string]map[string]bool{} // server, row
		var order []string
		for _, row := range rows {
			for _, id := range r.lacks(row, round) {
				if wanted[id] == nil {
					wanted[id] = map[string]bool{}
					order = append(order, id)
				}
				wanted[id][row.ID] = true
			}
		}
		for _, id := range rotated(order, round) {
			r.visit(ctx, id, name, zone, wanted[id], round)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := r.save(); err != nil {
				return err
			}
		}
	}
	return nil
}

// visit starts a server and takes its figures for the rows that are wanted.
func (r *run) visit(ctx context.Context, id, name string, zone zoneFiles, wanted map[string]bool, round int) {
	add := func(row string, value float64, others float64, extra map[string]float64) {
		if wanted[row] {
			r.Row(row).Add(id, outcome.Sample{Round: round, Value: value, Others: others, Extra: extra})
			r.Say("%-14s %-9s round %d  %9.4g %s", row, id, round, value, r.Row(row).Unit)
			if err := r.save(); err != nil {
				r.Say("not saved: %v", err)
			}
		}
	}
	setup := contender.Setup{For: name, Dir: r.dir(id), Zone: zone.zone, Workers: 1}
	compiles := r.servers[id].Compiles
	fromText := len(wanted) > 1 || !wanted["image"] || !compiles
	if fromText {
		if err := r.text(ctx, id, setup, zone, wanted, add); err != nil {
			for row := range wanted {
				if !(row == "image" && compiles) && !r.Row(row).Has(id, round) {
					r.failed(row, id, round, err)
				}
			}
		}
	}
	if wanted["image"] && compiles && ctx.Err() == nil {
		if err := r.image(ctx, id, setup, add); err != nil {
			r.failed("image", id, round, err)
		}
	}
}

// text measures a server that has started from text: that, and then its memory.
func (r *run) text(ctx context.Context, id string, setup contender.Setup, zone zoneFiles, wanted map[string]bool, add func(string, float64, float64, map[string]float64)) error {
	w := newWatch()
	p, err := r.begin(ctx, id, setup)
	if err != nil {
		return err
	}
	defer p.Stop()
	add("load", p.FirstAnswer.Seconds(), w.others(p.StartCPU, processorCount()), map[string]float64{outcome.CPU: p.StartCPU.Seconds()})
	if !p.Compiles && wanted["image"] {
		add("image", p.FirstAnswer.Seconds()*1e3, 0, nil)
		r.Row("image").Note(id, "from text")
	}
	if !wanted["memory"] && !wanted["memory-signed"] && !wanted["reload"] {
		return nil
	}
	steady, err := r.steady(ctx, p, zone)
	if err != nil {
		return err
	}
	add("memory", steady/megabyte, 0, perDelegation(steady, r.Settings.Large))
	add("memory-signed", steady/megabyte, 0, perDelegation(steady, r.Settings.Large))
	if wanted["reload"] {
		return r.reload(ctx, p, zone, steady, add)
	}
	return nil
}

func perDelegation(bytes float64, delegations int) map[string]float64 {
	return map[string]float64{"bytes": bytes / float64(max(delegations, 1))}
}

// steady is the memory of a server at work, in bytes.
func (r *run) steady(ctx context.Context, p *contender.Process, zone zoneFiles) (float64, error) {
	l := client.Load{Transport: contender.UDP, Clients: 10, Concurrency: 200, Threads: 1, Queries: zone.queries}
	// So that all that it needs to answer is in its memory: one query at least.
	if _, err := r.Tools.Send(ctx, l, p.Setup.Ports.DNS, min(2, max(1, r.Settings.Seconds))); err != nil {
		return 0, err
	}
	bytes, err := p.Settle(ctx, r.patience())
	return float64(bytes), err
}

// patience is how long a server is given to become quiet.
func (r *run) patience() time.Duration {
	return time.Duration(min(max(4*r.Settings.Seconds, 1), 30) * float64(time.Second))
}

// reload measures the most memory that a reload takes.
func (r *run) reload(ctx context.Context, p *contender.Process, zone zoneFiles, steady float64, add func(string, float64, float64, map[string]float64)) error {
	serial, err := nextSerial(zone.zone)
	if err != nil {
		return err
	}
	reload, err := p.WatchReload(ctx, serial, r.patience())
	if err != nil {
		return err
	}
	add("reload", float64(reload.PeakBytes)/steady, 0, map[string]float64{
		outcome.Memory: steady, outcome.Peak: float64(reload.PeakBytes), outcome.After: float64(reload.AfterBytes),
		outcome.Seconds: reload.Took.Seconds(), outcome.CPU: reload.CPU.Seconds(),
	})
	return nil
}

// image measures a start from what the server has made of the zone. It is made by a start
// before that.
func (r *run) image(ctx context.Context, id string, setup contender.Setup, add func(string, float64, float64, map[string]float64)) error {
	setup.For, setup.Dir, setup.Compiled = "start from a compiled zone", r.dir(id+compiledDir), true
	p, err := r.begin(ctx, id, setup)
	if err != nil {
		return err
	}
	err = p.AwaitCompiled(ctx, compileLimit)
	p.Stop()
	if err != nil {
		return err
	}
	w := newWatch()
	if p, err = r.begin(ctx, id, setup); err != nil {
		return err
	}
	defer p.Stop()
	add("image", p.FirstAnswer.Seconds()*1e3, w.others(p.StartCPU, processorCount()), map[string]float64{outcome.CPU: p.StartCPU.Seconds()})
	return nil
}
