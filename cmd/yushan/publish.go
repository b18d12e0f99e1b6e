package main

import (
	"crypto"
	"fmt"
	"io"

	"github.com/miekg/dns"

	"yushan/internal/cli"
	"yushan/server"
	"yushan/server/advert"
	"yushan/server/config"
	"yushan/server/query"
	"yushan/zone/dname"
)

// publishFlags are those of the commands that print what to publish.
type publishFlags struct {
	Config string   `short:"c" required:"" placeholder:"FILE" help:"Configuration whose listeners to publish."`
	Name   []string `short:"n" placeholder:"NAME" help:"Name of this server, as NS records have it; may be repeated. Without it: the names in its certificates."`
}

type tlsaCommand struct{ publishFlags }

func (*tlsaCommand) Help() string {
	return `Prints the TLSA records (RFC 6698) for the keys of the configuration's DoT, DoH and DoQ listeners, to be put into the signed zone that holds the server's name. Each names a key, "3 1 1", so that it outlives a certificate that is renewed with the same key.

With next-key-file in the configuration it prints the records of the next key, too: publish both, wait until the old records' TTL has passed, then change the certificate and its key.

The key of a self-signed certificate ends with the process, so it has no records here. That of an ordered certificate is found in the storage, once there is one.

Examples:

    yushan tlsa --config /etc/yushan/yushan.yaml
    yushan tlsa --config yushan.yaml --name a.dns.example.tw`
}

// Run implements the command.
func (c *tlsaCommand) Run(con *cli.Console) error {
	cfg, known, err := c.load()
	if err != nil {
		return err
	}
	for _, why := range known.Unknown {
		fmt.Fprintln(con.Err, why)
	}
	found := false
	for _, name := range known.Names {
		records, err := advert.TLSA(cfg, name, func(transport query.Transport) []crypto.PublicKey { return known.Keys[transport] })
		if err != nil {
			return cli.Usagef("--name: %v", err)
		}
		printRecords(con.Out, records)
		found = found || len(records) > 0
	}
	if !found {
		return fmt.Errorf("%s: no encrypted listener has a key to publish", c.Config)
	}
	return nil
}

type svcbCommand struct{ publishFlags }

func (*svcbCommand) Help() string {
	return `Prints the SVCB records (RFC 9461) that tell resolvers which encrypted transports the configuration's listeners speak, on which ports, and at which path. One record stands for all that are on their usual ports.

Examples:

    yushan svcb --config /etc/yushan/yushan.yaml
    yushan svcb --config yushan.yaml --name a.dns.example.tw --name a.dns.example.台灣`
}

// Run implements the command.
func (c *svcbCommand) Run(con *cli.Console) error {
	cfg, known, err := c.load()
	if err != nil {
		return err
	}
	found := false
	for _, name := range known.Names {
		records := advert.SVCB(cfg, name)
		printRecords(con.Out, records)
		found = found || len(records) > 0
	}
	if !found {
		return fmt.Errorf("%s: no encrypted listener has an address", c.Config)
	}
	return nil
}

// load reads the configuration, and what can be known of its certificates.
func (f *publishFlags) load() (*config.Config, *server.Published, error) {
	cfg, err := config.Load(f.Config)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := cli.Interruptible()
	defer cancel()
	known, err := server.ReadPublished(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	if len(f.Name) > 0 {
		known.Names = nil
	}
	for _, name := range f.Name {
		wire, err := dname.ParseFQDN(name)
		if err != nil {
			return nil, nil, cli.Usagef("--name: %q is not a name: %v", name, err)
		}
		known.Names = append(known.Names, dname.String(wire))
	}
	return cfg, known, nil
}

// printRecords prints records as master files have them.
func printRecords(w io.Writer, records []dns.RR) {
	for _, rr := range records {
		fmt.Fprintln(w, rr)
	}
}
