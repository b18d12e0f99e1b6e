package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"yushan/internal/fakedns"
)

var (
	datagrams = []fakedns.Transport{fakedns.UDP}
	withIDs   = []fakedns.Transport{fakedns.UDP, fakedns.TCP, fakedns.DoT}
	streams   = []fakedns.Transport{fakedns.TCP, fakedns.DoT, fakedns.DoH, fakedns.DoH1, fakedns.DoH3, fakedns.DoQ}
	web       = []fakedns.Transport{fakedns.DoH, fakedns.DoH1, fakedns.DoH3}
)

// oddity is something that a server does now and then.
type oddity struct {
	name       string
	transports []fakedns.Transport
	script     fakedns.Script
	lost       bool
}

var oddAnswers = []oddity{
	{"silence", fakedns.Transports, fakedns.Silent, true},
	{"refused", fakedns.Transports, fakedns.RCode(dns.RcodeRefused), false},
	{"truncated", fakedns.Transports, fakedns.Truncated, false},
	{"wrong ID", withIDs, fakedns.WrongID, true},
	{"wrong question", fakedns.Transports, fakedns.WrongQuestion, true},
	{"short", fakedns.Transports, fakedns.Short(7), true},
	{"echo", fakedns.Transports, fakedns.Echo, true},
	{"garbage", fakedns.Transports, fakedns.Garbage, true},
	{"status", web, fakedns.Status(503), true},
	{"torn", []fakedns.Transport{fakedns.DoH, fakedns.DoH3, fakedns.DoQ}, fakedns.Torn, true},
}

// TestOddAnswers has servers that do something odd to each tenth query, and counts what is made of
// it.
func TestOddAnswers(t *testing.T) {
	const each = 4 // of a kind
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range fakedns.Transports {
		runs.start(string(transport), func(t *testing.T) {
			var kinds []oddity
			count := map[string]uint64{}
			var lost uint64
			for _, o := range oddAnswers {
				if slices.Contains(o.transports, transport) {
					kinds = append(kinds, o)
					count[o.name] = each
					if o.lost {
						lost += each
					}
				}
			}
			n := each * len(kinds) * 10
			s := fakedns.Start(t, transport, func(q *fakedns.Query) fakedns.Reply {
				if place := placeOf(q); place%10 == 9 {
					return kinds[place/10%len(kinds)].script(q)
				}
				return fakedns.Good(q)
			})
			args := against(t, s, n, "--rate", "100", "--duration", "1m", "--timeout", "12s")
			if transport == fakedns.DoH1 { // each odd query may block a connection
				args = append(args, "--clients", "100")
			}
			o := measured(t, args...)
			c := &o.Total.Counts
			if o.code != 0 || c.Due != uint64(n) || c.Lost+c.Unsent != lost || c.RCodes[dns.RcodeRefused] != each || c.Truncated != each {
				t.Errorf("exit %d, %+v, expected that %d are lost, %d refused, %d truncated", o.code, c, lost, each, each)
			}
			// An ID may be that of another query, past or to come, and garbage looks like anything.
			odd := c.Odd
			wrong := odd.Malformed + odd.Mismatched + odd.Unexpected + odd.Duplicate + odd.Late
			most := count["wrong ID"] + count["wrong question"] + count["short"] + count["echo"] + count["garbage"]
			if odd.Malformed < 2*each || odd.Mismatched < each || odd.Status != count["status"] || wrong < most || wrong > most+count["torn"] {
				t.Errorf("odd are %+v of %v", odd, count)
			}
			for _, says := range []string{fmt.Sprintf("%d without an answer in time", lost), "REFUSED 4 ", "truncated 4", " malformed", " of another question"} {
				if !strings.Contains(o.stdout, says) {
					t.Errorf("the report does not say %q", says)
				}
			}
		})
	}
}

// TestDuplicates counts answers that come twice. The last queries are answered once, so that
// what came twice has come before the end.
func TestDuplicates(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range withIDs {
		runs.start(string(transport), func(t *testing.T) {
			const n, last = 400, 200
			s := fakedns.Start(t, transport, func(q *fakedns.Query) fakedns.Reply {
				if placeOf(q) < n-last {
					return tenth(fakedns.Twice, fakedns.Good)(q)
				}
				return fakedns.Good(q)
			})
			o := measured(t, against(t, s, n, "--rate", "100", "--duration", "4s", "--timeout", "60s")...)
			// An ID that is in use again makes it an answer to another question.
			if c := &o.Total.Counts; o.code != 0 || c.Answered != n || c.Odd.Duplicate+c.Odd.Mismatched != (n-last)/10 || c.Odd.Sum() != (n-last)/10 {
				t.Errorf("exit %d, %+v, expected %d duplicates", o.code, c, (n-last)/10)
			}
		})
	}
}

// TestLateAnswers has answers that come when their queries have been given up.
func TestLateAnswers(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range fakedns.Transports {
		runs.start(string(transport), func(t *testing.T) {
			const n, late = 350, 20
			s := fakedns.Start(t, transport, func(q *fakedns.Query) fakedns.Reply {
				r := fakedns.Good(q)
				if place := placeOf(q); place >= probes && place < probes+late {
					r.Delay = 4 * time.Second
				}
				return r
			})
			o := measured(t, against(t, s, n, "--rate", "50", "--duration", "7s", "--timeout", "2s", "--clients", "40")...)
			c := &o.Total.Counts
			if o.code != 0 || c.Lost+c.Unsent < late || c.Answered < n/2 {
				t.Errorf("exit %d, %+v, expected that %d are lost", o.code, c, late)
			}
			// Streams can be closed, so that nothing comes any more.
			if slices.Contains(withIDs, transport) && c.Odd.Late != late {
				t.Errorf("%d are late, expected %d", c.Odd.Late, late)
			}
			if longest := o.Total.Latency.Max(); longest > 2*time.Second+100*time.Millisecond {
				t.Errorf("an answer counts that came after %s", longest)
			}
		})
	}
}

// TestDyingServer has servers that die in the middle of a run. Everything until then counts,
// and the rest is lost, or not sent at all.
func TestDyingServer(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	const n, lives = 400, 150
	for _, transport := range fakedns.Transports {
		runs.start(string(transport), func(t *testing.T) {
			s := fakedns.Start(t, transport, fakedns.After(lives, fakedns.Good, fakedns.Dies))
			o := measured(t, against(t, s, n, "--rate", "100", "--duration", "4s", "--timeout", "10s", "--fail", "loss>0.1%")...)
			c := &o.Total.Counts
			if o.code != 1 || !strings.Contains(o.stderr, "failed: loss>0.1%") {
				t.Errorf("exit %d, expected 1 because of loss", o.code)
			}
			if c.Due != n || c.Answered > lives || c.Answered < lives/2 {
				t.Errorf("%+v, expected nearly %d answers", c, lives)
			}
			if transport != fakedns.DoQ && transport != fakedns.DoH3 && len(o.Faults) == 0 {
				t.Error("the report does not say that the server refuses or resets connections")
			}
		})
	}
}

// TestServerComesBack has servers that die and come back: clients find to them again.
func TestServerComesBack(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	const n, lives = 1000, 150
	for _, transport := range fakedns.Transports {
		runs.start(string(transport), func(t *testing.T) {
			dead := make(chan struct{})
			s := fakedns.Start(t, transport, func(q *fakedns.Query) fakedns.Reply {
				if q.N == lives {
					close(dead)
					return fakedns.Dies(q)
				}
				return fakedns.Good(q)
			})
			c := start(t, append([]string{"run"}, against(t, s, n, "--rate", "100", "--duration", "10s", "--timeout", "1s")...)...)
			select {
			case <-dead:
			case <-c.done:
				t.Fatal("the run ended before the server")
			case <-time.After(patience):
				t.Fatal("the server is not asked enough")
			}
			s.Revive()
			o := c.end()
			if came := s.Queries() - lives - 1; o.code != 0 || came < 100 || o.Total.Answered < lives {
				t.Errorf("exit %d, %d answers, %d queries came after the server was back", o.code, o.Total.Answered, came)
			}
			if k := o.Connections; transport != fakedns.UDP && (k == nil || k.Opened < 2) {
				t.Errorf("connections: %+v", k)
			}
		})
	}
}

// TestEndingConnections has servers that end their connections in all sorts of ways. What is
// under way then may be lost; new connections carry the rest.
func TestEndingConnections(t *testing.T) {
	const n = 300
	ways := []fakedns.Script{
		fakedns.Lasting(10, fakedns.Good),
		fakedns.AfterOnConn(10, fakedns.Good, fakedns.HangsUp),
		fakedns.AfterOnConn(10, fakedns.Good, fakedns.Breaks),
		fakedns.AfterOnConn(10, fakedns.Good, fakedns.CutOff),
	}
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range streams {
		runs.start(string(transport), func(t *testing.T) {
			s := fakedns.Start(t, transport, func(q *fakedns.Query) fakedns.Reply { return ways[q.Conn%len(ways)](q) })
			args := against(t, s, n, "--rate", "100", "--duration", "3s", "--timeout", "20s", "--clients", "2", "--workers", "1")
			if transport != fakedns.DoH1 {
				args = append(args, "--depth", "3") // of 13 queries on a connection at most 3 are lost
			}
			o := measured(t, args...)
			if c, k := &o.Total.Counts, o.Connections; o.code != 0 || c.Due != n || c.Answered < n/2 || k.Opened < 10 || k.Broken == 0 || len(o.Faults) == 0 {
				t.Errorf("exit %d, connections %+v, faults %v, %+v", o.code, k, o.Faults, c)
			}
		})
	}
}

// TestSlowStreams has answers that come byte by byte.
func TestSlowStreams(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range []fakedns.Transport{fakedns.TCP, fakedns.DoT} {
		runs.start(string(transport), func(t *testing.T) {
			const n = 40
			s := fakedns.Start(t, transport, fakedns.Dripping(time.Millisecond, fakedns.Good))
			o := measured(t, against(t, s, n, "--rate", "40", "--duration", "1s", "--timeout", "60s")...)
			if o.code != 0 || o.Total.Answered != n || o.Total.Odd.Sum() != 0 {
				t.Errorf("exit %d, %+v", o.code, o.Total.Counts)
			}
		})
	}
}

// TestFewStreams has servers that allow fewer streams than the client would open. No query
// is lost by that; those without a place wait.
func TestFewStreams(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range []fakedns.Transport{fakedns.DoH, fakedns.DoH3, fakedns.DoQ} {
		runs.start(string(transport), func(t *testing.T) {
			const n, delay = 60, 100 * time.Millisecond
			s := fakedns.StartWith(t, transport, fakedns.Options{Streams: 2}, fakedns.Delayed(fakedns.Fixed(delay), fakedns.Good))
			// One connection carries 20 queries a second.
			o := measured(t, against(t, s, n, "--rate", "60", "--duration", "1s", "--timeout", "100s", "--clients", "1", "--workers", "1", "--depth", "50")...)
			if o.code != 0 || o.Total.Answered != n {
				t.Fatalf("exit %d, %+v", o.code, o.Total.Counts)
			}
			if longest := o.Total.Latency.Max(); longest < time.Second {
				t.Errorf("the last query waited for %s, expected 2 s", longest)
			}
		})
	}
}

// TestNobodyThere has servers that aren't there, or don't say anything.
func TestNobodyThere(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, transport := range fakedns.Transports {
		servers := map[string]*fakedns.Server{"gone": startGone(t, transport), "silent": fakedns.Start(t, transport, fakedns.Silent)}
		if slices.Contains(streams[:4], transport) {
			servers["deaf"] = fakedns.StartWith(t, transport, fakedns.Options{Deaf: true}, fakedns.Silent)
		}
		for name, s := range servers {
			runs.start(fmt.Sprintf("%s/%s", name, transport), func(t *testing.T) {
				o := execute(t, append([]string{"run"}, against(t, s, 100, "--duration", "1s", "--timeout", "1s")...)...)
				if o.code != 1 || o.Result != nil || !strings.Contains(o.stderr, "no answer from "+s.Addr.String()) {
					t.Errorf("exit %d, %q, expected 1 and that nobody answers", o.code, o.stderr)
				}
				if name == "gone" && transport != fakedns.DoQ && transport != fakedns.DoH3 &&
					!strings.Contains(o.stderr, "refused") {
					t.Errorf("%q, expected that the connection is refused", o.stderr)
				}
			})
		}
	}
}

// startGone returns a server that is gone for good: its address is kept from others, since
// tests that run at the same time are given ports that are free.
func startGone(t *testing.T, transport fakedns.Transport) *fakedns.Server {
	t.Helper()
	for {
		s := fakedns.Start(t, transport, fakedns.Good)
		s.Kill()
		switch err := refuse(t, s); {
		case err == nil:
			return s
		case !errors.Is(err, unix.EADDRINUSE): // somebody was faster
			t.Fatal(err)
		}
	}
}

// refuse takes a server's address with a socket that refuses: on TCP nobody listens, and on
// UDP it is for one peer that sends nothing.
func refuse(t *testing.T, s *fakedns.Server) error {
	t.Helper()
	kind := unix.SOCK_STREAM
	if slices.Contains([]fakedns.Transport{fakedns.UDP, fakedns.DoH3, fakedns.DoQ}, s.Transport) {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	address := unix.SockaddrInet4{Addr: s.Addr.Addr().As4(), Port: int(s.Addr.Port())}
	if err := unix.Bind(fd, &address); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if kind == unix.SOCK_STREAM {
		return nil
	}
	address.Port = 9
	return os.NewSyscallError("connect", unix.Connect(fd, &address))
}

// TestWrongTransport has servers of another transport than the one that is asked for.
func TestWrongTransport(t *testing.T) {
	runs := newRuns(t)
	defer runs.wait()
	for _, tt := range []struct {
		server    fakedns.Transport
		transport string
	}{{fakedns.TCP, "dot"}, {fakedns.DoT, "tcp"}, {fakedns.DoT, "doh"}, {fakedns.DoH, "doh1"}, {fakedns.DoH1, "doh"}, {fakedns.DoQ, "doh3"}, {fakedns.DoH3, "doq"}, {fakedns.TCP, "udp"}} {
		runs.start(fmt.Sprintf("%s as %s", tt.server, tt.transport), func(t *testing.T) {
			s := fakedns.Start(t, tt.server, fakedns.Good)
			o := execute(t, "run", "--server", s.Addr.String(), "--transport", tt.transport, "--queries", names(t, 100), "--duration", "1s", "--timeout", "1s")
			if o.code != 1 || !strings.Contains(o.stderr, "no answer from ") {
				t.Errorf("exit %d, %q, expected 1 and that nobody answers", o.code, o.stderr)
			}
		})
	}
}

// TestLastWords has a server that answers the first question, and nothing of the run.
func TestLastWords(t *testing.T) {
	s := fakedns.Start(t, fakedns.UDP, fakedns.After(1, fakedns.Good, fakedns.Silent))
	o := measured(t, against(t, s, 100, "--rate", "100", "--duration", "1s", "--timeout", "1s")...)
	if o.code != 1 || !strings.Contains(o.stderr, "nothing was answered") || !strings.Contains(o.stdout, "No query was answered") || o.Total.Lost != 100 {
		t.Errorf("exit %d, %+v", o.code, o.Total.Counts)
	}
}
