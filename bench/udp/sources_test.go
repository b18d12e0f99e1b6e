package udp

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"yushan/bench/load"
	"yushan/bench/query"
	"yushan/internal/fakedns"
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// A walk comes to each address once before it comes to any again.
func TestSourcesAreUsedByTurns(t *testing.T) {
	for _, tt := range []struct {
		prefix      string
		size        int
		first, last string
	}{
		{"192.0.2.1/32", 1, "192.0.2.1", "192.0.2.1"},
		{"192.0.2.0/31", 2, "192.0.2.0", "192.0.2.1"},
		{"192.0.2.0/30", 2, "192.0.2.1", "192.0.2.2"},
		{"192.0.2.77/24", 254, "192.0.2.1", "192.0.2.254"},
		{"127.1.0.0/16", 65534, "127.1.0.1", "127.1.255.254"},
		{"2001:db8::/128", 1, "2001:db8::", "2001:db8::"},
		{"2001:db8::100/120", 254, "2001:db8::101", "2001:db8::1fe"},
	} {
		s := newSources(prefixes(tt.prefix), 0, 1)
		for round := range 2 {
			seen := map[netip.Addr]bool{}
			for range tt.size {
				a := s.next()
				ip := netip.AddrFrom16(a)
				if s.pools[0].is4 {
					ip = netip.AddrFrom4([4]byte(a[12:]))
				}
				if seen[ip] || !netip.MustParsePrefix(tt.prefix).Contains(ip) {
					t.Fatalf("%s, round %d: %s comes after %d others; it isn't new or not in the prefix", tt.prefix, round, ip, len(seen))
				}
				seen[ip] = true
			}
			if !seen[netip.MustParseAddr(tt.first)] || !seen[netip.MustParseAddr(tt.last)] {
				t.Errorf("%s: expected %s and %s to be used", tt.prefix, tt.first, tt.last)
			}
		}
	}
}

// Large prefixes are used all over, several by turns, by all workers.
func TestSourcesAreSpread(t *testing.T) {
	list := prefixes("127.0.0.0/8", "10.0.0.0/8", "192.0.2.1/32")
	quarters := map[byte]int{}
	for worker := range 2 {
		s := newSources(list, worker, 2)
		for n := range 3000 {
			a := s.next()
			if want := []byte{127, 10, 192}[(n+worker)%3]; a[12] != want {
				t.Fatalf("address %v is of another prefix than %s", a, list[(n+worker)%3])
			}
			if a[12] == 127 {
				quarters[a[13]>>6]++
			}
		}
	}
	for quarter := range byte(4) {
		if quarters[quarter] < 400 {
			t.Errorf("%d of 2000 addresses are in quarter %d of 127.0.0.0/8", quarters[quarter], quarter)
		}
	}
	six := newSources(prefixes("2001:db8::/32"), 1, 2)
	for range 1000 {
		if a := netip.AddrFrom16(six.next()); !netip.MustParsePrefix("2001:db8::/32").Contains(a) {
			t.Fatalf("%s is not in 2001:db8::/32", a)
		}
	}
}

func TestQueriesComeFromSources(t *testing.T) {
	for _, tt := range []struct {
		server, prefix string
		addresses      int
	}{
		{"127.0.0.1:0", "127.77.0.0/16", 500},
		{"[::1]:0", "::1/128", 1},
	} {
		server := fakedns.StartWith(t, fakedns.UDP, fakedns.Options{Addr: netip.MustParseAddrPort(tt.server)}, fakedns.Good)
		const n = 500
		w := newWork(t, queries(t, n, query.Options{}), constant(n, 2000),
			load.Options{Server: server.Addr, Clients: 2, Sources: prefixes(tt.prefix)})
		expect(t, run(t, w), came{answered: n})
		from := map[netip.Addr]bool{}
		for _, e := range server.Exchanges() {
			if !netip.MustParsePrefix(tt.prefix).Contains(e.From.Addr()) {
				t.Fatalf("a query came from %s, expected %s", e.From, tt.prefix)
			}
			from[e.From.Addr()] = true
		}
		if len(from) != tt.addresses {
			t.Errorf("queries came from %d addresses of %s, expected %d", len(from), tt.prefix, tt.addresses)
		}
	}
}

// Sources that the machine doesn't have are told of before anything is sent.
func TestSourcesOfOthers(t *testing.T) {
	server := fakedns.Start(t, fakedns.UDP, fakedns.Good)
	for _, list := range [][]netip.Prefix{
		prefixes("192.0.2.1/32"),
		prefixes("127.0.0.0/8", "192.0.2.0/24"),
	} {
		w := newWork(t, queries(t, 10, query.Options{}), constant(10, 1000), load.Options{Server: server.Addr, Sources: list})
		err := Run(t.Context(), w)
		if err == nil || !strings.Contains(err.Error(), "source 192.0.2.1 can't be used on this machine") {
			t.Errorf("sources %s: got error %v, expected that 192.0.2.1 can't be used", list, err)
		}
		if got := server.Queries(); got != 0 {
			t.Errorf("%d queries were sent, expected none", got)
		}
	}
}

// On a socket that isn't connected, a right answer from a wrong place is none.
func TestAnswersOfOthersWithSources(t *testing.T) {
	var conns [2]*net.UDPConn
	for i := range conns {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conns[0].ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			answer := fakedns.Answer(buf[:n], 0)
			conns[1].WriteToUDPAddrPort(answer, from)
			conns[0].WriteToUDPAddrPort(answer, from)
		}
	}()
	const n = 100
	w := newWork(t, queries(t, n, query.Options{}), constant(n, 1000), load.Options{
		Server: conns[0].LocalAddr().(*net.UDPAddr).AddrPort(), Sources: prefixes("127.3.0.0/24"), Timeout: patience / 4,
	})
	expect(t, run(t, w), came{answered: n, odd: odd(0, 0, n, 0)})
}

func TestZones(t *testing.T) {
	if _, err := newTarget(netip.MustParseAddrPort("[fe80::1%nothing-is-called-so]:53")); err == nil || !strings.Contains(err.Error(), "nothing-is-called-so") {
		t.Errorf("got error %v, expected one that names the interface", err)
	}
	for text, zone := range map[string]uint32{"[fe80::1%17]:53": 17, "[fe80::1]:53": 0, "[::ffff:127.0.0.1]:53": 0} {
		target, err := newTarget(netip.MustParseAddrPort(text))
		if err != nil || target.zone != zone {
			t.Errorf("%s: interface %d, %v, expected %d", text, target.zone, err, zone)
		}
		if !target.is(target.name()) {
			t.Errorf("%s isn't itself in the kernel's form, %x", text, target.name())
		}
	}
}
