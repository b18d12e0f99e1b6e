package pace

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Arrival is how queries are spread over time at a given rate.
type Arrival uint8

const (
	Uniform Arrival = iota // at equal distances
	Poisson                // independently of each other, as many clients ask
)

// Plan is when the queries of a run are due.
type Plan struct {
	// Rate is queries per second at the start, RateAtEnd at the end; in between
	// it grows linearly. 0 is a closed loop, in which a query is always due.
	Rate, RateAtEnd float64
	Duration        time.Duration
	Arrival         Arrival
	Limit           uint64 // queries in all; 0: no limit
	Seed            uint64 // of Poisson arrivals
}

// MaxRate is more queries per second than any client sends.
const MaxRate = 2e7

// Validate says what is wrong with a plan.
func (p Plan) Validate() error {
	switch {
	case p.Duration <= 0:
		return fmt.Errorf("duration %s: expected more than 0", p.Duration)
	case p.Closed() && p.RateAtEnd != 0:
		return errors.New("a closed loop has no rate")
	case p.Closed():
		return nil
	case !(p.Rate > 0 && p.Rate <= MaxRate), !(p.RateAtEnd > 0 && p.RateAtEnd <= MaxRate):
		return fmt.Errorf("rate from %g to %g queries/s: expected more than 0 and at most %g", p.Rate, p.RateAtEnd, float64(MaxRate))
	}
	return nil
}

// Closed tells whether the plan has no rate.
func (p Plan) Closed() bool { return p.Rate == 0 }

// Queries is how many queries the plan has; 0 if the server decides that.
func (p Plan) Queries() uint64 {
	if p.Closed() {
		return p.Limit
	}
	n := uint64(math.Round((p.Rate + p.RateAtEnd) / 2 * p.Duration.Seconds()))
	if p.Limit != 0 {
		n = min(n, p.Limit)
	}
	return n
}

// Schedule is the part of a plan that one worker carries out. It is used by one
// goroutine at a time.
type Schedule struct {
	plan            Plan
	worker, workers uint64
	taken           uint64
	last            uint64 // how many there are for this worker
	end             int64
	next            int64
	random          *rand.Rand
	position        float64 // of the next query in the whole plan, for Poisson
}

// Schedule returns the schedule of one of several workers. Together the workers
// send what the plan says, and their queries interleave.
func (p Plan) Schedule(worker, workers int) *Schedule {
	s := &Schedule{plan: p, worker: uint64(worker), workers: uint64(workers), end: int64(p.Duration)}
	s.last = math.MaxUint64
	if p.Limit != 0 {
		s.last = (p.Limit + s.workers - 1 - s.worker) / s.workers
	}
	if p.Arrival == Poisson {
		s.random = rand.New(rand.NewPCG(p.Seed, uint64(worker)+1))
		s.position = s.random.ExpFloat64() * float64(workers)
	} else {
		s.position = float64(worker)
	}
	s.next = s.at(s.position)
	return s
}

// Closed tells whether a query is always due.
func (s *Schedule) Closed() bool { return s.plan.Closed() }

// End is when the last query may be sent.
func (s *Schedule) End() int64 { return s.end }

// Peek returns when the next query is due. In a closed loop that is always. more is
// false when there are no more.
func (s *Schedule) Peek() (due int64, more bool) {
	return s.next, s.taken < s.last && s.next < s.end
}

// Take goes on to the next query.
func (s *Schedule) Take() {
	s.taken++
	if s.plan.Closed() {
		return
	}
	if s.random != nil {
		s.position += s.random.ExpFloat64() * float64(s.workers)
	} else {
		s.position += float64(s.workers)
	}
	s.next = s.at(s.position)
}

// at is when the n-th query of the whole plan is due: where the integral of the rate
// reaches n.
func (s *Schedule) at(n float64) int64 {
	p := &s.plan
	if p.Closed() {
		return 0
	}
	slope := (p.RateAtEnd - p.Rate) / p.Duration.Seconds()
	var seconds float64
	if slope == 0 {
		seconds = n / p.Rate
	} else {
		square := p.Rate*p.Rate + 2*slope*n
		if square < 0 {
			return math.MaxInt64
		}
		seconds = 2 * n / (p.Rate + math.Sqrt(square))
	}
	return int64(seconds * 1e9)
}
