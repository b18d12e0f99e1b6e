package contender

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"yushan/bench/versus/outcome"
)

func soa(t testing.TB, change func(*dns.Msg)) []byte {
	t.Helper()
	query := new(dns.Msg).SetQuestion("tw.", dns.TypeSOA)
	m := new(dns.Msg).SetReply(query)
	m.Authoritative, m.Compress = true, true
	rr, err := dns.NewRR("tw. 3600 SOA a.dns.tw. hostmaster.tw. 2026112401 1 2 3 4")
	if err != nil {
		t.Fatal(err)
	}
	m.Answer = []dns.RR{rr}
	if change != nil {
		change(m)
	}
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func TestAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		wire []byte
		ok   bool
		want answer
	}{
		"good":             {soa(t, nil), true, answer{true, 2026112401}},
		"uncompressed":     {soa(t, func(m *dns.Msg) { m.Compress = false }), true, answer{true, 2026112401}},
		"loading":          {soa(t, func(m *dns.Msg) { m.Rcode, m.Answer = dns.RcodeServerFailure, nil }), true, answer{}},
		"not authority":    {soa(t, func(m *dns.Msg) { m.Authoritative = false }), true, answer{}},
		"of another type":  {soa(t, func(m *dns.Msg) { m.Answer[0] = &dns.A{Hdr: dns.RR_Header{Name: "tw.", Rrtype: dns.TypeA, Class: 1}} }), true, answer{}},
		"an echo":          {append([]byte{0, 0, 0x80}, soaQuestion[3:]...), true, answer{}},
		"the query itself": {soaQuestion, false, answer{}},
		"another question": {soa(t, func(m *dns.Msg) { m.Question[0].Name = "us." }), false, answer{}},
		"nothing":          {nil, false, answer{}},
	} {
		if got, ok := parseAnswer(tt.wire); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %+v, %v; expected %+v, %v", name, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add(soa(f, nil))
	f.Add(soa(f, func(m *dns.Msg) { m.Compress = false }))
	f.Fuzz(func(t *testing.T, wire []byte) {
		a, ok := parseAnswer(wire)
		if !ok || !a.authoritative {
			return
		}
		m := new(dns.Msg)
		if m.Unpack(wire) != nil || len(m.Answer) == 0 {
			return // it is read no further than is needed
		}
		if rr, is := m.Answer[0].(*dns.SOA); is && m.Question[0].Qtype == dns.TypeSOA && rr.Serial != a.serial {
			t.Errorf("serial %d, expected %d", a.serial, rr.Serial)
		}
	})
}

// What readers see has no path and no port of this machine.
func TestUse(t *testing.T) {
	s := Setup{For: "queries", Root: "/tmp/x", Zone: "/tmp/x/tw.zone", Dir: "/tmp/x/servers/nsd", Certificate: "/tmp/x/cert.pem", Key: "/tmp/x/key.pem",
		Workers: 2, Loaded: true, Ports: Ports{11111, 22222, 30303}}
	for id, plan := range map[string]func(*Contender, *Setup) (plan, error){NSD: nsdPlan, Knot: knotPlan, BIND: bindPlan, CoreDNS: corednsPlan, outcome.Yushan: yushanPlan, GoEcho: goEchoPlan, CEcho: cEchoPlan} {
		for _, s.Compiled = range []bool{false, true} {
			c := &Contender{Server: outcome.Server{ID: id}, Speaks: []Transport{UDP, TCP, DoT, DoQ}}
			p, err := plan(c, &s)
			if err != nil {
				t.Fatal(err)
			}
			u := s.use(p, append([]string{"taskset", "-c", "0", "/usr/local/bin/" + id}, p.args...))
			shown := u.Command
			for _, f := range u.Files {
				shown += f.Text
			}
			for _, private := range []string{"/tmp/", "11111", "22222", "30303", "/usr/local"} {
				if strings.Contains(shown, private) {
					t.Errorf("%s: %s in\n%s", id, private, shown)
				}
			}
			if !strings.Contains(u.Command, "taskset -c 0 "+id) || !strings.Contains(shown, "5300") {
				t.Errorf("%s is started by %s", id, u.Command)
			}
		}
	}
}

// Debian's NSD has no recvmmsg: whoever holds it against others has to know that.
func TestRemarkOfNSD(t *testing.T) {
	const begin = "NSD version 4.6.1\nWritten by NLnet Labs.\n\nConfigure line: --prefix=/usr --disable-largefile "
	for text, want := range map[string]bool{
		begin + "--disable-recvmmsg --enable-mmap\nEvent loop: libevent\n": true,
		begin + "--disable-recvmmsg\n":                                     true,
		begin + "--enable-recvmmsg --enable-mmap\n":                        false,
		begin + "--enable-mmap\n":                                          false,
		"":                                                                 false,
	} {
		if got := nsdRemark(text); strings.Contains(got, "--disable-recvmmsg") != want || (got != "") != want {
			t.Errorf("%q: %q, expected a remark: %v", text, got, want)
		}
		if version := versionOf(text); text != "" && version != "4.6.1" {
			t.Errorf("%q: version %q", text, version)
		}
	}
}

func TestKnotEncrypts(t *testing.T) {
	for version, want := range map[string]bool{"3.2.6": false, "3.3.9": false, "3.4.0": true, "3.5.6": true, "3.10.1": true, "4.0": true, "": false, "3": false} {
		if got := knotEncrypts(version); got != want {
			t.Errorf("Knot %q: %v, expected %v", version, got, want)
		}
	}
}

func TestUnknownServers(t *testing.T) {
	for _, id := range []string{"", "unbound", NewKnot} { // the latter without a program
		if c, err := Find(context.Background(), id, Programs{}); err == nil {
			t.Errorf("%q is found: %+v", id, c)
		}
	}
}

// A server that ends, and one that can't be started, are told with what they said.
func TestServersThatFail(t *testing.T) {
	for name, tt := range map[string]struct{ program, want string }{
		"ends":      {"false", "it ended"},
		"not there": {"/nowhere/at/all", "no such file"},
	} {
		c := &Contender{Server: outcome.Server{ID: name}, plan: cEchoPlan}
		c.Program = tt.program
		p, err := c.Start(t.Context(), Setup{Dir: t.TempDir()})
		if err == nil {
			p.Stop()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, expected %q", name, err, tt.want)
		}
	}
}

// Who waits for a server that never answers can be interrupted.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &Contender{Server: outcome.Server{ID: "sleeper"}, Program: "sleep", plan: func(*Contender, *Setup) (plan, error) {
		return plan{args: []string{"1000"}}, nil
	}}
	time.AfterFunc(100*time.Millisecond, cancel)
	if p, err := c.Start(ctx, Setup{Dir: t.TempDir()}); err == nil {
		p.Stop()
		t.Error("it is said to have answered")
	}
}

func TestPortsDiffer(t *testing.T) {
	p, err := freePorts()
	if err != nil || p.DNS == p.Secure || p.Secure == p.Web || p.Web == p.DNS || binary.Size(p) != 6 {
		t.Errorf("%+v, %v", p, err)
	}
	for transport, want := range map[Transport]uint16{UDP: p.DNS, TCP: p.DNS, DoT: p.Secure, DoQ: p.Secure, DoH2: p.Web, DoH3: p.Web} {
		if got := p.Port(transport); got != want {
			t.Errorf("%s is served on %d, expected %d", transport, got, want)
		}
	}
}
