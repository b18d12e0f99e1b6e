package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"go.uber.org/zap"

	"yushan/examples/lab"
	"yushan/internal/cli"
	"yushan/server"
	"yushan/server/config"
	"yushan/server/query"
	"yushan/zone"
	"yushan/zone/dname"
)

// labPort is above 1024, so that no rights are needed, and not 5353, which mDNS
// has.
const labPort = 5300

type labCommand struct {
	Port      port     `short:"p" default:"5300" help:"Port for UDP and TCP."`
	TLSPort   port     `name:"tls-port" default:"8853" help:"Port for DoT (TCP) and DoQ (UDP)."`
	HTTPSPort port     `name:"https-port" default:"8443" help:"Port for DoH and the lookup page: HTTP/2 and HTTP/1.1 (TCP), HTTP/3 (UDP)."`
	Listen    []string `short:"l" placeholder:"ADDRESS" sep:"none" help:"Address to serve on; may be repeated. Without it: 127.0.0.1 and ::1."`
	All       bool     `short:"a" help:"Print a command for each question that the zones' files propose."`
	logFlags
}

func (*labCommand) Help() string {
	return `Serves tw., 台灣. and 台湾. from files inside the program, two of them signed with fresh keys, over UDP, TCP, DoT, DoH and DoQ with a certificate made at the start, and prints a command for every sort of answer and transport. A page in the browser looks names up. Nothing is written to disk, and only this machine can ask it unless --listen says otherwise.

Examples:

    yushan lab
    yushan lab --port 5353 --tls-port 853 --https-port 443 --all
    yushan lab --listen 192.0.2.1:53`
}

type port uint16

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *port) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("expected a number from 1 to 65535, found %q", text)
	}
	*p = port(n)
	return nil
}

// Run implements the command.
func (c *labCommand) Run(con *cli.Console) error {
	cfg := config.Default()
	cfg.Identity, cfg.Version = "yushan-lab", "yushan"
	cfg.Log.Level, cfg.Log.Format = "warn", "auto"
	cfg.TCP.Limits.MaxConns = 400 // fits into the usual 1024 file descriptors
	if c.LogLevel != "" {
		cfg.Log.Level = string(c.LogLevel)
	}
	if c.LogFormat != "" {
		cfg.Log.Format = string(c.LogFormat)
	}
	var err error
	if cfg.Listen, err = c.addresses(); err != nil {
		return err
	}
	c.encrypt(cfg)
	level, err := atomicLevel(cfg.Log.Level)
	if err != nil {
		return err
	}
	log := server.NewLog(con.Err, logStyle(con.Err, cfg.Log.Format), level)
	defer log.Sync()
	ctx, cancel := cli.Interruptible()
	zones, err := labZones(ctx)
	cancel()
	if err != nil {
		return fmt.Errorf("the lab's zones: %w", err)
	}
	page, err := labLookup()
	if err != nil {
		return err
	}
	opts := server.Options{Log: log, Level: &level, Zones: zones, Page: page}
	err = server.Run(context.Background(), cfg, opts, nil, func(s *server.Server) {
		l, err := newLabServer(cfg, zones, s.Certificate(query.DoT))
		if err != nil {
			log.Error("the lab's certificate", zap.Error(err)) // cannot be: the lab made it
			return
		}
		c.print(con.Out, l)
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w\n--port, --tls-port and --https-port move the lab to other ports", err)
	}
	return err
}

func (c *labCommand) addresses() ([]netip.AddrPort, error) {
	for i, text := range c.Listen {
		// Here an address without a port has that of --port.
		if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
			c.Listen[i] = netip.AddrPortFrom(a, uint16(c.Port)).String()
		}
	}
	return listenAddresses(c.Listen, uint16(c.Port))
}

// encrypt adds the encrypted transports, on the same addresses.
func (c *labCommand) encrypt(cfg *config.Config) {
	names := []string{"localhost"}
	for _, u := range []string{labPage + ".台灣", labPage + ".台湾"} {
		names = append(names, aLabels(u))
	}
	for _, a := range cfg.Listen {
		tls := netip.AddrPortFrom(a.Addr(), uint16(c.TLSPort))
		if slices.Contains(cfg.DoT.Listen, tls) {
			continue
		}
		cfg.DoT.Listen = append(cfg.DoT.Listen, tls)
		cfg.DoH.Listen = append(cfg.DoH.Listen, netip.AddrPortFrom(a.Addr(), uint16(c.HTTPSPort)))
		names = append(names, reachable(a).Addr().String())
	}
	cfg.DoQ.Listen = cfg.DoT.Listen
	cfg.DoH.LookupPage = true
	cfg.Certificates = []config.Certificate{{Name: "lab", SelfSigned: names}}
	cfg.DoT.Limits.MaxConns = cfg.TCP.Limits.MaxConns
	cfg.DoH.Limits.MaxConns = cfg.TCP.Limits.MaxConns
}

// labPage is the name, in both Chinese zones, of the machine itself.
const labPage = "實驗室"

// aLabels writes a name of the lab with A-labels.
func aLabels(name string) string {
	wire, err := dname.ParseFQDN(name)
	if err != nil {
		panic(err) // the test asks all questions
	}
	return strings.TrimSuffix(dname.String(wire), ".")
}

// labZones reads the embedded zones and signs those that want it.
func labZones(ctx context.Context) (zones []*zone.Zone, err error) {
	for _, example := range lab.Zones {
		z, err := labZone(ctx, example)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", example.File, err)
		}
		zones = append(zones, z)
	}
	return zones, nil
}

func labZone(ctx context.Context, example lab.Zone) (*zone.Zone, error) {
	origin, err := dname.ParseFQDN(example.Origin)
	if err != nil {
		return nil, err
	}
	records, err := example.Read(ctx)
	if err != nil {
		return nil, err
	}
	records, _, err = example.Sign(ctx, records)
	if err != nil {
		return nil, err
	}
	z, report := zone.FromRecords(origin, records)
	if !report.OK() {
		var findings []string
		for _, f := range report.Findings {
			findings = append(findings, f.String())
		}
		return nil, errors.New(strings.Join(findings, "\n"))
	}
	return z, nil
}

// reachable replaces a wildcard address by one that can be asked.
func reachable(a netip.AddrPort) netip.AddrPort {
	switch {
	case !a.Addr().IsUnspecified():
		return a
	case a.Addr().Is4():
		return loopback(a.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
}

func addressList(addrs []netip.AddrPort) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}
