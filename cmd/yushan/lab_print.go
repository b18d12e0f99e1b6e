package main

import (
	"crypto"
	"crypto/tls"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"yushan/examples/lab"
	"yushan/server"
	"yushan/server/advert"
	"yushan/server/config"
	"yushan/server/query"
	"yushan/tls/cert"
	"yushan/tls/tlsa"
	"yushan/zone"
	"yushan/zone/dname"
)

// labServer is the lab as it serves.
type labServer struct {
	cfg   *config.Config
	zones []*zone.Zone
	pin   string   // of its key, as kdig and curl want it (RFC 7858 §4.2)
	tlsa  []dns.RR // that a registry would publish for it
}

func newLabServer(cfg *config.Config, zones []*zone.Zone, certificate *tls.Certificate) (*labServer, error) {
	leaf, err := cert.Leaf(certificate)
	if err != nil {
		return nil, err
	}
	l := &labServer{cfg: cfg, zones: zones}
	if l.pin, err = tlsa.Pin(leaf.PublicKey); err != nil {
		return nil, err
	}
	l.tlsa, err = advert.TLSA(cfg, "localhost", func(query.Transport) []crypto.PublicKey { return []crypto.PublicKey{leaf.PublicKey} })
	return l, err
}

// labQuestion is one command to paste.
type labQuestion struct {
	tool  string // dig, kdig or curl
	flags string // of these "+tls", "+quic" and "+https" choose the port
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
	{"Encrypted: DNS over TLS, over HTTPS, over QUIC", []labQuestion{
		{"kdig", "+tls", "資訊.台灣", "A", []string{"NOERROR", "192.0.2.100", "TLS session (TLS1.3)"}},
		{"kdig", "+tls-pin=" + pinMark, "tw", "SOA", []string{"NOERROR", "TLS session (TLS1.3)"}},
		{"kdig", "+https", "資訊.台灣", "AAAA", []string{"NOERROR", "2001:db8:100::80", "HTTP session (HTTP/2-POST)"}},
		{"dig", "+https-get +dnssec", "不存在.台灣", "A", []string{"status: NXDOMAIN", "(HTTPS-GET)"}},
		{"kdig", "+quic", "資訊.台灣", "TXT", []string{"NOERROR", "QUIC session", "a name inside the zone"}},
		{"curl", "", labPage + ".台灣", "", []string{"yushan"}},
	}},
	{"The server itself: who it is, and what it doesn't know", []labQuestion{
		{"dig", "+nsid", "tw", "SOA", []string{"NSID", "yushan-lab"}},
		{"dig", "", "id.server", "TXT CH", []string{`"yushan-lab"`}},
		{"dig", "", "example.com", "A", []string{"status: REFUSED", "EDE: 20 (Not Authoritative)"}},
	}},
}

// pinMark stands for the pin of the lab's certificate.
const pinMark = "PIN"

// command returns the question as a line for the shell. Names are A-labels
// there: whether dig and kdig convert U-labels depends on how they were built, the
// locale, and where their output goes.
func (q labQuestion) command(l *labServer) string {
	if q.tool == "curl" {
		return q.curl(l)
	}
	at := l.cfg.Listen[0]
	switch {
	case strings.HasPrefix(q.flags, "+tls"), strings.HasPrefix(q.flags, "+quic"):
		at = l.cfg.DoT.Listen[0]
	case strings.HasPrefix(q.flags, "+https"):
		at = l.cfg.DoH.Listen[0]
	}
	at = reachable(at)
	words := []string{q.tool, "@" + at.Addr().String(), "-p", fmt.Sprint(at.Port())}
	if q.tool == "dig" {
		words = append(words, "+norec")
	}
	if q.flags != "" {
		words = append(words, strings.ReplaceAll(q.flags, pinMark, l.pin))
	}
	words = append(words, aLabels(q.name), q.qtype)
	return strings.Join(words, " ")
}

// curl is a command that asks the lab for the address of a name, and fetches the
// lookup page from there.
func (q labQuestion) curl(l *labServer) string {
	at := reachable(l.cfg.DoH.Listen[0])
	return fmt.Sprintf("curl -sS --doh-insecure --doh-url https://%s%s --insecure --pinnedpubkey sha256//%s https://%s:%d/",
		at, l.cfg.DoH.Path, l.pin, aLabels(q.name), at.Port())
}

// pageURL is where the lookup page is.
func (l *labServer) pageURL() string {
	at := l.cfg.DoH.Listen[0]
	if reachable(at).Addr().IsLoopback() {
		return fmt.Sprintf("https://localhost:%d/", at.Port())
	}
	return fmt.Sprintf("https://%s/", at)
}

func (c *labCommand) print(w io.Writer, l *labServer) {
	listen := l.cfg.Listen
	audience := ""
	if !slices.ContainsFunc(listen, func(a netip.AddrPort) bool { return !a.Addr().IsLoopback() }) {
		audience = ", for this machine only"
	}
	fmt.Fprintf(w, "\nyushan lab: example zones, signed just now%s\n", audience)
	fmt.Fprintln(w)
	t := table{columns: []column{{"  zone", left}, {"signed", left}, {"records", right}, {"delegations", right}}}
	for _, z := range l.zones {
		s := z.Stats()
		t.add("  "+dname.Display(z.Origin()), server.SignedAs(s), thousands(s.Records), thousands(s.Cuts))
	}
	t.write(w)
	fmt.Fprintf(w, "\n  UDP and TCP on %s\n", addressList(listen))
	fmt.Fprintf(w, "  DoT and DoQ on %s\n", addressList(l.cfg.DoT.Listen))
	fmt.Fprintf(w, "  DoH on %s, by HTTP/2, HTTP/1.1 and HTTP/3\n", addressList(l.cfg.DoH.Listen))
	if len(c.Listen) == 0 && len(listen) == 1 {
		fmt.Fprintln(w, "  This machine has no ::1, so it goes without IPv6.")
	}
	if missing := missingTools(); missing != "" {
		fmt.Fprintf(w, "  Not found here: %s\n", missing)
	}
	fmt.Fprintf(w, "\nLook names up in a browser: %s\n", l.pageURL())
	fmt.Fprintln(w, "It will warn: nobody but this line vouches for the certificate, which was made just now.")
	fmt.Fprintf(w, "  pin %s\n", l.pin)
	for _, record := range l.tlsa {
		fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(record.String(), "\t", " "))
	}
	fmt.Fprintln(w, "\nPaste any of these lines into another terminal:")
	for _, topic := range labTopics {
		printTopic(w, topic.title, topic.questions, l)
	}
	if c.All {
		for _, z := range lab.Zones {
			fmt.Fprintf(w, "\nAll that %s proposes:\n", z.File)
			printProposals(w, z, l)
		}
	}
	if !c.All {
		fmt.Fprintln(w, "\nWith --all it prints a command for each question that the zones' files propose.")
	}
	fmt.Fprintln(w, "\nCtrl-C stops it.")
}

func printTopic(w io.Writer, title string, questions []labQuestion, l *labServer) {
	fmt.Fprintf(w, "\n  %s\n", title)
	for _, q := range questions {
		fmt.Fprintf(w, "    %s\n", q.command(l))
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
func printProposals(w io.Writer, z lab.Zone, l *labServer) {
	var order []string
	byShows := map[string][]labQuestion{}
	for _, q := range z.Questions() {
		if byShows[q.Shows] == nil {
			order = append(order, q.Shows)
		}
		byShows[q.Shows] = append(byShows[q.Shows], labQuestion{tool: "dig", flags: "+dnssec", name: q.Name, qtype: q.Type})
	}
	for _, shows := range order {
		printTopic(w, shows, byShows[shows], l)
	}
}

func missingTools() string {
	var missing []string
	for _, tool := range []struct{ name, deb string }{{"dig", "bind9-dnsutils"}, {"kdig", "knot-dnsutils"}, {"curl", "curl"}} {
		if _, err := exec.LookPath(tool.name); err != nil {
			missing = append(missing, fmt.Sprintf("%s (Debian: apt install %s)", tool.name, tool.deb))
		}
	}
	return strings.Join(missing, ", ")
}
