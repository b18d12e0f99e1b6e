package crew

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// eventually waits for what other goroutines do.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestCrewDoesAll(t *testing.T) {
	var c Crew
	var done atomic.Int64
	var running sync.WaitGroup
	const callers, each = 8, 500
	for range callers {
		running.Go(func() {
			for range each {
				running.Add(1)
				c.Go(func() {
					defer running.Done()
					done.Add(1)
				})
			}
		})
	}
	running.Wait()
	if n := done.Load(); n != callers*each {
		t.Errorf("%d functions were called, expected %d", n, callers*each)
	}
	c.Dismiss()
	called := make(chan struct{})
	c.Go(func() { close(called) })
	<-called
}

// idleOf is how many goroutines wait.
func idleOf(c *Crew) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.idle)
}

// TestCrewKeepsSome has many at work at once, of which few may stay.
func TestCrewKeepsSome(t *testing.T) {
	var c Crew
	most := idlePerProcessor * runtime.GOMAXPROCS(0)
	before := runtime.NumGoroutine()
	release := make(chan struct{})
	for range most + 50 {
		c.Go(func() { <-release })
	}
	close(release)
	eventually(t, "the surplus to end", func() bool { return idleOf(&c) == most && runtime.NumGoroutine() <= before+most })

	// Who worked last is next.
	c.mu.Lock()
	next := c.idle[most-1]
	c.mu.Unlock()
	c.Go(func() {})
	eventually(t, "it to wait again", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.idle) == most && c.idle[most-1] == next
	})

	c.Dismiss()
	eventually(t, "all to end", func() bool { return runtime.NumGoroutine() <= before })
	if n := idleOf(&c); n != 0 {
		t.Errorf("%d goroutines wait in a crew that is dismissed", n)
	}
}
