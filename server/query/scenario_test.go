package query_test

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/testzone"
	"yushan/server/overlay"
	"yushan/server/query"
	"yushan/zone"
	"yushan/zone/dname"
)

var update = flag.Bool("update", false, "write what the engine answers into testdata/*.scenario; read the difference before committing it")

// TestScenarios runs testdata/*.scenario: zones, questions, and the expected
// responses in presentation form. A scenario is read like this:
//
//	# a comment
//	options identity=ns1.example version=1.0
//	zone tw. [nsec|nsec3|optout]
//	    $TTL 3600                      the indented lines are a master file
//	    …
//	overlay ns1.tw. ns2.tw.            hosts that have challenge records
//	    _acme-challenge.ns1.tw. token  the indented lines are those records
//	ask www.tw. A +do +udp=512         RFC and what is to be seen
//	    NOERROR qr aa                  the indented lines are the response
//	    …
//
// In responses, records of DNSSEC are shortened to what does not change with
// the keys. "ask hex:…" sends bytes as they are; "no response" expects none.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.scenario")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".scenario"), func(t *testing.T) {
			s := readScenario(t, file)
			for i := range s.blocks {
				s.run(t, &s.blocks[i])
			}
			if *update {
				s.write(t)
			}
		})
	}
}

type scenario struct {
	file   string
	blocks []block
	zones  []*zone.Zone
	opts   query.Options
}

// block is a line at the margin with the indented lines below it.
type block struct {
	line int
	head string
	body []string
}

const indent = "    "

func readScenario(t *testing.T, file string) *scenario {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{file: file}
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if body, ok := strings.CutPrefix(line, indent); ok && len(s.blocks) > 0 {
			last := &s.blocks[len(s.blocks)-1]
			last.body = append(last.body, body)
			continue
		}
		s.blocks = append(s.blocks, block{line: i + 1, head: line})
	}
	return s
}

func (s *scenario) write(t *testing.T) {
	var out strings.Builder
	for _, b := range s.blocks {
		out.WriteString(b.head + "\n")
		for _, line := range b.body {
			out.WriteString(indent + line + "\n")
		}
	}
	if err := os.WriteFile(s.file, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *scenario) run(t *testing.T, b *block) {
	t.Helper()
	fields := strings.Fields(b.head)
	switch {
	case len(fields) == 0 || strings.HasPrefix(b.head, "#"):
	case fields[0] == "options":
		for _, o := range fields[1:] {
			key, value, _ := strings.Cut(o, "=")
			switch key {
			case "identity":
				s.opts.Identity = value
			case "version":
				s.opts.Version = value
			default:
				t.Fatalf("%s:%d: unknown option %q", s.file, b.line, key)
			}
		}
	case fields[0] == "zone":
		s.zones = append(s.zones, s.load(t, b, fields[1:]))
	case fields[0] == "overlay":
		s.opts.Overlay = s.overlay(t, b, fields[1:])
	case fields[0] == "ask":
		got := strings.Split(strings.TrimSuffix(s.ask(t, b, fields[1:]), "\n"), "\n")
		if *update {
			b.body = got
		} else if strings.Join(got, "\n") != strings.Join(b.body, "\n") {
			t.Errorf("%s:%d: %s\nexpected:\n%s\ngot:\n%s", s.file, b.line, b.head, strings.Join(b.body, "\n"), strings.Join(got, "\n"))
		}
	default:
		t.Fatalf("%s:%d: unknown word %q", s.file, b.line, fields[0])
	}
}

func (s *scenario) load(t *testing.T, b *block, args []string) *zone.Zone {
	t.Helper()
	z := testzone.Zone{Origin: args[0]}
	if len(args) > 1 {
		z.Signing = map[string]testzone.Signing{"nsec": testzone.NSEC, "nsec3": testzone.NSEC3, "optout": testzone.NSEC3OptOut}[args[1]]
	}
	var err error
	if z.Records, err = testzone.Parse(z.Origin, strings.Join(b.body, "\n")); err != nil {
		t.Fatalf("%s:%d: %v", s.file, b.line, err)
	}
	if z, err = testzone.Sign(context.Background(), z); err != nil {
		t.Fatalf("%s:%d: %v", s.file, b.line, err)
	}
	origin, err := dname.ParseFQDN(z.Origin)
	if err != nil {
		t.Fatal(err)
	}
	loaded, report := zone.FromRecords(origin, z.Records)
	if !report.OK() {
		t.Fatalf("%s:%d: %v", s.file, b.line, report.Findings)
	}
	return loaded
}

func (s *scenario) overlay(t *testing.T, b *block, hosts []string) *overlay.Overlay {
	t.Helper()
	o, err := overlay.New(overlay.Options{Hosts: hosts})
	if err != nil {
		t.Fatalf("%s:%d: %v", s.file, b.line, err)
	}
	t.Cleanup(o.Close)
	for _, line := range b.body {
		name, value, _ := strings.Cut(line, " ")
		if err := o.Present(name, value); err != nil {
			t.Fatalf("%s:%d: %v", s.file, b.line, err)
		}
	}
	return o
}

func (s *scenario) ask(t *testing.T, b *block, args []string) string {
	t.Helper()
	req := &query.Request{Client: netip.MustParseAddrPort("192.0.2.53:5353"), Transport: query.UDP}
	msg := new(dns.Msg)
	msg.Id = 4711
	var raw []byte
	isRaw := strings.HasPrefix(args[0], "hex:")
	var opt *dns.OPT
	edns := func() *dns.OPT {
		if opt == nil {
			opt = &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
			opt.SetUDPSize(1232)
		}
		return opt
	}
	if isRaw {
		var err error
		if raw, err = hex.DecodeString(strings.TrimPrefix(args[0], "hex:")); err != nil {
			t.Fatalf("%s:%d: %v", s.file, b.line, err)
		}
	} else {
		rrtype, ok := dns.StringToType[args[1]]
		if n, err := strconv.ParseUint(strings.TrimPrefix(args[1], "TYPE"), 10, 16); !ok && err == nil {
			rrtype = uint16(n)
		} else if !ok {
			t.Fatalf("%s:%d: unknown type %q", s.file, b.line, args[1])
		}
		msg.Question = []dns.Question{{Name: args[0], Qtype: rrtype, Qclass: dns.ClassINET}}
	}
	for _, a := range args[1:] {
		key, value, _ := strings.Cut(a, "=")
		number, _ := strconv.Atoi(value)
		switch key {
		case "+do":
			edns().SetDo()
		case "+edns":
			edns()
		case "+version":
			edns().SetVersion(uint8(number))
		case "+udp":
			edns().SetUDPSize(uint16(number))
		case "+option": // code:hex
			code, data, _ := strings.Cut(value, ":")
			n, _ := strconv.Atoi(code)
			bytes, err := hex.DecodeString(data)
			if err != nil {
				t.Fatal(err)
			}
			edns().Option = append(edns().Option, &dns.EDNS0_LOCAL{Code: uint16(n), Data: bytes})
		case "+rd":
			msg.RecursionDesired = true
		case "+cd":
			msg.CheckingDisabled = true
		case "+ad":
			msg.AuthenticatedData = true
		case "+class":
			msg.Question[0].Qclass = dns.StringToClass[value]
		case "+opcode":
			msg.Opcode = number
		case "+tcp", "+dot", "+doh", "+doq":
			req.Transport = map[string]query.Transport{"+tcp": query.TCP, "+dot": query.DoT, "+doh": query.DoH, "+doq": query.DoQ}[key]
			req.KeepaliveUnits = 100
		case "+tsig":
			msg.SetTsig("key.example.", dns.HmacSHA256, 300, 1700000000)
		}
	}
	if opt != nil {
		msg.Extra = append([]dns.RR{opt}, msg.Extra...)
	}
	req.Wire = raw
	if !isRaw {
		var err error
		if req.Wire, err = msg.Pack(); err != nil {
			t.Fatalf("%s:%d: %v", s.file, b.line, err)
		}
	}
	dst := make([]byte, 65535)
	engine, worker := query.New(zone.NewSet(s.zones...), s.opts), query.NewWorker()
	n := engine.Answer(worker, req, dst)
	cold := msg.IsTsig() != nil || msg.Opcode == dns.OpcodeUpdate && s.opts.Overlay != nil
	if allocs := testing.AllocsPerRun(10, func() { engine.Answer(worker, req, dst) }); allocs != 0 && !cold {
		t.Errorf("%s:%d: %s: %v allocations, the hot path must have none", s.file, b.line, b.head, allocs)
	}
	if n == 0 {
		return "no response"
	}
	response := new(dns.Msg)
	if err := response.Unpack(dst[:n]); err != nil {
		t.Fatalf("%s:%d: %s: the response cannot be read: %v", s.file, b.line, b.head, err)
	}
	return show(response, n)
}

// show prints a response of so many bytes as the scenarios hold it.
func show(m *dns.Msg, bytes int) string {
	var out strings.Builder
	rcode := dns.RcodeToString[m.Rcode]
	if m.Rcode == dns.RcodeBadVers {
		rcode = "BADVERS" // the map knows 16 by its name in TSIG records
	}
	out.WriteString(rcode)
	for _, flag := range []struct {
		set  bool
		name string
	}{{m.Response, "qr"}, {m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"},
		{m.RecursionAvailable, "ra"}, {m.AuthenticatedData, "ad"}, {m.CheckingDisabled, "cd"}} {
		if flag.set {
			out.WriteString(" " + flag.name)
		}
	}
	if m.Opcode != dns.OpcodeQuery {
		fmt.Fprintf(&out, " opcode %d", m.Opcode)
	}
	if len(m.Question) == 0 {
		out.WriteString(", no question")
	}
	out.WriteString("\n")
	for _, section := range []struct {
		name    string
		records []dns.RR
	}{{"answer", m.Answer}, {"authority", m.Ns}, {"additional", m.Extra}} {
		title := false
		for _, rr := range section.records {
			if opt, ok := rr.(*dns.OPT); ok {
				out.WriteString(showOPT(opt, bytes))
				continue
			}
			if !title {
				out.WriteString(section.name + ":\n")
				title = true
			}
			out.WriteString(indent + showRecord(rr) + "\n")
		}
	}
	return out.String()
}

func showRecord(rr dns.RR) string {
	h := rr.Header()
	start := fmt.Sprintf("%s %d %s ", h.Name, h.Ttl, dns.Type(h.Rrtype))
	switch r := rr.(type) {
	case *dns.RRSIG:
		return start + fmt.Sprintf("%s, %d labels, by %s", dns.Type(r.TypeCovered), r.Labels, r.SignerName)
	case *dns.DNSKEY:
		return start + fmt.Sprint(r.Flags)
	case *dns.NSEC3:
		flags := ""
		if r.Flags&1 == 1 {
			flags = ", opt-out"
		}
		return start + "to " + r.NextDomain + flags + ", " + types(r.TypeBitMap)
	case *dns.NSEC:
		return start + "to " + r.NextDomain + ", " + types(r.TypeBitMap)
	case *dns.TSIG:
		return start + "error " + dns.RcodeToString[int(r.Error)] + fmt.Sprintf(", %d bytes of MAC", r.MACSize)
	case *dns.RFC3597:
		return start + fmt.Sprintf(`\# %d %s`, len(r.Rdata)/2, r.Rdata)
	}
	return start + strings.TrimPrefix(rr.String(), h.String())
}

func types(bitmap []uint16) string {
	names := make([]string, len(bitmap))
	for i, t := range bitmap {
		names[i] = dns.Type(t).String()
	}
	return strings.Join(names, " ")
}

func showOPT(opt *dns.OPT, bytes int) string {
	out := fmt.Sprintf("edns %d, udp %d", opt.Version(), opt.UDPSize())
	if opt.Do() {
		out += ", do"
	}
	for _, o := range opt.Option {
		switch o := o.(type) {
		case *dns.EDNS0_EDE:
			out += fmt.Sprintf(", EDE %d (%s)", o.InfoCode, dns.ExtendedErrorCodeToString[o.InfoCode])
		case *dns.EDNS0_NSID:
			text, _ := hex.DecodeString(o.Nsid)
			out += fmt.Sprintf(", NSID %q", text)
		case *dns.EDNS0_TCP_KEEPALIVE:
			out += fmt.Sprintf(", keepalive %d", o.Timeout)
		case *dns.EDNS0_PADDING:
			out += fmt.Sprintf(", padding, %d bytes in all", bytes)
		case *dns.EDNS0_ZONEVERSION:
			out += fmt.Sprintf(", ZONEVERSION %d labels, type %d, %x", o.LabelCount, o.Type, o.Version)
		case *dns.EDNS0_LOCAL:
			out += fmt.Sprintf(", option %d: %x", o.Code, o.Data)
		default:
			out += fmt.Sprintf(", option %d: %s", o.Option(), o)
		}
	}
	return out + "\n"
}
