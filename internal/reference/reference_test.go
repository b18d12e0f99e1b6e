package reference

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestNames(t *testing.T) {
	// RFC 4034 §6.1's example, in its order.
	order := strings.Fields(`example. a.example. yljkjljk.a.example. Z.a.example. zABC.a.EXAMPLE. z.example. \001.z.example. *.z.example. \200.z.example.`)
	for i := range order {
		for j := range order {
			got := parseName(order[i]).compare(parseName(order[j]))
			if got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s, %s: compare says %d", order[i], order[j], got)
			}
		}
	}
	if got := parseName("a.b.example.").nextCloser(parseName("example.")); got != parseName("b.example.") {
		t.Errorf("next closer: got %v", got)
	}
	if parseName(`a\.example.`).isWithin(parseName("example.")) {
		t.Error("an escaped dot was taken for one between labels")
	}
}

// The hashes of RFC 5155 Appendix A.
func TestHash(t *testing.T) {
	z := &zone{param: &dns.NSEC3PARAM{Hash: 1, Iterations: 12, Salt: "AABBCCDD"}}
	for text, want := range map[string]string{
		"example.": "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM", "a.example.": "35MTHGPGCU1QG68FAB165KLNSNK3DPVL",
		"*.w.example.": "R53BQ7CC2UVMUBFU5OCMM6PERS9TK9EN", "x.y.w.example.": "2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S",
	} {
		if got := z.hash(parseName(text)); got != want {
			t.Errorf("%s: got %s, expected %s", text, got, want)
		}
	}
}

// What a comparison must see, and what it must not.
func TestCompare(t *testing.T) {
	build := func(change func(m *dns.Msg)) []byte {
		m := &dns.Msg{}
		m.SetQuestion("a.tw.", dns.TypeNS)
		m.Response, m.Authoritative, m.Compress = true, true, true
		for _, text := range []string{"a.tw. 60 IN NS ns1.a.tw.", "a.tw. 60 IN NS ns2.a.tw.", "a.tw. 60 IN SRV 0 0 53 ns1.a.tw."} {
			rr, _ := dns.NewRR(text)
			m.Answer = append(m.Answer, rr)
		}
		for _, text := range []string{"ns1.a.tw. 60 IN A 192.0.2.1", "ns2.a.tw. 60 IN A 192.0.2.1"} {
			rr, _ := dns.NewRR(text)
			m.Extra = append(m.Extra, rr)
		}
		m.SetEdns0(1232, true)
		m.Id = 1
		change(m)
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return wire
	}
	expected := &Response{Msg: new(dns.Msg), UDPBytes: 512}
	if err := expected.Msg.Unpack(build(func(*dns.Msg) {})); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m *dns.Msg){
		"order in an RRset":         func(m *dns.Msg) { m.Answer[0], m.Answer[1] = m.Answer[1], m.Answer[0] },
		"case of an owner":          func(m *dns.Msg) { m.Answer[0].Header().Name = "A.tw." },
		"case of a compressed name": func(m *dns.Msg) { m.Answer[0].(*dns.NS).Ns = "NS1.a.tw." },
		"no compression":            func(m *dns.Msg) { m.Compress = false },
		"place of OPT":              func(m *dns.Msg) { m.Extra[0], m.Extra[1], m.Extra[2] = m.Extra[2], m.Extra[0], m.Extra[1] },
	} {
		if d := Compare(expected, build(change)); d != "" {
			t.Errorf("%s: expected no difference, got\n%s", name, d)
		}
	}
	for name, change := range map[string]func(m *dns.Msg){
		"AA":                   func(m *dns.Msg) { m.Authoritative = false },
		"RCODE":                func(m *dns.Msg) { m.Rcode = dns.RcodeRefused },
		"extended RCODE":       func(m *dns.Msg) { m.Rcode = dns.RcodeBadVers },
		"TTL":                  func(m *dns.Msg) { m.Answer[0].Header().Ttl++ },
		"case of RDATA":        func(m *dns.Msg) { m.Answer[2].(*dns.SRV).Target = "NS1.a.tw." },
		"case of the question": func(m *dns.Msg) { m.Question[0].Name = "A.tw." },
		"a duplicate":          func(m *dns.Msg) { m.Answer = append(m.Answer, m.Answer[1]) },
		"a missing record":     func(m *dns.Msg) { m.Answer = m.Answer[:1] },
		"order of RRsets":      func(m *dns.Msg) { m.Extra[0], m.Extra[1] = m.Extra[1], m.Extra[0] },
		"DO":                   func(m *dns.Msg) { m.IsEdns0().SetDo(false) },
		"an option":            func(m *dns.Msg) { m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: 20}} },
		"no OPT":               func(m *dns.Msg) { m.Extra = m.Extra[:2] },
		"the section":          func(m *dns.Msg) { m.Answer, m.Ns = nil, m.Answer },
	} {
		if d := Compare(expected, build(change)); d == "" {
			t.Errorf("%s: the difference wasn't seen", name)
		}
	}
	if Compare(expected, nil) == "" || Compare(nil, build(func(*dns.Msg) {})) == "" || Compare(nil, nil) != "" {
		t.Error("an answer and none were not told apart")
	}
}

func TestCompareUDP(t *testing.T) {
	stream := &dns.Msg{}
	stream.SetQuestion("a.tw.", dns.TypeMX)
	stream.Response, stream.Compress = true, true
	stream.Answer = parse(t, "a.tw. 60 IN MX 1 mx1.a.tw.\na.tw. 60 IN MX 2 mx2.a.tw.")
	stream.Extra = parse(t, "mx1.a.tw. 60 IN A 192.0.2.1\nmx1.a.tw. 60 IN A 192.0.2.2\nmx2.a.tw. 60 IN A 192.0.2.3")
	stream.SetEdns0(1232, false)
	whole, err := stream.Pack()
	if err != nil {
		t.Fatal(err)
	}
	cut := func(required, limit int, change func(m *dns.Msg)) string {
		m := stream.Copy()
		m.Compress = true
		change(m)
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return CompareUDP(&Response{Msg: stream, Required: required, UDPBytes: limit}, whole, wire)
	}
	without := func(indexes ...int) func(m *dns.Msg) {
		return func(m *dns.Msg) {
			m.Extra = nil
			for i, rr := range stream.Extra {
				keep := true
				for _, j := range indexes {
					keep = keep && i != j
				}
				if keep {
					m.Extra = append(m.Extra, rr)
				}
			}
		}
	}
	truncate := func(m *dns.Msg) { m.Truncated, m.Answer, m.Extra = true, nil, stream.Extra[3:] }
	for name, test := range map[string]struct {
		required, limit int
		change          func(*dns.Msg)
		ok              bool
	}{
		"it fits":                       {0, len(whole), without(), true},
		"it fits, but something's gone": {0, len(whole), without(2), false},
		"too large":                     {0, len(whole) - 1, without(), false},
		"a dropped RRset":               {0, len(whole) - 1, without(2), true},
		"another dropped RRset":         {0, len(whole) - 1, without(0, 1), true},
		"half an RRset":                 {0, len(whole) - 1, without(0), false},
		"a required RRset":              {2, len(whole) - 1, without(0, 1), false},
		"required glue stays":           {2, len(whole) - 1, without(2), true},
		"truncated without need":        {2, len(whole) - 1, truncate, false},
		"truncated with need":           {3, len(whole) - 1, truncate, true},
		"TC but not empty":              {3, len(whole) - 1, func(m *dns.Msg) { m.Truncated = true; without(2)(m) }, false},
		"no OPT":                        {0, len(whole) - 1, without(3), false},
	} {
		if d := cut(test.required, test.limit, test.change); d == "" != test.ok {
			t.Errorf("%s: got %q", name, d)
		}
	}
}

// What a judge of padding must see, and what it must not.
func TestUnpad(t *testing.T) {
	padded := func(counts ...int) []byte {
		m := new(dns.Msg).SetQuestion("a.tw.", dns.TypeA)
		m.Id, m.Response = 1, true
		m.SetEdns0(1232, false)
		for _, n := range counts {
			m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_PADDING{Padding: make([]byte, n)})
		}
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return wire
	}
	plain := padded()
	exact := paddingBlock - 4 - len(plain)
	dirty := padded(exact)
	dirty[len(dirty)-1] = 1
	for name, test := range map[string]struct {
		wire   []byte
		padded bool
		ok     bool
	}{
		"none, none asked for": {plain, false, true},
		"not asked for":        {padded(exact), false, false},
		"missing":              {plain, true, false},
		"exact":                {padded(exact), true, true},
		"one byte too few":     {padded(exact - 1), true, false},
		"one block too many":   {padded(exact + paddingBlock), true, false},
		"two options":          {padded(exact-4, 0), true, false},
		"not zero":             {dirty, true, false},
	} {
		got, problem := (&Response{Padded: test.padded}).Unpad(test.wire)
		if (problem == "") != test.ok {
			t.Errorf("%s: got %q", name, problem)
		}
		if problem == "" && string(got) != string(plain) {
			t.Errorf("%s: unpadded % x, expected % x", name, got, plain)
		}
	}
}

func parse(t *testing.T, text string) (records []dns.RR) {
	t.Helper()
	parser := dns.NewZoneParser(strings.NewReader(text), "", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records = append(records, rr)
	}
	if parser.Err() != nil {
		t.Fatal(parser.Err())
	}
	return records
}
