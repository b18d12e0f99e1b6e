package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"yushan/examples/lab"
	"yushan/internal/peer"
	"yushan/internal/testzone"
	"yushan/zone/dname"
)

// realServer is a server with the transports that it has.
type realServer struct {
	name   string
	addrs  map[string]netip.AddrPort // by transport
	server int                       // its process
}

// zones are the lab's, which show every sort of answer, and a synthetic one with delegations;
// signed with NSEC, with NSEC3 and opt-out, and not at all.
type zones struct {
	list    []peer.Zone
	queries string // a file of questions to all
}

// flags are the arguments that name all zones.
func (z *zones) flags() (args []string) {
	for _, zone := range z.list {
		args = append(args, "--zone", zone.Origin+"="+zone.File)
	}
	return args
}

func newZones(t *testing.T) *zones {
	t.Helper()
	dir := t.TempDir()
	z := &zones{queries: filepath.Join(dir, "queries")}
	synthetic, drawn := filepath.Join(dir, "synthetic.zone"), filepath.Join(dir, "drawn")
	o := execute(t, "zone", "--origin", "synthetic", "--delegations", "500", "--ds", "30%", "--sign", "opt-out", "--out", synthetic,
		"--queries", drawn, "--count", "300", "--mix", "referral=50,nxdomain=30,apex=10,ds=10")
	if o.code != 0 {
		t.Fatalf("exit %d: %s", o.code, o.stderr)
	}
	z.list = append(z.list, peer.Zone{Origin: "synthetic.", File: synthetic})
	text, err := os.ReadFile(drawn)
	if err != nil {
		t.Fatal(err)
	}
	queries := string(text)
	for _, zone := range lab.Zones {
		records, err := zone.Read(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if records, _, err = zone.Sign(context.Background(), records); err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, rr := range records {
			text.WriteString(testzone.MasterLine(rr) + "\n")
		}
		file := filepath.Join(dir, zone.File)
		write(t, file, text.String())
		z.list = append(z.list, peer.Zone{Origin: aLabels(t, zone.Origin), File: file})
		for _, q := range zone.Questions() {
			queries += q.Name + " " + q.Type + "\n"
		}
	}
	write(t, z.queries, queries)
	return z
}

func aLabels(t *testing.T, name string) string {
	t.Helper()
	parsed, err := dname.ParseFQDN(name)
	if err != nil {
		t.Fatal(err)
	}
	return dname.String(parsed)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// yushan is built when the first test needs it.
var yushan struct {
	sync.Once
	program string
	err     error
}

// startYushan serves zones over all transports.
func startYushan(t *testing.T, z *zones, certificate *peer.Certificate) realServer {
	t.Helper()
	yushan.Do(func() { yushan.program, yushan.err = peer.BuildYushan(filepath.Dir(executable)) })
	if yushan.err != nil {
		t.Fatal(yushan.err)
	}
	loopback := netip.MustParseAddr("127.0.0.1")
	at := func() netip.AddrPort { return netip.AddrPortFrom(loopback, peer.FreePort(t, loopback)) }
	plain, tls, web := at(), at(), at()
	var config strings.Builder
	fmt.Fprintf(&config, "listen: %q\nudp: {workers: 1}\ndot: {listen: %q}\ndoq: {listen: %q}\ndoh: {listen: %q}\n", plain, tls, tls, web)
	fmt.Fprintf(&config, "certificates: [{name: main, certificate-file: %q, key-file: %q}]\nzones:\n", certificate.CertFile, certificate.KeyFile)
	for _, zone := range z.list {
		fmt.Fprintf(&config, "  - {name: %s, file: %q}\n", zone.Origin, zone.File)
	}
	server := peer.StartYushan(t, yushan.program, t.TempDir(), config.String())
	return realServer{name: "yushan", server: server.PID(), addrs: map[string]netip.AddrPort{
		"udp": plain, "tcp": plain, "dot": tls, "doq": tls, "doh": web, "doh1": web, "doh3": web,
	}}
}

// startPeer serves zones over the transports that the peer has.
func startPeer(t *testing.T, kind peer.Kind, z *zones, certificate *peer.Certificate) realServer {
	t.Helper()
	var options peer.Options
	if dot, _ := kind.Encrypts(); dot {
		options.TLS = certificate
	}
	server := peer.StartWith(t, kind, options, z.list...)
	s := realServer{name: kind.String(), server: server.PID(), addrs: map[string]netip.AddrPort{"udp": server.Addr, "tcp": server.Addr}}
	if server.DoT.IsValid() {
		s.addrs["dot"] = server.DoT
	}
	if server.DoH.IsValid() {
		s.addrs["doh"] = server.DoH
	}
	return s
}

// args are the arguments for a run against the server.
func (s *realServer) args(transport string, certificate *peer.Certificate, more ...string) []string {
	args := []string{"--server", s.addrs[transport].String(), "--transport", transport, "--timeout", "60s"}
	if transport != "udp" && transport != "tcp" {
		args = append(args, "--tls-ca", certificate.CertFile, "--tls-name", certificate.Name)
	}
	return append(args, more...)
}

// TestServersAreRight verifies all answers of yushan and of the peers, over each transport that
// they have, without and with DNSSEC. None is wrong, and none is called so.
func TestServersAreRight(t *testing.T) {
	peer.Require(t, peer.Kinds...)
	z, certificate := newZones(t), peer.NewCertificate(t)
	servers := []realServer{startYushan(t, z, certificate)}
	for _, kind := range peer.Kinds {
		servers = append(servers, startPeer(t, kind, z, certificate))
	}
	runs := newRuns(t)
	defer runs.wait()
	for _, s := range servers {
		for transport := range s.addrs {
			for name, options := range map[string][]string{
				"plain":         nil,
				"edns":          {"--edns", "--nsid", "--cookie", "--padding"},
				"dnssec":        {"--dnssec"},
				"small dnssec":  {"--dnssec", "--udp-size", "512"},
				"drawn":         {"--mix", "referral=5,ds=3,nods=2,apex=2,nxdomain=5,random=3", "--count", "400"},
				"drawn, dnssec": {"--mix", "referral=5,ds=3,nods=2,apex=2,nxdomain=5,random=3", "--count", "400", "--dnssec"},
			} {
				if transport != "udp" && name != "dnssec" && name != "drawn" {
					continue // the rest makes no difference
				}
				runs.start(fmt.Sprintf("%s/%s/%s", s.name, transport, name), func(t *testing.T) {
					args := s.args(transport, certificate, append(options, "--verify", "--rate", "400", "--duration", "1s", "--clients", "4", "--workers", "2")...)
					if strings.HasPrefix(name, "drawn") {
						args = append(args, z.flags()[:2]...)
					} else {
						args = append(append(args, z.flags()...), "--queries", z.queries)
					}
					if s.name == "nsd" && transport == "dot" {
						// OpenSSL holds what follows in the same record, and NSD 4.6 waits for the socket.
						args = append(args, "--depth", "1", "--clients", "20")
					}
					right(t, s.name, transport, measured(t, args...))
				})
			}
		}
	}
}

// faults are what is really wrong with the answers of the versions in Debian 12, by server and rule: where, and
// what is said about it.
var faults = map[string]map[string]struct{ transport, says string }{
	// RFC 9471 §3.1: TC where glue of in-domain name servers is left out.
	"bind": {"glue-missing": {"udp", "glue is missing: "}},
	"nsd": {
		"glue-missing": {"udp", "glue is missing: "},
		// Empty non-terminals that opt-out has left out of the chain, RFC 5155 §7.2.1.
		"denial": {"", "no NSEC3 record matches a name above "},
	},
}

// right checks that all was answered, and nothing wrong but for known faults.
func right(t *testing.T, server, transport string, o outcome) {
	t.Helper()
	v := o.Verified
	if v == nil || v.Answers != o.Total.Answered {
		t.Fatalf("exit %d, verified: %+v", o.code, v)
	}
	for _, reason := range v.Reasons {
		fault, known := faults[server][reason.Rule]
		for _, example := range reason.Examples {
			if !known || !strings.HasPrefix(transport, fault.transport) || !strings.Contains(example, fault.says) {
				t.Errorf("%d × %s: %s", reason.Count, reason.Rule, example)
			}
		}
	}
	if good := v.Wrong == 0; good != (o.code == 0) || good != strings.Contains(o.stdout, "none wrong") {
		t.Errorf("exit %d with %d wrong answers", o.code, v.Wrong)
	}
	// A datagram may get lost on a machine that is too busy.
	if c := &o.Total.Counts; c.Odd.Sum() != 0 || c.Answered != c.Due && (transport != "udp" || c.Answered < c.Due*9/10) {
		t.Errorf("%+v", c)
	}
}

// TestWrongAnswersAreFound verifies answers against zones that differ a little from those that the
// server has.
func TestWrongAnswersAreFound(t *testing.T) {
	z, certificate := newZones(t), peer.NewCertificate(t)
	s := startYushan(t, z, certificate)
	text, err := os.ReadFile(z.list[0].File)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	runs := newRuns(t)
	defer runs.wait()
	for name, change := range map[string]func(lines []string) []string{
		"another serial": func(lines []string) []string {
			for i, line := range lines {
				if fields := strings.Fields(line); fields[1] == "SOA" {
					fields[4] = "1"
					lines[i] = strings.Join(fields, " ")
				}
			}
			return lines
		},
		"one delegation more": func(lines []string) []string {
			return append(lines, "zzz-more.synthetic. 3600 IN NS ns.zzz-more.synthetic.", "ns.zzz-more.synthetic. 3600 IN A 192.0.2.1")
		},
		"no delegation": func(lines []string) (kept []string) {
			for _, line := range lines {
				if fields := strings.Fields(line); fields[1] == "NS" && fields[0] != "@" {
					continue
				}
				kept = append(kept, line)
			}
			return kept
		},
	} {
		runs.start(name, func(t *testing.T) {
			file := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			write(t, file, strings.Join(change(strings.Split(strings.TrimSpace(string(text)), "\n")), "\n")+"\n")
			queries := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".queries")
			asked := "synthetic SOA\nzzz-more.synthetic A\n"
			if name == "no delegation" {
				drawn, err := os.ReadFile(z.queries)
				if err != nil {
					t.Fatal(err)
				}
				asked = ""
				for line := range strings.Lines(string(drawn)) {
					if strings.Contains(line, "synthetic") {
						asked += line
					}
				}
			}
			write(t, queries, asked)
			o := measured(t, s.args("udp", certificate, "--zone", "synthetic="+file, "--queries", queries, "--verify", "--rate", "100", "--duration", "1s")...)
			v := o.Verified
			if o.code != 1 || v.Wrong == 0 || len(v.Reasons) == 0 || len(v.Reasons[0].Examples) == 0 || !strings.Contains(o.stderr, "answers are wrong") {
				t.Fatalf("exit %d, verified: %+v", o.code, v)
			}
			if !strings.Contains(o.stdout, "verified answers are wrong") || !strings.Contains(o.stdout, v.Reasons[0].Rule) {
				t.Error("the report does not say which answers are wrong")
			}
		})
	}
}

// TestCertificates checks the server's certificate where that is asked for.
func TestCertificates(t *testing.T) {
	z, certificate, other := newZones(t), peer.NewCertificate(t), peer.NewCertificate(t)
	s := startYushan(t, z, certificate)
	runs := newRuns(t)
	defer runs.wait()
	checks := map[string]struct {
		args []string
		good bool
	}{
		"not checked":    {nil, true},
		"right":          {[]string{"--tls-ca", certificate.CertFile, "--tls-name", "localhost"}, true},
		"by its address": {[]string{"--tls-ca", certificate.CertFile}, true},
		"another CA":     {[]string{"--tls-ca", other.CertFile, "--tls-name", "localhost"}, false},
		"another name":   {[]string{"--tls-ca", certificate.CertFile, "--tls-name", "ns.example"}, false},
		"of the system":  {[]string{"--tls-verify"}, false},
		"a group":        {[]string{"--tls-group", "P-256"}, true},
	}
	for _, transport := range []string{"dot", "doh", "doh1", "doh3", "doq"} {
		for name, tt := range checks {
			if transport != "dot" && name != "right" && name != "another CA" {
				continue
			}
			runs.start(transport+"/"+name, func(t *testing.T) {
				args := append([]string{"run", "--server", s.addrs[transport].String(), "--transport", transport, "--queries", z.queries, "--rate", "100", "--duration", "500ms", "--timeout", "15s"}, tt.args...)
				o := execute(t, args...)
				if tt.good && (o.code != 0 || o.Result == nil || o.Total.Answered != o.Total.Due) {
					t.Errorf("exit %d: %s", o.code, o.stderr)
				}
				if !tt.good && (o.code != 1 || !strings.Contains(o.stderr, "certificate")) {
					t.Errorf("exit %d, %q, expected 1 because of the certificate", o.code, o.stderr)
				}
			})
		}
	}
}

// TestHandshakes opens a connection for each query, in each way that there is.
func TestHandshakes(t *testing.T) {
	z, certificate := newZones(t), peer.NewCertificate(t)
	s := startYushan(t, z, certificate)
	released := executable
	if raceDetector {
		released += "-released"
		if err := build(released, false); err != nil {
			t.Fatal(err)
		}
	}
	const n = 60 // by 4 clients, each of which needs a first ticket
	runs := newRuns(t)
	defer runs.wait()
	for transport, handshakes := range map[string]string{
		"tcp": "persistent full", "dot": "persistent full resumed", "doh": "persistent full resumed", "doh1": "persistent full resumed",
		"doh3": "persistent full resumed 0-rtt", "doq": "persistent full resumed 0-rtt",
	} {
		for _, handshake := range strings.Fields(handshakes) {
			runs.start(transport+"/"+handshake, func(t *testing.T) {
				c := prepare(t, append([]string{"run"}, s.args(transport, certificate, "--queries", z.queries, "--rate", "30", "--limit", strconv.Itoa(n), "--duration", "10s", "--clients", "4", "--workers", "1", "--handshake", handshake)...)...)
				if handshake == "0-rtt" {
					c.cmd.Path = released // quic-go 0.65 has a data race between 0-RTT and the handshake
				}
				c.start()
				o := c.end()
				if o.Result == nil {
					t.Fatalf("exit %d", o.code)
				}
				k := o.Connections
				if o.code != 0 || o.Total.Answered != n || k == nil || k.Failed != 0 || k.Handshake.Count() != k.Opened {
					t.Fatalf("exit %d, %d answers, connections %+v", o.code, o.Total.Answered, k)
				}
				good := false
				switch handshake {
				case "persistent":
					good = k.Opened <= 4
				case "full":
					good = k.Opened == n && k.Resumed == 0
				case "resumed":
					good = k.Opened >= n && k.Resumed >= n*8/10 && k.Early == 0
				case "0-rtt":
					good = k.Opened >= n && k.Early >= n*8/10
				}
				if !good {
					t.Errorf("%d queries on connections %+v", n, k)
				}
			})
		}
	}
}

// TestServerStats observes the server's process.
func TestServerStats(t *testing.T) {
	z, certificate := newZones(t), peer.NewCertificate(t)
	for _, s := range []realServer{startYushan(t, z, certificate), startPeer(t, peer.NSD, z, certificate)} {
		o := measured(t, s.args("udp", certificate, "--queries", z.queries, "--rate", "2k", "--duration", "2s", "--serverstats", strconv.Itoa(s.server), "--fail", "memory>100GiB", "--fail", "cpu>10s")...)
		if r := o.Result; o.code != 0 || r.Server == nil || r.Server.CPU <= 0 || r.Server.MemoryBytes < 1<<20 || r.Server.Error != "" || !strings.Contains(o.stdout, "an answer") {
			t.Errorf("%s: exit %d, observed %+v", s.name, o.code, r.Server)
		}
		var cpu int64
		for _, i := range o.Intervals {
			cpu += i.ServerCPU
		}
		if s := o.Result.Server; cpu <= 0 || cpu > 2*s.CPU {
			t.Errorf("%d ns of CPU in the intervals, %d in all", cpu, s.CPU)
		}
	}
}
