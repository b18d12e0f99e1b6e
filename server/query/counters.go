package query

import "sync/atomic"

// Counters count what workers have done, since they were made.
type Counters struct {
	Queries   [transports]uint64 // messages given to Answer, whatever was in them, by [Transport]
	Rcodes    [rcodes]uint64     // answers by RCODE; the last one counts all others
	Truncated uint64             // answers with TC, which are counted under Rcodes too
	Dropped   uint64             // neither answered nor counted under Rcodes
	BytesIn   uint64             // of queries, as messages: no lengths, no headers of other protocols
	BytesOut  uint64             // of answers, likewise
}

// rcodes is how many RCODEs are told apart: all that there are names for.
const rcodes = 24

// Add adds what others have counted.
func (c *Counters) Add(others Counters) {
	for i, n := range others.Queries {
		c.Queries[i] += n
	}
	for i, n := range others.Rcodes {
		c.Rcodes[i] += n
	}
	c.Truncated += others.Truncated
	c.Dropped += others.Dropped
	c.BytesIn += others.BytesIn
	c.BytesOut += others.BytesOut
}

// take counts a message that was given to be answered.
func (c *Counters) take(req *Request) {
	c.Queries[req.Transport]++
	c.BytesIn += uint64(len(req.Wire))
}

// count counts an answer; one of no bytes is none.
func (c *Counters) count(rcode uint16, bytes int) {
	if bytes == 0 {
		c.Dropped++
		return
	}
	c.Rcodes[min(rcode, rcodes-1)]++
	c.BytesOut += uint64(bytes)
}

// Counters returns the counts so far. Only the goroutine that owns the worker
// may call it; for others there is [Worker.Published].
func (w *Worker) Counters() *Counters { return &w.counters }

// published are a worker's counts as others see them. The worker alone writes
// them.
type published struct {
	queries                               [transports]atomic.Uint64
	rcodes                                [rcodes]atomic.Uint64
	truncated, dropped, bytesIn, bytesOut atomic.Uint64
}

// Publish lets other goroutines see what the worker has counted. The goroutine
// that owns the worker calls it once for a batch of queries: an answer itself
// counts in plain memory.
func (w *Worker) Publish() {
	c, p := &w.counters, &w.published
	for i, n := range c.Queries {
		set(&p.queries[i], n)
	}
	for i, n := range c.Rcodes {
		set(&p.rcodes[i], n)
	}
	set(&p.truncated, c.Truncated)
	set(&p.dropped, c.Dropped)
	set(&p.bytesIn, c.BytesIn)
	set(&p.bytesOut, c.BytesOut)
}

// set stores what has changed only: a load costs next to nothing, a store as
// much as twenty of them.
func set(counter *atomic.Uint64, n uint64) {
	if counter.Load() != n {
		counter.Store(n)
	}
}

// Published returns the counts as of the last [Worker.Publish]. Any goroutine may
// call it, at any time; then the counts need not all belong to the very same
// moment.
func (w *Worker) Published() Counters {
	var c Counters
	p := &w.published
	for i := range p.queries {
		c.Queries[i] = p.queries[i].Load()
	}
	for i := range p.rcodes {
		c.Rcodes[i] = p.rcodes[i].Load()
	}
	c.Truncated = p.truncated.Load()
	c.Dropped = p.dropped.Load()
	c.BytesIn = p.bytesIn.Load()
	c.BytesOut = p.bytesOut.Load()
	return c
}
