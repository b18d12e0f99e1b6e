package render

import (
	"strings"

	"yushan/bench/report/units"
	"yushan/bench/versus/outcome"
)

// method says how it was measured.
func (d *document) method() {
	m, s := d.Machine, d.Settings
	d.f("\n## How it was measured\n\n")
	d.f("| | |\n|---|---|\n")
	d.f("| Machine | %s, %s, %s |\n", orUnknown(m.Processor), units.Plural(m.Cores, "core", "cores"), units.Bytes(m.MemoryBytes))
	d.f("| System | %s |\n", m.System)
	d.f("| yushan | %s |\n", d.yushan())
	if m.Client != "" {
		d.f("| Client | %s, and yushan-bench for QUIC, handshakes, two workers, and queries written together |\n", m.Client)
	} else {
		d.f("| Client | yushan-bench |\n")
	}
	d.f("| From, to | %s, %s |\n", d.Started.UTC().Format("2006-01-02 15:04 MST"), d.Ended.UTC().Format("2006-01-02 15:04 MST"))
	d.f("| Figures | medians of %s, of %g s each where queries are sent |\n", units.Plural(s.Rounds, "round", "rounds"), s.Seconds)
	pinned := "no: there are too few processors"
	if s.ServerCPUs != "" {
		pinned = "servers to processor " + s.ServerCPUs + ", clients to " + s.ClientCPUs + " (taskset), but for load and memory, where all may use all, and two workers, which have two, or share all with their clients where there are no more"
	}
	d.f("| Pinned | %s |\n", pinned)
	if share, row := d.busy(); row != "" {
		d.f("| Others | used at most %s of the machine during a figure (%s) |\n", units.Percent(share), row)
	}
	d.f(`
* All on loopback, one server at a time: the others of a row are stopped by SIGSTOP until it is their turn. Each round starts
  them anew, and asks them in another order.
* CPU time is what the scheduler has counted for all processes and threads of a server, those that have ended included: the sum of
  ` + "`/proc/PID/task/*/schedstat`" + `, by the CPU clock of each process. It is divided by the queries that were answered with NOERROR or NXDOMAIN.
* Clients run a closed loop: so many queries are under way, an answer makes room for the next. So answers a second depend on what the client
  leaves of the machine, and are no result; CPU time for each is. A second of the same load goes before each figure.
* All servers have the same zone file, the same certificate (ECDSA, P-256) and one worker. Clients of TLS offer X25519 only, so
  that no server spends time on ML-KEM.
* Memory is the proportional set size (PSS) of all processes of a server. MB are 10⁶ bytes.
* An interval is that of a bootstrap over rounds, widened for their small number. Within noise means that it holds the target, too.
`)
	d.f("\nZones and queries are synthetic, from a seed: three in four delegations point to hosting companies, the large ones more often; the others have name servers of their own with glue; 2 %% have DS records; names in no order. The mix is 60 %% referrals, 30 %% names that don't exist, 10 %% the zone's own records.\n\n")
	for _, z := range d.Zones {
		d.f("* %s, %s:\n", z.Name, units.Bytes(uint64(z.Bytes)))
		for line := range strings.Lines(z.Command) {
			d.f("  `%s`\n", strings.TrimSpace(line))
		}
	}
}

func (d *document) yushan() string {
	version := d.Machine.Toolchain
	if s := d.Server(outcome.Yushan); s != nil {
		version = s.Version
	}
	if d.Revision != "" {
		version += ", commit " + d.Revision
	}
	return version
}

// servers says what each was made to do.
func (d *document) servers() {
	d.f("\n## The servers\n\nEach does what is measured and nothing else, with limits of connections far above what the clients need. No peer has a setting that slows it down for the comparison: tell us if you find one.\n")
	for _, s := range d.Servers {
		d.f("\n### %s\n\n%s\n", d.name(s.ID), s.Configured)
		shown := map[string]string{} // text of a configuration: what it was shown for
		for _, use := range s.Uses {
			d.f("\n%s:\n\n```\n%s\n```\n", strings.ToUpper(use.For[:1])+use.For[1:], use.Command)
			for _, file := range use.Files {
				if before, known := shown[file.Text]; known {
					d.f("\n`%s` as for %s.\n", file.Name, before)
					continue
				}
				shown[file.Text] = use.For
				d.f("\n<details><summary>%s</summary>\n\n```\n%s```\n\n</details>\n", file.Name, file.Text)
			}
		}
	}
}

// again says how to repeat it.
func (d *document) again() {
	d.f("\n## Run it again\n\nOn Debian 12 with Go, in a checkout:\n\n```\n%s\n```\n\n", d.Command)
	d.f("It installs NSD, Knot, BIND and dnsperf if it may. `KNOTD=/path` names a Knot of 3.4 or later, `COREDNS=/path` a CoreDNS. [docs/bench.md](../../docs/bench.md) tells more.\n")
}
