package trial

import (
	"context"
	"slices"

	"yushan/bench/versus/client"
	"yushan/bench/versus/contender"
	"yushan/bench/versus/outcome"
)

// hugeBySmall is how many times the small zone is smaller than the largest.
const hugeBySmall = 100

// huge holds a server with the largest zone against itself with a small one.
func (r *run) huge(ctx context.Context, rows []spec) error {
	lacking := map[string]bool{}
	for _, row := range rows {
		for round := 1; round <= r.hugeRounds(row); round++ {
			for _, id := range r.lacks(row, round) {
				lacking[id] = true
			}
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	small, err := r.makeZone(ctx, "small", max(1, r.Settings.Huge/hugeBySmall), false)
	if err != nil {
		return err
	}
	large, err := r.makeZone(ctx, "largest", r.Settings.Huge, false)
	if err != nil {
		return err
	}
	for _, id := range rows[0].takes {
		if !lacking[id] {
			continue
		}
		if err := r.hugeServer(ctx, rows, id, small, large); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			for _, row := range rows {
				for round := 1; round <= r.hugeRounds(row); round++ {
					if slices.Contains(r.lacks(row, round), id) {
						r.failed(row.ID, id, round, err)
					}
				}
			}
		}
	}
	return r.save()
}

// hugeRounds is how often a row is measured: memory hardly varies, and loading takes long.
func (r *run) hugeRounds(row spec) int {
	if row.ID == "huge-memory" {
		return 1
	}
	return r.Settings.Rounds
}

// hugeServer takes the figures of one server. The largest zone is loaded once.
func (r *run) hugeServer(ctx context.Context, rows []spec, id string, small, large zoneFiles) error {
	var p pair
	defer func() { p.stop() }()
	for i, zone := range []zoneFiles{small, large} {
		var err error
		size := [2]string{"small", "largest"}[i]
		r.Say("starting %s with the %s zone …", id, size)
		if p[i], err = r.begin(ctx, id, contender.Setup{For: "zone: " + size, Dir: r.dir(id + "-" + size), Zone: zone.zone, Workers: 1}); err != nil {
			return err
		}
		if i == 0 {
			p[i].Suspend()
		}
	}
	steady, err := r.steady(ctx, p[1], large)
	if err != nil {
		return err
	}
	p[1].Suspend()
	for _, row := range rows {
		if row.ID == "huge-memory" && !r.Row(row.ID).Has(id, 1) {
			s := outcome.Sample{Round: 1, Value: steady / megabyte, Extra: perDelegation(steady, r.Settings.Huge)}
			s.Extra[outcome.Seconds], s.Extra[outcome.CPU] = p[1].FirstAnswer.Seconds(), p[1].StartCPU.Seconds()
			r.Row(row.ID).Add(id, s)
			r.Say("%-14s %-9s %9.4g MB, loaded in %.1f s", row.ID, id, s.Value, p[1].FirstAnswer.Seconds())
		}
		if row.ID != "huge-lookup" {
			continue
		}
		loads := [2]client.Load{row.load, row.load}
		loads[0].Queries, loads[1].Queries = small.queries, large.queries
		r.describe(row.ID, r.Tools, row.load)
		for round := 1; round <= r.Settings.Rounds; round++ {
			if r.Row(row.ID).Has(id, round) {
				continue
			}
			if err := r.comparePair(ctx, row, p, round, r.Tools, loads[:]...); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				r.failed(row.ID, id, round, err)
			}
		}
	}
	return nil
}
