package main

import (
	"fmt"
	"time"

	"github.com/miekg/dns"

	"yushan/internal/cli"
	"yushan/server/config"
	"yushan/zone/dname"
	"yushan/zone/master"
	"yushan/zone/sign"
)

type signCommand struct {
	Zone         string        `short:"z" required:"" placeholder:"ORIGIN=FILE" help:"Zone to sign and its master file."`
	Key          []string      `short:"k" placeholder:"FILE" sep:"none" help:"Key to sign with, in BIND's format: a .key file with its .private file beside it; may be repeated."`
	GenerateKeys string        `placeholder:"DIR" help:"Make a new key, store it in this directory and sign with it."`
	Algorithm    string        `enum:"ECDSAP256SHA256,ECDSAP384SHA384,ED25519" default:"ECDSAP256SHA256" help:"Algorithm of a new key: ECDSAP256SHA256, ECDSAP384SHA384 or ED25519."`
	NSEC3        bool          `name:"nsec3" help:"Prove non-existence by NSEC3, without iterations and salt (RFC 9276)."`
	NSEC         bool          `name:"nsec" help:"Prove non-existence by NSEC."`
	OptOut       bool          `help:"Leave delegations without DS out of the NSEC3 chain (RFC 5155, section 6)."`
	Validity     time.Duration `default:"336h" help:"How long from now signatures are valid."`
	Out          string        `short:"o" required:"" placeholder:"FILE" help:"Where to write the signed zone. A file that is there is replaced, once all is written."`
}

func (*signCommand) Help() string {
	return `Signs a whole zone. Keys are not rolled, and nothing is remembered: run it again before the signatures expire. At the end it prints the DS records for the parent zone.

Examples:

    yushan sign --zone tw=tw.zone --generate-keys keys \
        --nsec3 --opt-out --out tw.signed
    yushan sign --zone 台灣=taiwan.zone --key keys/Kxn--kpry57d.+013+12345.key \
        --nsec --out taiwan.signed`
}

// Run implements the command.
func (c *signCommand) Run(con *cli.Console) error {
	switch {
	case c.NSEC == c.NSEC3:
		return cli.Usagef("give --nsec3 or --nsec")
	case c.OptOut && !c.NSEC3:
		return cli.Usagef("--opt-out needs --nsec3")
	case len(c.Key) == 0 && c.GenerateKeys == "":
		return cli.Usagef("no key to sign with: give --key, or --generate-keys")
	case c.Validity <= 0:
		return cli.Usagef("--validity must be more than nothing")
	}
	name, file, err := config.SplitZone(c.Zone)
	if err != nil {
		return cli.Usagef("--zone: %v", err)
	}
	ctx, cancel := cli.Interruptible()
	defer cancel()
	start := time.Now()

	reading := newProgress(con.Err, "reading", "")
	records, err := sign.ReadFile(ctx, file, master.Options{Origin: name, Progress: func(done, total int64) { reading.Read(name, done, total) }})
	reading.finish()
	if err != nil {
		return err
	}
	keys, err := c.keys(con, dname.String(name))
	if err != nil {
		return err
	}
	signing := newProgress(con.Err, "signing", "")
	opts := sign.Options{
		Keys:       keys,
		Denial:     sign.NSEC,
		OptOut:     c.OptOut,
		Expiration: start.Add(c.Validity),
		Progress:   func(done, total int) { signing.Read(name, int64(done), int64(total)) },
	}
	if c.NSEC3 {
		opts.Denial = sign.NSEC3
	}
	err = sign.WriteFile(c.Out, sign.Stream(ctx, dname.String(name), records, opts))
	signing.finish()
	if err != nil {
		return fmt.Errorf("signing %s: %w", dname.Display(name), err)
	}
	denial := opts.Denial.String()
	if c.OptOut {
		denial += " with opt-out"
	}
	fmt.Fprintf(con.Out, "%s: zone %s signed with %s, %s, valid until %s, in %s\n", c.Out, dname.Display(name),
		denial, plural(len(keys), "key"), opts.Expiration.UTC().Format("2006-01-02 15:04 MST"), shortDuration(time.Since(start)))
	for _, k := range keys {
		if k.IsKSK() {
			ds := k.DS()
			fmt.Fprintf(con.Out, "%s IN DS %d %d %d %s\n", ds.Hdr.Name, ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
		}
	}
	return nil
}

func (c *signCommand) keys(con *cli.Console, origin string) (keys []*sign.Key, err error) {
	for _, path := range c.Key {
		k, err := sign.ReadKey(path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if c.GenerateKeys != "" {
		k, err := sign.GenerateKey(origin, dns.StringToAlgorithm[c.Algorithm], true)
		if err != nil {
			return nil, err
		}
		path, err := k.Write(c.GenerateKeys)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(con.Out, "%s.key: new key\n", path)
		keys = append(keys, k)
	}
	return keys, nil
}
