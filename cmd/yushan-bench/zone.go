package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"yushan/bench/query"
	"yushan/bench/report/units"
	"yushan/bench/threshold"
	"yushan/bench/tldzone"
	"yushan/internal/cli"
	"yushan/zone/dname"
)

type zoneCommand struct {
	Origin      string `short:"o" default:"tw" placeholder:"NAME" help:"Name of the zone, in A-labels or U-labels; tw unless told."`
	Delegations count  `short:"n" default:"100k" placeholder:"N" help:"How many delegations, as 1M; 100k unless told."`
	DS          share  `name:"ds" default:"2%" placeholder:"SHARE" help:"Share of the delegations with DS records; 2% as in .tw unless told, 60% as in .nl or .se."`
	Sign        denial `placeholder:"DENIAL" help:"Sign it: opt-out (NSEC3 with opt-out, as registries do), nsec3 or nsec. The keys follow from the seed: they are good for tests only."`
	Seed        uint64 `default:"1" placeholder:"N" help:"The same seed makes the same zone, byte by byte."`
	Out         string `required:"" placeholder:"FILE" help:"The master file; - is standard output."`
	Queries     string `placeholder:"FILE" help:"Write queries for it, too, in dnsperf's format."`
	Count       count  `placeholder:"N" help:"How many queries; 100k unless told."`
	Mix         tldMix `placeholder:"PART=N,…" help:"Parts of the queries: referral, nxdomain, apex, ds; referral=60,nxdomain=30,apex=10 unless told."`
}

func (*zoneCommand) Help() string {
	return `Three in four delegations point to one of 20,000 hosting companies, the large ones much more often
than the small ones; the others have name servers of their own, with glue. Two in five are below a
category (com.tw, idv.tw …), one in twenty names is Chinese.

Examples:

    yushan-bench zone --delegations 1M --sign opt-out --out tw.zone --queries tw.queries
    yushan-bench zone --origin 台灣 --delegations 20M --ds 60% --out taiwan.zone`
}

// Run implements the command.
func (c *zoneCommand) Run(con *cli.Console) error {
	origin, err := dname.ParseFQDN(c.Origin)
	if err != nil {
		return cli.Usagef("--origin: %q is not a name of a zone: %v", c.Origin, err)
	}
	switch {
	case c.Queries == "" && (c.Count != 0 || c.Mix != (tldMix{})):
		return cli.Usagef("--count and --mix are of queries: give --queries, too")
	case c.Count == 0:
		c.Count = 100_000
	}
	if c.Mix == (tldMix{}) {
		c.Mix = tldMix(tldzone.TLD)
	}
	ctx, cancel := cli.Interruptible()
	defer cancel()
	note := &noter{w: con.Err, every: 2 * time.Second}
	z := tldzone.Zone{
		Origin: dname.String(origin), Delegations: int(c.Delegations), SignedShare: float64(c.DS), Seed: c.Seed,
		Progress: func(done int) { note.say("writing", done, int(c.Delegations)) },
	}
	began := time.Now()
	if err := writeFile(c.Out, func(w io.Writer) error { return c.write(ctx, w, z, note) }); err != nil {
		return err
	}
	if c.Queries != "" {
		err := writeFile(c.Queries, func(w io.Writer) error { return z.WriteQueries(w, int(c.Count), tldzone.Mix(c.Mix)) })
		if err != nil {
			return err
		}
	}
	out := c.Out
	if out == "-" {
		out = "standard output"
	}
	fmt.Fprintf(con.Err, "zone %s with %s delegations in %s, after %s\n", dname.Display(origin), units.Count(uint64(c.Delegations)),
		out, units.Span(time.Since(began).Seconds()))
	return nil
}

func (c *zoneCommand) write(ctx context.Context, w io.Writer, z tldzone.Zone, note *noter) error {
	if !c.Sign.given {
		return z.WriteContext(ctx, w)
	}
	return z.WriteSigned(ctx, w, tldzone.Signing{
		Denial:   c.Sign.Denial,
		Progress: func(done, total int) { note.say("signing", done, total) },
	})
}

// noter says now and then how far something is.
type noter struct {
	w     io.Writer
	every time.Duration
	mu    sync.Mutex
	last  time.Time
}

func (n *noter) say(what string, done, total int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if n.last.IsZero() {
		n.last = now
	}
	if now.Sub(n.last) >= n.every && total > 0 {
		n.last = now
		fmt.Fprintf(n.w, "%s: %s of %s\n", what, units.Count(uint64(done)), units.Count(uint64(total)))
	}
}

// count is a whole number with a suffix.
type count int

// UnmarshalText reads "1M".
func (c *count) UnmarshalText(text []byte) error {
	n, err := threshold.ParseNumber(string(text))
	if err == nil && (n > 1e12 || n != float64(int(n))) {
		err = fmt.Errorf("expected a whole number such as 100k, found %q", text)
	}
	*c = count(n)
	return err
}

// share is a part of a whole.
type share float64

// UnmarshalText reads "2%" and "0.02".
func (s *share) UnmarshalText(text []byte) (err error) {
	n, err := threshold.ParseShare(string(text))
	*s = share(n)
	return err
}

// denial is how a signed zone denies names.
type denial struct {
	tldzone.Denial
	given bool
}

// UnmarshalText reads a name.
func (d *denial) UnmarshalText(text []byte) error {
	d.given = true
	switch string(text) {
	case "opt-out":
		d.Denial = tldzone.OptOut
	case "nsec3":
		d.Denial = tldzone.NSEC3
	case "nsec":
		d.Denial = tldzone.NSEC
	default:
		return fmt.Errorf("expected opt-out, nsec3 or nsec, found %q", text)
	}
	return nil
}

// tldMix is a mix of queries for a zone that is being made.
type tldMix tldzone.Mix

// UnmarshalText reads "referral=60,nxdomain=30".
func (m *tldMix) UnmarshalText(text []byte) error {
	mix, err := query.ParseMix(string(text))
	if err != nil {
		return err
	}
	*m = tldMix{}
	known := map[query.Part]*int{query.Referral: &m.Referral, query.NXDomain: &m.NXDomain, query.Apex: &m.Apex, query.DS: &m.DS}
	for part, weight := range mix {
		to := known[query.Part(part)]
		switch {
		case weight == 0:
		case to == nil:
			return fmt.Errorf("mix: %s: expected referral, nxdomain, apex or ds", query.Part(part))
		case weight != float64(int(weight)):
			return fmt.Errorf("mix: %s=%g: expected a whole number", query.Part(part), weight)
		default:
			*to = int(weight)
		}
	}
	return nil
}
