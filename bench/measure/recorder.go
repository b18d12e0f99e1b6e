package measure

import (
	"sync"
	"time"

	"yushan/bench/result"
)

// MaxClasses is how many classes of queries are told apart.
const MaxClasses = 32

// Digits of the histograms: of a whole run, and of an interval.
const (
	digits         = 3
	intervalDigits = 2
)

// Shape is what a recorder has room for.
type Shape struct {
	Classes  int           // 1 to MaxClasses
	Duration time.Duration // of the run
	Interval time.Duration // of the parts that it is told in
}

// Recorder counts for one worker. The lock must be held for all its methods.
type Recorder struct {
	sync.Mutex
	shape     Shape
	classes   []result.Stats
	intervals []result.Stats
	service   *result.Histogram
	lag       *result.Histogram
	recent    *result.Histogram // latencies since the last look
	conns     result.Connections
	drops     uint64
	last      int64 // when the last query was sent
	faults    map[string]uint64
}

// NewRecorder returns a recorder with all the memory that it will need.
func NewRecorder(shape Shape) *Recorder {
	r := &Recorder{
		shape:     shape,
		classes:   make([]result.Stats, shape.Classes),
		intervals: make([]result.Stats, max(1, (shape.Duration+shape.Interval-1)/shape.Interval)),
		service:   result.NewHistogram(digits),
		lag:       result.NewHistogram(digits),
		recent:    result.NewHistogram(intervalDigits),
		conns:     result.Connections{Handshake: result.NewHistogram(digits)},
		faults:    map[string]uint64{},
	}
	for i := range r.classes {
		r.classes[i].Latency = result.NewHistogram(digits)
	}
	for i := range r.intervals {
		r.intervals[i].Latency = result.NewHistogram(intervalDigits)
	}
	return r
}

// interval is the one that a query belongs to which was due at that time.
func (r *Recorder) interval(due int64) *result.Stats {
	i := int(due / int64(r.shape.Interval))
	return &r.intervals[min(max(i, 0), len(r.intervals)-1)]
}

// Sent counts a query that has been sent, with its length. taken is when the client
// got to it, due when it should have: what lies between is the client's own lag.
func (r *Recorder) Sent(class uint8, due, taken int64, bytes int) {
	for _, c := range [2]*result.Stats{&r.classes[class], r.interval(due)} {
		c.Due++
		c.Sent++
		c.SentBytes += uint64(bytes)
	}
	r.lag.Record(taken - due)
	r.last = max(r.last, taken)
}

// Last is when the last query was sent.
func (r *Recorder) Last() int64 { return r.last }

// Unsent counts a query that could not be sent in its time.
func (r *Recorder) Unsent(class uint8, due int64) {
	for _, c := range [2]*result.Stats{&r.classes[class], r.interval(due)} {
		c.Due++
		c.Unsent++
	}
}

// Answer is an answer that came in time and fits its query.
type Answer struct {
	Class               uint8
	RCode               uint8 // of the header: 0 to 15
	Truncated           bool
	Bytes               int
	Due, Sent, Received int64
}

// Answered counts an answer.
func (r *Recorder) Answered(a *Answer) {
	latency := a.Received - a.Due
	for _, c := range [2]*result.Stats{&r.classes[a.Class], r.interval(a.Due)} {
		c.Answered++
		c.RCodes[a.RCode&15]++
		c.ReceivedBytes += uint64(a.Bytes)
		if a.Truncated {
			c.Truncated++
		}
		c.Latency.Record(latency)
	}
	r.recent.Record(latency)
	r.service.Record(a.Received - a.Sent)
}

// Lost counts a query that was sent and got no answer in time.
func (r *Recorder) Lost(class uint8, due int64) {
	r.classes[class].Lost++
	r.interval(due).Lost++
}

// Oddity is what is wrong with a message that answers no query.
type Oddity uint8

const (
	Malformed Oddity = iota
	Mismatched
	Unexpected
	Duplicate
	Late
	Status
)

// Odd counts one at the time it came. class is that of the query it seems to belong
// to, or 0.
func (r *Recorder) Odd(what Oddity, class uint8, received int64) {
	for _, c := range [2]*result.Stats{&r.classes[class], r.interval(received)} {
		switch what {
		case Malformed:
			c.Odd.Malformed++
		case Mismatched:
			c.Odd.Mismatched++
		case Unexpected:
			c.Odd.Unexpected++
		case Duplicate:
			c.Odd.Duplicate++
		case Late:
			c.Odd.Late++
		case Status:
			c.Odd.Status++
		}
	}
}

// Opened counts a connection that can carry queries, and how long that took.
func (r *Recorder) Opened(handshake time.Duration, resumed bool) {
	r.conns.Opened++
	if resumed {
		r.conns.Resumed++
	}
	r.conns.Handshake.Record(int64(handshake))
}

// Early counts a connection whose query in 0-RTT was accepted.
func (r *Recorder) Early() { r.conns.Early++ }

// Failed counts an attempt to connect, and its reason.
func (r *Recorder) Failed(err error) {
	r.conns.Failed++
	r.Fault(err)
}

// Broken counts a connection that the server ended while queries were under way.
func (r *Recorder) Broken(err error) {
	r.conns.Broken++
	r.Fault(err)
}

// Drops counts answers that the socket had no room for.
func (r *Recorder) Drops(n uint64) { r.drops += n }

// maxFaults bounds the memory for texts.
const maxFaults = 20

// Fault counts an error by its text, which should name no query, port or time.
func (r *Recorder) Fault(err error) {
	text := err.Error()
	if _, known := r.faults[text]; !known && len(r.faults) >= maxFaults {
		text = "other errors"
	}
	r.faults[text]++
}
