package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"yushan/bench/pace"
	"yushan/bench/result"
	"yushan/bench/threshold"
)

// SearchPlan is how the highest rate is looked for that keeps conditions.
type SearchPlan struct {
	Keep  []threshold.Threshold // at least one
	Start float64               // the first rate, in queries per second
	Most  float64               // the highest that is tried
	Step  time.Duration         // how long each rate is tried
	// Show, unless nil, is told of each trial when it ends.
	Show func(result.Step)
}

const (
	// precision is the ratio of the lowest rate that failed to the highest that kept
	// the conditions, at which the search ends.
	precision = 1.05
	// confirmations are how often the rate found is lowered when the long run at the end
	// doesn't keep the conditions.
	confirmations = 5
	// lateShare of a trial is how late its queries may be sent.
	lateShare = 20
	// halvings are how often a first rate that failed is halved.
	halvings = 10
	// pause lets a server that was overrun come to rest.
	pause = 500 * time.Millisecond
)

// Search doubles the rate until a condition is broken, closes in on the rate between,
// and ends with a run of the plan's own duration at the rate found: that is its result.
// A rate that breaks a condition is tried once more before it counts, since anything
// on the machine can disturb a trial.
func Search(ctx context.Context, c *Config, plan SearchPlan) (*result.Result, error) {
	if err := plan.validate(c); err != nil {
		return nil, err
	}
	s := &search{Config: *c, SearchPlan: plan, run: Run, pause: pause}
	return s.search(ctx)
}

func (s *search) search(ctx context.Context) (*result.Result, error) {
	for _, t := range s.Keep {
		s.found.Keep = append(s.found.Keep, t.String())
	}
	low, high, err := s.climb(ctx)
	if err == nil {
		low, err = s.close(ctx, low, high)
	}
	if err != nil {
		return nil, err
	}
	return s.confirm(ctx, low)
}

func (p *SearchPlan) validate(c *Config) error {
	switch {
	case c.Plan.Closed() || c.Plan.Rate != c.Plan.RateAtEnd:
		return errors.New("a search needs a constant rate to start from")
	case len(p.Keep) == 0:
		return errors.New("a search needs conditions to keep")
	case !(p.Start > 0 && p.Start <= p.Most && p.Most <= pace.MaxRate):
		return fmt.Errorf("a search from %g to %g queries/s: expected more than 0, and no less at the end", p.Start, p.Most)
	case p.Step <= 0:
		return fmt.Errorf("trials of %s: expected more than 0", p.Step)
	}
	return nil
}

// search is a search under way.
type search struct {
	Config
	SearchPlan
	run   func(context.Context, *Config) (*result.Result, error)
	pause time.Duration
	found result.Search
	last  *result.Result // of the last trial
}

// climb doubles the rate. low kept the conditions, unless it is 0; high did not,
// unless it is 0.
func (s *search) climb(ctx context.Context) (low, high float64, err error) {
	for rate := s.Start; ; rate = min(2*rate, s.Most) {
		good, err := s.tryTwice(ctx, rate)
		switch {
		case err != nil:
			return 0, 0, err
		case !good && low == 0 && rate > 1:
			return s.descend(ctx, rate)
		case !good:
			return low, rate, nil
		}
		low = rate
		if rate == s.Most || s.stopped(ctx) {
			return low, 0, nil
		}
	}
}

// descend halves a rate that failed until one is good.
func (s *search) descend(ctx context.Context, failed float64) (low, high float64, err error) {
	high = failed
	for range halvings {
		if high < 2 || s.stopped(ctx) {
			break
		}
		good, err := s.tryTwice(ctx, high/2)
		if err != nil {
			return 0, 0, err
		}
		if good {
			return high / 2, high, nil
		}
		high /= 2
	}
	return 0, high, nil
}

// close narrows what lies between a good rate and one that is not.
func (s *search) close(ctx context.Context, low, high float64) (float64, error) {
	for low != 0 && high > low*precision && !s.stopped(ctx) {
		rate := math.Round(math.Sqrt(low * high))
		good, err := s.tryTwice(ctx, rate)
		if err != nil {
			return 0, err
		}
		if good {
			low = rate
		} else {
			high = rate
		}
	}
	return low, nil
}

// confirm runs at the rate found for the whole duration of the plan.
func (s *search) confirm(ctx context.Context, rate float64) (*result.Result, error) {
	for range confirmations {
		if rate == 0 {
			break
		}
		good := false
		if !s.stopped(ctx) {
			var err error
			if good, err = s.try(ctx, rate, true); err != nil {
				return nil, err
			}
		}
		if good || s.stopped(ctx) { // then it was kept for a step at least
			s.found.Rate = rate
			break
		}
		rate /= precision
	}
	res := s.last
	res.Search = &s.found
	res.Interrupted = s.stopped(ctx)
	s.found.ClientLimited = clientLimited(&s.found)
	return res, nil
}

// clientLimited tells whether it may have been the client that gave way at the rate which
// bounds the one found: the lowest above it that was not kept. Where the server gives way,
// it is no matter that the client can't keep up with a rate far above.
func clientLimited(found *result.Search) bool {
	bound, limited := math.Inf(1), false
	for _, step := range found.Steps {
		if step.Kept || step.Rate <= found.Rate || step.Rate > bound {
			continue
		}
		limited = len(step.Limits) > 0 || limited && step.Rate == bound
		bound = step.Rate
	}
	return limited
}

func (s *search) stopped(ctx context.Context) bool {
	return ctx.Err() != nil || s.Stop != nil && s.Stop.Load()
}

// tryTwice tells whether a rate keeps the conditions at the first or the second time.
func (s *search) tryTwice(ctx context.Context, rate float64) (good bool, err error) {
	for range 2 {
		if good, err = s.try(ctx, rate, false); good || err != nil || s.stopped(ctx) {
			return good, err
		}
	}
	return false, nil
}

// try runs at one rate for a step, or for the whole duration of the plan, and notes what
// came of it.
func (s *search) try(ctx context.Context, rate float64, whole bool) (good bool, err error) {
	duration := s.Step
	if whole {
		duration = s.Plan.Duration
	}
	c := s.Config
	c.Plan.Rate, c.Plan.RateAtEnd, c.Plan.Duration = rate, rate, duration
	res, err := s.run(ctx, &c)
	if err != nil {
		return false, err
	}
	if s.stopped(ctx) && s.last != nil {
		return false, nil // it tells nothing
	}
	s.last = res
	step := result.Step{
		Rate:     rate,
		Whole:    whole,
		Answered: res.Rate(),
		Loss:     res.Total.Loss(),
		P50:      int64(res.Total.Latency.Quantile(0.5)),
		P99:      int64(res.Total.Latency.Quantile(0.99)),
		P999:     int64(res.Total.Latency.Quantile(0.999)),
		Limits:   res.Client.Limits,
	}
	for _, t := range s.Keep {
		if holds, figure := t.Holds(res); !holds {
			step.Broken = append(step.Broken, fmt.Sprintf("%s: %s", t, figure))
		}
	}
	// A client with lags keeps the conditions as well as one without, or worse. But if it
	// sends much later than it should, it has not offered that rate.
	late := len(step.Limits) > 0 && res.Client.Lag.Quantile(0.99) > duration/lateShare
	step.Kept = len(step.Broken) == 0 && !late
	s.found.Steps = append(s.found.Steps, step)
	if s.SearchPlan.Show != nil {
		s.SearchPlan.Show(step)
	}
	if len(step.Broken) > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(s.pause):
		}
	}
	return step.Kept, nil
}
