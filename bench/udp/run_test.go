package udp

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/bench/result"
	"yushan/internal/fakedns"
)

func TestEachQueryIsAskedAndAnswered(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		server := fakedns.StartWith(t, fakedns.UDP, fakedns.Options{Addr: netip.MustParseAddrPort(address)}, fakedns.RCode(5))
		const n = 1000
		w := newWork(t, queries(t, n, query.Options{}), constant(n, 2000), load.Options{Server: server.Addr, Clients: 3})
		judged := map[uint32]bool{}
		w.Judge = func(index uint32, nonce uint64, answer []byte) {
			if w.Queries.Check(index, nonce, answer) != query.Fits {
				t.Errorf("answer %x is judged as that of query %d", answer, index)
			}
			judged[index] = true
		}
		r := run(t, w)
		expect(t, r, came{answered: n})
		if len(judged) != n {
			t.Errorf("%d answers were judged, expected %d", len(judged), n)
		}
		if got := r.Total.RCodes[5]; got != n {
			t.Errorf("%d answers of RCODE 5, expected %d", got, n)
		}
		names, ports := map[string]bool{}, map[uint16]int{}
		var bytes uint64
		for _, e := range server.Exchanges() {
			names[e.Name()] = true
			ports[e.From.Port()]++
			bytes += uint64(len(e.Message))
		}
		if len(names) != n || len(ports) != 3 {
			t.Errorf("%d names from %d ports were asked, expected %d from 3", len(names), len(ports), n)
		}
		for port, count := range ports {
			if count < n/6 {
				t.Errorf("%d of %d queries came from port %d of 3", count, n, port)
			}
		}
		if r.Total.SentBytes != bytes || r.Total.ReceivedBytes != bytes {
			t.Errorf("%d bytes sent, %d received, expected %d", r.Total.SentBytes, r.Total.ReceivedBytes, bytes)
		}
	}
}

// What becomes of queries whose server is wrong.
func TestOddServers(t *testing.T) {
	const n = 100
	wrongThenRight := func(q *fakedns.Query) fakedns.Reply {
		r := fakedns.WrongQuestion(q)
		r.Messages = append(r.Messages, fakedns.Good(q).Messages...)
		return r
	}
	// The last answer comes when all duplicates have.
	twice := fakedns.After(n-1, fakedns.Twice, fakedns.Delayed(fakedns.Fixed(300*time.Millisecond), fakedns.Good))
	for name, tt := range map[string]struct {
		script fakedns.Script
		want   came
	}{
		"silent":           {fakedns.Silent, came{lost: n}},
		"wrong ID":         {fakedns.WrongID, came{lost: n, odd: odd(0, 0, n, 0)}},
		"twice":            {twice, came{answered: n, odd: odd(0, 0, 0, n-1)}},
		"one byte":         {fakedns.Short(1), came{lost: n, odd: odd(n, 0, 0, 0)}},
		"half a header":    {fakedns.Short(6), came{lost: n, odd: odd(n, 0, 0, 0)}},
		"empty":            {fakedns.Short(0), came{lost: n, odd: odd(n, 0, 0, 0)}},
		"echo":             {fakedns.Echo, came{lost: n, odd: odd(n, 0, 0, 0)}},
		"another question": {fakedns.WrongQuestion, came{lost: n, odd: odd(0, n, 0, 0)}},
		"forged before":    {wrongThenRight, came{answered: n, odd: odd(0, n, 0, 0)}},
		"truncated":        {fakedns.Truncated, came{answered: n, truncated: n}},
		"every other":      {fakedns.Every(2, fakedns.Silent, fakedns.Good), came{answered: n / 2, lost: n / 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := fakedns.Start(t, fakedns.UDP, tt.script)
			w := newWork(t, queries(t, n, query.Options{}), constant(n, 1000),
				load.Options{Server: server.Addr, Clients: 2, Timeout: 5 * time.Second})
			expect(t, run(t, w), tt.want)
		})
	}
}

func TestLateAnswers(t *testing.T) {
	const n, timeout = 100, 500 * time.Millisecond
	late := fakedns.Delayed(fakedns.Fixed(2*timeout), fakedns.Twice)
	server := fakedns.Start(t, fakedns.UDP, fakedns.Every(n, fakedns.Silent, late))
	// The last query keeps the worker waiting until all answers of the others are there.
	plan := constant(n, float64(n)/2)
	w := newWork(t, queries(t, n, query.Options{}), plan, load.Options{Server: server.Addr, Timeout: timeout})
	r := run(t, w)
	if r.Total.Answered != 0 || r.Total.Lost != n {
		t.Errorf("%d answered, %d lost, expected 0 and %d", r.Total.Answered, r.Total.Lost, n)
	}
	// The answers of the first second come within the two that the run lasts.
	if r.Total.Odd.Late < n/4 || r.Total.Odd.Duplicate < n/4 || r.Total.Odd.Sum() != r.Total.Odd.Late+r.Total.Odd.Duplicate {
		t.Errorf("%+v, expected some late ones, and each of them twice", r.Total.Odd)
	}
}

func TestClosedLoopKeepsItsConcurrency(t *testing.T) {
	const n, concurrency = 3000, 100
	server := fakedns.Start(t, fakedns.UDP, fakedns.Delayed(fakedns.Uniform(0, 20*time.Millisecond, 1), fakedns.Good))
	w := newWork(t, queries(t, n, query.Options{}), closedLoop(n), load.Options{Server: server.Addr, Clients: 4, Concurrency: concurrency})
	r := run(t, w)
	expect(t, r, came{answered: n})
	type event struct {
		at   time.Time
		more int
	}
	var events []event
	for _, e := range server.Exchanges() {
		events = append(events, event{e.Received, 1}, event{e.Sent, -1})
	}
	slices.SortFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	now, most := 0, 0
	for _, e := range events {
		now += e.more
		most = max(most, now)
	}
	if most > concurrency || most < concurrency*3/4 {
		t.Errorf("up to %d queries under way, expected %d", most, concurrency)
	}
	if lag := r.Client.Lag.Max(); lag > 1 {
		t.Errorf("lag up to %s in a closed loop, expected none", lag)
	}
}

// Lost queries free their places.
func TestClosedLoopOfASilentServer(t *testing.T) {
	server := fakedns.Start(t, fakedns.UDP, fakedns.Silent)
	const n = 500
	w := newWork(t, queries(t, 10, query.Options{}), closedLoop(n),
		load.Options{Server: server.Addr, Concurrency: 100, Timeout: 100 * time.Millisecond})
	expect(t, run(t, w), came{lost: n})
}

func TestClosedLoopEndsWithItsTime(t *testing.T) {
	server := fakedns.Start(t, fakedns.UDP, fakedns.Good)
	w := newWork(t, queries(t, 10, query.Options{}), pace.Plan{Duration: 200 * time.Millisecond},
		load.Options{Server: server.Addr, Concurrency: 10})
	if r := run(t, w); r.Total.Answered == 0 || r.Total.Lost != 0 {
		t.Errorf("%d answered, %d lost, expected some and none", r.Total.Answered, r.Total.Lost)
	}
}

func TestNobodyListens(t *testing.T) {
	for name, tt := range map[string]struct {
		address string
		sources []netip.Prefix
	}{
		"IPv4":               {"127.0.0.1:0", nil},
		"IPv6":               {"[::1]:0", nil},
		"IPv4, with sources": {"127.0.0.1:0", prefixes("127.8.0.0/16")},
		"IPv6, with sources": {"[::1]:0", prefixes("::1/128")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(tt.address)))
			if err != nil {
				t.Fatal(err)
			}
			nobody := conn.LocalAddr().(*net.UDPAddr).AddrPort()
			conn.Close()
			const n = 300
			w := newWork(t, queries(t, n, query.Options{}), constant(n, 1000),
				load.Options{Server: nobody, Clients: 3, Sources: tt.sources, Timeout: 3 * time.Second})
			r := run(t, w)
			expect(t, r, came{lost: n})
			if len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Text, "port is closed") || r.Faults[0].Count > n {
				t.Errorf("faults %v, expected a closed port, up to %d times", r.Faults, n)
			}
		})
	}
}

func TestServerDiesAndComesBack(t *testing.T) {
	const n = 2000
	server := fakedns.Start(t, fakedns.UDP, fakedns.After(n/4, fakedns.Good, fakedns.Every(n/4, fakedns.Dies, fakedns.Good)))
	w := newWork(t, queries(t, n, query.Options{}), constant(n, 1000),
		load.Options{Server: server.Addr, Clients: 3, Timeout: time.Second})
	await := background(t, t.Context(), w)
	until(t, "half of the queries", func() bool { return server.Queries() >= n/2 })
	server.Revive()
	r := await()
	if r.Total.Due != n || r.Total.Unsent != 0 || r.Total.Answered < n/2 {
		t.Errorf("%d due, %d unsent, %d answered, expected %d, 0 and more than half", r.Total.Due, r.Total.Unsent, r.Total.Answered, n)
	}
}

func TestStopWaitsForAnswers(t *testing.T) {
	for name, plan := range map[string]pace.Plan{
		"open loop":   constant(100_000, 1000),
		"closed loop": closedLoop(0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := fakedns.Start(t, fakedns.UDP, fakedns.Delayed(fakedns.Fixed(200*time.Millisecond), fakedns.Good))
			w := newWork(t, queries(t, 10, query.Options{}), plan, load.Options{Server: server.Addr, Concurrency: 50})
			await := background(t, t.Context(), w)
			until(t, "some queries", func() bool { return server.Queries() >= 100 })
			w.Stop.Store(true)
			r := await()
			if r.Total.Answered < 100 || r.Total.Lost != 0 || r.Total.Answered != r.Total.Sent {
				t.Errorf("%d sent, %d answered, expected all of 100 or more", r.Total.Sent, r.Total.Answered)
			}
			if got := server.Queries(); uint64(got) != r.Total.Sent {
				t.Errorf("the server got %d queries, %d were sent", got, r.Total.Sent)
			}
		})
	}
}

func TestContextEndsAllAtOnce(t *testing.T) {
	for name, plan := range map[string]pace.Plan{
		"open loop":   constant(100_000, 1000),
		"closed loop": closedLoop(0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := fakedns.Start(t, fakedns.UDP, fakedns.Silent)
			w := newWork(t, queries(t, 10, query.Options{}), plan,
				load.Options{Server: server.Addr, Concurrency: 50, Timeout: time.Hour})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			await := background(t, ctx, w)
			until(t, "some queries", func() bool { return server.Queries() >= 50 })
			cancel()
			if r := await(); r.Total.Answered != 0 || r.Total.Lost < 50 {
				t.Errorf("%d answered, %d lost, expected none and 50 or more", r.Total.Answered, r.Total.Lost)
			}
		})
	}
}

// More than any machine can send: each query is accounted for, and the end comes in
// time.
func TestOverload(t *testing.T) {
	server := fakedns.Start(t, fakedns.UDP, fakedns.Silent)
	const n = 2_000_000
	w := newWork(t, queries(t, 1000, query.Options{}), constant(n, pace.MaxRate),
		load.Options{Server: server.Addr, Clients: 4, Timeout: 100 * time.Millisecond})
	r := run(t, w)
	if r.Total.Due != n || r.Total.Sent == 0 || r.Total.Unsent == 0 || r.Total.Answered != 0 {
		t.Errorf("%d due, %d sent, %d unsent, %d answered, expected %d, some, some, 0",
			r.Total.Due, r.Total.Sent, r.Total.Unsent, r.Total.Answered, n)
	}
}

// A client learns its cookie, sends it, and learns another when it is told to.
func TestCookies(t *testing.T) {
	for name, sources := range map[string][]netip.Prefix{
		"connected": nil,
		"sources":   {netip.MustParsePrefix("127.9.0.0/29")}, // six addresses
	} {
		t.Run(name, func(t *testing.T) {
			const n, change = 120, 60
			server := fakedns.Start(t, fakedns.UDP, func(q *fakedns.Query) fakedns.Reply {
				secret := q.From.Addr().String()
				if q.N >= change {
					secret += " changed"
				}
				return fakedns.Cookies(secret)(q)
			})
			w := newWork(t, queries(t, n, query.Options{Cookie: true}), closedLoop(n),
				load.Options{Server: server.Addr, Sources: sources})
			r := run(t, w)
			expect(t, r, came{answered: n})
			clients := map[netip.Addr]bool{}
			for _, e := range server.Exchanges() {
				first := !clients[e.From.Addr()]
				clients[e.From.Addr()] = true
				if got := len(e.Message) - w.Queries.Length(uint32(e.N)); first && got != 0 || !first && got != 8 {
					t.Errorf("query %d has %d bytes of a server's cookie; it is its client's first: %v", e.N, got, first)
				}
			}
			want := 1
			if sources != nil {
				want = 6
			}
			if len(clients) != want || r.Total.RCodes[badCookie] != uint64(want) {
				t.Errorf("%d clients, %d times BADCOOKIE, expected %d and once for each", len(clients), r.Total.RCodes[badCookie], want)
			}
		})
	}
}

// odd counts messages that are odd.
func odd(malformed, mismatched, unexpected, duplicate uint64) result.Oddities {
	return result.Oddities{Malformed: malformed, Mismatched: mismatched, Unexpected: unexpected, Duplicate: duplicate}
}
