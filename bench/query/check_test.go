package query

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/miekg/dns"
)

func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reply packs a referral that answers a query.
func reply(t testing.TB, query *dns.Msg, change func(m *dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetReply(query)
	for _, text := range []string{"example. NS ns1.example.", "example. NS ns2.example."} {
		rr, _ := dns.NewRR(text)
		m.Ns = append(m.Ns, rr)
	}
	for _, text := range []string{"ns1.example. A 192.0.2.1", "ns2.example. AAAA 2001:db8::1"} {
		rr, _ := dns.NewRR(text)
		m.Extra = append(m.Extra, rr)
	}
	m.SetEdns0(1232, true)
	m.Compress = true
	if change != nil {
		change(m)
	}
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// withCookie adds a COOKIE option to a reply.
func withCookie(cookie []byte) func(m *dns.Msg) {
	return func(m *dns.Msg) {
		opt := m.IsEdns0()
		opt.Option = append(opt.Option,
			&dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "6e73"},
			&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: hex.EncodeToString(cookie)})
	}
}

func TestCheck(t *testing.T) {
	set := read(t, "Www.example A\nwww.example AAAA\nwww.exampla A\nwwww.example A\n", Options{Cookie: true})
	sent, wire := put(t, set, 0, 99, 0, nil)
	own := append(set.client[:], "12345678"...)
	foreign := append([]byte("foreign!"), "12345678"...)
	question := func(name string, qtype, class uint16) func(m *dns.Msg) {
		return func(m *dns.Msg) { m.Question = []dns.Question{{Name: name, Qtype: qtype, Qclass: class}} }
	}
	without := func(rcode int) func(m *dns.Msg) {
		return func(m *dns.Msg) { m.Question, m.Rcode = nil, rcode }
	}
	for _, test := range []struct {
		what   string
		answer []byte
		want   Verdict
	}{
		{"a referral", reply(t, sent, nil), Fits},
		{"an answer in capitals", reply(t, sent, question("WWW.EXAMPLE.", dns.TypeA, dns.ClassINET)), Fits},
		{"an NXDOMAIN", reply(t, sent, func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }), Fits},
		{"a truncated answer", reply(t, sent, func(m *dns.Msg) { m.Truncated, m.Ns, m.Extra = true, nil, nil }), Fits},
		{"the own cookie", reply(t, sent, withCookie(own)), Fits},
		{"another's cookie", reply(t, sent, withCookie(foreign)), Mismatched},
		{"trailing bytes", append(reply(t, sent, nil), 0), Fits},
		{"another name", reply(t, sent, question("www.exampl3.", dns.TypeA, dns.ClassINET)), Mismatched},
		{"a longer name", reply(t, sent, question("wwww.example.", dns.TypeA, dns.ClassINET)), Mismatched},
		{"a shorter name", reply(t, sent, func(m *dns.Msg) {
			*m = *new(dns.Msg).SetReply(m)
			m.Question = []dns.Question{{Name: "example.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
		}), Mismatched},
		{"another type", reply(t, sent, question("www.example.", dns.TypeAAAA, dns.ClassINET)), Mismatched},
		{"another class", reply(t, sent, question("www.example.", dns.TypeA, dns.ClassCHAOS)), Mismatched},
		{"two questions", reply(t, sent, func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), Mismatched},
		{"another opcode", reply(t, sent, func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), Mismatched},
		{"no question", reply(t, sent, without(dns.RcodeSuccess)), Mismatched},
		{"no question, NXDOMAIN", reply(t, sent, without(dns.RcodeNameError)), Mismatched},
		{"no question, FORMERR", reply(t, sent, without(dns.RcodeFormatError)), Fits},
		{"no question, NOTIMP", reply(t, sent, without(dns.RcodeNotImplemented)), Fits},
		{"no question, REFUSED", reply(t, sent, without(dns.RcodeRefused)), Fits},
		{"the query itself", wire, Malformed},
		{"nothing", nil, Malformed},
	} {
		if got := set.Check(0, 0, test.answer); got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
	// Whatever is cut off is missed.
	for _, answer := range [][]byte{reply(t, sent, withCookie(own)), reply(t, sent, without(dns.RcodeRefused))} {
		for n := range answer {
			if got := set.Check(0, 0, answer[:n]); got != Malformed {
				t.Errorf("the first %d of %d bytes: %s, want %s", n, len(answer), got, Malformed)
			}
		}
	}
	// A query's answer is no other query's.
	for index := range uint32(set.Len()) {
		sent, _ := put(t, set, index, 99, 0, nil)
		answer := reply(t, sent, nil)
		for other := range uint32(set.Len()) {
			if got := set.Check(other, 0, answer); (got == Fits) != (other == index) {
				t.Errorf("the answer of query %d %s query %d", index, got, other)
			}
		}
	}
}

func TestCheckRandom(t *testing.T) {
	set := randomSet(Options{})
	sent, _ := put(t, set, 0, 1, 1234567, nil)
	answer := reply(t, sent, nil)
	if got := set.Check(0, 1234567, answer); got != Fits {
		t.Errorf("its answer: %s", got)
	}
	if got := set.Check(0, 1234568, answer); got != Mismatched {
		t.Errorf("the answer of another nonce: %s", got)
	}
	answer[headerBytes+randomLength+3] ^= 1
	if got := set.Check(0, 1234567, answer); got != Mismatched {
		t.Errorf("another name behind the random label: %s", got)
	}
}

func TestServerCookie(t *testing.T) {
	set := read(t, "www.example A\n", Options{Cookie: true})
	sent, _ := put(t, set, 0, 99, 0, nil)
	for _, n := range []int{0, 7, 8, 15, 16, 24, 40, 41} {
		cookie := bytes.Repeat([]byte("x"), n)
		answer := reply(t, sent, withCookie(cookie))
		got := ServerCookie(answer)
		if n < 16 || n > 40 {
			cookie = nil
		}
		if !bytes.Equal(got, cookie) {
			t.Errorf("a cookie of %d bytes: got %q", n, got)
		}
		for n := range answer {
			if len(answer)-n > 4+len(cookie) && ServerCookie(answer[:n]) != nil {
				t.Errorf("a cookie in the first %d of %d bytes", n, len(answer))
			}
		}
	}
	if got := ServerCookie(reply(t, sent, nil)); got != nil {
		t.Errorf("an answer without: %q", got)
	}
	if got := ServerCookie(reply(t, sent, func(m *dns.Msg) { m.Extra = nil })); got != nil {
		t.Errorf("an answer without EDNS: %q", got)
	}
	// What was learnt goes out again.
	learnt := append(set.client[:], "server's cookie."...)
	again, _ := put(t, set, 0, 100, 0, ServerCookie(reply(t, sent, withCookie(learnt))))
	if got := again.IsEdns0().Option[0].(*dns.EDNS0_COOKIE).Cookie; got != hex.EncodeToString(learnt) {
		t.Errorf("sent %s, learnt %x", got, learnt)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	set := randomSet(Options{Cookie: true})
	sent, _ := put(t, set, 0, 1, 5, nil)
	answer := reply(t, sent, withCookie(append(set.client[:], "12345678"...)))
	if n := testing.AllocsPerRun(100, func() { set.Check(0, 5, answer); ServerCookie(answer) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzCheck looks for panics, and for messages that fit though the library reads
// another question in them.
func FuzzCheck(f *testing.F) {
	set := read(f, "www.example A\n", Options{Cookie: true})
	sent, _ := put(f, set, 0, 0, 0, nil)
	f.Add(reply(f, sent, nil), uint64(0))
	f.Add(reply(f, sent, withCookie(append(set.client[:], "12345678"...))), uint64(1))
	f.Add(reply(f, sent, func(m *dns.Msg) { m.Question, m.Rcode = nil, dns.RcodeRefused }), uint64(2))
	f.Add([]byte{0, 0, 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc0}, uint64(3))
	random := randomSet(Options{})
	f.Fuzz(func(t *testing.T, answer []byte, nonce uint64) {
		random.Check(0, nonce, answer)
		cookie := ServerCookie(answer)
		if set.Check(0, nonce, answer) != Fits {
			return
		}
		if cookie != nil && !bytes.HasPrefix(cookie, set.client[:]) {
			// Check looks at all OPT records, and ServerCookie at the first.
			t.Errorf("cookie %x of another client", cookie)
		}
		put(t, set, 0, 1, nonce, cookie)
		var m dns.Msg
		if m.Unpack(answer) != nil || len(m.Question) == 0 {
			return
		}
		q := m.Question[0]
		if dns.CanonicalName(q.Name) != "www.example." || q.Qtype != dns.TypeA || !m.Response {
			t.Errorf("fits, but is %v", &m)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for name, set := range map[string]*Set{
		"plain":  read(b, "www.example.tw A\n", Options{}),
		"cookie": read(b, "www.example.tw A\n", Options{Cookie: true}),
		"random": randomSet(Options{}),
	} {
		sent, _ := put(b, set, 0, 1, 5, nil)
		answer := reply(b, sent, nil)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if set.Check(0, 5, answer) != Fits {
					b.Fatal("does not fit")
				}
			}
		})
	}
}
