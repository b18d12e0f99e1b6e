package server

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
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
)

// watchCollector adjusts the garbage collector until ctx ends, unless the
// environment says how it should be.
func watchCollector(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	before := debug.SetGCPercent(mostGOGC)
	defer debug.SetGCPercent(before)
	now := mostGOGC
	tick := time.NewTicker(collectorPeriod)
	defer tick.Stop()
	for {
		// Setting it stops the world for a moment.
		if wanted := gogc(collectorSizes()); wanted < now*4/5 || wanted > now*5/4 || wanted == mostGOGC && now != mostGOGC {
			debug.SetGCPercent(wanted)
			now = wanted
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
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
