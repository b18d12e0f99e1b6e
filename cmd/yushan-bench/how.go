package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"yushan/bench"
	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/report/units"
	"yushan/bench/result"
	"yushan/bench/threshold"
	"yushan/internal/cli"
)

// loadFlags say how it is asked.
type loadFlags struct {
	Rate        rates          `short:"r" placeholder:"N[..N]" help:"Queries a second, as 100k; from one rate to another, as 10k..500k. 10k unless told."`
	Arrival     arrival        `default:"uniform" placeholder:"NAME" help:"uniform: at equal distances; poisson: as many independent clients ask."`
	Concurrency int            `short:"c" placeholder:"N" help:"Keep so many queries under way instead of a rate (a closed loop): a slow server is asked less, and a stall hardly shows."`
	Duration    timespan       `short:"l" default:"10s" placeholder:"TIME" help:"How long to send; 10s unless told."`
	Limit       count          `short:"n" placeholder:"N" help:"End after so many queries."`
	Timeout     timespan       `default:"5s" placeholder:"TIME" help:"When a query is given up, from when it was due; 5s unless told."`
	Workers     int            `short:"w" placeholder:"N" help:"Threads that send; half of the processors unless told."`
	Clients     int            `placeholder:"N" help:"Sockets (UDP) or connections; 16 unless told. With a connection for each query: how many may be open at once, 100 unless told."`
	Depth       int            `placeholder:"N" help:"Queries under way on a connection, or streams; 100 unless told."`
	Handshake   load.Handshake `default:"persistent" placeholder:"MODE" help:"persistent: connections stay; full, resumed, 0-rtt: one for each query, by new clients, by those with a session ticket, with the query in the first packet (QUIC)."`
	Source      []network      `placeholder:"PREFIX" help:"Addresses that queries come from, by turns, as 127.0.0.0/8; may be repeated."`
}

// searchFlags are of the search.
type searchFlags struct {
	Search bool                  `help:"Double the rate from --rate on, and close in on the highest that keeps the conditions; then run --duration at it."`
	Keep   []threshold.Threshold `placeholder:"CONDITION" sep:"none" help:"Condition to keep, p99<5ms unless told; may be repeated. loss<0.1% is kept, too, unless one is about loss."`
	Most   amount                `default:"10M" placeholder:"N" help:"Highest rate to try; 10M unless told."`
	Step   timespan              `default:"5s" placeholder:"TIME" help:"How long each rate is tried; 5s unless told."`
}

// keep returns the conditions. One about loss is always among them: queries without an
// answer are in no percentile, and a server that drops most of them can be fast with the
// rest.
func (f *searchFlags) keep() []threshold.Threshold {
	keep := f.Keep
	if len(keep) == 0 {
		keep = []threshold.Threshold{mustParse("p99<5ms")}
	}
	if !slices.ContainsFunc(keep, func(t threshold.Threshold) bool { return t.Figure() == "loss" }) {
		keep = append(keep[:len(keep):len(keep)], mustParse("loss<0.1%"))
	}
	return keep
}

func mustParse(text string) threshold.Threshold {
	t, err := threshold.Parse(text)
	if err != nil {
		panic(err)
	}
	return t
}

// defaultRate is how many queries a second are sent unless told.
const defaultRate = 10_000

// timespan is how long something takes.
type timespan struct{ time.Duration }

// UnmarshalText reads "1m30s", and "30", which is seconds.
func (s *timespan) UnmarshalText(text []byte) (err error) {
	if seconds, err := strconv.ParseFloat(string(text), 64); err == nil && math.Abs(seconds) < 1e9 {
		s.Duration = time.Duration(seconds * float64(time.Second))
		return nil
	}
	if s.Duration, err = time.ParseDuration(string(text)); err != nil {
		return fmt.Errorf("expected a time such as 30s or 1m30s, found %q", text)
	}
	return nil
}

// rates are one rate, or the first and the last.
type rates struct{ from, to float64 }

// UnmarshalText reads "100k" and "10k..500k".
func (r *rates) UnmarshalText(text []byte) (err error) {
	from, to, ramp := strings.Cut(string(text), "..")
	if r.from, err = threshold.ParseNumber(from); err != nil {
		return err
	}
	r.to = r.from
	if ramp {
		r.to, err = threshold.ParseNumber(to)
	}
	if err == nil && (r.from <= 0 || r.to <= 0) {
		err = fmt.Errorf("rate %q: expected more than 0", text)
	}
	return err
}

// amount is a number with a suffix.
type amount struct{ value float64 }

// UnmarshalText reads "100k".
func (a *amount) UnmarshalText(text []byte) (err error) {
	a.value, err = threshold.ParseNumber(string(text))
	return err
}

// arrival is how queries are spread.
type arrival struct{ pace.Arrival }

// UnmarshalText reads a name.
func (a *arrival) UnmarshalText(text []byte) error {
	switch string(text) {
	case "uniform":
		a.Arrival = pace.Uniform
	case "poisson":
		a.Arrival = pace.Poisson
	default:
		return fmt.Errorf("expected uniform or poisson, found %q", text)
	}
	return nil
}

// complete fills in what depends on other flags.
func (f *loadFlags) complete(transport load.Transport) error {
	given := func(name string, n int) error {
		if n < 0 {
			return cli.Usagef("--%s: expected 1 or more", name)
		}
		return nil
	}
	for name, n := range map[string]int{"workers": f.Workers, "clients": f.Clients, "depth": f.Depth, "concurrency": f.Concurrency} {
		if err := given(name, n); err != nil {
			return err
		}
	}
	if f.Limit < 0 {
		return cli.Usagef("--limit: expected 1 or more")
	}
	switch {
	case f.Rate.from != 0 && f.Concurrency > 0:
		return cli.Usagef("--concurrency takes the place of a rate: leave it out, or --rate")
	case f.Rate.from == 0:
		f.Rate = rates{defaultRate, defaultRate}
	}
	if f.Workers == 0 {
		f.Workers = max(1, runtime.NumCPU()/2)
	}
	if f.Clients == 0 {
		f.Clients = 16
		if f.Handshake != load.Persistent {
			f.Clients = 100
		}
		if f.Concurrency > 0 {
			f.Clients = min(f.Clients, f.Concurrency)
		}
		f.Clients = max(f.Clients, f.Workers)
	}
	if f.Depth == 0 {
		f.Depth = 100
		if f.Handshake != load.Persistent || transport == load.DoH1 {
			f.Depth = 1
		}
	}
	return nil
}

// settings describe the run for its report.
func (c *runCommand) settings(t target, config *bench.Config) (list []result.Setting) {
	add := func(name, format string, args ...any) {
		list = append(list, result.Setting{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	add("server", "%s", t.server)
	add("transport", "%s", c.Transport)
	if c.Transport.HTTP() {
		method := "POST"
		if c.Get {
			method = "GET"
		}
		add("requests", "%s %s", method, t.path)
	}
	if c.Transport.Encrypted() {
		certificate := "not checked"
		if c.checked() {
			certificate = "checked"
		}
		add("certificate", "%s", certificate)
	}
	add("load", "%s", c.loadText(config))
	add("queries", "%s", c.asked(config))
	if options := c.edns(); options != "" {
		add("options", "%s", options)
	}
	if c.Transport == load.UDP {
		add("clients", "%s, %s", plural(c.Clients, "socket"), plural(c.Workers, "worker"))
	} else if c.Handshake == load.Persistent {
		add("clients", "%s of depth %d, %s", plural(c.Clients, "connection"), c.Depth, plural(c.Workers, "worker"))
	} else {
		add("clients", "a connection for each query (%s handshakes), at most %d at once, %s", c.Handshake, c.Clients, plural(c.Workers, "worker"))
	}
	if len(c.Source) > 0 {
		add("sources", "%s", strings.Trim(fmt.Sprint(c.Source), "[]"))
	}
	add("timeout", "%s", units.Span(c.Timeout.Seconds()))
	return list
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func (c *runCommand) loadText(config *bench.Config) string {
	p := config.Plan
	var text string
	switch {
	case p.Closed():
		text = fmt.Sprintf("closed loop, %d queries under way", c.Concurrency)
	case c.Search:
		text = fmt.Sprintf("search from %s queries/s on, %s each, then at the rate found", units.Rate(c.Rate.from), units.Span(c.Step.Seconds()))
	case p.Rate != p.RateAtEnd:
		text = fmt.Sprintf("%s to %s queries/s", units.Rate(p.Rate), units.Rate(p.RateAtEnd))
	default:
		text = fmt.Sprintf("%s queries/s", units.Rate(p.Rate))
	}
	if !p.Closed() && p.Arrival == pace.Poisson {
		text += ", Poisson"
	}
	text += " for " + units.Span(p.Duration.Seconds())
	if p.Limit != 0 {
		text += fmt.Sprintf(", at most %s queries", units.Count(p.Limit))
	}
	return text
}

func (c *runCommand) asked(config *bench.Config) string {
	n := units.Count(uint64(config.Queries.Len()))
	switch {
	case c.Queries == "-":
		return n + " of standard input"
	case c.Queries != "":
		return n + " of " + c.Queries
	case c.Pcap != "":
		return n + " of " + c.Pcap
	}
	origin, _, _ := strings.Cut(c.Zone[0], "=")
	return fmt.Sprintf("%s drawn from zone %s: %s", n, origin, c.Mix)
}

func (f *queryFlags) edns() string {
	var list []string
	for _, o := range []struct {
		name string
		set  bool
	}{
		{"RD", f.RD}, {"EDNS", f.EDNS}, {"DO", f.DNSSEC}, {"NSID", f.NSID}, {"cookie", f.Cookie},
		{"padding", f.Padding}, {"keepalive", f.Keepalive}, {"as captured", f.AsCaptured},
	} {
		if o.set {
			list = append(list, o.name)
		}
	}
	if f.UDPSize != 0 {
		list = append(list, fmt.Sprintf("%d bytes", f.UDPSize))
	}
	return strings.Join(list, ", ")
}

// Bounds of a run against a server that is not on this machine, unless it is said to
// be one's own.
const (
	foreignRate     = 20_000
	foreignDuration = time.Minute
)

// bound refuses a load that is more than a test needs for servers elsewhere.
func (c *runCommand) bound(t target, p pace.Plan) error {
	if t.server.Addr().IsLoopback() || c.IOwnThisTarget {
		return nil
	}
	highest, longest := math.Max(p.Rate, p.RateAtEnd), p.Duration
	if c.Search {
		highest, longest = c.Most.value, max(longest, c.Step.Duration)
	}
	switch {
	case p.Closed() || highest > foreignRate:
		return cli.Usagef("more than %s queries/s to another machine, or a closed loop, need --i-own-this-target", units.Rate(foreignRate))
	case longest > foreignDuration:
		return cli.Usagef("more than %s of load on another machine need --i-own-this-target", units.Span(foreignDuration.Seconds()))
	}
	return nil
}
