package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"yushan/examples/lab"
	"yushan/server"
	"yushan/server/config"
	"yushan/zone"
	"yushan/zone/dname"
)

// labPort is above 1024, so that no rights are needed, and not 5353, which mDNS
// has.
const labPort = 5300

type labCommand struct {
	Port   port     `short:"p" default:"5300" help:"Port for UDP and TCP."`
	Listen []string `short:"l" placeholder:"ADDRESS" sep:"none" help:"Address for UDP and TCP; may be repeated. Without it: 127.0.0.1 and ::1."`
	All    bool     `short:"a" help:"Print a command for each question that the zones' files propose."`
	logFlags
}

func (*labCommand) Help() string {
	return `Serves tw., 台灣. and 台湾. from files inside the program, two of them signed with fresh keys, and prints a command for every sort of answer. Nothing is written to disk, and only this machine can ask it unless --listen says otherwise.

Examples:

    yushan lab
    yushan lab --port 5353 --all
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
func (c *labCommand) Run(con *console) error {
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
	level, err := atomicLevel(cfg.Log.Level)
	if err != nil {
		return err
	}
	log := server.NewLog(con.err, cfg.Log.Format, level)
	defer log.Sync()
	ctx, cancel := interruptible()
	zones, err := labZones(ctx)
	cancel()
	if err != nil {
		return fmt.Errorf("the lab's zones: %w", err)
	}
	opts := server.Options{Log: log, Level: &level, Zones: zones}
	err = server.Run(context.Background(), cfg, opts, nil, func(*server.Server) {
		c.print(con.out, cfg.Listen, zones)
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w\n--port moves the lab to another port", err)
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

// labQuestion is one command to paste.
type labQuestion struct {
	tool  string // dig or kdig
	flags string
	name  string // with U-labels
	qtype string
	want  []string // what the tool prints, for the test
}

// labTopics are the sorts of answers.
var labTopics = []struct {
	title     string
	questions []labQuestion
}{
	{"A zone: its start, its keys, its servers", []labQuestion{
		{"dig", "", "tw", "SOA", []string{"status: NOERROR", "flags: qr aa;", "hostmaster.nic.tw."}},
		{"dig", "+dnssec +multi", "tw", "DNSKEY", []string{"flags: qr aa;", "ECDSAP256SHA256", "RRSIG"}},
		{"kdig", "", "台灣", "NS", []string{"NOERROR", "b.dns.tw."}},
	}},
	{"Delegations: with glue, with DS, and with the proof that there is none", []labQuestion{
		{"dig", "", "www.example.com.tw", "A", []string{"flags: qr;", "AUTHORITY: 2", "ns1.example.com.tw.", "2001:db8:10::1"}},
		{"dig", "+dnssec", "www.signed.com.tw", "A", []string{"flags: qr;", "DS\t31589 13 2", "RRSIG\tDS"}},
		{"kdig", "+dnssec", "www.example.com.tw", "A", []string{"NSEC3", "RRSIG"}},
		{"kdig", "+dnssec", "www.夜市.台灣", "A", []string{"NSEC", "RRSIG", "203.0.113.110"}},
	}},
	{"Names in the zone: data, a wildcard, Chinese on both sides of the dot", []labQuestion{
		{"dig", "", "nic.tw", "MX", []string{"flags: qr aa;", "ANSWER: 2", "mail1.nic.tw.", "192.0.2.25"}},
		{"kdig", "+dnssec", "any.apps.nic.tw", "A", []string{"192.0.2.84", "NSEC3"}},
		{"dig", "+dnssec", "資訊.台灣", "HTTPS", []string{"h2,h3", "RRSIG\tHTTPS"}},
	}},
	{"Aliases: a chain of CNAMEs, and a DNAME", []labQuestion{
		{"dig", "", "start.nic.tw", "A", []string{"home.nic.tw.", "portal.nic.tw.", "192.0.2.80"}},
		{"dig", "", "www.registry.tw", "A", []string{"DNAME\tnic.tw.", "CNAME\twww.nic.tw.", "192.0.2.80"}},
	}},
	{"What is not there, proved by NSEC3, by NSEC, and not at all", []labQuestion{
		{"dig", "+dnssec", "does-not-exist.tw", "A", []string{"status: NXDOMAIN", "NSEC3\t1 1 0 -", "SOA"}},
		{"dig", "+dnssec", "不存在.台灣", "A", []string{"status: NXDOMAIN", "NSEC\t", "SOA"}},
		{"dig", "+dnssec", "不存在.台湾", "A", []string{"status: NXDOMAIN", "AUTHORITY: 1", "SOA"}},
		{"kdig", "+dnssec", "gov.tw", "A", []string{"NOERROR", "NSEC3", "SOA"}},
	}},
	{"Transport: too long for UDP without EDNS, so it comes by TCP; TCP at once", []labQuestion{
		{"dig", "+noedns", "www.many-servers.com.tw", "A", []string{"Truncated, retrying in TCP", "AUTHORITY: 13", "(TCP)"}},
		{"kdig", "+tcp +keepopen", "tw", "SOA", []string{"NOERROR", "(TCP)"}},
	}},
	{"The server itself: who it is, and what it doesn't know", []labQuestion{
		{"dig", "+nsid", "tw", "SOA", []string{"NSID", "yushan-lab"}},
		{"dig", "", "id.server", "TXT CH", []string{`"yushan-lab"`}},
		{"dig", "", "example.com", "A", []string{"status: REFUSED", "EDE: 20 (Not Authoritative)"}},
	}},
}

// command returns the question as a line for the shell. Names are A-labels
// there: whether dig and kdig convert U-labels depends on how they were built, the
// locale, and where their output goes.
func (q labQuestion) command(at netip.AddrPort) string {
	name, err := dname.ParseFQDN(q.name)
	if err != nil {
		panic(err) // the test asks all questions
	}
	words := []string{q.tool, "@" + at.Addr().String(), "-p", fmt.Sprint(at.Port())}
	if q.tool == "dig" {
		words = append(words, "+norec")
	}
	if q.flags != "" {
		words = append(words, q.flags)
	}
	words = append(words, strings.TrimSuffix(dname.String(name), "."), q.qtype)
	return strings.Join(words, " ")
}

func (c *labCommand) print(w io.Writer, listen []netip.AddrPort, zones []*zone.Zone) {
	audience := ""
	if !slices.ContainsFunc(listen, func(a netip.AddrPort) bool { return !a.Addr().IsLoopback() }) {
		audience = ", for this machine only"
	}
	fmt.Fprintf(w, "\nyushan lab: example zones, signed just now%s\n", audience)
	fmt.Fprintln(w)
	t := table{columns: []column{{"  zone", left}, {"signed", left}, {"records", right}, {"delegations", right}}}
	for _, z := range zones {
		s := z.Stats()
		t.add("  "+dname.Display(z.Origin()), server.SignedAs(s), thousands(s.Records), thousands(s.Cuts))
	}
	t.write(w)
	fmt.Fprintf(w, "\n  UDP and TCP on %s\n", addressList(listen))
	if len(c.Listen) == 0 && len(listen) == 1 {
		fmt.Fprintln(w, "  This machine has no ::1, so it goes without IPv6.")
	}
	if missing := missingTools(); missing != "" {
		fmt.Fprintf(w, "  Not found here: %s\n", missing)
	}
	at := reachable(listen[0])
	fmt.Fprintln(w, "\nPaste any of these lines into another terminal:")
	for _, topic := range labTopics {
		printTopic(w, topic.title, topic.questions, at)
	}
	if c.All {
		for _, z := range lab.Zones {
			fmt.Fprintf(w, "\nAll that %s proposes:\n", z.File)
			printProposals(w, z, at)
		}
	}
	fmt.Fprintln(w, "\nCtrl-C stops it.")
}

func printTopic(w io.Writer, title string, questions []labQuestion, at netip.AddrPort) {
	fmt.Fprintf(w, "\n  %s\n", title)
	for _, q := range questions {
		fmt.Fprintf(w, "    %s\n", q.command(at))
	}
	told := map[string]bool{}
	for _, q := range questions {
		name, err := dname.ParseFQDN(q.name)
		if u := strings.TrimSuffix(q.name, "."); err == nil && dname.String(name) != u+"." && !told[u] {
			told[u] = true
			fmt.Fprintf(w, "      %s is %s\n", strings.TrimSuffix(dname.String(name), "."), u)
		}
	}
}

// printProposals prints the questions of a zone's file, those together whose
// answers show the same.
func printProposals(w io.Writer, z lab.Zone, at netip.AddrPort) {
	var order []string
	byShows := map[string][]labQuestion{}
	for _, q := range z.Questions() {
		if byShows[q.Shows] == nil {
			order = append(order, q.Shows)
		}
		byShows[q.Shows] = append(byShows[q.Shows], labQuestion{tool: "dig", flags: "+dnssec", name: q.Name, qtype: q.Type})
	}
	for _, shows := range order {
		printTopic(w, shows, byShows[shows], at)
	}
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

func missingTools() string {
	var missing []string
	for _, tool := range []struct{ name, deb string }{{"dig", "bind9-dnsutils"}, {"kdig", "knot-dnsutils"}} {
		if _, err := exec.LookPath(tool.name); err != nil {
			missing = append(missing, fmt.Sprintf("%s (Debian: apt install %s)", tool.name, tool.deb))
		}
	}
	return strings.Join(missing, ", ")
}
