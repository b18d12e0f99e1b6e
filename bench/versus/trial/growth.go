package trial

import (
	"context"
	"runtime"
	"strconv"

	"yushan/bench/versus/client"
	"yushan/bench/versus/contender"
	"yushan/bench/versus/outcome"
)

func processorCount() int { return runtime.NumCPU() }

// pair is two processes of a server that are held against each other.
type pair [2]*contender.Process

func (p pair) stop() {
	for _, process := range p {
		if process != nil {
			process.Stop()
		}
	}
}

// growth holds a server with two workers against itself with one. Both may use the same
// processors: what is looked for is the cost of doing it together, not of a smaller cache.
func (r *run) growth(ctx context.Context, rows []spec) error {
	row := rows[0]
	zone, err := r.makeZone(ctx, "queries", r.Settings.Delegations, false)
	if err != nil {
		return err
	}
	all, err := Processors()
	if err != nil {
		return err
	}
	tools := r.Tools
	var servers string
	servers, tools.Processors = Share(all, 2)
	l := row.load
	l.Queries = zone.queries
	r.describe(row.ID, tools, l)
	for round := 1; round <= r.Settings.Rounds; round++ {
		for _, id := range rotated(r.lacks(row, round), round) {
			err := r.pair(ctx, row, id, round, tools, l, func(i int) contender.Setup {
				workers := strconv.Itoa(i + 1)
				return contender.Setup{For: "growth, workers: " + workers, Dir: r.dir(id + "-" + workers), Zone: zone.zone, Workers: i + 1, Processors: servers}
			})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				r.failed(row.ID, id, round, err)
			}
		}
	}
	return r.save()
}

func (r *run) describe(row string, tools client.Tools, l client.Load) {
	l.Queries = "QUERIES"
	r.Row(row).Clients = []string{tools.Describe(l, r.Settings.Seconds)}
}

// pair measures two setups of a server, one after the other and in another order each
// round, and adds the second's time by the first's.
func (r *run) pair(ctx context.Context, row spec, id string, round int, tools client.Tools, l client.Load, setup func(i int) contender.Setup) error {
	var p pair
	defer func() { p.stop() }()
	for i := range p {
		var err error
		if p[i], err = r.begin(ctx, id, setup(i)); err != nil {
			return err
		}
		p[i].Suspend()
	}
	return r.comparePair(ctx, row, p, round, tools, l)
}

func (r *run) comparePair(ctx context.Context, row spec, p pair, round int, tools client.Tools, loads ...client.Load) error {
	var m [2]measurement
	for k := range p {
		i := (k + round) % 2
		var err error
		p[i].Resume()
		m[i], err = r.measureWell(ctx, tools, p[i], loads[min(i, len(loads)-1)])
		p[i].Suspend()
		if err != nil {
			return err
		}
	}
	s := m[1].sample(round)
	s.Others = max(m[0].others, m[1].others)
	one, two := m[0].perQuery(), m[1].perQuery()
	s.Value = two / one
	s.Extra[outcome.One], s.Extra[outcome.Two] = one, two
	r.Row(row.ID).Add(p[0].ID, s)
	r.Say("%-14s %-9s round %d  %9.4g ×  (%.2f, %.2f µs/query)%s", row.ID, p[0].ID, round, s.Value, one, two, r.doubt(s))
	return r.save()
}
