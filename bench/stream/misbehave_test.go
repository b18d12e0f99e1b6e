package stream

import (
	"testing"
	"time"

	"yushan/bench/load"
	"yushan/bench/result"
	"yushan/internal/fakedns"
)

// Servers that say what they shouldn't: nothing of it is an answer, and all of it is
// counted.
func TestWrongMessages(t *testing.T) {
	streams := func(r *result.Result) uint64 { return r.Total.Odd.Unexpected }
	mismatched := func(r *result.Result) uint64 { return r.Total.Odd.Mismatched }
	malformed := func(r *result.Result) uint64 { return r.Total.Odd.Malformed }
	for _, tt := range []struct {
		name      string
		script    fakedns.Script
		tcp, http func(*result.Result) uint64
	}{
		{"wrong ID", fakedns.WrongID, streams, mismatched},
		{"wrong question", fakedns.WrongQuestion, mismatched, mismatched},
		{"garbage", fakedns.Garbage, nil, nil},
		{"echo", fakedns.Echo, malformed, malformed},
		{"1 byte", fakedns.Short(1), malformed, malformed},
		{"5 bytes", fakedns.Short(5), malformed, malformed},
		{"status", fakedns.Status(503), nil, func(r *result.Result) uint64 { return r.Total.Odd.Status }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, transport fakedns.Transport) {
				t.Parallel()
				expected := tt.tcp
				if transport == fakedns.DoH || transport == fakedns.DoH1 {
					expected = tt.http
				} else if tt.name == "status" {
					t.Skip("only HTTP has one")
				}
				s := fakedns.Start(t, transport, tt.script)
				c := against(t, s, 12)
				c.Clients, c.Concurrency, c.Timeout = 12, 12, 2*time.Second
				r := c.run(t)
				if r.Total.Answered != 0 || r.Total.Lost == 0 || r.Total.Odd.Sum() == 0 {
					t.Errorf("%+v: expected no answers, and oddities", r.Total.Counts)
				}
				if expected != nil && expected(r) != r.Total.Odd.Sum() {
					t.Errorf("%+v: expected one kind of oddities", r.Total.Odd)
				}
			})
		})
	}
}

// A wrong message does not end its query on TCP: the right one may follow.
func TestRightAfterWrong(t *testing.T) {
	for _, transport := range []fakedns.Transport{fakedns.TCP, fakedns.DoT} {
		s := fakedns.Start(t, transport, func(q *fakedns.Query) fakedns.Reply {
			reply := fakedns.WrongQuestion(q)
			reply.Messages = append(reply.Messages, fakedns.Good(q).Messages...)
			return reply
		})
		r := against(t, s, 100).run(t)
		if r.Total.Answered != 100 || r.Total.Odd.Mismatched != 100 || r.Total.Odd.Sum() != 100 {
			t.Errorf("%s: %+v: expected 100 answers, and as many that do not fit", transport, r.Total.Counts)
		}
	}
}

func TestTwice(t *testing.T) {
	for _, transport := range []fakedns.Transport{fakedns.TCP, fakedns.DoT} {
		s := fakedns.Start(t, transport, fakedns.Twice)
		r := against(t, s, 100).run(t)
		// The last ones may come when nobody listens any more.
		if odd := r.Total.Odd; r.Total.Answered != 100 || odd.Duplicate < 80 || odd.Sum() != odd.Duplicate {
			t.Errorf("%s: %d answers, %+v: expected 100, and about as many duplicates", transport, r.Total.Answered, odd)
		}
	}
}

// An answer that comes after its query was given up is told from one to nothing.
func TestLate(t *testing.T) {
	for _, transport := range []fakedns.Transport{fakedns.TCP, fakedns.DoT} {
		s := fakedns.Start(t, transport, fakedns.After(10, fakedns.Delayed(fakedns.Fixed(500*time.Millisecond), fakedns.Good), fakedns.Silent))
		c := against(t, s, 100)
		c.Timeout = 250 * time.Millisecond
		r := c.run(t)
		if odd := r.Total.Odd; r.Total.Answered != 0 || odd.Late == 0 || odd.Sum() != odd.Late {
			t.Errorf("%s: %d answers, %+v: expected none, and late ones", transport, r.Total.Answered, odd)
		}
	}
}

func TestTruncated(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.Every(2, fakedns.Truncated, fakedns.RCode(5)))
		r := against(t, s, 100).run(t)
		expectAnswered(t, r, 100)
		if r.Total.Truncated != 50 || r.Total.RCodes[5] != 50 || r.Total.RCodes[0] != 50 {
			t.Errorf("%+v: expected 50 truncated, 50 refused", r.Total.Counts)
		}
	})
}

// Bytes that come one by one make the same answers.
func TestDripping(t *testing.T) {
	for _, transport := range []fakedns.Transport{fakedns.TCP, fakedns.DoT} {
		s := fakedns.Start(t, transport, fakedns.Dripping(10*time.Microsecond, fakedns.Good))
		expectAnswered(t, against(t, s, 50).run(t), 50)
	}
}

// A server that closes each connection after some answers gets new ones.
func TestLasting(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		s := fakedns.Start(t, transport, fakedns.Lasting(10, fakedns.Good))
		c := against(t, s, 200)
		r := c.run(t)
		if r.Total.Answered < 150/2 || r.Connections.Opened < 8 {
			t.Errorf("%+v, %+v: expected most queries answered, on 8 connections or more", r.Total.Counts, r.Connections)
		}
		if r.Total.Lost > 0 && r.Connections.Broken == 0 {
			t.Errorf("%d lost, and no connection broken", r.Total.Lost)
		}
	})
}

func TestBrokenConnections(t *testing.T) {
	for name, script := range map[string]fakedns.Script{"hangs up": fakedns.HangsUp, "breaks": fakedns.Breaks, "cuts off": fakedns.CutOff} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, transport fakedns.Transport) {
				s := fakedns.Start(t, transport, fakedns.Every(3, script, fakedns.Good))
				c := against(t, s, 30)
				c.Timeout = 5 * time.Second
				r := c.run(t)
				if r.Total.Lost == 0 || len(r.Faults) == 0 {
					t.Errorf("%+v, faults %v: expected lost queries, and why", r.Total.Counts, r.Faults)
				}
			})
		})
	}
}

// A server that dies and comes back is connected to again.
func TestRevival(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		for _, handshake := range []load.Handshake{load.Persistent, load.Full} {
			s := fakedns.Start(t, transport, func(q *fakedns.Query) fakedns.Reply {
				if q.N == 20 {
					return fakedns.Dies(q)
				}
				return fakedns.Good(q)
			})
			c := against(t, s, 100)
			c.Timeout, c.Handshake = patience, handshake
			if handshake == load.Full {
				c.Depth = 1
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for s.Queries() < 21 {
					time.Sleep(time.Millisecond)
				}
				s.Kill() // which waits until it is dead
				s.Revive()
			}()
			r := c.run(t)
			<-done
			// Connections may get into the backlog of a server that is dying.
			if r.Total.Answered < 100-3*uint64(c.Concurrency) || r.Connections.Broken == 0 {
				t.Errorf("%s: %+v, %+v: expected all answered but those under way", handshake, r.Total.Counts, r.Connections)
			}
		}
	})
}

func TestUnreachable(t *testing.T) {
	each(t, func(t *testing.T, transport fakedns.Transport) {
		t.Parallel()
		for _, handshake := range []load.Handshake{load.Persistent, load.Full} {
			s := fakedns.Start(t, transport, fakedns.Good)
			s.Kill()
			c := against(t, s, 0)
			c.Plan.Rate, c.Plan.RateAtEnd, c.Plan.Duration = 100, 100, time.Second
			c.Concurrency, c.Handshake, c.Depth, c.Timeout = 0, handshake, 1, 500*time.Millisecond
			r := c.run(t)
			if r.Total.Due != 100 || r.Total.Unsent != 100 || r.Connections.Failed == 0 {
				t.Errorf("%+v, %+v: expected 100 unsent", r.Total.Counts, r.Connections)
			}
			expectFault(t, r, "connect: connection refused")
		}
	})
}

// A server that does no handshake is given up.
func TestDeaf(t *testing.T) {
	for _, handshake := range []load.Handshake{load.Persistent, load.Full} {
		s := fakedns.StartWith(t, fakedns.DoT, fakedns.Options{Deaf: true}, fakedns.Good)
		c := against(t, s, 0)
		c.Plan.Rate, c.Plan.RateAtEnd, c.Plan.Duration = 100, 100, time.Second
		c.Concurrency, c.Handshake, c.Depth, c.Timeout = 0, handshake, 1, 200*time.Millisecond
		r := c.run(t)
		if r.Total.Unsent != 100 {
			t.Errorf("%s: %+v: expected 100 unsent", handshake, r.Total.Counts)
		}
		expectFault(t, r, "connect: timed out")
	}
}

// Certificates that are not trusted are said so.
func TestUntrusted(t *testing.T) {
	s := fakedns.Start(t, fakedns.DoT, fakedns.Good)
	c := against(t, s, 0)
	c.TLS = c.TLS.Clone()
	c.TLS.InsecureSkipVerify, c.TLS.RootCAs, c.TLS.ServerName = false, nil, "another.example"
	c.Plan.Rate, c.Plan.RateAtEnd, c.Plan.Duration = 100, 100, 100*time.Millisecond
	c.Concurrency, c.Timeout = 0, 5*time.Second
	r := c.run(t)
	if r.Total.Unsent != 10 {
		t.Errorf("%+v: expected 10 unsent", r.Total.Counts)
	}
	expectFault(t, r, "handshake: ")
}
