package trial

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"yushan/bench/versus/client"
	"yushan/bench/versus/contender"
	"yushan/bench/versus/outcome"
)

// queries runs the rows of a stage by rounds: all servers are started anew, and each row
// asks them one after the other.
func (r *run) queries(ctx context.Context, rows []spec) error {
	isSigned := rows[0].stage == signed
	name := "queries"
	if isSigned {
		name += ", signed"
	}
	zone, err := r.makeZone(ctx, name, r.Settings.Delegations, isSigned)
	if err != nil {
		return err
	}
	for round := 1; round <= r.Settings.Rounds; round++ {
		if err := r.queryRound(ctx, rows, zone, name, round); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) queryRound(ctx context.Context, rows []spec, zone zoneFiles, name string, round int) error {
	running := map[string]*contender.Process{}
	failed := map[string]error{}
	defer func() {
		for _, p := range running {
			p.Stop()
		}
	}()
	start := func(id string) {
		r.Say("round %d of %d: starting %s …", round, r.Settings.Rounds, id)
		p, err := r.begin(ctx, id, contender.Setup{
			For: name, Dir: r.dir(id), Zone: zone.zone, Workers: 1, Certificate: r.key.cert, Key: r.key.key,
			Loaded: true, Confined: true, Processors: r.Settings.ServerCPUs,
		})
		if err != nil {
			failed[id] = err
			return
		}
		p.Suspend()
		running[id] = p
	}
	for _, row := range rows {
		for _, id := range rotated(r.lacks(row, round), round) {
			if running[id] == nil && failed[id] == nil {
				start(id)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	for _, row := range rows {
		l := row.load
		l.Queries = zone.queries
		if row.ID == "flood" {
			l.Queries = zone.flood
		}
		for _, id := range rotated(r.lacks(row, round), round) {
			if p := running[id]; p != nil && p.Ended() {
				// One that a row has ended has others to show.
				p.Stop()
				delete(running, id)
				start(id)
			}
			err := failed[id]
			if err == nil {
				err = r.ask(ctx, row, running[id], l, round)
			}
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

// A measurement in which more than this share of the queries had no good answer is
// repeated: such a server was disturbed, or does other work than answering. If it is more than
// uselessLost at last, there is no figure: one of a server that hardly answers would make
// others look good.
const (
	mostLost    = 0.01
	uselessLost = 0.1
	lostTries   = 6
)

// measureWell repeats a measurement that was disturbed, or in which the client did not come
// to ask at all, as on a machine that is too busy.
func (r *run) measureWell(ctx context.Context, tools client.Tools, p *contender.Process, l client.Load) (m measurement, err error) {
	for try := range lostTries {
		if m, err = r.measure(ctx, tools, p, l); ctx.Err() != nil || p.Ended() || err == nil && m.lost() <= mostLost {
			break
		}
		if try < lostTries-1 {
			r.Say("%s is measured once more: lost %s, %s", p.ID, percent(m.lost()), firstLine(err))
		}
	}
	if err == nil && m.lost() > uselessLost {
		err = fmt.Errorf("no figure: %s of the queries had no good answer, at the last of %d tries", percent(m.lost()), lostTries)
	}
	return m, err
}

func firstLine(err error) string {
	if err == nil {
		return "no error"
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// ask adds the figure of a server to a row.
func (r *run) ask(ctx context.Context, row spec, p *contender.Process, l client.Load, round int) error {
	p.Resume()
	defer p.Suspend()
	m, err := r.measureWell(ctx, r.Tools, p, l)
	if err != nil {
		return err
	}
	s := m.sample(round)
	if m.lost() > mostLost {
		r.Row(row.ID).Note(p.ID, fmt.Sprintf("%s of the queries had no good answer in round %d, at the last of %d tries", percent(m.lost()), round, lostTries))
	}
	s.Value = m.perQuery()
	if l.Handshake != "" {
		s.Value = 1e6 / m.perQuery()
	}
	r.Row(row.ID).Add(p.ID, s)
	r.Say("%-14s %-9s round %d  %9.4g %s  %s answers/s  lost %s%s", row.ID, p.ID, round, s.Value, row.Unit,
		whole(s.Extra[outcome.Rate]), percent(s.Extra[outcome.Lost]), r.doubt(s))
	return r.save()
}

// doubt is said where a figure may be worth less than others.
func (r *run) doubt(s outcome.Sample) (text string) {
	if s.Others > 0.05 {
		text += fmt.Sprintf("  (others used %s of the machine)", percent(s.Others))
	}
	if resumed, told := s.Extra[outcome.Resumed]; told && resumed < 0.9 {
		text += fmt.Sprintf("  (resumed %s)", percent(resumed))
	}
	return text
}

func whole(v float64) string { return fmt.Sprintf("%.0f", v) }

func percent(share float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.2f", share*100), ".00") + " %"
}

// measurement is what a server did for the queries of a client.
type measurement struct {
	client.Count
	cpu         time.Duration // of the server
	memoryBytes uint64
	others      float64
	handshake   string
}

// measure lets a server become warm, and then measures it.
func (r *run) measure(ctx context.Context, tools client.Tools, p *contender.Process, l client.Load) (m measurement, err error) {
	warm := measurement{}
	if warm.Count, err = tools.Send(ctx, l, p.Setup.Ports.Port(l.Transport), min(1, r.Settings.Seconds)); err != nil || warm.lost() > uselessLost {
		return warm, err
	}
	before, err := p.Usage()
	if err != nil {
		return m, err
	}
	w := newWatch()
	if m.Count, err = tools.Send(ctx, l, p.Setup.Ports.Port(l.Transport), r.Settings.Seconds); err != nil {
		return m, err
	}
	after, err := p.Usage()
	if err != nil {
		return m, err
	}
	m.cpu, m.memoryBytes, m.handshake = after.CPU-before.CPU, after.MemoryBytes, l.Handshake
	m.others = w.others(m.cpu+m.Count.CPU, runtime.NumCPU())
	return m, nil
}

// perQuery is the server's time for an answer, in µs.
func (m *measurement) perQuery() float64 {
	return float64(m.cpu.Nanoseconds()) / 1e3 / float64(m.Answered)
}

// lost is the share of the queries without a good answer.
func (m *measurement) lost() float64 {
	return 1 - float64(m.Answered)/float64(max(m.Sent, m.Answered, 1))
}

// sample has all but the value.
func (m *measurement) sample(round int) outcome.Sample {
	s := outcome.Sample{Round: round, Others: m.others, Extra: map[string]float64{
		outcome.Rate:     float64(m.Answered) / m.Seconds,
		outcome.Lost:     m.lost(),
		outcome.Response: m.ResponseBytes,
		outcome.Memory:   float64(m.memoryBytes),
	}}
	if m.handshake == "resumed" && m.Opened > 0 {
		s.Extra[outcome.Resumed] = float64(m.Resumed) / float64(m.Opened)
	}
	return s
}
