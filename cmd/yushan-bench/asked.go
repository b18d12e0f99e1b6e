package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"yushan/bench/load"
	"yushan/bench/query"
	"yushan/bench/report/units"
	"yushan/bench/result"
	"yushan/bench/verify"
	"yushan/bench/zonefile"
	"yushan/internal/cli"
	"yushan/zone/dname"
)

// queryFlags say what is asked.
type queryFlags struct {
	Zone       []string  `short:"z" sep:"none" placeholder:"ORIGIN=FILE" help:"Zone that the server has: queries are drawn from it, and --verify holds answers against it. May be repeated with --queries."`
	Mix        query.Mix `placeholder:"PART=N,…" help:"Parts of queries drawn from the zone: referral, ds, nods, apex, positive, nodata, wildcard, nxdomain, random (names that are never asked twice). referral=60,nxdomain=30,apex=10 unless told."`
	Queries    string    `short:"d" placeholder:"FILE" help:"Queries in dnsperf's format, a name and a type on each line; - is standard input. They are repeated until the run ends."`
	Pcap       string    `placeholder:"FILE" help:"Queries of a capture, pcap or pcapng, in their order; their times aren't kept."`
	AsCaptured bool      `help:"Leave flags and EDNS of captured queries as they are."`
	PcapPort   uint16    `placeholder:"PORT" help:"Port that captured queries went to; 53 unless told."`
	Count      count     `default:"100k" placeholder:"N" help:"Different queries to draw from the zone, 100,000 unless told."`
	Seed       uint64    `default:"1" placeholder:"N" help:"What is drawn depends on it: the same seed, the same queries."`
	RD         bool      `name:"rd" help:"Set RD, as a stub resolver does."`
	EDNS       bool      `name:"edns" short:"e" help:"Add an OPT record."`
	DNSSEC     bool      `name:"dnssec" short:"D" help:"Set DO; with --verify signatures are checked, too."`
	UDPSize    uint16    `placeholder:"BYTES" help:"Payload size in the OPT record; 1232 unless told."`
	NSID       bool      `name:"nsid" help:"Ask for the server's identity."`
	Cookie     bool      `help:"Send DNS cookies, and the server's back to it."`
	Padding    bool      `help:"Pad queries to multiples of 128 bytes."`
	Keepalive  bool      `help:"Send edns-tcp-keepalive; on TCP, DoT, and DoH over TCP."`
	Verify     bool      `help:"Hold each answer against the zone: a wrong one makes the exit status 1."`
}

// work is the queries of a run, and what judges their answers.
type work struct {
	queries *query.Set
	pool    *verify.Pool // nil: none
}

func (w *work) judge() func(uint32, uint64, []byte) {
	if w.pool == nil {
		return nil
	}
	return w.pool.Submit
}

// finish waits for the last verdicts.
func (w *work) finish(res *result.Result) {
	if w.pool != nil {
		verified := w.pool.Close()
		res.Verified = &verified
	}
}

// prepare reads files and makes the queries of them.
func (f *queryFlags) prepare(ctx context.Context, con *cli.Console, transport load.Transport) (*work, error) {
	if err := f.check(transport); err != nil {
		return nil, err
	}
	var zones []*zonefile.Zone
	if f.Verify || f.Queries == "" && f.Pcap == "" {
		for _, text := range f.Zone {
			z, err := readZone(ctx, text)
			if err != nil {
				return nil, err
			}
			zones = append(zones, z)
		}
	}
	w := new(work)
	var err error
	if w.queries, err = f.queries(con, zones); err != nil {
		return nil, err
	}
	if f.Verify {
		w.pool = verify.New(zones, verify.Options{Stream: transport != load.UDP, DNSSEC: f.DNSSEC}, w.queries)
	}
	return w, nil
}

func (f *queryFlags) check(transport load.Transport) error {
	sources := 0
	for _, given := range []bool{f.Queries != "", f.Pcap != ""} {
		if given {
			sources++
		}
	}
	switch {
	case sources > 1:
		return cli.Usagef("give --queries or --pcap, not both")
	case sources == 0 && len(f.Zone) == 0:
		return cli.Usagef("nothing to ask: give --zone, --queries or --pcap")
	case sources == 0 && len(f.Zone) > 1:
		return cli.Usagef("queries are drawn from one zone: give one --zone, or --queries")
	case f.Verify && len(f.Zone) == 0:
		return cli.Usagef("--verify needs the zone: give --zone")
	case sources > 0 && f.Mix != (query.Mix{}):
		return cli.Usagef("--mix is for queries drawn from a zone: leave it out, or --queries and --pcap")
	case (f.AsCaptured || f.PcapPort != 0) && f.Pcap == "":
		return cli.Usagef("--as-captured and --pcap-port are for --pcap")
	case f.Keepalive && (transport == load.UDP || transport.QUIC()):
		return cli.Usagef("--keepalive is for tcp, dot, doh and doh1 (RFC 7828 §3.1, RFC 9250 §5.5.2)")
	case f.Count < 1:
		return cli.Usagef("--count: expected 1 or more")
	}
	if sources == 0 && f.Mix == (query.Mix{}) {
		f.Mix = query.DefaultMix
	}
	return nil
}

func readZone(ctx context.Context, text string) (*zonefile.Zone, error) {
	name, path, found := strings.Cut(text, "=")
	if !found {
		return nil, cli.Usagef("--zone %q: expected ORIGIN=FILE", text)
	}
	origin, err := dname.ParseFQDN(name)
	if err != nil {
		return nil, cli.Usagef("--zone: %q is not a name of a zone: %v", name, err)
	}
	return zonefile.Read(ctx, origin, path)
}

func (f *queryFlags) queries(con *cli.Console, zones []*zonefile.Zone) (*query.Set, error) {
	options := query.Options{
		RD: f.RD, EDNS: f.EDNS, UDPBytes: f.UDPSize, DO: f.DNSSEC, NSID: f.NSID, Cookie: f.Cookie,
		Padding: f.Padding, Keepalive: f.Keepalive, Seed: f.Seed, AsCaptured: f.AsCaptured, Port: f.PcapPort,
	}
	switch {
	case f.Queries == "-":
		return query.ReadText(os.Stdin, "standard input", options)
	case f.Queries != "":
		return fromFile(f.Queries, func(r io.Reader) (*query.Set, error) { return query.ReadText(r, f.Queries, options) })
	case f.Pcap != "":
		return fromFile(f.Pcap, func(r io.Reader) (*query.Set, error) {
			set, captured, err := query.ReadPcap(r, f.Pcap, options)
			if err == nil {
				sayCaptured(con, f.Pcap, captured)
			}
			return set, err
		})
	}
	return f.Mix.Draw(zones[0], int(f.Count), options)
}

func sayCaptured(con *cli.Console, path string, c *query.Captured) {
	fmt.Fprintf(con.Err, "%s: %s queries of %s packets", path, units.Count(c.Queries), units.Count(c.Packets))
	if c.Unusable > 0 {
		fmt.Fprintf(con.Err, ", %s that can't be asked again", units.Count(c.Unusable))
	}
	if c.Short {
		fmt.Fprint(con.Err, "; the file ends in the middle of a packet")
	}
	fmt.Fprintln(con.Err)
}

func fromFile(path string, read func(io.Reader) (*query.Set, error)) (*query.Set, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return read(file)
}
