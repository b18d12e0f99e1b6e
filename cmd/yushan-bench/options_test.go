package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"yushan/internal/fakedns"
)

// TestWhatIsSent looks at the queries that come for each option.
func TestWhatIsSent(t *testing.T) {
	opt := func(m *dns.Msg, code uint16) dns.EDNS0 {
		if o := m.IsEdns0(); o != nil {
			for _, option := range o.Option {
				if option.Option() == code {
					return option
				}
			}
		}
		return nil
	}
	runs := newRuns(t)
	defer runs.wait()
	for _, tt := range []struct {
		options    string
		transports []fakedns.Transport
		good       func(m *dns.Msg, bytes int) bool
	}{
		{"", fakedns.Transports, func(m *dns.Msg, _ int) bool { return m.IsEdns0() == nil && !m.RecursionDesired }},
		{"--rd --edns", datagrams, func(m *dns.Msg, _ int) bool {
			o := m.IsEdns0()
			return m.RecursionDesired && o != nil && !o.Do() && o.UDPSize() == 1232 && len(o.Option) == 0
		}},
		{"--dnssec --udp-size 4096", datagrams, func(m *dns.Msg, _ int) bool {
			return m.IsEdns0() != nil && m.IsEdns0().Do() && m.IsEdns0().UDPSize() == 4096
		}},
		{"--keepalive", []fakedns.Transport{fakedns.TCP, fakedns.DoT}, func(m *dns.Msg, _ int) bool { return opt(m, dns.EDNS0TCPKEEPALIVE) != nil }},
		{"--padding --nsid --cookie", fakedns.Transports, func(m *dns.Msg, bytes int) bool {
			return opt(m, dns.EDNS0PADDING) != nil && opt(m, dns.EDNS0NSID) != nil && opt(m, dns.EDNS0COOKIE) != nil && bytes%128 == 0
		}},
	} {
		for _, transport := range tt.transports {
			runs.start(fmt.Sprintf("%s/%s", transport, strings.ReplaceAll(tt.options, " ", "")), func(t *testing.T) {
				const n = 20
				s := fakedns.Start(t, transport, fakedns.Made(func(_, _ *dns.Msg) {}))
				o := measured(t, against(t, s, n, append(strings.Fields(tt.options), "--rate", "100", "--duration", "1s", "--timeout", "30s")...)...)
				if o.code != 0 || o.Total.Answered != n {
					t.Fatalf("exit %d, %+v", o.code, o.Total.Counts)
				}
				var bytes uint64
				for _, e := range asked(t, s, n) {
					var m dns.Msg
					if err := m.Unpack(e.Message); err != nil || m.Opcode != dns.OpcodeQuery || m.Response || len(m.Question) != 1 || m.Question[0].Qtype != dns.TypeA {
						t.Fatalf("%x: %v", e.Message, err)
					}
					if !tt.good(&m, len(e.Message)) {
						t.Errorf("got %d bytes:\n%v", len(e.Message), &m)
					}
					if withoutID := transport == fakedns.DoQ || slices.Contains(web, transport); withoutID && m.Id != 0 {
						t.Errorf("ID %d, expected 0 (RFC 8484 §4.1, RFC 9250 §4.2.1)", m.Id)
					}
					bytes += uint64(len(e.Message))
				}
				if o.Total.SentBytes != bytes {
					t.Errorf("%d bytes sent, %d came", o.Total.SentBytes, bytes)
				}
			})
		}
	}
}

// TestCookies has a server that gives cookies, and wants them back.
func TestCookies(t *testing.T) {
	const n, clients, secret = 200, 4, "of the server"
	s := fakedns.Start(t, fakedns.UDP, fakedns.Cookies(secret))
	o := measured(t, against(t, s, n, "--cookie", "--rate", "100", "--duration", "2s", "--timeout", "30s", "--clients", "4")...)
	if o.code != 0 || o.Total.RCodes[0] != n {
		t.Fatalf("exit %d, RCODEs %v", o.code, o.Total.RCodes)
	}
	first := 0
	for _, e := range asked(t, s, n) {
		var m dns.Msg
		if err := m.Unpack(e.Message); err != nil {
			t.Fatal(err)
		}
		cookie := m.IsEdns0().Option[0].(*dns.EDNS0_COOKIE).Cookie
		switch {
		case len(cookie) == 16:
			first++
		case cookie != cookie[:16]+fakedns.ServerCookie(secret, cookie[:16]):
			t.Errorf("cookie %s is not the server's", cookie)
		}
	}
	// Before the first answer has come, more may be sent.
	if first < clients || first == n {
		t.Errorf("%d of %d queries have no cookie of the server", first, n)
	}
}

// TestSources has queries come from many addresses.
func TestSources(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range fakedns.Transports {
		runs.start(string(transport), func(t *testing.T) {
			const n = 60
			s := fakedns.Start(t, transport, fakedns.Good)
			args := against(t, s, n, "--rate", "60", "--duration", "1s", "--timeout", "30s", "--source", "127.1.2.0/28", "--source", "127.1.3.0/28")
			if transport != fakedns.UDP { // else all might find place on the first connection
				args = append(args, "--handshake", "full")
			}
			o := measured(t, args...)
			if o.code != 0 || o.Total.Answered != n {
				t.Fatalf("exit %d, %+v", o.code, o.Total.Counts)
			}
			from := map[netip.Addr]int{}
			prefixes := map[netip.Prefix]int{}
			for _, e := range asked(t, s, n) {
				from[e.From.Addr()]++
				prefixes[netip.PrefixFrom(e.From.Addr(), 24).Masked()]++
			}
			if len(from) < 8 || len(prefixes) != 2 || prefixes[netip.MustParsePrefix("127.1.2.0/24")] == 0 || prefixes[netip.MustParsePrefix("127.1.3.0/24")] == 0 {
				t.Errorf("queries came from %v", from)
			}
		})
	}
	runs.start("not of this machine", func(t *testing.T) {
		s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
		o := execute(t, append([]string{"run"}, against(t, s, 10, "--source", "192.0.2.0/24", "--duration", "1s")...)...)
		if o.code == 0 || !strings.Contains(o.stderr, "192.0.2.") {
			t.Errorf("exit %d: %s", o.code, o.stderr)
		}
	})
}

// TestGet asks by GET.
func TestGet(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range web {
		runs.start(string(transport), func(t *testing.T) {
			const n = 20
			s := fakedns.Start(t, transport, fakedns.Good)
			for method, more := range map[string][]string{"GET": {"--get", "--path", "/other"}, "POST": {"--path", "/other"}} {
				o := measured(t, against(t, s, n, append(more, "--rate", "100", "--duration", "1s", "--timeout", "30s")...)...)
				if o.code != 0 || o.Total.Answered != n {
					t.Fatalf("exit %d, %+v", o.code, o.Total.Counts)
				}
				for _, e := range asked(t, s, n) {
					if e.Method != method || e.Path != "/other" {
						t.Errorf("%s %s, expected %s /other", e.Method, e.Path, method)
					}
				}
			}
		})
	}
}

// TestRamp sends more and more, at constant distances and as many clients do.
func TestRamp(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, arrival := range []string{"uniform", "poisson"} {
		runs.start(arrival, func(t *testing.T) {
			s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
			o := measured(t, "--server", s.Addr.String(), "--queries", names(t, 2000), "--rate", "100..700", "--duration", "3s", "--timeout", "30s", "--arrival", arrival)
			if o.code != 0 || o.Total.Due < 1000 || o.Total.Due > 1400 || arrival == "uniform" && o.Total.Due != 1200 {
				t.Fatalf("exit %d, %d queries, expected 1200", o.code, o.Total.Due)
			}
			var early, late uint64 // 100 to 300/s, 500 to 700/s
			for _, i := range o.Intervals {
				switch {
				case i.At+i.Seconds <= 1.0001:
					early += i.Due
				case i.At >= 1.9999:
					late += i.Due
				}
			}
			if early < 140 || early > 260 || late < 500 || late > 700 {
				t.Errorf("%d queries in the first second, %d in the last, expected 200 and 600", early, late)
			}
		})
	}
}

// TestMix draws queries from a zone.
func TestMix(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "zone")
	if o := execute(t, "zone", "--origin", "測試", "--delegations", "300", "--ds", "50%", "--out", zone); o.code != 0 {
		t.Fatalf("exit %d: %s", o.code, o.stderr)
	}
	s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
	o := measured(t, "--server", s.Addr.String(), "--zone", "測試="+zone, "--mix", "referral=50,ds=10,apex=10,nxdomain=20,random=10", "--count", "500", "--limit", "500",
		"--rate", "500", "--duration", "2s", "--timeout", "30s")
	if o.code != 0 || o.Total.Answered != 500 {
		t.Fatalf("exit %d, %+v", o.code, o.Total.Counts)
	}
	got := map[string]uint64{}
	for _, c := range o.Classes {
		got[c.Name] = c.Due
	}
	if want := map[string]uint64{"referral": 250, "ds": 50, "apex": 50, "nxdomain": 100, "random": 50}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("classes %v, expected %v", got, want)
	}
	types, ds := map[string]int{}, 0
	for _, e := range s.Exchanges() {
		name := e.Name()
		if !dns.IsSubDomain("xn--g6w251d.", name) {
			t.Errorf("asked for %s", name)
		}
		types[name]++
		var m dns.Msg
		if m.Unpack(e.Message) == nil && m.Question[0].Qtype == dns.TypeDS {
			ds++
		}
	}
	if len(types) < 200 || ds < 50 {
		t.Errorf("%d names, %d queries for DS", len(types), ds)
	}
}

// TestPcap replays a capture.
func TestPcap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "capture")
	const n = 30
	// Format of libpcap: a header, and a header for each packet. 101: packets begin with the
	// header of IP.
	text := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	text = append(text, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 101, 0, 0, 0)
	for i := range n {
		m := new(dns.Msg).SetQuestion(fmt.Sprintf("q%06d.example.", i), dns.TypeTXT)
		m.SetEdns0(1400, i%2 == 0)
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		udp := append(binary.BigEndian.AppendUint16([]byte{0xc0, 0, 0, 53}, uint16(8+len(wire))), 0, 0)
		ip := append(binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+8+len(wire))), 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 53)
		packet := append(append(ip, udp...), wire...)
		text = append(text, 0, 0, 0, 0, 0, 0, 0, 0)
		text = binary.LittleEndian.AppendUint32(text, uint32(len(packet)))
		text = binary.LittleEndian.AppendUint32(text, uint32(len(packet)))
		text = append(text, packet...)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, asCaptured := range []bool{false, true} {
		s := fakedns.Start(t, fakedns.UDP, fakedns.Good)
		args := []string{"--server", s.Addr.String(), "--pcap", path, "--limit", "30", "--rate", "100", "--duration", "1s", "--timeout", "30s"}
		if asCaptured {
			args = append(args, "--as-captured")
		}
		o := measured(t, args...)
		if o.code != 0 || o.Total.Answered != n || len(o.Classes) != 1 || o.Classes[0].Name != "TXT" {
			t.Fatalf("exit %d, %+v", o.code, o.Total.Counts)
		}
		for i, e := range asked(t, s, n) {
			var m dns.Msg
			if err := m.Unpack(e.Message); err != nil {
				t.Fatalf("query %d: %s: %v", i, hex.EncodeToString(e.Message), err)
			}
			edns := m.IsEdns0()
			if m.RecursionDesired != asCaptured || (edns != nil) != asCaptured || asCaptured && (edns.UDPSize() != 1400 || edns.Do() != (i%2 == 0)) {
				t.Errorf("as captured: %v, query %d:\n%v", asCaptured, i, &m)
			}
		}
	}
}
