package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"yushan/bench/transfer"
	"yushan/internal/cli"
)

type axfrCommand struct {
	Zone        string   `arg:"" help:"Name of the zone, in A-labels or U-labels."`
	Server      string   `short:"s" default:"127.0.0.1" placeholder:"ADDRESS" help:"Who is asked: an address or a name, and a port unless it is 53, or 853 with --tls. This machine unless told."`
	TLS         bool     `name:"tls" help:"Transfer over TLS (RFC 9103)."`
	Key         string   `short:"y" placeholder:"[ALGORITHM:]NAME:SECRET" help:"TSIG key, as dig has it; hmac-sha256 unless told. Others on this machine can see it: --key-file is better."`
	KeyFile     string   `short:"k" type:"existingfile" placeholder:"FILE" help:"File with a TSIG key, in that form or as tsig-keygen writes it."`
	Times       int      `short:"n" default:"1" placeholder:"N" help:"How many transfers; one unless told."`
	Concurrency int      `short:"c" default:"1" placeholder:"N" help:"How many of them at once; one unless told."`
	Timeout     timespan `default:"10s" placeholder:"TIME" help:"How long to wait for a connection, and for the next bytes; 10s unless told."`
	JSON        string   `name:"json" placeholder:"FILE" help:"Write all figures."`
	tlsFlags    `embed:""`
	permitFlags `embed:""`
}

func (*axfrCommand) Help() string {
	return `Examples:

    yushan-bench axfr tw --server 127.0.0.1:5300 --times 5
    yushan-bench axfr tw --server 192.0.2.1 --i-own-this-target --tls --key-file tsig.key`
}

// Run implements the command.
func (c *axfrCommand) Run(con *cli.Console) error {
	ctx, cancel := cli.Interruptible()
	defer cancel()
	options, err := c.options(ctx)
	if err != nil {
		return err
	}
	if c.Times > 1 {
		note := &noter{w: con.Err, every: 2 * time.Second}
		options.Progress = func(done int) { note.say("transfers", done, c.Times) }
	}
	r, err := transfer.Run(ctx, options)
	if err != nil {
		return cli.Usagef("%v", err)
	}
	r.Version = cli.Build()
	if err := r.WriteText(textTo(con, c.JSON == "-")); err != nil {
		return err
	}
	if c.JSON != "" {
		if err := writeFile(c.JSON, func(w io.Writer) error { return r.Write(w) }); err != nil {
			return err
		}
	}
	for _, t := range r.Transfers {
		if t.Error != "" {
			return cli.ErrFound
		}
	}
	if len(r.Transfers) == 0 {
		return context.Canceled
	}
	return nil
}

func (c *axfrCommand) options(ctx context.Context) (transfer.Options, error) {
	o := transfer.Options{Zone: c.Zone, Times: c.Times, Concurrency: c.Concurrency, Timeout: c.Timeout.Duration}
	host, text := cutPort(c.Server)
	usual := uint16(53)
	if c.TLS {
		usual = 853
	}
	port, err := portOr(text, usual)
	if err != nil {
		return o, cli.Usagef("--server: %v", err)
	}
	addr, err := lookUp(ctx, host)
	if err != nil {
		return o, err
	}
	o.Server = netip.AddrPortFrom(addr, port)
	if err := c.permit(addr); err != nil {
		return o, err
	}
	const foreignTimes, foreignConcurrency = 10, 2
	switch {
	case !addr.IsLoopback() && !c.IOwnThisTarget && (c.Times > foreignTimes || c.Concurrency > foreignConcurrency):
		return o, cli.Usagef("more than %d transfers from another machine, or %d at once, need --i-own-this-target", foreignTimes, foreignConcurrency)
	case c.Times < 1 || c.Concurrency < 1 || c.Timeout.Duration <= 0:
		return o, cli.Usagef("--times, --concurrency and --timeout: expected more than 0")
	case c.Key != "" && c.KeyFile != "":
		return o, cli.Usagef("give --key or --key-file, not both")
	case c.Key != "":
		if o.Key, err = transfer.ParseKey(c.Key); err != nil {
			return o, cli.Usagef("--key: %v", err)
		}
	case c.KeyFile != "":
		if o.Key, err = transfer.ReadKey(c.KeyFile); err != nil {
			return o, err
		}
	}
	if c.TLS {
		if o.TLS, err = c.tls(host); err != nil {
			return o, fmt.Errorf("TLS: %w", err)
		}
	}
	return o, nil
}
