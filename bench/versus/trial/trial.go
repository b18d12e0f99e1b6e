package trial

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"yushan/bench/versus/client"
	"yushan/bench/versus/contender"
	"yushan/bench/versus/outcome"
)

// Config is a comparison to be run.
type Config struct {
	Only      []string // IDs of rows; nil: all
	Peers     []string // IDs of the servers beside yushan; nil: all that are there
	HugePeers bool     // measure them with the largest zone, too
	Programs  contender.Programs
	Tools     client.Tools
	Source    string // the checkout, for benchmarks that are part of it; "": yushan is of another one
	Dir       string // for zones and what servers write; zones that are there are used
	// Say tells the user what happens; Save keeps the outcome as it is by now.
	Say  func(format string, args ...any)
	Save func(*outcome.Outcome) error
}

// run is a comparison that is under way.
type run struct {
	Config
	*outcome.Outcome
	rows    []spec
	servers map[string]*contender.Contender
	key     certificate
}

// Run measures what is not yet in the outcome, and adds it. What fails of one server is
// noted and does not end it; the error is of what concerns all, or that yushan failed.
func Run(ctx context.Context, c Config, o *outcome.Outcome) error {
	r := &run{Config: c, Outcome: o, servers: map[string]*contender.Contender{}}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	var errs []error
	for _, s := range []struct {
		stage stage
		run   func(context.Context, []spec) error
	}{
		{unsigned, r.queries}, {signed, r.queries}, {growth, r.growth},
		{large, r.large}, {largeSigned, r.large}, {huge, r.huge}, {change, r.change},
	} {
		if rows := rowsOf(r.rows, s.stage); len(rows) > 0 {
			// The other stages may do: a zone that can't be made ends its own only.
			if err := s.run(ctx, rows); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				r.Say("%v", err)
				errs = append(errs, err)
			}
		}
	}
	o.Ended = time.Now()
	var failed []string
	for _, row := range o.Rows {
		if e := row.Entry(yushan); row.Missing == "" && (e == nil || len(e.Samples) == 0) {
			failed = append(failed, row.ID)
		}
	}
	if failed != nil {
		errs = append(errs, fmt.Errorf("no figures of yushan for %s", strings.Join(failed, ", ")))
	}
	return errors.Join(append(errs, c.Save(o))...)
}

// prepare finds the servers and begins the rows.
func (r *run) prepare(ctx context.Context) error {
	for _, s := range specs() {
		if r.Only != nil && !slices.Contains(r.Only, s.ID) {
			continue
		}
		s.takes = slices.DeleteFunc(slices.Clone(s.takes), func(id string) bool {
			return r.Peers != nil && id != yushan && id != cEcho && id != goEcho && !slices.Contains(r.Peers, id)
		})
		if s.stage == huge && r.HugePeers {
			s.takes = []string{yushan, nsd, knot, newKnot, bind}
		}
		r.rows = append(r.rows, s)
		if row := r.Row(s.ID); row == nil {
			r.Rows = append(r.Rows, s.Row)
		} else {
			row.Missing = ""
		}
	}
	missing := map[string]string{}
	for i := range r.rows {
		s := &r.rows[i]
		s.takes = slices.DeleteFunc(slices.Clone(s.takes), func(id string) bool {
			if r.servers[id] == nil && missing[id] == "" {
				c, err := contender.Find(ctx, id, r.Programs)
				if err != nil {
					missing[id] = err.Error()
				} else {
					r.servers[id] = c
				}
			}
			c := r.servers[id]
			// Of the old Knot no row speaks of encrypted transports, but it may be a new one.
			return c == nil || (s.stage == unsigned || s.stage == signed) && !c.Does(s.load.Transport)
		})
	}
	if err := missing[yushan]; err != "" {
		return fmt.Errorf("yushan: %s", err)
	}
	if err := r.identify(); err != nil {
		return err
	}
	const without = "Without "
	r.Notes = slices.DeleteFunc(r.Notes, func(note string) bool { return strings.HasPrefix(note, without) })
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		if !r.Measured(id) {
			r.Notes = append(r.Notes, fmt.Sprintf(without+"%s: %s.", id, missing[id]))
		}
		r.Say("without %s: %s", id, missing[id])
	}
	for _, s := range r.rows {
		if r.Row(s.ID).Clients == nil && s.load.Clients > 0 && s.stage <= signed {
			l := s.load
			l.Queries = "QUERIES"
			r.Row(s.ID).Clients = []string{r.Tools.Describe(l, r.Settings.Seconds)}
		}
	}
	// What another build has made of a zone is not what this one starts from.
	for id := range r.servers {
		if err := os.RemoveAll(r.dir(id + compiledDir)); err != nil {
			return err
		}
	}
	var err error
	r.key, err = newCertificate(r.Dir)
	return err
}

// identify writes down which programs take part, and which servers. It is an error if there
// are figures of another build of any of them.
func (r *run) identify() error {
	if r.Builds == nil {
		r.Builds = map[string]string{}
	}
	same := func(name, path string, measured bool) error {
		sum, err := digest(path)
		if err != nil {
			return err
		}
		if measured && r.Builds[name] != sum {
			return fmt.Errorf("%s is another build than the one that there are figures of: begin anew", name)
		}
		r.Builds[name] = sum
		return nil
	}
	for name, path := range map[string]string{"bench/compare": r.Programs.Echo, "yushan-bench": r.Tools.YushanBench, "dnsperf": r.Tools.DNSPerf} {
		if path != "" {
			if err := same(name, path, r.Measured("")); err != nil {
				return err
			}
		}
	}
	for _, id := range contender.IDs {
		c := r.servers[id]
		if c == nil {
			continue
		}
		if err := same(id, c.Program, r.Measured(id)); err != nil {
			return err
		}
		switch known := r.Server(id); {
		case known == nil:
			r.Servers = append(r.Servers, c.Server)
		case r.Measured(id):
			c.Server = *known
		default:
			*known = c.Server
		}
	}
	return nil
}

// save keeps what there is.
func (r *run) save() error {
	for i := range r.Servers {
		if c := r.servers[r.Servers[i].ID]; c != nil {
			r.Servers[i].Uses = c.Uses
		}
	}
	r.Ended = time.Now()
	return r.Save(r.Outcome)
}

// failed writes down that a server could not be measured in a round.
func (r *run) failed(row, server string, round int, err error) {
	r.Row(row).Fail(server, round, strings.ReplaceAll(firstLine(err), r.Dir, "DIR"))
	r.Say("%-14s %-9s round %d  FAILED: %v", row, server, round, err)
}

// lacks lists the servers of a row without a figure of that round.
func (r *run) lacks(s spec, round int) []string {
	return slices.DeleteFunc(slices.Clone(s.takes), func(id string) bool { return r.Row(s.ID).Has(id, round) })
}

// rotated is the list from another beginning each round.
func rotated(list []string, round int) []string {
	if len(list) == 0 {
		return nil
	}
	k := round % len(list)
	return append(slices.Clone(list[k:]), list[:k]...)
}

// compiledDir is what the directory of a server ends with that starts from what it has made
// of the zone.
const compiledDir = "-compiled"

// dir is where a server has its files.
func (r *run) dir(server string) string { return filepath.Join(r.Dir, "servers", server) }

// begin starts a server with fresh files.
func (r *run) begin(ctx context.Context, id string, s contender.Setup) (*contender.Process, error) {
	if !s.Compiled {
		if err := os.RemoveAll(s.Dir); err != nil {
			return nil, err
		}
	}
	s.Root = r.Dir
	return r.servers[id].Start(ctx, s)
}
