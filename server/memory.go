package server

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"yushan/zone"
)

// wasteful tells whether so much of a zone's memory is garbage, left by
// reloads that changed some of it, that it should be compacted. While that is done both
// are in memory: at most 2.2 times what the zone needs.
func wasteful(s zone.Stats) bool { return s.Garbage > s.Bytes/6 }

// How much garbage there may be before it is collected. Go's own rule is as much as
// there are live bytes (GOGC=100), since that is what a collection has to look
// through. Zones have no pointers and are not looked through: for a zone of 100 MB a server
// would have 100 MB of garbage for nothing. So what counts here is what is looked
// through.
const (
	leastGarbage = 32 << 20 // bytes
	mostGOGC     = 100
	// collectorPeriod is how often the rule is applied to what has changed,
	// connections above all.
	collectorPeriod = 5 * time.Second
	// heldGarbage is how much more there may be while collections are held off: ten
	// thousand delegations that change leave 25 MB.
	heldGarbage = 128 << 20 // bytes
	// leastHeap is what Go lets the heap grow to at GOGC=100, however little is live.
	leastHeap = 4 << 20 // bytes
)

// collector adjusts the garbage collector, unless the environment says how it
// should be.
type collector struct {
	mu      sync.Mutex
	percent int // as set; 0: not ours to set
}

// watch adjusts it until ctx ends.
func (c *collector) watch(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	before := debug.SetGCPercent(mostGOGC)
	c.mu.Lock()
	c.percent = mostGOGC
	c.mu.Unlock()
	tick := time.NewTicker(collectorPeriod)
	defer tick.Stop()
	for ctx.Err() == nil {
		c.adjust()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	debug.SetGCPercent(before)
	c.percent = 0
}

func (c *collector) adjust() {
	c.mu.Lock()
	defer c.mu.Unlock()
	live, scanned := collectorSizes()
	// Setting it stops the world for a moment.
	if wanted, now := gogc(live, scanned), c.percent; wanted < now*4/5 || wanted > now*5/4 || wanted == mostGOGC && now != mostGOGC {
		debug.SetGCPercent(wanted)
		c.percent = wanted
	}
}

// hold keeps collections from beginning until resume is called, for as long as no
// more than heldGarbage comes up. To begin and to end one the world is stopped, and
// when a thread of low priority does that, or has to be stopped for it, all that answer
// queries wait with it until it gets a processor.
func (c *collector) hold() (resume func()) {
	c.mu.Lock()
	if c.percent == 0 {
		c.mu.Unlock()
		return func() {}
	}
	live, _ := collectorSizes()
	debug.SetGCPercent(c.percent + int(heldGarbage*100/max(live, leastHeap)))
	return func() {
		debug.SetGCPercent(c.percent)
		go func() { // who has waited for the work need not wait for this
			defer c.mu.Unlock()
			if collectionIsDue() {
				runtime.GC()
			}
		}()
	}
}

func collectionIsDue() bool {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/goal:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() > samples[1].Value.Uint64()
}

// gogc returns the percentage of live bytes that there may be in garbage, if a
// collection looks through so many of them.
func gogc(live, scanned uint64) int {
	if live == 0 {
		return mostGOGC
	}
	return int(min(mostGOGC, max(1, max(leastGarbage, scanned)*100/live)))
}

// collectorSizes returns how many bytes were live at the last collection, and
// how many of them a collection looks through.
func collectorSizes() (live, scanned uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/heap:bytes"}}
	metrics.Read(samples)
	value := func(s metrics.Sample) uint64 {
		if s.Value.Kind() != metrics.KindUint64 { // not known to this version of Go
			return 0
		}
		return s.Value.Uint64()
	}
	return value(samples[0]), value(samples[1])
}
