package main

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"yushan/internal/cli"
	"yushan/server"
	"yushan/server/config"
)

type serveCommand struct {
	Config  string   `short:"c" placeholder:"FILE" help:"Configuration to serve by."`
	Zone    []string `short:"z" placeholder:"ORIGIN=FILE" sep:"none" help:"Zone to serve without a configuration; may be repeated. ORIGIN is written with A-labels or U-labels; \".\" is the root."`
	Listen  []string `short:"l" placeholder:"ADDRESS" sep:"none" help:"Address for UDP and TCP, with --zone; may be repeated. Without it: port 5300 on 127.0.0.1 and ::1."`
	Workers int      `short:"w" placeholder:"N" help:"Threads that answer UDP queries on each address, before udp.workers of the configuration; without either, GOMAXPROCS."`
	Storage string   `placeholder:"DIR" help:"Directory for images of the zones, from which the next start takes a moment, before storage of the configuration; without either, none are kept."`
	logFlags
}

func (*serveCommand) Help() string {
	return `With --config it is the production server; examples/yushan.yaml is a configuration to start from. With --zone it serves master files without one.

SIGHUP reads configuration and zones again without losing a query. What has mistakes doesn't get into service: a zone keeps its last good version, a configuration changes nothing. SIGTERM and SIGINT answer what is in flight and stop; a second one stops at once.

Examples:

    yushan serve --config /etc/yushan/yushan.yaml
    yushan serve --zone tw=tw.zone --zone 台灣=taiwan.zone --listen 192.0.2.1:53
    yushan serve --zone .=root.zone
    kill -HUP $(pidof yushan)`
}

// Run implements the command.
func (c *serveCommand) Run(con *cli.Console) error {
	load, err := c.source()
	if err != nil {
		return err
	}
	cfg, err := load()
	if err != nil {
		return err
	}
	level, err := atomicLevel(cfg.Log.Level)
	if err != nil {
		return err
	}
	log := server.NewLog(con.Err, logStyle(con.Err, cfg.Log.Format), level)
	defer log.Sync()
	bars := newProgress(con.Err, "reading", "checking and laying out")
	defer bars.finish()
	opts := server.Options{Log: log, Level: &level, Progress: bars, Loaded: bars.finish}
	return server.Run(context.Background(), cfg, opts, load, nil)
}

// source returns what reads the configuration: at the start, and at SIGHUP.
func (c *serveCommand) source() (func() (*config.Config, error), error) {
	switch {
	case c.Workers < 0 || c.Workers > config.MaxWorkers:
		return nil, cli.Usagef("--workers %d: expected 1 to %d", c.Workers, config.MaxWorkers)
	case c.Config != "" && (len(c.Zone) > 0 || len(c.Listen) > 0):
		return nil, cli.Usagef("--zone and --listen are for serving without --config")
	case c.Config != "":
		return func() (*config.Config, error) {
			cfg, problems, err := config.Read(c.Config)
			if err != nil {
				return nil, err
			}
			return c.servable(cfg, problems)
		}, nil
	case len(c.Zone) == 0:
		return nil, cli.Usagef("nothing to serve: give --config, or --zone (or try \"yushan lab\")")
	}
	return func() (*config.Config, error) {
		cfg := config.Default()
		for _, z := range c.Zone {
			if err := cfg.AddZone(z); err != nil {
				return nil, cli.Usagef("--zone: %v", err)
			}
		}
		var err error
		if cfg.Listen, err = listenAddresses(c.Listen, labPort); err != nil {
			return nil, err
		}
		return c.servable(cfg, cfg.Check())
	}, nil
}

// servable puts what the command line says into the configuration, and returns
// it if it can be served by.
func (c *serveCommand) servable(cfg *config.Config, problems config.Problems) (*config.Config, error) {
	if cfg != nil {
		c.override(cfg)
	}
	if problems = cfg.Servable(problems); len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

func (c *serveCommand) override(cfg *config.Config) {
	if c.Workers != 0 {
		cfg.UDP.Workers = c.Workers
	}
	if c.LogLevel != "" {
		cfg.Log.Level = string(c.LogLevel)
	}
	if c.LogFormat != "" {
		cfg.Log.Format = string(c.LogFormat)
	}
	if c.Storage != "" {
		cfg.Storage = c.Storage
	}
}

// listenAddresses reads the addresses of --listen. Without any it is the
// loopback addresses that this machine has.
func listenAddresses(texts []string, port uint16) (addrs []netip.AddrPort, err error) {
	for _, text := range texts {
		a, err := config.ParseAddress(text)
		if err != nil {
			return nil, cli.Usagef("--listen: %v", err)
		}
		addrs = append(addrs, a)
	}
	if len(addrs) == 0 {
		addrs = append(addrs, loopback(port))
		if haveIPv6() {
			addrs = append(addrs, netip.AddrPortFrom(netip.IPv6Loopback(), port))
		}
	}
	return addrs, nil
}

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

// haveIPv6 tells whether this machine has ::1, which containers often lack.
func haveIPv6() bool {
	conn, err := net.ListenPacket("udp6", net.JoinHostPort("::1", strconv.Itoa(0)))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
