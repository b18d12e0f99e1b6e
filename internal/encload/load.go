package encload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Handshakes tells when connections are opened.
type Handshakes int

const (
	Few     Handshakes = iota // once; the connections persist
	Full                      // for each query, by clients that have never been there
	Resumed                   // for each query, by clients that have a ticket
)

// Load is queries for a server.
type Load struct {
	Addr       string
	Protocol   Protocol
	Handshakes Handshakes
	Conns      int           // open at once
	Streams    int           // queries under way on each of them; 1 unless Handshakes is Few
	Time       time.Duration // then no more are sent, and those under way are waited for
	Total      uint64        // likewise when about so many have been sent; 0: however many
	AnswerTime time.Duration // that a handshake or an answer may take; 0: 5 s
	Queries    [][]byte      // messages with ID 0, sent in turn, over and over
}

// Result is what came of a load.
type Result struct {
	Sent     uint64        // queries
	Answered uint64        // with NOERROR or NXDOMAIN
	Opened   uint64        // connections
	Resumed  uint64        // of them
	Elapsed  time.Duration // from the first query to the last answer
}

// patience is how many connections in a row may fail before the load ends.
const patience = 20

// Run sends the queries. It fails if connections do again and again; single
// queries without an answer are only counted.
func (l Load) Run(ctx context.Context) (Result, error) {
	if err := l.validate(); err != nil {
		return Result{}, err
	}
	if l.AnswerTime == 0 {
		l.AnswerTime = 5 * time.Second
	}
	r := &run{Load: l}
	began := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.until = began.Add(l.Time)
	var clients sync.WaitGroup
	for range l.Conns {
		clients.Go(func() {
			if err := r.client(ctx); err != nil {
				cancel(err)
			}
		})
	}
	clients.Wait()
	result := Result{r.sent.Load(), r.answered.Load(), r.opened.Load(), r.resumed.Load(), time.Since(began)}
	return result, context.Cause(ctx)
}

func (l Load) validate() error {
	switch {
	case protocols[l.Protocol] == nil:
		return fmt.Errorf("protocol %q: expected one of %s", l.Protocol, Names())
	case l.Conns < 1 || l.Streams < 1:
		return fmt.Errorf("%d connections with %d streams: expected 1 or more", l.Conns, l.Streams)
	case l.Handshakes != Few && l.Streams != 1:
		return fmt.Errorf("%d streams on connections for one query: expected 1", l.Streams)
	case l.Protocol == DoT && l.Streams != 1:
		return errors.New("DoT has no streams: expected 1")
	case len(l.Queries) == 0:
		return errors.New("no queries given")
	}
	return nil
}

// run is a load under way.
type run struct {
	Load
	until                           time.Time
	next                            atomic.Uint64
	sent, answered, opened, resumed atomic.Uint64
}

func (r *run) client(ctx context.Context) error {
	dial := protocols[r.Protocol](r.Addr, r.Handshakes == Resumed)
	if r.Handshakes == Few {
		return r.persist(ctx, dial)
	}
	failed := 0
	for r.goesOn(ctx) {
		s, err := r.open(ctx, dial)
		if err == nil {
			err = r.ask(ctx, s)
			s.close()
		}
		if err == nil {
			failed = 0
		} else if failed++; failed == patience {
			return err
		}
	}
	return nil
}

// persist uses one connection, by several goroutines, until it ends or the server
// lets no more queries in. Then it is replaced.
func (r *run) persist(ctx context.Context, dial dialer) error {
	for failed := 0; r.goesOn(ctx); failed++ {
		s, err := r.open(ctx, dial)
		if err != nil {
			if failed >= patience {
				return err
			}
			continue
		}
		before := r.answered.Load()
		var streams sync.WaitGroup
		for range r.Streams {
			streams.Go(func() {
				for err := error(nil); err == nil && r.goesOn(ctx); {
					err = r.ask(ctx, s)
				}
			})
		}
		streams.Wait()
		s.close()
		if r.answered.Load() > before {
			failed = 0
		}
	}
	return nil
}

func (r *run) goesOn(ctx context.Context) bool {
	return ctx.Err() == nil && time.Now().Before(r.until) && (r.Total == 0 || r.sent.Load() < r.Total)
}

func (r *run) open(ctx context.Context, dial dialer) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, r.AnswerTime)
	defer cancel()
	s, err := dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", r.Addr, err)
	}
	r.opened.Add(1)
	if s.resumed() {
		r.resumed.Add(1)
	}
	return s, nil
}

// ask sends the next query. An error means that the connection is of no more use.
func (r *run) ask(ctx context.Context, s session) error {
	query := r.Queries[(r.next.Add(1)-1)%uint64(len(r.Queries))]
	ctx, cancel := context.WithTimeout(ctx, r.AnswerTime)
	defer cancel()
	answer, err := s.ask(ctx, query)
	if errors.Is(err, errUsedUp) { // it hasn't been sent
		return err
	}
	r.sent.Add(1)
	if err != nil {
		return err
	}
	if good(answer) {
		r.answered.Add(1)
	}
	return nil
}

// good tells whether a message answers a query in earnest.
func good(answer []byte) bool {
	const noError, nxDomain = 0, 3
	return len(answer) >= 12 && answer[2]&0x80 != 0 && (answer[3]&0x0F == noError || answer[3]&0x0F == nxDomain)
}
