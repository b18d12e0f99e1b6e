package crew

import (
	"runtime"
	"sync"
)

// Crew runs functions, each in a goroutine, as the go statement does. But its goroutines stay
// for a while: their stacks have grown to what the work needs, which for a new one takes as long
// as a short request does. The zero value is ready. Its methods may be called from any
// goroutine.
type Crew struct {
	mu   sync.Mutex    // guards what follows
	idle []chan func() // of goroutines without work, the one that had some last at the end
	done bool
}

// idlePerProcessor is how many goroutines may wait for work. More than come free while
// something else runs would be of no use.
const idlePerProcessor = 32

// Go has a goroutine call f.
func (c *Crew) Go(f func()) {
	c.mu.Lock()
	last := len(c.idle) - 1
	if last < 0 {
		c.mu.Unlock()
		go c.run(f)
		return
	}
	work := c.idle[last]
	c.idle[last] = nil
	c.idle = c.idle[:last]
	c.mu.Unlock()
	work <- f // there is room
}

// run is one goroutine.
func (c *Crew) run(f func()) {
	work := make(chan func(), 1)
	for f != nil {
		f()
		if !c.wait(work) {
			return
		}
		f = <-work // nil: the crew is dismissed
	}
}

// wait makes a goroutine one of those without work. It reports false if there are enough.
func (c *Crew) wait(work chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done || len(c.idle) >= idlePerProcessor*runtime.GOMAXPROCS(0) {
		return false
	}
	c.idle = append(c.idle, work)
	return true
}

// Dismiss ends the goroutines that have no work, and others when they are done. Go goes on to
// work, as the go statement does.
func (c *Crew) Dismiss() {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.done = nil, true
	c.mu.Unlock()
	for _, work := range idle {
		work <- nil
	}
}
