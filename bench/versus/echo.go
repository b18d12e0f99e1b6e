package main

import (
	"crypto/tls"
	"net/netip"

	"yushan/bench/versus/echo"
	"yushan/internal/cli"
)

type echoCommand struct {
	Plain       netip.AddrPort `required:"" help:"Address for UDP and TCP."`
	Secure      netip.AddrPort `help:"Address for DoT and DoQ."`
	Certificate string         `type:"existingfile" help:"Certificate in PEM."`
	Key         string         `type:"existingfile" help:"Its key in PEM."`
}

// Run implements the command.
func (c *echoCommand) Run(con *cli.Console) error {
	config := echo.Config{Plain: c.Plain, Secure: c.Secure}
	if c.Secure.IsValid() {
		var err error
		if config.Certificate, err = tls.LoadX509KeyPair(c.Certificate, c.Key); err != nil {
			return err
		}
	}
	ctx, cancel := cli.Interruptible()
	defer cancel()
	return echo.Serve(ctx, config)
}
