package trial

import (
	"context"
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
	Source    string // the checkout, for benchmarks that are part of it
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
	for _, s := range []struct {
		stage stage
		run   func(context.Context, []spec) error
	}{
		{unsigned, r.queries}, {signed, r.queries}, {growth, r.growth},
		{large, r.large}, {largeSigned, r.large}, {huge, r.huge}, {change, r.change},
	} {
		if rows := rowsOf(r.rows, s.stage); len(rows) > 0 {
			if err := s.run(ctx, rows); err != nil {
				return err
			}
		}
	}
	o.Ended = time.Now()
	var failed []string
	for _, row := range o.Rows {
		if row.Missing == "" && row.Entry(yushan) == nil {
			failed = append(failed, row.ID)
		}
	}
	if err := c.Save(o); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("no figures of yushan for %s", strings.Join(failed, ", "))
	}
	return nil
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
		if r.Row(s.ID) == nil {
			r.Rows = append(r.Rows, s.Row)
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
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		r.note("Without %s: %s.", id, missing[id])
		r.Say("without %s: %s", id, missing[id])
	}
	for _, id := range contender.IDs {
		c := r.servers[id]
		if c == nil {
			continue
		}
		if known := r.Server(id); known == nil {
			r.Servers = append(r.Servers, c.Server)
		} else if known.Version != c.Version {
			return fmt.Errorf("%s was %s, and is %s now: begin anew", c.Name, known.Version, c.Version)
		} else {
			c.Server = *known
		}
	}
	for _, s := range r.rows {
		if r.Row(s.ID).Clients == nil && s.load.Clients > 0 && s.stage <= signed {
			l := s.load
			l.Queries = "QUERIES"
			r.Row(s.ID).Clients = []string{r.Tools.Describe(l, r.Settings.Seconds)}
		}
	}
	var err error
	r.key, err = newCertificate(r.Dir)
	return err
}

func (r *run) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
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

// failed writes down that a server could not be measured.
func (r *run) failed(row, server string, err error) {
	r.Row(row).Note(server, "not in every round: "+firstLine(err))
	r.Say("%-14s %-9s FAILED: %v", row, server, err)
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
