package stream

import (
	"context"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yushan/bench/load"
	"yushan/bench/pace"
	"yushan/bench/query"
	"yushan/internal/fakedns"
)

func TestAnswers(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.Good)
		c := against(t, s, 1000)
		var judged atomic.Int64
		c.Judge = func(index uint32, nonce uint64, answer []byte) {
			if c.Queries.Check(index, nonce, answer) == query.Fits {
				judged.Add(1)
			}
		}
		r := c.run(t)
		expectAnswered(t, r, 1000)
		if s.Queries() != 1000 || s.Connections() != 3 || r.Connections.Opened != 3 || r.Connections.Handshake.Count() != 3 {
			t.Errorf("the server has seen %d queries on %d connections, the client %d: expected 1000 and 3", s.Queries(), s.Connections(), r.Connections.Opened)
		}
		if judged.Load() != 1000 {
			t.Errorf("%d answers judged: expected 1000", judged.Load())
		}
		if r.Total.SentBytes < 1000*12 || r.Total.ReceivedBytes != r.Total.SentBytes {
			t.Errorf("%d bytes sent, %d received: expected as many, since answers repeat the question", r.Total.SentBytes, r.Total.ReceivedBytes)
		}
	})
}

// Each query of an open loop is sent, at its time and whatever the server does.
func TestOpenLoop(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.Good)
		c := against(t, s, 0)
		c.Began = time.Now().Add(100 * time.Millisecond) // connections are there by then
		c.Plan = pace.Plan{Rate: 1000, RateAtEnd: 3000, Duration: 500 * time.Millisecond, Arrival: pace.Poisson, Seed: 1}
		c.Concurrency = 0
		r := c.run(t)
		expectAnswered(t, r, r.Total.Due)
		if r.Total.Due < 800 || r.Total.Due > 1200 {
			t.Errorf("%d queries: expected about 1000", r.Total.Due)
		}
		if r.Client.Lag.Count() != r.Total.Sent {
			t.Errorf("%d lags of %d queries", r.Client.Lag.Count(), r.Total.Sent)
		}
	})
}

// A server that takes queries and says nothing gets no more than there is room for,
// until the first ones are given up. All are counted at their time.
func TestNoPlace(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		t.Parallel()
		s := fakedns.Start(t, transport, fakedns.Silent)
		c := against(t, s, 0)
		c.Began = time.Now()
		c.Plan = pace.Plan{Rate: 200, RateAtEnd: 200, Duration: 500 * time.Millisecond}
		c.Concurrency = 0
		c.Timeout = 2 * time.Second
		r := c.run(t)
		if r.Total.Due != 100 || r.Total.Answered != 0 || r.Total.Lost == 0 {
			t.Errorf("%+v: expected 100 due, none answered", r.Total.Counts)
		}
		room := c.Clients * c.Depth
		if e := s.Exchanges(); len(e) > room && e[room].Received.Sub(c.Began) < c.Timeout {
			t.Errorf("query %d came after %s: expected no more than %d within %s", room+1, e[room].Received.Sub(c.Began), room, c.Timeout)
		}
	})
}

func TestHandshakes(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.Good)
		c := against(t, s, 50)
		c.Handshake, c.Depth = load.Full, 1
		r := c.run(t)
		expectAnswered(t, r, 50)
		if s.Connections() != 50 || r.Connections.Opened != 50 || r.Connections.Resumed != 0 {
			t.Errorf("full: %d connections at the server, %+v: expected 50, none resumed", s.Connections(), r.Connections)
		}
		if !transport.Encrypted() {
			return
		}
		c.Handshake, c.Began = load.Resumed, time.Time{}
		r = c.run(t)
		expectAnswered(t, r, 50)
		if n := r.Connections.Resumed; r.Connections.Opened != 50 || n == 0 || n > 47 {
			t.Errorf("resumed: %+v: expected 50 connections, all resumed but the first of each of 3 clients", r.Connections)
		}
		resumed := 0
		for _, e := range s.Exchanges()[50:] {
			if e.Resumed {
				resumed++
			}
		}
		if resumed != int(r.Connections.Resumed) {
			t.Errorf("the server has seen %d resumed connections, the client %d", resumed, r.Connections.Resumed)
		}
	})
}

func TestGet(t *testing.T) {
	for _, transport := range []fakedns.Transport{fakedns.DoH, fakedns.DoH1} {
		s := fakedns.Start(t, transport, fakedns.Good)
		c := against(t, s, 100)
		c.Get = true
		expectAnswered(t, c.run(t), 100)
		for _, e := range s.Exchanges() {
			if e.Method != "GET" || e.Path != "/dns-query" || !strings.HasPrefix(e.Name(), "name-") {
				t.Fatalf("%s: %s %s %q: expected GET of a query", transport, e.Method, e.Path, e.Name())
			}
		}
	}
}

func TestSources(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.Good)
		c := against(t, s, 60)
		c.Sources = []netip.Prefix{netip.MustParsePrefix("127.3.0.0/30"), netip.MustParsePrefix("127.4.5.6/32")}
		c.Handshake, c.Depth = load.Full, 1
		expectAnswered(t, c.run(t), 60)
		from := map[string]int{}
		for _, e := range s.Exchanges() {
			from[e.From.Addr().String()]++
		}
		if len(from) != 3 || from["127.3.0.1"] != 20 || from["127.3.0.2"] != 20 || from["127.4.5.6"] != 20 {
			t.Errorf("queries came from %v: expected 20 from each of 3 addresses", from)
		}
	})
}

func TestSourceOfAnother(t *testing.T) {
	s := fakedns.Start(t, fakedns.TCP, fakedns.Good)
	c := against(t, s, 1)
	c.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if _, err := c.try(t.Context()); err == nil || !strings.Contains(err.Error(), "source 192.0.2.1 of 192.0.2.0/24") {
		t.Errorf("%v: expected an error that names the source", err)
	}
}

// Workers share the sources out.
func TestSourceOrder(t *testing.T) {
	prefixes := []netip.Prefix{netip.MustParsePrefix("127.0.0.4/31"), netip.MustParsePrefix("127.9.0.0/29")}
	seen := map[netip.Addr]int{}
	for worker := range 2 {
		s, err := newSources(prefixes, worker, 2)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			seen[s.take()]++
		}
	}
	if len(seen) != 8 || seen[netip.MustParseAddr("127.0.0.4")] != 1 || seen[netip.MustParseAddr("127.9.0.6")] != 1 {
		t.Errorf("%v: expected each of 8 addresses once", seen)
	}
}

// A client learns the server's cookie by its first answer, and tells it then.
func TestCookies(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.Cookies("secret"))
		c := against(t, s, 100)
		c.Queries = textQueries(t, query.Options{Cookie: true, Seed: 7, Padding: true}, 10)
		expectAnswered(t, c.run(t), 100)
		whole := 0
		for _, e := range s.Exchanges() {
			if query.ServerCookie(e.Message) != nil {
				whole++
			}
		}
		if first := c.Clients * c.Depth; whole < 100-first || whole == 100 {
			t.Errorf("%d of 100 queries had a server's cookie: expected all but the first ones", whole)
		}
	})
}

func TestStop(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.Good)
		c := against(t, s, 0)
		c.Stop = new(atomic.Bool)
		var answers atomic.Int64
		c.Judge = func(uint32, uint64, []byte) {
			if answers.Add(1) == 100 {
				c.Stop.Store(true)
			}
		}
		r := c.run(t)
		expectAnswered(t, r, r.Total.Due)
		if r.Total.Due < 100 {
			t.Errorf("%d queries: expected 100 or more", r.Total.Due)
		}
	})
}

// The end of the context ends all, also what never comes to an end by itself.
func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.After(20, fakedns.Good, fakedns.Silent))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := against(t, s, 0)
		c.Timeout = time.Hour
		go func() {
			for s.Queries() < 23 {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		r, err := c.try(ctx)
		// The last answers may be under way.
		if err != nil || r.Total.Answered == 0 || r.Total.Answered > 20 || r.Total.Lost == 0 {
			t.Errorf("%v, %d answered, %d lost: expected up to 20, and some", err, r.Total.Answered, r.Total.Lost)
		}
	})
}

// What is neither TCP nor TLS yet ends, too.
func TestCancelHandshake(t *testing.T) {
	for _, transport := range []fakedns.Transport{fakedns.DoT, fakedns.DoH} {
		for _, handshake := range []load.Handshake{load.Persistent, load.Full} {
			goroutines, files := runtime.NumGoroutine(), openFiles(t)
			s := fakedns.StartWith(t, transport, fakedns.Options{Deaf: true}, fakedns.Good)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := against(t, s, 0)
			c.Timeout, c.Handshake, c.Depth = time.Hour, handshake, 1
			go func() {
				for s.Connections() < c.Clients {
					time.Sleep(time.Millisecond)
				}
				cancel()
			}()
			r, err := c.try(ctx)
			if err != nil || r.Total.Answered != 0 || r.Total.Sent != 0 {
				t.Errorf("%v, %+v: expected nothing sent", err, r.Total.Counts)
			}
			s.Kill()
			for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines+1 && time.Now().Before(end); {
				time.Sleep(time.Millisecond) // for the server's, and for the one that cancels
			}
			if n, f := runtime.NumGoroutine(), openFiles(t); n > goroutines+1 || f > files {
				t.Errorf("%d goroutines and %d files after, %d and %d before", n, f, goroutines, files)
			}
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
