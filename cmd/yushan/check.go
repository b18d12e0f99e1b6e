package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"yushan/internal/cli"
	"yushan/server"
	"yushan/server/config"
	"yushan/zone/dname"
)

type checkCommand struct {
	Config string   `short:"c" placeholder:"FILE" help:"Configuration to check, with the zones that it names."`
	Zone   []string `short:"z" placeholder:"ORIGIN=FILE" sep:"none" help:"Zone to check; may be repeated."`
}

func (*checkCommand) Help() string {
	return `Prints everything that is wrong, one finding a line with file, line and column, and a summary of each good zone. It exits with 1 if there are errors; warnings alone leave it at 0. Nothing is put into service, and no port is touched.

Examples:

    yushan check --config /etc/yushan/yushan.yaml
    yushan check --zone tw=tw.zone --zone 台灣=taiwan.zone
    yushan check -c yushan.yaml && systemctl reload yushan`
}

// Run implements the command.
func (c *checkCommand) Run(con *cli.Console) error {
	if c.Config == "" && len(c.Zone) == 0 {
		return cli.Usagef("nothing to check: give --config or --zone")
	}
	cfg, good, err := c.config(con.Out)
	if err != nil {
		return err
	}
	ctx, cancel := cli.Interruptible()
	defer cancel()
	bars := newProgress(con.Err, "reading", "checking and laying out")
	var results []*server.Loaded
	// One after the other: the time that is shown is then the zone's own.
	for _, z := range cfg.Zones {
		if len(z.Name) == 0 || !z.Readable() {
			continue // already told
		}
		l := server.LoadZone(ctx, z.Name, z.File, bars)
		if ctx.Err() != nil {
			bars.finish()
			return ctx.Err()
		}
		results = append(results, l)
	}
	bars.finish()
	bad := 0
	for _, l := range results {
		if !printFindings(con.Out, l) {
			bad++
		}
	}
	printSummary(con.Out, results)
	if good && len(cfg.Zones) == 0 {
		fmt.Fprintln(con.Out, "warning: no zones are configured: every query will be refused")
	}
	if bad > 0 || !good {
		return cli.ErrFound
	}
	return nil
}

// config returns the configuration to check. good tells whether there was
// nothing wrong with it; what was has been printed.
func (c *checkCommand) config(out io.Writer) (cfg *config.Config, good bool, err error) {
	cfg, good = config.Default(), true
	if c.Config != "" {
		read, problems, err := config.Read(c.Config)
		if err != nil {
			return nil, false, err
		}
		if len(problems) > 0 {
			fmt.Fprintln(out, problems)
			good = false
		}
		if read != nil && !printCredentials(out, read, good) {
			good = false
		}
		if good {
			fmt.Fprintf(out, "%s: good\n", c.Config)
		}
		if read != nil {
			cfg = read
		}
	}
	fromFile := len(cfg.Zones)
	for _, z := range c.Zone {
		if err := cfg.AddZone(z); err != nil {
			return nil, false, cli.Usagef("--zone: %v", err)
		}
	}
	if len(cfg.Zones) > fromFile {
		for _, p := range cfg.Check() {
			if strings.HasPrefix(p.Key, "--zone") {
				fmt.Fprintln(out, p)
				good = false
			}
		}
	}
	return cfg, good, nil
}

// printCredentials prints what is wrong with certificates, keys and secrets, and
// tells whether they are good. whole tells whether the configuration is.
func printCredentials(out io.Writer, cfg *config.Config, whole bool) bool {
	warnings, err := server.CheckCredentials(cfg, whole)
	for _, w := range warnings {
		fmt.Fprintln(out, w)
	}
	if err != nil {
		fmt.Fprintln(out, err)
	}
	return err == nil
}

// printFindings prints what was found in a zone, and tells whether it is good.
func printFindings(out io.Writer, l *server.Loaded) bool {
	if l.Err != nil {
		fmt.Fprintln(out, l.Failure())
		return false
	}
	for _, f := range l.Report.Findings {
		fmt.Fprintln(out, f)
	}
	if more := l.Report.Errors + l.Report.Warnings - len(l.Report.Findings); more > 0 {
		fmt.Fprintf(out, "%s: and %s more\n", l.File, thousands(more))
	}
	switch warnings := plural(l.Report.Warnings, "warning"); {
	case l.Zone == nil:
		fmt.Fprintf(out, "%s: zone %s cannot be served: %s, %s\n", l.File, dname.Display(l.Name), plural(l.Report.Errors, "error"), warnings)
	case l.Report.Warnings > 0:
		fmt.Fprintf(out, "%s: zone %s can be served: %s\n", l.File, dname.Display(l.Name), warnings)
	}
	return l.Zone != nil
}

func printSummary(out io.Writer, results []*server.Loaded) {
	t := table{columns: []column{{"zone", left}, {"serial", right}, {"records", right}, {"names", right},
		{"cuts", right}, {"glue", right}, {"signed", left}, {"memory", right}, {"read in", right}}}
	for _, l := range results {
		if l.Zone == nil {
			continue
		}
		s := l.Zone.Stats()
		t.add(dname.Display(l.Name), strconv.FormatUint(uint64(l.Zone.Serial()), 10), thousands(s.Records), thousands(s.Names),
			thousands(s.Cuts), thousands(s.Glue), server.SignedAs(s), bytesText(s.Bytes), shortDuration(l.Took))
	}
	t.write(out)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

func shortDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
