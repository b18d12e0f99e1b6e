package query

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func typeName(qtype uint16) string { return dns.Type(qtype).String() }

// read makes a set of lines, or fails the test.
func read(t testing.TB, lines string, o Options) *Set {
	t.Helper()
	set, err := ReadText(strings.NewReader(lines), "test", o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// put sends a query into a message of the library.
func put(t testing.TB, s *Set, index uint32, id uint16, nonce uint64, cookie []byte) (*dns.Msg, []byte) {
	t.Helper()
	// What Put has room for but doesn't use must stay as it is.
	buffer := bytes.Repeat([]byte{0xee}, MaxBytes)
	n := s.Put(buffer, index, id, nonce, cookie)
	for _, b := range buffer[n:] {
		if b != 0xee {
			t.Fatalf("Put wrote behind the %d bytes of its message", n)
		}
	}
	m := new(dns.Msg)
	if err := m.Unpack(buffer[:n]); err != nil {
		t.Fatalf("query %d: %v: %x", index, err, buffer[:n])
	}
	if m.Id != id || m.Response || m.Opcode != 0 || len(m.Question) != 1 {
		t.Fatalf("query %d: %v", index, m)
	}
	return m, buffer[:n]
}

func TestPutPlain(t *testing.T) {
	set := read(t, "a.example A\nb.example MX\n", Options{RD: true, CD: true})
	m, wire := put(t, set, 1, 0xbeef, 7, []byte("1234567890123456"))
	if q := m.Question[0]; q.Name != "b.example." || q.Qtype != dns.TypeMX || q.Qclass != dns.ClassINET {
		t.Errorf("question %v", q)
	}
	if !m.RecursionDesired || !m.CheckingDisabled || m.AuthenticatedData || m.IsEdns0() != nil || len(m.Extra) != 0 {
		t.Errorf("got %v", m)
	}
	if set.Length(1) != len(wire) || set.Cookies() {
		t.Errorf("length %d of %d, cookies %v", set.Length(1), len(wire), set.Cookies())
	}
	if edns, _, _ := set.EDNS(1); edns {
		t.Error("EDNS in a query without options")
	}
}

func TestPutEDNS(t *testing.T) {
	cookie := bytes.Repeat([]byte("cookie! "), 5)
	for _, o := range []Options{
		{EDNS: true},
		{UDPBytes: 512},
		{DO: true, AD: true},
		{NSID: true},
		{Cookie: true, Seed: 42},
		{Keepalive: true, DO: true},
		{Padding: true},
		{DO: true, NSID: true, Cookie: true, Keepalive: true, Padding: true, UDPBytes: 4096},
	} {
		long := strings.Repeat("abcdefghi.", 25)
		set := read(t, "a.example A\n"+long+" TXT\n"+long[:60]+" TXT\n", o)
		for index := range uint32(set.Len()) {
			for _, cookieBytes := range []int{0, 16, 24, 40} {
				m, wire := put(t, set, index, 1, 0, cookie[:cookieBytes])
				opt := m.IsEdns0()
				if opt == nil || len(m.Extra) != 1 || len(m.Answer)+len(m.Ns) != 0 {
					t.Fatalf("%+v: %v", o, m)
				}
				wantBytes := o.UDPBytes
				if wantBytes == 0 {
					wantBytes = DefaultUDPBytes
				}
				if opt.UDPSize() != wantBytes || opt.Do() != o.DO || opt.Version() != 0 || m.AuthenticatedData != o.AD {
					t.Errorf("%+v: %v", o, m)
				}
				if edns, udpBytes, do := set.EDNS(index); !edns || udpBytes != wantBytes || do != o.DO {
					t.Errorf("%+v: EDNS says %v %d %v", o, edns, udpBytes, do)
				}
				checkOptions(t, set, o, opt, cookie[:cookieBytes])
				if o.Padding && len(wire)%128 != 0 {
					t.Errorf("%+v: %d bytes, of which there should be a multiple of 128", o, len(wire))
				}
				if cookieBytes == 0 && len(wire) != set.Length(index) {
					t.Errorf("%+v: Length is %d, but %d bytes were put", o, set.Length(index), len(wire))
				}
			}
		}
	}
}

// checkOptions holds the EDNS options of a query against those that were asked for.
func checkOptions(t *testing.T, set *Set, o Options, opt *dns.OPT, cookie []byte) {
	t.Helper()
	found := map[uint16]int{}
	for _, option := range opt.Option {
		found[option.Option()]++
		switch option := option.(type) {
		case *dns.EDNS0_NSID:
			if option.Nsid != "" {
				t.Errorf("NSID %q in a query", option.Nsid)
			}
		case *dns.EDNS0_TCP_KEEPALIVE:
			if option.Length != 0 {
				t.Errorf("keepalive of a client with a time: %v", option)
			}
		case *dns.EDNS0_PADDING:
			if bytes.Count(option.Padding, []byte{0}) != len(option.Padding) || len(option.Padding) > 127 {
				t.Errorf("padding %x", option.Padding)
			}
		case *dns.EDNS0_COOKIE:
			want := cookie
			if len(want) == 0 {
				want = set.client[:]
			}
			if got := fromHex(t, option.Cookie); !bytes.Equal(got, want) {
				t.Errorf("cookie %x, want %x", got, want)
			}
		}
	}
	for code, want := range map[uint16]bool{
		dns.EDNS0NSID: o.NSID, dns.EDNS0COOKIE: o.Cookie,
		dns.EDNS0TCPKEEPALIVE: o.Keepalive, dns.EDNS0PADDING: o.Padding,
	} {
		if (found[code] == 1) != want || found[code] > 1 {
			t.Errorf("%+v: option %d is there %d times", o, code, found[code])
		}
	}
	if set.Cookies() != o.Cookie {
		t.Errorf("%+v: Cookies is %v", o, set.Cookies())
	}
}

func TestClientCookieIsOfTheSeed(t *testing.T) {
	cookie := func(seed uint64) [8]byte {
		return read(t, "a A\n", Options{Cookie: true, Seed: seed}).client
	}
	if first, again := cookie(1), cookie(1); first != again || first == cookie(2) {
		t.Error("the client's cookie should depend on the seed, and on nothing else")
	}
}

func TestPutRandom(t *testing.T) {
	set := randomSet(Options{})
	names := map[string]bool{}
	for nonce := range uint64(1000) {
		m, _ := put(t, set, 0, 1, nonce<<54|nonce, nil)
		name := m.Question[0].Name
		if len(name) != len("0123456789abc.victim.example.") || !strings.HasSuffix(name, ".victim.example.") {
			t.Fatalf("name %s", name)
		}
		if packed, _ := packName(name); !bytes.Equal(packed, set.AppendName(nil, 0, nonce<<54|nonce)) {
			t.Fatalf("AppendName is not %s", name)
		}
		names[name] = true
	}
	if len(names) != 1000 {
		t.Errorf("%d names of 1,000 nonces", len(names))
	}
}

// randomSet has one query with a random label.
func randomSet(o Options) *Set {
	b := newBuilder(o)
	b.set.Classes = []string{"random"}
	name, _ := packName("0000000000000.victim.example.")
	b.add(name, dns.TypeA, 0, true)
	return b.set
}

func packName(name string) ([]byte, error) {
	buffer := make([]byte, 256)
	n, err := dns.PackDomainName(name, buffer, 0, nil, false)
	return buffer[:n], err
}

func TestCursors(t *testing.T) {
	for queries := 1; queries < 8; queries++ {
		set := read(t, strings.Repeat("a A\n", queries), Options{})
		for workers := 1; workers < 10; workers++ {
			var cursors []*Cursor
			for worker := range workers {
				cursors = append(cursors, set.Cursor(worker, workers))
			}
			for turn := range 5 * queries * workers {
				want := uint32(turn % queries)
				if got := cursors[turn%workers].Next(); got != want {
					t.Fatalf("%d queries, %d workers: turn %d is query %d, want %d", queries, workers, turn, got, want)
				}
			}
		}
	}
}

func TestPutAllocatesNothing(t *testing.T) {
	set := read(t, "a.example A\n", Options{Cookie: true, Padding: true})
	buffer := make([]byte, MaxBytes)
	cookie := make([]byte, 24)
	if n := testing.AllocsPerRun(100, func() { set.Put(buffer, 0, 1, 2, cookie) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPut(b *testing.B) {
	buffer := make([]byte, MaxBytes)
	cookie := make([]byte, 24)
	for name, set := range map[string]*Set{
		"plain":  read(b, "www.example.tw A\n", Options{}),
		"edns":   read(b, "www.example.tw A\n", Options{DO: true}),
		"cookie": read(b, "www.example.tw A\n", Options{Cookie: true}),
		"padded": read(b, "www.example.tw A\n", Options{Cookie: true, Padding: true}),
		"random": randomSet(Options{}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				set.Put(buffer, 0, uint16(i), uint64(i), cookie)
			}
		})
	}
}
